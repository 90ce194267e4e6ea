"""The base of the HTTP transports: a GET brings messages to the client, and a POST takes some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from ..server.http.later_answer import LaterAnswer
from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from ..wire.websocket import NORMAL
from .base import Transport
from .carried import Carried
from .http_downlink import HTTPDownlink

__all__ = ["Answer", "HTTPTransport", "PollAnswer", "WaitingPoll"]

_LARGE: Final = 4 * 1024  # bytes; a smaller copy of a batch is not counted


class Answer:
    """The body of an answer; tells the downlink when the server is done with it.

    When the server asks an iterator for more, it has written the part before. So the
    iterators of subclasses call ``downlink.written()`` then.

    Args:
        downlink: the downlink of the answer.
    """

    __slots__ = ("_downlink",)

    def __init__(self, downlink: HTTPDownlink) -> None:
        self._downlink = downlink

    def close(self) -> None:
        """The server is done with the body, even if it could not write all of it (PEP 3333)."""
        _end(self._downlink)


def _end(downlink: HTTPDownlink) -> None:
    if not downlink.is_over:
        try:
            downlink.over()
        except Exception:
            downlink.failed()


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


class WaitingPoll(LaterAnswer):
    """The answer to a poll that has no batch yet.

    Args:
        transport: the transport of the poll.
        request: its request.
        poll: its downlink.
    """

    __slots__ = ("_poll", "_request", "_transport")

    def __init__(self, transport: HTTPTransport, request: Request, poll: HTTPDownlink) -> None:
        self._transport = transport
        self._request = request
        self._poll = poll

    def when_there(self, call: Callable[[], None]) -> None:
        """Call a function once, in the hub, when there is a batch or the end."""
        self._poll.when_there(call)

    def wait(self) -> None:
        """Wait until there is a batch, or the client has hung up."""
        self._poll.wait()

    @property
    def is_short(self) -> bool:
        """Whether the batch is so short that its encoding takes no time."""
        return self._poll.copied < _LARGE

    def begin(self) -> bytes:
        """Begin the answer with the batch that is there; return its body."""
        return self._transport.begin(self._request, self._poll)

    def sent(self) -> None:
        """All of the answer was sent."""
        try:
            self._poll.written()
        except Exception:
            self._poll.failed()
        self.close()

    def pieces(self) -> Iterable[bytes]:
        """Wait for the batch, and begin the answer by ``start_response``."""
        self._poll.wait()
        self._request.use_start_response()
        return PollAnswer(self._poll, self.begin())

    def close(self) -> None:
        """The server is done with it, whether it was sent or not."""
        _end(self._poll)


class HTTPTransport(Transport):
    """The base of the transports over HTTP."""

    def check(self, request: Request) -> None:
        """Refuse a request whose connection has become a WebSocket already."""
        if request.environ.get("wsgi.websocket"):
            raise Refusal("400 Bad Request", f"{self.name} takes no WebSocket")

    def open(
        self, request: Request, acquire: Callable[[], Carried], once: bool, watched: bool = True
    ) -> HTTPDownlink:
        """Make the request the downlink of its session.

        Args:
            request: the request.
            acquire: returns the session.
            once: whether the answer has one batch.
            watched: whether to notice from now on if the client hangs up.
        """
        session = acquire()
        timeout = self.options.body_timeout
        downlink = HTTPDownlink(self.name, session, request.socket, once, timeout)
        if watched:
            downlink.watch()
        # A new session has handlers to run. They run in another greenlet: a slow handler must
        # not delay the greeting of the client. That greenlet starts before the flush, so that
        # messages which handlers send at once go out together with the greeting.
        session.start_handlers()
        if not session.attach(downlink):
            downlink.close(NORMAL, "the session has ended")
        return downlink

    # --- polls ---

    def answer_poll(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Answer with one batch, as soon as there is one."""
        comes_later = request.may_be_answered_later
        poll = self.open(request, acquire, True, watched=not comes_later)
        if comes_later and not poll.writing:
            return WaitingPoll(self, request, poll)
        poll.wait()
        return PollAnswer(poll, self.begin(request, poll))

    def begin(self, request: Request, poll: HTTPDownlink) -> bytes:
        """Begin the answer to a poll that has its batch; return its body."""
        body, content_type = self.encode(request.tail, poll.batch())
        if len(body) > _LARGE:
            poll.encoded(2 * len(body))
        try:
            return self.start(request, body, content_type)
        except BaseException:
            poll.over()
            raise

    def start(self, request: Request, body: bytes, content_type: str) -> bytes:
        """Begin the answer to a poll; return its body."""
        request.start("200 OK", len(body), content_type)
        return body

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The body of the answer that carries a batch, and its content type.

        Args:
            tail: the rest of the address of the request.
            batch: the batch.
        """
        raise NotImplementedError  # a stream has no such answer
