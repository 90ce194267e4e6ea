"""The polling transports: a GET waits for one batch and is answered with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from .base import Carried
from .classic import ClassicTransport
from .http import Answer, HTTPDownlink

__all__ = ["JSONPPollingTransport", "PollAnswer", "XHRPollingTransport"]

_LARGE = 4 * 1024  # bytes


class PollAnswer(Answer):
    """An answer with one batch. No generator, because every poll would pay for it.

    Args:
        poll: the downlink of the answer.
        body: the whole body.
    """

    __slots__ = ("_body",)

    def __init__(self, poll: HTTPDownlink, body: bytes) -> None:
        super().__init__(poll)
        self._body: bytes | None = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        body, self._body = self._body, None
        if body is None:
            try:
                self._downlink.written()
            except Exception:
                self._downlink.failed()
            self.close()
            raise StopIteration
        return body


class PollingTransport(ClassicTransport):
    """The base of the polling transports.

    Attributes:
        content_type: the content type of the answer that carries messages.
    """

    content_type: ClassVar[str]

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Wait for a batch and answer with it."""
        poll = self.open(request, acquire, once=True)
        body = self.encode(request, poll.wait())
        if len(body) > _LARGE:
            poll.encoded(2 * len(body))
        try:
            request.start("200 OK", len(body), self.content_type)
        except BaseException:
            poll.over()
            raise
        return PollAnswer(poll, body)

    def encode(self, request: Request, batch: Sequence[Packet]) -> bytes:
        """The body of the answer that carries a batch."""
        return self.dialect.payload(batch)


class XHRPollingTransport(PollingTransport):
    """The body is the bare payload."""

    name = "xhr-polling"
    content_type = "text/plain; charset=UTF-8"


class JSONPPollingTransport(PollingTransport):
    """The body is a script that hands the payload to a function of the page."""

    name = "jsonp-polling"
    framed = "POST"
    scripted = True
    content_type = "text/javascript; charset=UTF-8"
    # The form is sent into an iframe, which shows the answer.
    uplink_content_type = "text/html; charset=UTF-8"
    # A line feed becomes %0D%0A.
    form_expansion = 6

    def check(self, request: Request) -> None:
        """Refuse an index that is no number, before it becomes part of a script."""
        super().check(request)
        _, _, index = request.tail.partition("/")
        if not (index.isascii() and index.isdigit() and len(index) < 10):
            raise Refusal("400 Bad Request", "the address ends in no index: <time>/<digits>")

    def encode(self, request: Request, batch: Sequence[Packet]) -> bytes:
        """The call of ``io.JSONP[<index>]._``."""
        _, _, index = request.tail.partition("/")
        return b"io.JSONP[%d]._(%b);" % (int(index), self.dialect.script(batch))

    def accepts_post(self, tail: str) -> bool:
        """Any address: forms are sent to an address like that of a poll."""
        return True

    def normalize(self, payload: str, tail: str) -> str:
        """Undo what forms do to line breaks: each becomes CRLF."""
        return payload if tail == "send" else payload.replace("\r\n", "\n")
