"""gevent's HTTP handler, with upgrades through gevent-websocket.

An upgrade is not carried out at once: the application behind (the listener)
is called first and decides, so that a request which is refused never becomes
a WebSocket. What it needs for that is in the environ:

``sockio_gevent.socket``
    the socket of the request, to notice a peer that hangs up.
``sockio_gevent.abandon_input``
    to call when the rest of a request's body is not wanted.
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

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler

from ..log import Log
from ..wire.protocols import Hixie, Rfc6455, WebSocketProtocol
from ..wire.websocket import INTERNAL_ERROR
from .hixie import draft_problem, is_draft, shake_hands
from .policy import answer_policy_request
from .websocket import WebSocket

__all__ = ["Upgrade", "UpgradeHandler", "take_over"]

_LINGER_TIME = 1.0  # seconds, and
_LINGER_READS = 64  # times 64 KiB, that a refused body is read on

StartResponse = Callable[..., Any]


class UpgradeHandler(WebSocketHandler):  # type: ignore[misc]
    """Handles requests as before, and hands upgrades to the application."""

    #: How large a message an application's own WebSocket routes accept, in bytes.
    max_message_size = 1024 * 1024

    #: Makes the Flash policy file for a connection, if one is to be had on this port.
    policy: Callable[[Any], bytes] | None = None
    policy_log = Log()

    #: Whether the application has decided that this request becomes a WebSocket.
    upgrade_accepted = False

    _first_request = True

    def handle(self) -> None:
        """Handle the requests of one connection."""
        try:
            # The server writes head and body of an answer separately: Nagle's
            # algorithm (RFC 896) would hold the second back until the client
            # acknowledges the first, which many do only after 40 ms.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # no TCP, or reset already
        super().handle()

    def read_requestline(self) -> str:
        """Read the first line of a request, or answer one for a policy file."""
        if self._first_request and self.policy is not None:
            self._first_request = False
            # No HTTP request begins like this, and this one has no line end to wait for.
            if self.rfile.peek(1)[:1] == b"<":
                answer_policy_request(self.socket, self.rfile, self.policy, self.policy_log)
                return ""
        return super().read_requestline()  # type: ignore[no-any-return]

    def run_application(self) -> None:
        """Call the application; see :meth:`gevent.pywsgi.WSGIHandler.run_application`."""
        self.environ["sockio_gevent.socket"] = self.socket
        self.environ["sockio_gevent.abandon_input"] = self.abandon_input
        if _asks_for_websocket(self.environ):
            # Refused, the eight bytes behind a hixie-76 head would be read as a request.
            self.close_connection |= "HTTP_SEC_WEBSOCKET_KEY1" in self.environ
            self.environ["sockio_gevent.upgrade"] = Upgrade(self)
        super().run_application()

    def upgrade_websocket(self) -> Any:
        """Upgrade, but not before the application has been asked, as gevent-websocket would."""
        return super().upgrade_websocket() if self.upgrade_accepted else None

    def abandon_input(self) -> None:
        """Do not read the rest of a body to its end, however long it is."""
        self.close_connection = True
        self.wsgi_input = _AbandonedInput(self.rfile)


class _AbandonedInput:
    """What is left of a body that has been refused.

    Some of it is read, because a client that is still writing when the
    connection is closed may not get to see the answer.
    """

    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile

    def _discard(self) -> None:
        with gevent.Timeout(_LINGER_TIME, False):
            for _ in range(_LINGER_READS):
                if not self._rfile.read1(64 * 1024):
                    break


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

    def problem(self, drafts: bool = False) -> tuple[str, str] | None:
        """Why the handshake cannot succeed: a status and a text, or ``None`` (RFC 6455 4.2).

        Args:
            drafts: whether the drafts before RFC 6455 will do, too.
        """
        environ = self._handler.environ
        if self._handler.request_version != "HTTP/1.1":
            return "400 Bad Request", "a WebSocket needs HTTP/1.1"
        if drafts and is_draft(environ):
            return draft_problem(environ)
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

    def accept(self, max_size: int) -> WebSocket | None:
        """Switch protocols; only to be called if there is no :meth:`problem`.

        Args:
            max_size: the largest message to accept, in bytes.

        Returns:
            The WebSocket, or ``None`` if the client did not finish its handshake.
        """
        handler = self._handler
        protocol: WebSocketProtocol
        if is_draft(handler.environ):
            protocol = Hixie(max_size, closing="HTTP_SEC_WEBSOCKET_KEY1" in handler.environ)
            # As gevent-websocket does it: what follows is no HTTP any more.
            handler.close_connection = True
            if not shake_hands(handler):
                return None
        else:
            protocol = Rfc6455(max_size)
            handler.upgrade_accepted = True
            handler.upgrade_websocket()
            # gevent-websocket's own object ends here. Marked as closed, it does
            # not send a close frame when it is collected.
            handler.websocket.closed = True
            handler.write(b"")
        websocket = WebSocket(handler.environ, handler, protocol)
        handler.websocket = handler.environ["wsgi.websocket"] = websocket
        return websocket

    def run(
        self, application: Any, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Give the WebSocket to an application, as gevent-websocket does.

        Args:
            application: the WSGI application; it finds ``wsgi.websocket`` in its environ.
            environ: the environ to call it with.
            start_response: what to answer with if the handshake fails.
        """
        handler = self._handler
        # Where gevent-websocket looks for the protocols that the application speaks.
        handler.application = application
        handler.environ = environ
        problem = self.problem()
        if problem is not None:
            status, text = problem
            headers = [("Content-Type", "text/plain"), *self.versions()]
            start_response(status, headers)
            return [text.encode()]
        websocket = self.accept(handler.max_message_size)
        if websocket is None:
            return []

        def call(*arguments: Any) -> list[bytes]:
            try:
                return list(application(*arguments))
            except Exception:
                websocket.close(INTERNAL_ERROR)
                websocket.connection.end()
                raise

        handler.application = call
        try:
            handler.run_websocket()
            websocket.linger()
        finally:
            websocket.abort("")
        return []

    def versions(self) -> list[tuple[str, str]]:
        """What goes with a refusal: how it would be right, RFC 6455 section 4.4."""
        return [
            ("Sec-WebSocket-Version", ", ".join(self._handler.SUPPORTED_VERSIONS)),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
        ]


def take_over(
    server: WSGIServer,
    application: Any,
    max_message_size: int,
    policy: Callable[[Any], bytes] | None,
    log: Log,
) -> Any:
    """Put an application before the one that a server has, and let it upgrade.

    Args:
        server: the server; its handler class is extended, not replaced.
        application: the new application.
        max_message_size: the limit for the server's other WebSocket routes, in bytes.
        policy: makes the Flash policy file for a connection, or ``None`` for no such file.
        log: where it is said if that file cannot be served.

    Returns:
        The application that the server had, or ``None``.
    """
    before = getattr(server, "application", None)
    server.application = application
    handler_class = server.handler_class
    attributes: dict[str, Any] = {"max_message_size": max_message_size}
    if policy is not None:
        attributes["policy"] = staticmethod(policy)
        attributes["policy_log"] = log
    bases: tuple[type, ...] = (handler_class,)
    if not issubclass(handler_class, UpgradeHandler):
        bases = (
            (UpgradeHandler,) if handler_class is WSGIHandler else (UpgradeHandler, handler_class)
        )
    if not issubclass(handler_class, WebSocketHandler):
        # gevent-websocket would write the access log elsewhere, and set up a
        # logger of its own on the server.
        attributes["log_request"] = handler_class.log_request
        attributes["logger"] = logging.getLogger("geventwebsocket.handler")
    server.handler_class = type(handler_class.__name__, bases, attributes)
    return before
