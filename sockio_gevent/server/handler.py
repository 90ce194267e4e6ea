"""gevent's HTTP handler, with upgrades through gevent-websocket.

An upgrade is not carried out at once: the application behind (the listener)
is called first and decides, so that a request which is refused never becomes
a WebSocket. What it needs for that is in the environ:

``sockio_gevent.socket``
    the socket of the request, to notice a peer that hangs up.
``sockio_gevent.abandon_input``
    to call when the rest of a request's body is not wanted.
``sockio_gevent.upgrade``
    if the request asks for a WebSocket, an :class:`~.upgrade.Upgrade`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from ssl import SSL_ERROR_EOF
from typing import Any

from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler

from ..log import Log
from ..wire.head import request_line_pattern
from ..wire.protocols import Hixie
from ..wire.websocket import INTERNAL_ERROR
from .hixie import shake_hands
from .lean import LeanHandler, log_request
from .policy import answer_policy_request
from .sockets import send_at_once
from .upgrade import Upgrade, asks_for_websocket
from .websocket import WebSocket

__all__ = ["HandlerUpgrade", "UpgradeHandler", "take_over"]

StartResponse = Callable[..., Any]

# What plain requests pass by, and in a subclass may be meant to change something.
_PASSED_BY = (
    "MessageClass",
    "__init__",
    "_headers",
    "_sendall",
    "_write",
    "_write_with_headers",
    "finalize_headers",
    "format_request",
    "get_environ",
    "handle",
    "handle_one_request",
    "handle_one_response",
    "log_request",
    "process_result",
    "read_request",
    "read_requestline",
    "run_application",
    "start_response",
    "write",
)


class UpgradeHandler(LeanHandler):
    """Handles requests as before, and hands upgrades to the application."""

    #: How large a message an application's own WebSocket routes accept, in bytes.
    max_message_size = 1024 * 1024

    #: Makes the Flash policy file for a connection, if one is to be had on this port.
    policy: Callable[[Any], bytes] | None = None
    policy_log = Log()

    #: The resources of the listeners on the server.
    resources: tuple[str, ...] = ()

    #: Whether the application has decided that this request becomes a WebSocket.
    upgrade_accepted = False

    #: A client that hangs up shows in this way, too, where TLS stands between.
    ignored_socket_errors = (*WSGIHandler.ignored_socket_errors, SSL_ERROR_EOF)

    def handle(self) -> None:
        """Handle the requests of one connection."""
        send_at_once(self.socket)
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
        if asks_for_websocket(self.environ):
            # Refused, the eight bytes behind a hixie-76 head would be read as a request.
            self.close_connection |= "HTTP_SEC_WEBSOCKET_KEY1" in self.environ
            self.environ["sockio_gevent.upgrade"] = HandlerUpgrade(self)
        super().run_application()

    def upgrade_websocket(self) -> Any:
        """Upgrade, but not before the application has been asked, as gevent-websocket would."""
        return super().upgrade_websocket() if self.upgrade_accepted else None


class HandlerUpgrade(Upgrade):
    """An upgrade that gevent-websocket carries out."""

    __slots__ = ("_handler",)

    def __init__(self, handler: UpgradeHandler) -> None:
        super().__init__(handler.environ)
        self._handler = handler

    def accept(self, max_size: int) -> WebSocket | None:
        """Switch protocols; see :meth:`Upgrade.accept`."""
        handler = self._handler
        protocol = self._protocol(max_size)
        if isinstance(protocol, Hixie):
            # As gevent-websocket does it: what follows is no HTTP any more.
            handler.close_connection = True
            if not shake_hands(
                handler.environ, handler.path, self._send_head, handler.socket, handler.rfile
            ):
                return None
        else:
            handler.upgrade_accepted = True
            handler.upgrade_websocket()
            # gevent-websocket's own object ends here. Marked as closed, it does
            # not send a close frame when it is collected.
            handler.websocket.closed = True
            handler.write(b"")
        websocket = WebSocket(handler.environ, handler.socket, handler.rfile, protocol, handler)
        handler.websocket = handler.environ["wsgi.websocket"] = websocket
        return websocket

    def release(self) -> Any:
        """Let the connection outlive the request; see :meth:`Upgrade.release`."""
        handler = self._handler
        if handler.server.pool is not None:
            # Its size is the limit of connections, and its greenlets are what is counted.
            return None
        file = handler.socket.makefile("rb", 0)
        # What the handler, and the server behind it, close is not this file.
        handler.socket = None
        handler.close_connection = True
        return file

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._handler.start_response(status, headers)
        self._handler.provided_date = True
        self._handler.write(b"")

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
        handler.environ = self._environ = environ
        problem = self.problem()
        if problem is not None:
            start_response(problem.status, [("Content-Type", "text/plain"), *problem.headers])
            return [problem.text.encode()]
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
            websocket.abort()
        return []


def _is_as_before(handler_class: type) -> bool:
    """Whether a handler class reads requests and writes answers as pywsgi does."""
    known = (UpgradeHandler, LeanHandler, WebSocketHandler, WSGIHandler, object)
    # Those that were made here have resources of their own.
    users = [x for x in handler_class.__mro__ if x not in known and "resources" not in vars(x)]
    return not any(name in vars(base) for base in users for name in _PASSED_BY)


def take_over(
    server: WSGIServer,
    application: Any,
    resource: str,
    max_message_size: int,
    policy: Callable[[Any], bytes] | None,
    log: Log,
) -> Any:
    """Put an application before the one that a server has, and let it upgrade.

    Args:
        server: the server; its handler class is extended, not replaced.
        application: the new application.
        resource: the resource of the listener.
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
        own = handler_class.log_request
        attributes["log_request"] = log_request if own is WSGIHandler.log_request else own
        attributes["logger"] = logging.getLogger("geventwebsocket.handler")
    attributes["resources"] = resources = (*getattr(handler_class, "resources", ()), resource)
    made: Any = type(handler_class.__name__, bases, attributes)
    # A hook that gevent-websocket's server calls before each request is to see all of them.
    if _is_as_before(made) and not getattr(server, "pre_start_hook", None):
        made.plain = request_line_pattern(f"/{each}/" for each in resources)
    server.handler_class = made
    return before
