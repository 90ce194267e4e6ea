"""Servers that serve the listener without having been passed to ``listen()``.

A listener may be the application of gunicorn, of a plain pywsgi server, of
gevent-websocket's, or of Werkzeug's under monkeypatching. Each keeps the
socket and the reader of a request in a place of its own; :func:`adopt` finds
them and puts into the environ what the listener's own handler would have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from re import Pattern
from ssl import SSL_ERROR_EOF
from typing import Any, NamedTuple
from urllib.parse import quote

from gevent.socket import socket as GeventSocket  # noqa: N812

from ...wire.redact import printable, shown
from ...wire.websocket import GOING_AWAY, POLICY_VIOLATION
from ...wire.websocket_handshake import accept_key
from ...wire.websocket_versions import Hixie
from ..stream.sockets import send_at_once, shut_down
from ..stream.websocket import WebSocket
from .discard_body import abandon_input, linger
from .hixie_handshake import shake_hands
from .request import Refusal
from .upgrade import Upgrade, asks_for_websocket

__all__ = ["adopt", "conceal"]


class _Server(NamedTuple):
    """What a server gives of itself with a request.

    Attributes:
        socket: the gevent socket of the connection.
        reader: gives a buffered reader of what follows the head of the request.
        close: keeps the server from reading another request from the connection.
        abandon: keeps the server from reading the rest of the request's body.
        keep_quiet: keeps the server from answering what was answered already.
    """

    socket: Any
    reader: Callable[[], Any]
    close: Callable[[], None]
    abandon: Callable[[], None]
    keep_quiet: Callable[[], None]


def adopt(environ: dict[str, Any], start_response: Any) -> None:
    """Put into the environ what can be had of the socket behind a request.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response; servers
            are known by the object that it is a method of.
    """
    websocket = environ.get("wsgi.websocket")
    if websocket is not None:
        handler = websocket.handler
        send_at_once(handler.socket)
        environ["sockio_gevent.socket"] = handler.socket
        environ["sockio_gevent.upgrade"] = _Upgraded(environ, handler)
        return
    server = _find(environ, start_response)
    if server is None or not isinstance(server.socket, GeventSocket):
        return
    send_at_once(server.socket)
    environ["sockio_gevent.socket"] = server.socket
    environ["sockio_gevent.abandon_input"] = server.abandon
    if asks_for_websocket(environ):
        if "HTTP_SEC_WEBSOCKET_KEY1" in environ:
            # Refused, the eight bytes behind a hixie-76 head would be read as a request.
            server.close()
        environ["sockio_gevent.upgrade"] = _ForeignUpgrade(environ, start_response, server)


def conceal(environ: dict[str, Any], start_response: Any, session_ids: Pattern[str]) -> None:
    """Leave nothing that must not be logged where a server finds what it logs of a request.

    That is whole session ids in its address, and control characters anywhere.

    Args:
        environ: the WSGI environ, which is not needed any more.
        start_response: see :func:`adopt`.
        session_ids: what they look like in addresses.
    """
    for name in ("RAW_URI", "REQUEST_URI", "PATH_INFO"):
        if name in environ:
            environ[name] = shown(session_ids, environ[name])
    for name in ("QUERY_STRING", "HTTP_REFERER", "HTTP_USER_AGENT"):
        if name in environ:
            environ[name] = printable(environ[name])
    owner = getattr(start_response, "__self__", None)
    # pywsgi's handler has the line of its access log, gunicorn's response the
    # address that an exception is logged with.
    for holder, name in ((owner, "requestline"), (getattr(owner, "req", None), "uri")):
        text = getattr(holder, name, None)
        if isinstance(text, str):
            setattr(holder, name, shown(session_ids, text))


def _find(environ: dict[str, Any], start_response: Any) -> _Server | None:
    owner = getattr(start_response, "__self__", None)
    pywsgi = sys.modules.get("gevent.pywsgi")
    if pywsgi is not None and isinstance(owner, pywsgi.WSGIHandler):
        return _of_pywsgi(owner)
    if "gunicorn.socket" in environ:
        # Middleware may have put its own function there.
        return _of_gunicorn(environ, owner if hasattr(owner, "force_close") else None)
    if "werkzeug.socket" in environ:
        return _of_werkzeug(environ)
    return None


def _of_pywsgi(handler: Any) -> _Server:
    # Otherwise it logs a traceback when a client hangs up behind TLS.
    handler.ignored_socket_errors = (*type(handler).ignored_socket_errors, SSL_ERROR_EOF)

    def close() -> None:
        handler.close_connection = True

    def keep_quiet() -> None:
        close()
        handler.headers_sent = True
        handler.response_use_chunked = False

    abandon = partial(abandon_input, handler)
    return _Server(handler.socket, lambda: handler.rfile, close, abandon, keep_quiet)


def _of_gunicorn(environ: dict[str, Any], response: Any) -> _Server:
    """The worker ``gevent``; its response is out of sight behind some middleware."""
    socket = environ["gunicorn.socket"]

    def reader() -> Any:
        # What it has read beyond the head is there: for hixie-76 that matters.
        body = getattr(environ["wsgi.input"], "reader", None)
        unreader = getattr(body, "unreader", None)
        return socket.makefile("rb") if unreader is None else _Unread(unreader)

    def close() -> None:
        if response is not None:
            response.force_close()

    def abandon() -> None:
        close()
        linger(environ["wsgi.input"].read)

    def keep_quiet() -> None:
        # Otherwise it finds the socket shut down, and logs that at level DEBUG.
        close()
        if response is not None:
            response.headers_sent = True
            response.chunked = False

    return _Server(socket, reader, close, abandon, keep_quiet)


class _Unread:
    """Reads from gunicorn's unreader.

    Args:
        unreader: what gunicorn reads a connection with.
    """

    def __init__(self, unreader: Any) -> None:
        self._unreader = unreader

    def read(self, size: int) -> bytes:
        """Wait for so many bytes."""
        return bytes(self._unreader.read(size))

    def read1(self, size: int) -> bytes:
        """Wait for bytes, and take what is there."""
        return bytes(self._unreader.read())


def _of_werkzeug(environ: dict[str, Any]) -> _Server:
    stream = environ["wsgi.input"]
    return _Server(
        environ["werkzeug.socket"],
        lambda: stream,
        # It takes one request a connection.
        close=lambda: None,
        abandon=lambda: linger(stream.read),
        # It finds the socket shut down, and takes that for a client that has gone.
        keep_quiet=lambda: None,
    )


class _ForeignUpgrade(Upgrade):
    """An upgrade on the bare socket, past the server."""

    __slots__ = ("_server", "_start_response")

    def __init__(self, environ: dict[str, Any], start_response: Any, server: _Server) -> None:
        super().__init__(environ)
        self._start_response = start_response
        self._server = server

    def accept(self, max_size: int) -> WebSocket | None:
        """Switch protocols; see :meth:`Upgrade.accept`."""
        environ = self._environ
        socket, reader = self._server.socket, self._server.reader()
        protocol = self._protocol(max_size)
        self._server.keep_quiet()
        done = True
        try:
            if isinstance(protocol, Hixie):
                target = _target(environ)
                done = shake_hands(environ, target, self._send_head, socket, reader)
            else:
                headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
                accepted = accept_key(environ["HTTP_SEC_WEBSOCKET_KEY"])
                headers.append(("Sec-WebSocket-Accept", accepted))
                self._send_head("101 Switching Protocols", headers)
        except OSError:
            done = False
        if not done:
            # Not left to the server, which may not know that this is no HTTP any
            # more: proxies pass on anything now, as if it were checked already.
            shut_down(socket)
            return None
        return WebSocket(environ, socket, reader, protocol)

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        # For the server's access log; what it would write is not what a 101 may have.
        self._start_response(status, headers)
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        self._server.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def _target(environ: dict[str, Any]) -> str:
    """Path and query of a request, as it was sent or nearly so."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        query = environ.get("QUERY_STRING")
        target = quote(path.encode("latin-1")) + (f"?{query}" if query else "")
    return str(target)


class _Upgraded(Upgrade):
    """A WebSocket that gevent-websocket's own handler has made before asking anyone."""

    __slots__ = ("_handler",)

    def __init__(self, environ: dict[str, Any], handler: Any) -> None:
        super().__init__(environ)
        self._handler = handler

    def problem(self, drafts: bool = False) -> Refusal | None:
        """None: the handshake is over."""
        return None

    def accept(self, max_size: int) -> WebSocket:
        """Put our own WebSocket in place of gevent-websocket's."""
        handler = self._handler
        # Marked as closed, it does not send a close frame when it is collected.
        handler.websocket.closed = True
        protocol = self._protocol(max_size)
        websocket = WebSocket(self._environ, handler.socket, handler.rfile, protocol, handler)
        handler.websocket = self._environ["wsgi.websocket"] = websocket
        return websocket

    def refuse(self, refusal: Refusal) -> bool:
        """Close the WebSocket: an HTTP answer comes too late."""
        websocket = self.accept(max_size=1)
        going_away = refusal.status.startswith("503")
        websocket.close(GOING_AWAY if going_away else POLICY_VIOLATION, refusal.text[:100])
        websocket.linger()
        return True
