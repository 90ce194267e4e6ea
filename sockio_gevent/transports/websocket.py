"""The websocket transport: each text frame holds one payload."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..server.http.request import Refusal, Request
from ..wire.websocket import GOING_AWAY
from .base import Transport
from .carried import Carried
from .socket_downlink import SocketDownlink

if TYPE_CHECKING:
    from ..server.stream.websocket import WebSocket

__all__ = ["FlashSocketTransport", "WebSocketTransport"]


class WebSocketTransport(Transport):
    """Messages both ways over one socket."""

    name = "websocket"
    methods = ("GET",)

    def _take(self, request: Request, session: Carried, body: bytes) -> str:
        raise NotImplementedError  # nothing is posted

    def check(self, request: Request) -> None:
        """Refuse a request that is not a good handshake."""
        upgrade = request.upgrade
        if upgrade is None:
            raise Refusal(
                "426 Upgrade Required",
                self.no_upgrade(request),
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
            )
        problem = upgrade.problem(drafts=True)
        if problem is not None:
            raise problem

    def no_upgrade(self, request: Request) -> str:
        """Why a request has no upgrade."""
        if "HTTP_UPGRADE" in request.environ:
            return (
                "the socket of this connection is out of reach: middleware stands between "
                "the server and the listener, or the server does not give it"
            )
        return "the request asks for no WebSocket, or a proxy did not pass that on"

    def switch(self, request: Request) -> WebSocket:
        """Switch protocols."""
        upgrade: Any = request.upgrade
        options = self.options
        deflate = options.per_message_deflate or None
        websocket: WebSocket | None = upgrade.accept(options.max_message_size, deflate)
        request.answered = True
        if websocket is None:
            raise Refusal("400 Bad Request", "half a handshake")
        return websocket

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Switch protocols, and read messages until the socket ends."""
        websocket = self.switch(request)
        try:
            session = acquire()
        except Refusal:  # the quota is used up, or the listener has been closed meanwhile
            websocket.close(GOING_AWAY)
            websocket.linger()
            websocket.abort()
            raise
        downlink = SocketDownlink(self.name, websocket, session)
        try:
            if not session.attach(downlink):
                websocket.close()
            downlink.serve(request)
        except BaseException:
            downlink.over()
            raise
        return []


class FlashSocketTransport(WebSocketTransport):
    """The same transport for the sockets of a Flash shim."""

    name = "flashsocket"
