"""A session of Engine.IO: pings one way or the other, polls without an end, an upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from ..dialects.engineio import EngineIO
from ..dialects.socketio import SocketIO, SocketIOPeer
from ..hub.deadlines import RESOLUTION
from ..monitoring.reasons import ANSWERED, NONE_TAKEN, CloseReason, End
from ..options.serializer import LoadsFailed
from ..transports.downlink import Downlink
from ..transports.engineio_websocket import Trial, Upgradable
from ..wire.packet import Packet
from ..wire.socketio import Decoder, ReceivedName
from ..wire.websocket import PROTOCOL_ERROR
from .loops import Loop
from .memberships import Memberships
from .session_host import SessionHost

__all__ = ["EngineIOSession"]

# The ends that clients are told of by their next poll, and with it what was sent before.
_WITH_FAREWELL = frozenset((CloseReason.APPLICATION, CloseReason.SERVER))

# Seconds: clients and servers do not measure a time from the same moment.
_A_MOMENT = 0.005


class EngineIOSession(Memberships, SocketIOPeer, Upgradable):
    """One peer's link, in the dialect of Engine.IO.

    Attributes:
        text_only: whether its client takes no binary payloads of polls.
        decoder: what puts events and their attachments together; ``None`` without Socket.IO.
        engineio: its dialect.
        upgrade: the WebSocket that the client tries; ``None`` if there is none.
    """

    __slots__ = (
        "_heard",
        "_unfinished",
        "decoder",
        "engineio",
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
        self.engineio = dialect
        self.upgrade: Trial | None = None
        self.text_only = False
        self.decoder: Any = None
        self._heard = monotonic()
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

    # --- its heartbeats ---

    @property
    def is_overdue(self) -> bool:
        """Whether it is about to end, because its client was not heard in time."""
        if not self.engineio.pings:
            return self._seconds_left() <= _A_MOMENT
        late = self._deadline is not None and monotonic() >= self._deadline
        return late and self._awaits_answer > 0

    def _seconds_left(self) -> float:
        """How long a client that sends the pings may still be silent."""
        options = self.host.options
        return self._heard + options.ping_interval + options.ping_timeout - monotonic()

    def heard(self) -> None:
        """The client has sent something, so it lives."""
        if not self.engineio.pings:
            self._heard = monotonic()
        elif self._awaits_answer:
            self._await_heartbeat()

    def pinged(self, pong: Packet) -> None:
        """The client has sent a ping, which this packet answers."""
        self.enqueue(pong)

    def _await_heartbeat(self) -> None:
        """Set the deadline for the next ping, or for the client to send something."""
        options = self.host.options
        self._awaits_answer = 0
        if self.engineio.pings:
            # Deadlines come a little late; a ping may come a little early.
            interval = options.ping_interval
            self._set_deadline(max(interval - RESOLUTION, interval / 2))
        else:
            self._set_deadline(options.ping_interval + options.ping_timeout)

    def _poll_answered(self) -> None:
        pass  # if the client does not take the answer, it does not answer the next ping either

    def _on_deadline(self) -> None:
        options = self.host.options
        if not self.engineio.pings:
            left = self._seconds_left()
            if left > 0:
                self._set_deadline(left)
            else:
                self.heartbeat_lost()
        elif not self._awaits_answer:
            self._awaits_answer = 1
            self._set_deadline(options.ping_timeout)
            self.enqueue(self.engineio.PING)
        else:
            downlink = self.downlink
            if downlink is not None and self._may_have_answered(downlink):
                self._set_deadline(options.ping_timeout)
            else:
                self.heartbeat_lost()

    def heartbeat_lost(self) -> None:
        """End the session, because its client was not heard in time."""
        options = self.host.options
        text = f"no answer to a ping in {options.ping_timeout:g} s"
        if not self.engineio.pings:
            text = f"nothing came for {options.ping_interval + options.ping_timeout:g} s"
        self.end(End(CloseReason.HEARTBEAT, text))

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
