"""One HTTP request to the resource, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from socket import SHUT_RD
from typing import Any, Protocol

import gevent

from ...hub.time_slice import TimeSlice
from ...monitoring.reasons import Limit
from ...options.limits import OverLimit
from ...refusal import Header, Refusal
from ..stream.sockets import shut_down
from .environ import peer_name

__all__ = ["Refusal", "Request"]

# What goes with every answer: messages are for one reader once, as they are
# and without delay.
_COMMON: tuple[Header, ...] = (
    ("Cache-Control", "no-store, no-cache, no-transform"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "Origin"),
)


_PIECE = 4 * 1024  # bytes that are read at once; of a body in chunks, which may have
_PIECE_OF_CHUNKS = 512  # one byte each, what is read in about a slice of time
_TEXT = "text/plain; charset=UTF-8"
_CLOSE: Header = ("Connection", "close")


class Closing(Protocol):
    """What may be told to take no more requests.

    Attributes:
        closing: whether it was.
    """

    closing: bool


class Receiver(Protocol):
    """Whom the body of a request is for.

    Attributes:
        uploads: the requests whose bodies are being read, if there is any.
    """

    uploads: set[Any] | None

    @property
    def connected(self) -> bool:
        """Whether anyone wants the rest of a body."""

    def take_in(self, change: int) -> None:
        """Count bytes that were read, and give them back."""


class Request:
    """A WSGI request.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response.
        closing: tells whether the server takes no more requests, so that
            connections are not to be kept for another one.

    Attributes:
        answered: whether there is nothing to be answered any more, not even an error.
        method: the HTTP method.
        tail: what the path has behind the session id.
        origin: the ``Origin``, to be set once it has been allowed; answers then say that
            the page there may read them.
        socket: the socket, or ``None`` where the server does not give it.
        start_response: the WSGI function that begins the response.
        upgrade: what switches protocols, or ``None`` if that was not asked for.
    """

    __slots__ = (
        "_begun",
        "_body_read",
        "_closing",
        "answered",
        "environ",
        "method",
        "origin",
        "socket",
        "start_response",
        "tail",
        "upgrade",
    )

    def __init__(
        self,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        closing: Closing | None = None,
    ) -> None:
        self.environ = environ
        self._closing = closing
        self._begun = False
        self._body_read = False
        self.answered = False
        self.start_response = start_response
        self.method: str = environ["REQUEST_METHOD"]
        self.tail = ""
        self.origin: str | None = None
        self.socket = environ.get("sockio_gevent.socket")
        self.upgrade = environ.get("sockio_gevent.upgrade")

    @property
    def peer(self) -> str:
        """The address of the client, for the log."""
        return peer_name(self.environ)

    def answer(
        self,
        status: str,
        body: bytes,
        content_type: str = _TEXT,
        headers: Sequence[Header] = (),
    ) -> list[bytes]:
        """Begin the response and return its body."""
        self.answer_given()
        self.start(status, len(body), content_type, headers)
        return [] if self.method == "HEAD" else [body]

    def answer_given(self) -> None:
        """All of an answer is there, and the client has so long to take it."""
        bound = self.environ.get("sockio_gevent.answer_given")
        if bound is not None:
            bound()

    def start(
        self, status: str, length: int, content_type: str, headers: Sequence[Header] = ()
    ) -> None:
        """Begin a response whose body, of this many bytes, is returned by the caller."""
        all_headers = [("Content-Type", content_type), ("Content-Length", str(length))]
        all_headers += (*headers, *_COMMON)
        if self.origin is not None:
            all_headers += self._sharing(self.origin)
        closing = self._closing is not None and self._closing.closing
        if closing and not any(name == "Connection" for name, _ in headers):
            all_headers.append(("Connection", "close"))
        if self.socket is None:
            # A server that is not known may refuse what is its own to say (PEP 3333).
            own = ("Connection", "Upgrade")
            all_headers = [header for header in all_headers if header[0] not in own]
        self._begun = True
        self.start_response(status, all_headers)

    def start_stream(self, content_type: str, headers: Sequence[Header] = ()) -> None:
        """Begin a response that goes on until one side ends it; its head is sent at once."""
        headers = [("Content-Type", content_type), *headers, *_COMMON]
        if self.origin is not None:
            headers += self._sharing(self.origin)
        if self.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            # No chunks there: the end of the connection is the end of the body.
            headers.append(("Connection", "close"))
        self._begun = True
        write = self.start_response("200 OK", headers)
        write(b"")

    def _sharing(self, origin: str) -> tuple[Header, ...]:
        """What lets the page at another origin read the answer (Fetch standard, CORS protocol)."""
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
        )

    def preflight(self, allow: str) -> list[bytes]:
        """Answer a browser that asks what it may do (Fetch standard, section 4.8)."""
        headers = [
            ("Allow", allow),
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", "Content-Type"),
            ("Access-Control-Max-Age", "600"),
        ]
        return self.answer("200 OK", b"", headers=headers)

    def refuse(
        self, refusal: Refusal, content_type: str = _TEXT, body: bytes | None = None
    ) -> list[bytes]:
        """Answer with an error, if nothing was answered yet.

        Args:
            refusal: the error.
            content_type: the type of the answer.
            body: the answer; ``None`` for the text of the error.
        """
        if self.answered:
            return []
        headers = refusal.headers
        unread = not self._body_read and type(self.environ.get("wsgi.input")) is not BytesIO
        if self.method == "POST" and unread:
            # Nobody asks for the rest of the body, however long it is.
            self._abandon_input()
            headers = (*(each for each in headers if each[0] != "Connection"), _CLOSE)
        if self.upgrade is not None and self.upgrade.refuse(refusal):
            return []
        if body is None:
            body = refusal.text.encode() + b"\n"
        return self.answer(refusal.status, body, content_type, headers)

    def fail(self, refusal: Refusal) -> list[bytes]:
        """Answer with an error, or cut the connection if another answer has begun."""
        if not self._begun:
            return self.refuse(refusal)
        if self.socket is not None:
            shut_down(self.socket)
        return []

    def read_body(
        self, limit: int, timeout: float | None = None, receiver: Receiver | None = None
    ) -> bytes:
        """Read the whole body.

        Args:
            limit: how many bytes to accept.
            timeout: how many seconds to wait for all of it; ``None`` for ever.
            receiver: whom it is for; it is told of what has come so far.

        Raises:
            OverLimit: if it is longer, or does not come in time.
            Refusal: if its length is no number, or if the client hangs up
                before its end.
        """
        if not self.environ.get("wsgi.input_terminated", True):
            # pywsgi does this to requests for upgrades, and its handler was not found.
            raise Refusal("400 Bad Request", "the server does not say where the body ends")
        length = self.environ.get("CONTENT_LENGTH") or ""
        if length:
            if not (length.isascii() and length.isdigit()):
                raise Refusal("400 Bad Request", "Content-Length is not a number")
            if len(length) > 18 or int(length) > limit:
                raise self._too_large(limit)
        elif "HTTP_TRANSFER_ENCODING" not in self.environ:
            return b""
        wanted = int(length) if length else limit + 1
        body = self._read(wanted, timeout, receiver)
        self._body_read = len(body) <= limit
        if len(body) > limit:
            raise self._too_large(limit)
        if length and len(body) < wanted:
            raise Refusal("400 Bad Request", "the body ended too early")
        return body

    def cut(self) -> None:
        """Do not wait for the rest of a body that is being read; the answer can still be sent."""
        if self.socket is not None:
            shut_down(self.socket, SHUT_RD)

    def _read(self, size: int, timeout: float | None, receiver: Receiver | None) -> bytes:
        """Read up to so many bytes of the body."""
        source = self.environ["wsgi.input"]
        if type(source) is BytesIO:  # all of it is here
            return source.read(size)
        if receiver is None:
            return self._read_slowly(source, size, timeout, lambda count: None)
        if receiver.uploads is None:
            receiver.uploads = set()
        receiver.uploads.add(self)
        taken = 0

        def take_in(count: int) -> None:
            nonlocal taken
            taken += count
            receiver.take_in(count)
            if not receiver.connected:
                self._abandon_input()
                raise Refusal("404 Not Found", "the session ended before all of the body was here")

        try:
            return self._read_slowly(source, size, timeout, take_in)
        finally:
            receiver.uploads.discard(self)
            receiver.take_in(-taken)

    def _read_slowly(
        self, source: Any, size: int, timeout: float | None, take_in: Callable[[int], None]
    ) -> bytes:
        """Read up to so many bytes, and let others go first now and then."""
        chunks: list[bytes] = []
        piece = _PIECE if self.environ.get("CONTENT_LENGTH") else _PIECE_OF_CHUNKS
        try:
            with gevent.Timeout(timeout) as running_out:
                turn = TimeSlice()
                while size > 0:
                    chunk = source.read(min(size, piece))
                    take_in(len(chunk))
                    if not chunk:
                        break
                    chunks.append(chunk)
                    size -= len(chunk)
                    if size > 0:
                        # Nor does a server switch greenlets while there is something to read.
                        turn.pause()
        except gevent.Timeout as error:
            if error is not running_out:
                raise
            self._abandon_input()
            text = f"the body did not come within {timeout:g} s"
            raise OverLimit(Limit.BODY_TIME, "408 Request Timeout", text, _CLOSE) from None
        except Refusal:
            raise
        except Exception:
            # Each server has errors of its own for that; gunicorn's are not even an OSError.
            take_in(0)  # unless the session has ended, which is why it was cut
            text = "the body is malformed, or ended too early"
            raise Refusal("400 Bad Request", text) from None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self, limit: int) -> OverLimit:
        self._abandon_input()
        text = f"the body is over {limit} bytes"
        return OverLimit(Limit.BODY_SIZE, "413 Content Too Large", text, _CLOSE)

    def _abandon_input(self) -> None:
        abandon_input = self.environ.get("sockio_gevent.abandon_input")
        if abandon_input is not None:
            abandon_input()
