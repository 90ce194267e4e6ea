"""A session of Engine.IO: polls without an end, an upgrade, and the events of Socket.IO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dialects.engineio import EngineIO
from ..dialects.socketio import SocketIO, SocketIOPeer
from ..monitoring.reasons import ANSWERED, NONE_TAKEN, CloseReason, End
from ..options.serializer import LoadsFailed
from ..transports.downlink import Downlink
from ..transports.engineio_websocket import Trial, Upgradable
from ..wire.packet import Packet
from ..wire.socketio import Decoder, ReceivedName
from ..wire.websocket import PROTOCOL_ERROR
from .heartbeats import EngineIOHeartbeats
from .loops import Loop
from .session_host import SessionHost

__all__ = ["EngineIOSession"]

# The ends that clients are told of by their next poll, and with it what was sent before.
_WITH_FAREWELL = frozenset((CloseReason.APPLICATION, CloseReason.SERVER))


class EngineIOSession(EngineIOHeartbeats, SocketIOPeer, Upgradable):
    """One peer's link, in the dialect of Engine.IO.

    Attributes:
        text_only: whether its client takes no binary payloads of polls.
        decoder: what puts events and their attachments together; ``None`` without Socket.IO.
        upgrade: the WebSocket that the client tries; ``None`` if there is none.
    """

    __slots__ = (
        "_unfinished",
        "decoder",
        "text_only",
        "upgrade",
    )

    def __init__(
        self,
        host: SessionHost,
        dialect: EngineIO,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self.upgrade: Trial | None = None
        self.text_only = False
        self.decoder: Any = None
        self._unfinished = 0  # bytes of a Socket.IO packet whose attachments are still to come
        if isinstance(dialect, SocketIO):
            self.decoder = dialect.new_decoder()
            if dialect.connects_itself:
                self._namespaces = {"/": 0}
            else:
                self._connect_by = self._heard + host.options.connect_timeout
        self._await_heartbeat()

    # --- its downlinks ---

    @property
    def is_polling(self) -> bool:
        """Whether its transport is polling."""
        return self._polls

    def _attached(self) -> None:
        downlink = self.downlink
        upgrade = self.upgrade
        if upgrade is not None and upgrade.probed and downlink is not None and not self._outbox:
            # The client goes on with its WebSocket when no poll waits any more.
            downlink.write((self.engineio.NOOP,))

    def _detached(self, end: End) -> None:
        # No client comes back with the same session after a poll that was cut off.
        if not (self._polls and end is ANSWERED):
            self.end(end)

    def note_trial(self, downlink: Downlink) -> None:
        """The client has opened a WebSocket to try it: whoever ends the session waits for it."""
        if self.ending is None:
            self._put_aside(downlink)

    def begin_upgrade(self) -> None:
        """The client tries a WebSocket, and it works: end its polls."""
        downlink = self.downlink
        if downlink is not None and downlink.ready and not self._outbox:
            downlink.write((self.engineio.NOOP,))

    def finish_upgrade(self, downlink: Downlink) -> None:
        """Go on with the WebSocket; polls are over."""
        self.upgrade = None
        poll = self.downlink
        if poll is not None and poll.ready:
            self.downlink = None
            poll.write((self.engineio.NOOP,))
            self._put_aside(poll)
        if not self.attach(downlink):
            downlink.close(PROTOCOL_ERROR, "the session has ended")

    def give_up_upgrade(self, upgrade: Trial) -> None:
        """The client does not go on with its WebSocket: the session goes on with polling."""
        if self.upgrade is upgrade:
            self.upgrade = None

    def end(self, end: End, code: int = 1000, abort: bool = False) -> None:
        """End the session. Every end of a session comes here."""
        if self.ending is not None:
            return
        upgrade, self.upgrade = self.upgrade, None
        farewell = self.farewell(end)
        super().end(end, code, abort)
        if upgrade is not None:
            upgrade.end_session(len(farewell) > 1, code, end.text)

    def take_farewell(self) -> Sequence[Packet]:
        """Take the first batch for the polls after the end; a poll may have taken it already."""
        return self.host.recently_ended.take_farewell(self.session_id)

    def farewell(self, end: End) -> Sequence[Sequence[Packet]]:
        """The batches for the next polls, if the server ends the session."""
        if not self._polls:
            return ()
        waits = self.downlink is not None and self.downlink.ready
        if end.reason is CloseReason.CLIENT and not waits:
            # The client closes by a POST, and its poll may come a moment later.
            return (self.dialect.last(end, self.transport),)
        if end.reason not in _WITH_FAREWELL:
            return ()
        if waits and not self._outbox:
            return ()
        close = self.dialect.last(end, self.transport)
        return (close,) if waits or not self._outbox else (self._outbox, close)

    def _last(self, end: End, outbox: Sequence[Packet]) -> Sequence[Packet]:
        """A close packet, unless that has to wait for the next poll.

        Released clients drop messages that come in one payload with a close packet.
        """
        if self._polls and outbox and end.reason in _WITH_FAREWELL:
            return ()
        return super()._last(end, outbox)

    def release(self) -> None:
        """The session has closed: free what it held."""
        self.incoming -= self._unfinished
        self.decoder = None
        self._unfinished = 0
        super().release()

    def move(self, loop: Loop) -> None:
        """Go on with another loop; see :meth:`Session.move`."""
        super().move(loop)
        # Nothing is incoming any more.
        self._unfinished = 0

    def _poll_answered(self) -> None:
        pass  # if the client does not take the answer, it does not answer the next ping either

    # --- what comes in ---

    def receive(self, payloads: list[str | bytes]) -> str:
        """Take packets from the client; see :meth:`Inbox.receive`. A mistake ends the session."""
        problem = ""
        for packet in payloads:
            if self.ending is not None:
                return problem or NONE_TAKEN
            try:
                problem = self.dialect.receive(self, packet)
            except LoadsFailed:
                return self._not_read()
            if problem:
                text = f"protocol error: {problem}"
                self.end(End(CloseReason.PROTOCOL, text), PROTOCOL_ERROR)
                return problem
        # The compiled form reads attributes of a known type in a fraction of the time.
        decoder: Decoder | None = self.decoder
        if decoder is not None and decoder.held != self._unfinished:
            change = decoder.held - self._unfinished
            self._unfinished = decoder.held
            self.take_in(change)
        self._settle_receipt()
        return problem

    def left_by_client(self) -> None:
        """The client has closed the session."""
        self.end(End(CloseReason.CLIENT, "closed by the client"))

    def take_event(
        self,
        namespace: str,
        name: ReceivedName,
        arguments: list[Any],
        ack_id: int | None,
        cost: int,
    ) -> None:
        """The client has sent an event."""
        event = namespace, name, arguments, ack_id
        self.handlers.put(self.host.event_received, event, cost)

    def acknowledged(self, namespace: str, ack_id: int, arguments: list[Any], cost: int) -> None:
        """The client has answered an event."""
        self.host.receiver.acknowledged(self, namespace, ack_id, arguments, cost)
