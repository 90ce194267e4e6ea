"""One HTTP request to the resource, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from socket import SHUT_RD
from typing import Any, Final, Protocol

from ...monitoring.reasons import Limit
from ...options.limits import OverLimit
from ...refusal import Header, Refusal
from ...wire.http_head import AnswerHead, answer_head
from ..stream.sockets import shut_down
from .environ import connection_of, peer_name
from .plain_connection import PlainConnection
from .request_body import CLOSE, Receiver, abandon_body, read_body

__all__ = ["Refusal", "Request"]

# The headers of every answer. Messages are for one reader and for once: no cache may keep
# them, and no proxy may change or delay them.
_COMMON: tuple[Header, ...] = (
    ("Cache-Control", "no-store, no-cache, no-transform"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "Origin"),
)

_TEXT: Final = "text/plain; charset=UTF-8"

_OK: Final = "200 OK"

# The heads of answers on the fast path with this status, by what differs between them: the type
# and the length of the body, the origin, and whether the connection is closed.
_Key = tuple[str, int, str | None, bool]
_heads: Final[dict[_Key, AnswerHead]] = {}
_MOST_HEADS = 256
_LONGEST_ORIGIN: Final = 256  # characters; a longer one is not kept


class Closing(Protocol):
    """Something that may be closing, such as a listener.

    Attributes:
        closing: whether it takes no more requests.
    """

    closing: bool


class Request:
    """A WSGI request.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response.
        closing: the listener, which may be closing; then answers close their connections.

    Attributes:
        answered: whether no answer may follow any more, not even an error.
        method: the HTTP method.
        tail: the part of the path after the session id.
        origin: the ``Origin``, set once it is allowed; then answers let the page of this
            origin read them.
        socket: the socket, or ``None`` if the server does not give it.
        start_response: the WSGI function that begins the response.
        upgrade: switches protocols; ``None`` if the request does not ask for that.
    """

    __slots__ = (
        "_begun",
        "_body_read",
        "_closing",
        "_connection",
        "_plain",
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
        self._connection = connection = connection_of(environ)
        self._plain: PlainConnection | None = None
        if isinstance(connection, PlainConnection):
            self.socket: Any = connection.socket
            self.upgrade: Any = None
            # No middleware wants to see the headers, or is asked for the body already.
            if start_response is connection and connection.result is None:
                self._plain = connection
        else:
            self.socket = None if connection is None else connection.socket
            self.upgrade = None if connection is None else connection.upgrade

    @property
    def may_be_answered_later(self) -> bool:
        """Whether the server takes a :class:`~.later_answer.LaterAnswer`."""
        return self._plain is not None and self._plain.takes_later_answers

    def use_start_response(self) -> None:
        """Begin the answer as for any server: middleware has the body of it."""
        self._plain = None

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
        """Note that an answer is complete: from now on the client has a limited time to take it."""
        if self._connection is not None:
            self._connection.answer_given()

    def start(
        self, status: str, length: int, content_type: str, headers: Sequence[Header] = ()
    ) -> None:
        """Begin a response whose body, of this many bytes, is returned by the caller."""
        closing = self._closing is not None and self._closing.closing
        # A client that has asked for the end of the connection may still keep it for its next
        # request, until it is told (RFC 9112 section 9.6).
        closing = closing or self.environ.get("HTTP_CONNECTION", "").lower() == "close"
        plain, origin = self._plain, self.origin
        usual = status == _OK and not headers and (origin is None or len(origin) < _LONGEST_ORIGIN)
        if plain is not None and usual:
            key = content_type, length, origin, closing
            head = _heads.get(key)
            if head is None:
                head = answer_head(status, tuple(self._headers(length, content_type, (), closing)))
                if len(_heads) >= _MOST_HEADS:
                    _heads.clear()
                if head is not None:
                    _heads[key] = head
            if head is not None:
                self._begun = True
                plain.begin(status, head)
                return
        all_headers = self._headers(length, content_type, headers, closing)
        if self.socket is None:
            # An unknown server may refuse headers that only a server may set (PEP 3333).
            own = ("Connection", "Upgrade")
            all_headers = [header for header in all_headers if header[0] not in own]
        self._begun = True
        self.start_response(status, all_headers)

    def _headers(
        self, length: int, content_type: str, headers: Sequence[Header], closing: bool
    ) -> list[Header]:
        """All headers of an answer of known length."""
        all_headers = [("Content-Type", content_type), ("Content-Length", str(length))]
        all_headers += (*headers, *_COMMON)
        if self.origin is not None:
            all_headers += self._sharing(self.origin)
        if closing and not any(name == "Connection" for name, _ in headers):
            all_headers.append(("Connection", "close"))
        return all_headers

    def start_stream(self, content_type: str, headers: Sequence[Header] = ()) -> None:
        """Begin a response that lasts until one side ends it; the head is sent at once."""
        headers = [("Content-Type", content_type), *headers, *_COMMON]
        if self.origin is not None:
            headers += self._sharing(self.origin)
        if self.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            # HTTP/1.0 has no chunks: the end of the connection is the end of the body.
            headers.append(("Connection", "close"))
        self._begun = True
        write = self.start_response("200 OK", headers)
        write(b"")

    def _sharing(self, origin: str) -> tuple[Header, ...]:
        """The headers that let a page of this origin read the answer (Fetch, CORS protocol)."""
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
        )

    def preflight(self, allow: str) -> list[bytes]:
        """Answer a CORS preflight (Fetch standard, section 4.8)."""
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
            # Nobody needs the rest of the body, and it may be long.
            abandon_body(self.environ)
            headers = (*(each for each in headers if each[0] != "Connection"), CLOSE)
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
            timeout: how many seconds to wait for the whole body; ``None`` for no limit.
            receiver: the receiver of the body; it counts the bytes while they are read.

        Raises:
            OverLimit: if the body is longer, or does not come in time.
            Refusal: if its length is not a number, or if the client hangs up
                before its end.
        """
        if not self.environ.get("wsgi.input_terminated", True):
            # pywsgi does this to requests for upgrades, if its handler was not found.
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
        body = read_body(self.environ, wanted, timeout, receiver, self)
        self._body_read = len(body) <= limit
        if len(body) > limit:
            raise self._too_large(limit)
        if length and len(body) < wanted:
            raise Refusal("400 Bad Request", "the body ended too early")
        return body

    def cut(self) -> None:
        """Stop waiting for the rest of a body; the answer can still be sent."""
        if self.socket is not None:
            shut_down(self.socket, SHUT_RD)

    def _too_large(self, limit: int) -> OverLimit:
        abandon_body(self.environ)
        text = f"the body is over {limit} bytes"
        return OverLimit(Limit.BODY_SIZE, "413 Content Too Large", text, CLOSE)
