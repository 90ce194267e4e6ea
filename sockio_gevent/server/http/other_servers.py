"""Servers that were not passed to ``listen()``, but have a listener as their application.

Such a server may be gunicorn, a plain pywsgi server, gevent-websocket's server,
or Werkzeug's under monkeypatching. Each keeps the socket and the reader of a
request in another place. :func:`adopt` finds them, and puts into the environ
what the listener's own handler would put there.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from gevent.socket import socket as GeventSocket  # noqa: N812

from ...wire.websocket import GOING_AWAY, POLICY_VIOLATION
from ...wire.websocket_extensions import PerMessageDeflate
from ...wire.websocket_handshake import accept_key
from ...wire.websocket_versions import Hixie
from ..stream.sockets import send_at_once, shut_down, tls_hang_ups
from ..stream.websocket import WebSocket
from .discard_body import abandon_input, linger
from .environ import CONNECTION, target_of
from .foreign_connection import ForeignConnection, GunicornConnection, PywsgiConnection
from .hixie_handshake import shake_hands
from .request import Refusal
from .upgrade import Upgrade, asks_for_websocket

__all__ = ["adopt", "of_pywsgi"]


def adopt(environ: dict[str, Any], start_response: Any) -> None:
    """Put the socket of a request into its environ, and all that the listener needs besides.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response. The object whose
            method it is tells which server this is.
    """
    websocket = environ.get("wsgi.websocket")
    if websocket is not None:
        handler = websocket.handler
        send_at_once(handler.socket)
        environ[CONNECTION] = server = ForeignConnection(handler.socket, lambda: handler.rfile)
        server.upgrade = _Upgraded(environ, handler)
        return
    found = _find(environ, start_response)
    if found is None or not isinstance(found.socket, GeventSocket):
        return
    server = found
    send_at_once(server.socket)
    environ[CONNECTION] = server
    if asks_for_websocket(environ):
        if "HTTP_SEC_WEBSOCKET_KEY1" in environ:
            # If it is refused, the eight bytes after a hixie-76 head are not a request.
            server.close()
        server.upgrade = _ForeignUpgrade(environ, start_response, server)


def _find(environ: dict[str, Any], start_response: Any) -> ForeignConnection | None:
    owner = getattr(start_response, "__self__", None)
    pywsgi = sys.modules.get("gevent.pywsgi")
    if pywsgi is not None and isinstance(owner, pywsgi.WSGIHandler):
        return of_pywsgi(owner)
    if "gunicorn.socket" in environ:
        # Middleware may have put its own function there.
        return _of_gunicorn(environ, owner if hasattr(owner, "force_close") else None)
    if "werkzeug.socket" in environ:
        return _of_werkzeug(environ)
    return None


def of_pywsgi(handler: Any) -> ForeignConnection:
    """The connection of a pywsgi handler."""
    # Otherwise pywsgi logs a traceback when a client hangs up under TLS.
    handler.ignored_socket_errors = (*type(handler).ignored_socket_errors, *tls_hang_ups())

    def close() -> None:
        handler.close_connection = True

    def keep_quiet() -> None:
        close()
        handler.headers_sent = True
        handler.response_use_chunked = False

    abandon = partial(abandon_input, handler)
    connection = PywsgiConnection(handler.socket, lambda: handler.rfile, close, abandon, keep_quiet)
    connection.handler = handler
    return connection


def _of_gunicorn(environ: dict[str, Any], response: Any) -> ForeignConnection:
    """The worker ``gevent`` of gunicorn; some middleware hides its response."""
    socket = environ["gunicorn.socket"]

    def reader() -> Any:
        # The unreader may hold bytes from after the head, which hixie-76 needs.
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
        # Otherwise gunicorn finds the socket shut down, and logs that at level DEBUG.
        close()
        if response is not None:
            response.headers_sent = True
            response.chunked = False

    server = GunicornConnection(socket, reader, close, abandon, keep_quiet)
    server.response = response
    return server


class _Unread:
    """Reads from gunicorn's unreader.

    Args:
        unreader: gunicorn's reader of the connection.
    """

    def __init__(self, unreader: Any) -> None:
        self._unreader = unreader

    def read(self, size: int) -> bytes:
        """Wait for so many bytes."""
        return bytes(self._unreader.read(size))

    def read1(self, size: int) -> bytes:
        """Wait for bytes, and return those that are there."""
        return bytes(self._unreader.read())


def _of_werkzeug(environ: dict[str, Any]) -> ForeignConnection:
    stream = environ["wsgi.input"]
    return ForeignConnection(
        environ["werkzeug.socket"],
        lambda: stream,
        # Werkzeug reads only one request from a connection.
        close=lambda: None,
        abandon=lambda: linger(stream.read),
        # Werkzeug finds the socket shut down, as if the client had gone.
        keep_quiet=lambda: None,
    )


class _ForeignUpgrade(Upgrade):
    """An upgrade that this package does itself, on the bare socket of another server."""

    __slots__ = ("_server", "_start_response")

    def __init__(
        self, environ: dict[str, Any], start_response: Any, server: ForeignConnection
    ) -> None:
        super().__init__(environ)
        self._start_response = start_response
        self._server = server

    def accept(self, max_size: int, deflate: PerMessageDeflate | None = None) -> WebSocket | None:
        """Switch protocols; see :meth:`Upgrade.accept`."""
        environ = self._environ
        socket, reader = self._server.socket, self._server.reader()
        agreement = self._agree(deflate)
        protocol = self._protocol(max_size, agreement)
        self._server.keep_quiet()
        done = True
        try:
            if isinstance(protocol, Hixie):
                target = target_of(environ)
                done = shake_hands(environ, target, self._send_head, socket, reader)
            else:
                headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
                accepted = accept_key(environ["HTTP_SEC_WEBSOCKET_KEY"])
                headers.append(("Sec-WebSocket-Accept", accepted))
                if agreement is not None:
                    headers.append(("Sec-WebSocket-Extensions", agreement.answer))
                self._send_head("101 Switching Protocols", headers)
        except OSError:
            done = False
        if not done:
            # The server must not read on: a proxy has seen the 101, and now passes on all
            # bytes unchecked, but the server would read them as requests.
            shut_down(socket)
            return None
        return WebSocket(environ, socket, reader, protocol)

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        # The server needs this for its access log. It must not write the head itself: it
        # would add headers that a 101 may not have.
        self._start_response(status, headers)
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        self._server.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


class _Upgraded(Upgrade):
    """A WebSocket that gevent-websocket's own handler has opened before it called the listener."""

    __slots__ = ("_handler",)

    def __init__(self, environ: dict[str, Any], handler: Any) -> None:
        super().__init__(environ)
        self._handler = handler

    def problem(self, drafts: bool = False) -> Refusal | None:
        """None: the handshake is over."""
        return None

    def accept(self, max_size: int, deflate: PerMessageDeflate | None = None) -> WebSocket:
        """Put our own WebSocket in the place of gevent-websocket's.

        The handshake is over, so nothing can be agreed on any more.
        """
        handler = self._handler
        # An object that is not marked as closed sends a close frame when it is collected.
        handler.websocket.closed = True
        protocol = self._protocol(max_size)
        websocket = WebSocket(self._environ, handler.socket, handler.rfile, protocol, handler)
        handler.websocket = self._environ["wsgi.websocket"] = websocket
        return websocket

    def refuse(self, refusal: Refusal) -> bool:
        """Close the WebSocket: it is too late for an HTTP answer."""
        websocket = self.accept(max_size=1)
        going_away = refusal.status.startswith("503")
        websocket.close(GOING_AWAY if going_away else POLICY_VIOLATION, refusal.text[:100])
        websocket.linger()
        return True
