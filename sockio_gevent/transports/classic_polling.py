"""The polling transports of the classic dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from .carried import Carried
from .classic import ClassicTransport
from .polling import answer_poll

__all__ = ["JSONPPollingTransport", "XHRPollingTransport"]


class PollingTransport(ClassicTransport):
    """The base of the polling transports."""

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Wait for a batch and answer with it."""
        return answer_poll(self, request, acquire)


class XHRPollingTransport(PollingTransport):
    """The body is the bare payload."""

    name = "xhr-polling"

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The payload."""
        return self.dialect.payload(batch), "text/plain; charset=UTF-8"


class JSONPPollingTransport(PollingTransport):
    """The body is a script that hands the payload to a function of the page."""

    name = "jsonp-polling"
    framed = "POST"
    scripted = True
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

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The call of ``io.JSONP[<index>]._``."""
        _, _, index = tail.partition("/")
        body = b"io.JSONP[%d]._(%b);" % (int(index), self.dialect.script(batch))
        return body, "text/javascript; charset=UTF-8"

    def accepts_post(self, tail: str) -> bool:
        """Any address: forms are sent to an address like that of a poll."""
        return True

    def normalize(self, payload: str, tail: str) -> str:
        """Undo what forms do to line breaks: each becomes CRLF."""
        return payload if tail == "send" else payload.replace("\r\n", "\n")
