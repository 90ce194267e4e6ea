"""The websocket transport: each text frame holds one payload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ..ends import Cause, End
from ..server.request import Refusal, Request
from ..wire.packet import Packet
from ..wire.websocket import GOING_AWAY, UNSUPPORTED_DATA
from .base import Downlink, Session, Transport

if TYPE_CHECKING:
    from ..server.websocket import WebSocket

__all__ = ["FlashSocketTransport", "WebSocketTransport"]


class SocketDownlink(Downlink):
    """One WebSocket, for as long as it is open."""

    __slots__ = ("_batch", "_data", "_websocket")

    def __init__(self, transport: str, websocket: WebSocket, session: Session) -> None:
        super().__init__(transport)
        self._websocket = websocket
        # The last batch and its bytes, while the socket has not taken all of them.
        self._batch: Sequence[Packet] = ()
        self._data = b""
        websocket.connection.on_drained = lambda: self._drained(session)
        websocket.connection.on_broken = lambda: session.detach(
            self, End(Cause.LOST, "the connection was lost"), self.take_back()
        )

    @property
    def ready(self) -> bool:
        connection = self._websocket.connection
        return not connection.pending and not connection.broken

    @property
    def pending(self) -> int:
        return self._websocket.connection.pending

    def write(self, batch: Sequence[Packet]) -> None:
        data = self._websocket.protocol.frames(batch)
        connection = self._websocket.connection
        connection.write(data)
        if connection.pending or connection.broken:
            self._batch, self._data = batch, data

    def _drained(self, session: Session) -> None:
        self._batch, self._data = (), b""
        session.drained()

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        if last:
            self.write(last)
        self._websocket.connection.on_drained = None
        self._websocket.close(code, reason)

    def take_back(self) -> Sequence[Packet]:
        unsent = self._websocket.connection.unsent(self._data)
        if unsent:
            self.abort()
        count = 0
        for packet in reversed(self._batch):
            if unsent <= 0:
                break
            unsent -= len(self._websocket.protocol.frames((packet,)))
            count += 1
        return self._batch[len(self._batch) - count :]

    def has_unread(self) -> bool:
        return self._websocket.connection.has_unread()

    def hung_up(self) -> bool:
        return self._websocket.connection.hung_up()

    def abort(self) -> None:
        self._websocket.abort()

    def over(self) -> None:
        """The greenlet of the request is done with the socket."""
        self._websocket.abort()
        self._set_over()


class WebSocketTransport(Transport):
    """Messages both ways over one socket."""

    name = "websocket"
    methods = ("GET",)

    def downlink(self, request: Request, acquire: Callable[[], Session]) -> Iterable[bytes]:
        """Switch protocols, and read messages until the socket ends."""
        upgrade = request.upgrade
        if upgrade is None:
            problem = "the request asks for no WebSocket, or a proxy did not pass that on"
            if "HTTP_UPGRADE" in request.environ:
                problem = (
                    "the socket of this connection is out of reach: middleware stands between "
                    "the server and the listener, or the server does not give it"
                )
            raise Refusal(
                "426 Upgrade Required",
                problem,
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
            )
        problem = upgrade.problem(drafts=True)
        if problem is not None:
            raise problem
        websocket = upgrade.accept(self.options.max_message_size)
        if websocket is None:
            self.log.warning("%s from %s: half a handshake", self.name, request.peer)
            return []
        try:
            session = acquire()
        except Refusal:  # closed while the handshake was written
            websocket.close(GOING_AWAY)
            websocket.linger()
            websocket.abort()
            return []
        downlink = SocketDownlink(self.name, websocket, session)
        try:
            if not session.attach(downlink):
                websocket.close()
            session.announce()
            while batch := websocket.receive_batch():
                session.receive([payload for payload in batch if isinstance(payload, str)])
                if not all(isinstance(payload, str) for payload in batch):
                    websocket.close(UNSUPPORTED_DATA, "payloads are text")
                    websocket.end = End(Cause.PROTOCOL, "protocol error: a binary message")
        finally:
            end = websocket.end or End(Cause.LOST, "the server gave the connection up")
            session.detach(downlink, end, downlink.take_back())
            downlink.over()
        return []


class FlashSocketTransport(WebSocketTransport):
    """The same for sockets that a Flash shim makes."""

    name = "flashsocket"
