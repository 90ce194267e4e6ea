"""One HTTP request to the resource, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..refusal import Header, Refusal

__all__ = ["Refusal", "Request"]


class Request:
    """A WSGI request.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response.
        goes_away: whether the server takes no more requests, so that
            connections are not to be kept for another one.

    Attributes:
        method: the HTTP method.
        tail: what the path has behind the session id.
        origin: the ``Origin``, once it has been allowed; answers name it then.
        socket: the socket, or ``None`` where the server does not give it.
        start_response: the WSGI function that begins the response.
        upgrade: what switches protocols, or ``None`` if that was not asked for.
    """

    __slots__ = (
        "_goes_away",
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
        goes_away: Callable[[], bool] = lambda: False,
    ) -> None:
        self.environ = environ
        self._goes_away = goes_away
        self.start_response = start_response
        self.method: str = environ["REQUEST_METHOD"]
        self.tail = ""
        self.origin: str | None = None
        self.socket = environ.get("sockio_gevent.socket")
        self.upgrade = environ.get("sockio_gevent.upgrade")

    @property
    def peer(self) -> str:
        """The address of the client, for the log."""
        return str(self.environ.get("REMOTE_ADDR") or "an unknown address")

    def allow_origin(self) -> None:
        """Let answers say that the page at this origin may read them."""
        self.origin = self.environ.get("HTTP_ORIGIN")

    def answer(
        self,
        status: str,
        body: bytes,
        content_type: str = "text/plain; charset=UTF-8",
        headers: Sequence[Header] = (),
    ) -> list[bytes]:
        """Begin the response and return its body."""
        self.start(status, len(body), content_type, headers)
        return [] if self.method == "HEAD" else [body]

    def start(
        self, status: str, length: int, content_type: str, headers: Sequence[Header] = ()
    ) -> None:
        """Begin a response whose body, of this many bytes, is returned by the caller."""
        common = [
            ("Content-Type", content_type),
            ("Content-Length", str(length)),
            *headers,
        ]
        if self._goes_away() and not any(name == "Connection" for name, _ in headers):
            common.append(("Connection", "close"))
        if self.socket is None:
            # A server that is not known may refuse what is its own to say (PEP 3333).
            common = [header for header in common if header[0] not in ("Connection", "Upgrade")]
        self.start_response(status, [*common, *self._common()])

    def start_stream(self, content_type: str) -> None:
        """Begin a response that goes on until one side ends it; its head is sent at once."""
        headers = [("Content-Type", content_type), *self._common()]
        if self.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            # No chunks there: the end of the connection is the end of the body.
            headers.append(("Connection", "close"))
        write = self.start_response("200 OK", headers)
        write(b"")

    def _common(self) -> list[Header]:
        """What goes with every answer."""
        common = [
            # Messages are for one reader once, as they are and without delay.
            ("Cache-Control", "no-store, no-cache, no-transform"),
            ("X-Accel-Buffering", "no"),
            ("X-Content-Type-Options", "nosniff"),
            ("Vary", "Origin"),
        ]
        if self.origin is not None:
            common.append(("Access-Control-Allow-Origin", self.origin))
            common.append(("Access-Control-Allow-Credentials", "true"))
        return common

    def preflight(self, allow: str) -> list[bytes]:
        """Answer a browser that asks what it may do (Fetch standard, section 4.8)."""
        headers = [
            ("Allow", allow),
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", "Content-Type"),
            ("Access-Control-Max-Age", "600"),
        ]
        return self.answer("200 OK", b"", headers=headers)

    def refuse(self, refusal: Refusal) -> list[bytes]:
        """Answer with an error."""
        if self.upgrade is not None and self.upgrade.refuse(refusal):
            return []
        return self.answer(refusal.status, refusal.text.encode() + b"\n", headers=refusal.headers)

    def read_body(self, limit: int) -> bytes:
        """Read the whole body.

        Args:
            limit: how many bytes to accept.

        Raises:
            Refusal: if it is longer, if its length is no number, or if the
                client hangs up before its end.
        """
        if not self.environ.get("wsgi.input_terminated", True):
            raise Refusal("400 Bad Request", "a POST cannot ask for an upgrade")
        length = self.environ.get("CONTENT_LENGTH") or ""
        if length:
            if not (length.isascii() and length.isdigit()):
                raise Refusal("400 Bad Request", "Content-Length is not a number")
            if len(length) > 18 or int(length) > limit:
                raise self._too_large(limit)
        chunks: list[bytes] = []
        left = int(length) if length else limit + 1
        if not length and "HTTP_TRANSFER_ENCODING" not in self.environ:
            left = 0
        try:
            while left > 0:
                chunk = self.environ["wsgi.input"].read(min(left, 64 * 1024))
                if not chunk:
                    break
                chunks.append(chunk)
                left -= len(chunk)
        except OSError:
            raise Refusal("400 Bad Request", "the body ended too early") from None
        body = b"".join(chunks)
        if len(body) > limit:
            raise self._too_large(limit)
        if length and left:
            raise Refusal("400 Bad Request", "the body ended too early")
        return body

    def _too_large(self, limit: int) -> Refusal:
        abandon_input = self.environ.get("sockio_gevent.abandon_input")
        if abandon_input is not None:
            abandon_input()
        return Refusal(
            "413 Content Too Large", f"the body is over {limit} bytes", ("Connection", "close")
        )
