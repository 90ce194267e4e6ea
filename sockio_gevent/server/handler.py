"""gevent's HTTP handler, with upgrades through gevent-websocket.

An upgrade is not carried out at once: the application behind (the listener)
is called first and decides, so that a request which is refused never becomes
a WebSocket. What it needs for that is in the environ:

``sockio_gevent.socket``
    the socket of the request, to notice a peer that hangs up.
``sockio_gevent.upgrade``
    if the request asks for a WebSocket, an :class:`Upgrade`.
"""

from __future__ import annotations

import binascii
import logging
import socket
from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any

from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler

from .websocket import WebSocket

__all__ = ["Upgrade", "UpgradeHandler", "take_over"]

StartResponse = Callable[..., Any]


class UpgradeHandler(WebSocketHandler):  # type: ignore[misc]
    """Handles requests as before, and hands upgrades to the application."""

    #: How large a message an application's own WebSocket routes accept, in bytes.
    max_message_size = 1024 * 1024

    @property
    def logger(self) -> logging.Logger:
        """Where gevent-websocket's own lines go; it would set up handlers of its own."""
        return logging.getLogger("geventwebsocket.handler")

    def handle(self) -> None:
        """Handle the requests of one connection."""
        if self.socket.family in (socket.AF_INET, socket.AF_INET6):
            # The server writes head and body of an answer separately: Nagle's
            # algorithm (RFC 896) would hold the second back until the client
            # acknowledges the first, which many do only after 40 ms.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def run_application(self) -> None:
        """Call the application; see :meth:`gevent.pywsgi.WSGIHandler.run_application`."""
        environ = self.environ
        environ["sockio_gevent.socket"] = self.socket
        if _asks_for_websocket(environ):
            environ["sockio_gevent.upgrade"] = Upgrade(self)
            # Past gevent-websocket, which would upgrade before anyone is asked.
            super(WebSocketHandler, self).run_application()
        else:
            super().run_application()

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """Begin a response; only that of an upgrade is gevent-websocket's business."""
        if self.environ.get("wsgi.websocket") is None:
            return super(WebSocketHandler, self).start_response(status, headers, exc_info)
        return super().start_response(status, headers, exc_info=exc_info)

    def log_request(self) -> None:
        """Write the access log as the server would without us."""
        super(WebSocketHandler, self).log_request()


def _asks_for_websocket(environ: dict[str, Any]) -> bool:
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in environ.get("HTTP_CONNECTION", "").lower()
    )


class Upgrade:
    """A request for a WebSocket that nobody has answered yet."""

    __slots__ = ("_handler",)

    def __init__(self, handler: UpgradeHandler) -> None:
        self._handler = handler

    def problem(self) -> tuple[str, str] | None:
        """Why the handshake cannot succeed: a status and a text, or ``None`` (RFC 6455 4.2)."""
        environ = self._handler.environ
        if self._handler.request_version != "HTTP/1.1":
            return "400 Bad Request", "a WebSocket needs HTTP/1.1"
        version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
        if version not in self._handler.SUPPORTED_VERSIONS:
            return "426 Upgrade Required", f"no WebSocket version {version!r} here"
        try:
            key = b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 16:
            return "400 Bad Request", "Sec-WebSocket-Key is not 16 bytes in base64"
        return None

    def accept(self, max_size: int) -> WebSocket:
        """Switch protocols; only to be called if there is no :meth:`problem`.

        Args:
            max_size: the largest message to accept, in bytes.
        """
        handler = self._handler
        handler.upgrade_websocket()
        # gevent-websocket's own object ends here. Marked as closed, it does
        # not send a close frame when it is collected.
        handler.websocket.closed = True
        websocket = WebSocket(handler.environ, handler, max_size)
        handler.websocket = handler.environ["wsgi.websocket"] = websocket
        handler.write(b"")
        return websocket

    def run(self, application: Any, start_response: StartResponse) -> Iterable[bytes]:
        """Give the WebSocket to an application, as gevent-websocket does.

        Args:
            application: the WSGI application; it finds ``wsgi.websocket`` in its environ.
            start_response: what to answer with if the handshake fails.
        """
        handler = self._handler
        # Where gevent-websocket looks for the protocols that the application speaks.
        handler.application = application
        problem = self.problem()
        if problem is not None:
            status, text = problem
            start_response(status, [("Content-Type", "text/plain"), self.versions()])
            return [text.encode()]
        websocket = self.accept(handler.max_message_size)
        try:
            handler.run_websocket()
        finally:
            websocket.linger()
        return []

    def versions(self) -> tuple[str, str]:
        """The header that names the versions there are, RFC 6455 section 4.4."""
        return "Sec-WebSocket-Version", ", ".join(self._handler.SUPPORTED_VERSIONS)


def take_over(server: WSGIServer, application: Any, max_message_size: int) -> Any:
    """Put an application before the one that a server has, and let it upgrade.

    Args:
        server: the server; its handler class is extended, not replaced.
        application: the new application.
        max_message_size: the limit for the server's other WebSocket routes, in bytes.

    Returns:
        The application that the server had, or ``None``.
    """
    before = getattr(server, "application", None)
    server.application = application
    handler_class = server.handler_class
    if not issubclass(handler_class, UpgradeHandler):
        bases: tuple[type, ...] = (UpgradeHandler,)
        if handler_class not in (WSGIHandler, WebSocketHandler):
            bases = (UpgradeHandler, handler_class)
        server.handler_class = type(
            handler_class.__name__, bases, {"max_message_size": max_message_size}
        )
    return before
