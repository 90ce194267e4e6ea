"""The base of the HTTP transports: a GET brings messages to the client, and a POST takes some."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from ..wire.websocket import NORMAL
from .base import Transport
from .carried import Carried
from .http_downlink import HTTPDownlink

__all__ = ["Answer", "HTTPTransport", "end_answer"]


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
        end_answer(self._downlink)


def end_answer(downlink: HTTPDownlink) -> None:
    """The server is done with the answer of a downlink, whether it was written or not."""
    if not downlink.is_over:
        try:
            downlink.over()
        except Exception:
            downlink.failed()


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
