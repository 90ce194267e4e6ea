"""gevent's HTTP handler, with upgrades by gevent-websocket.

The handler does not upgrade at once. It first calls the application (the
listener), which decides; so a request that is refused never becomes a
WebSocket. The environ has the handler itself under one key, as the
:class:`~.environ.ServerConnection` of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gevent.pywsgi import WSGIHandler

from ...wire.websocket import INTERNAL_ERROR
from ...wire.websocket_extensions import PerMessageDeflate
from ...wire.websocket_versions import Hixie
from ..handover.departures import Departure, HandlerDeparture
from ..handover.doors import Doors, ServerDoor
from ..stream.sockets import send_at_once, tls_hang_ups
from ..stream.websocket import WebSocket
from .environ import CONNECTION
from .fast_path import FastHandler
from .flash_policy import answer_policy_request
from .hixie_handshake import shake_hands
from .upgrade import Upgrade, asks_for_websocket, may_upgrade

__all__ = ["HandlerUpgrade", "UpgradeHandler"]

StartResponse = Callable[..., Any]


class UpgradeHandler(FastHandler):
    """Handles requests as before, and passes upgrades to the application."""

    #: The largest message that the application's own WebSocket routes accept, in bytes.
    max_message_size = 1024 * 1024

    #: Makes the Flash policy file for a connection, if this port serves one.
    policy: Callable[[Any], bytes] | None = None

    #: The resources of the listeners on the server.
    resources: tuple[str, ...] = ()

    #: Whether the application has decided that this request becomes a WebSocket.
    upgrade_accepted = False

    #: With TLS, a client that hangs up causes these errors, too.
    ignored_socket_errors = (*WSGIHandler.ignored_socket_errors, *tls_hang_ups())

    def handle(self) -> None:
        """Handle the requests of one connection."""
        send_at_once(self.socket)
        super().handle()

    def read_requestline(self) -> str:
        """Read the first line of a request, or answer a request for a policy file."""
        if self._first_request and self.policy is not None:
            self._first_request = False
            # No HTTP request begins like this, and a policy request has no line end.
            if self.rfile.peek(1)[:1] == b"<":
                answer_policy_request(self.socket, self.rfile, self.policy, self.throttled_log)
                return ""
        return super().read_requestline()

    def run_application(self) -> None:
        """Call the application; see :meth:`gevent.pywsgi.WSGIHandler.run_application`."""
        self.environ[CONNECTION] = self
        self.upgrade = None
        if asks_for_websocket(self.environ):
            # If it is refused, the eight bytes after a hixie-76 head are not a request.
            self.close_connection |= "HTTP_SEC_WEBSOCKET_KEY1" in self.environ
            self.upgrade = HandlerUpgrade(self)
        super().run_application()

    def note_door(self, doors: Doors) -> None:
        """Note its server; see :class:`~.environ.ServerConnection`."""
        doors.note(self.server, ServerDoor)

    def departure(self) -> Departure | None:
        """How the connection can leave this worker; see :class:`~.environ.ServerConnection`."""
        possible = self.hands_over and HandlerDeparture.is_possible(self)
        return HandlerDeparture(self) if possible else None

    def upgrade_websocket(self) -> Any:
        """Upgrade only after the application has agreed; gevent-websocket would do it before."""
        return super().upgrade_websocket() if self.upgrade_accepted else None


class HandlerUpgrade(Upgrade):
    """An upgrade that gevent-websocket carries out."""

    __slots__ = ("_handler",)

    def __init__(self, handler: UpgradeHandler) -> None:
        super().__init__(handler.environ)
        self._handler = handler

    def accept(self, max_size: int, deflate: PerMessageDeflate | None = None) -> WebSocket | None:
        """Switch protocols; see :meth:`Upgrade.accept`."""
        handler = self._handler
        agreement = self._agree(deflate)
        protocol = self._protocol(max_size, agreement)
        if isinstance(protocol, Hixie):
            # As gevent-websocket does: what follows is not HTTP any more.
            handler.close_connection = True
            if not shake_hands(
                handler.environ, handler.path, self._send_head, handler.socket, handler.rfile
            ):
                return None
        else:
            handler.upgrade_accepted = True
            handler.upgrade_websocket()
            # gevent-websocket's own object is not used. It must be marked as closed,
            # or it sends a close frame when it is garbage-collected.
            handler.websocket.closed = True
            if agreement is not None:
                # gevent-websocket knows no extensions. Its head is not sent yet.
                header = (b"Sec-WebSocket-Extensions", agreement.answer.encode())
                handler.response_headers.append(header)
            handler.write(b"")
        websocket = WebSocket(handler.environ, handler.socket, handler.rfile, protocol, handler)
        handler.websocket = handler.environ["wsgi.websocket"] = websocket
        return websocket

    def release(self) -> Any:
        """Let the connection outlive the request; see :meth:`Upgrade.release`."""
        handler = self._handler
        if handler.server.pool is not None:
            # The pool limits the connections by counting its greenlets.
            return None
        file = handler.socket.makefile("rb", 0)
        # The handler and the server close the socket, but not this file.
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
            start_response: begins the answer if the handshake fails.
        """
        if not may_upgrade(environ):
            # With a body, or in HTTP/1.0, this is an ordinary request (RFC 9110, section 7.8).
            return application(environ, start_response)  # type: ignore[no-any-return]
        handler = self._handler
        # gevent-websocket looks here for the subprotocols of the application.
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
