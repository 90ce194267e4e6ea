"""The life of one session: its state, its outbox and its heartbeat.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else. What applications see of a session is
:class:`~sockio_gevent.Client`, which builds on this.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from time import monotonic
from typing import Any

from .ends import Cause, End
from .events import Emitter
from .log import short_id
from .options import TransportOptions
from .table import Table
from .transports.base import Downlink
from .turns import Turns
from .wire import payload as wire
from .wire.packet import Packet
from .wire.websocket import INTERNAL_ERROR, NORMAL

__all__ = ["Session"]


class State(Enum):
    """Where a session is in its life."""

    OPEN = "open"
    AWAY = "away"
    CLOSED = "closed"


# Looked up in the class of an enumeration it would show.
_CLOSED = State.CLOSED


class Session(Emitter):
    """One session, without what applications do with it.

    Attributes:
        downlink: what carries its messages, while it is open.
        slot: where the sweep has put it.
        touched: whether it is to be flushed when the tick ends.
    """

    __slots__ = (
        "_awaits_echo",
        "_buffered",
        "_deadline",
        "_heartbeats",
        "_outbox",
        "_polls",
        "_state",
        "_turns",
        "connections",
        "downlink",
        "environ",
        "listener",
        "session_id",
        "slot",
        "touched",
        "transport",
    )

    def __init__(
        self,
        listener: Table,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
        greeting: Packet,
    ) -> None:
        super().__init__()
        self.listener = listener
        self.session_id = session_id
        self.transport = transport
        self.environ = environ
        self.connections = 0
        self.slot: int | None = None
        self.touched = False
        self._state = State.AWAY
        self._turns = Turns()
        self._outbox = [greeting]
        self._buffered = len(greeting.payload)
        self.downlink: Downlink | None = None
        self._deadline: float | None = None
        self._heartbeats = 0
        self._awaits_echo = False
        self._polls = False

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} {short_id(self.session_id)} {self.transport} {self._state.value}>"

    @property
    def connected(self) -> bool:
        """Whether the session lives; true also while the client is away for a moment."""
        return self._state is not _CLOSED

    @property
    def away(self) -> bool:
        """Whether it is between two requests."""
        return self._state is State.AWAY

    @property
    def buffered(self) -> int:
        """How many bytes of messages wait for the client to take them."""
        return self._buffered

    def enqueue(self, packet: Packet) -> None:
        """Put an encoded message into the outbox."""
        if self._state is _CLOSED:
            return
        self._outbox.append(packet)
        self._buffered += len(packet.payload)
        if self._buffered > self.listener.options.max_buffer:
            self._make_room()
        if not self.touched:
            self.listener.flush.touch(self)

    def flush(self) -> None:
        """Give the outbox to the downlink, if there is one and it is ready."""
        downlink = self.downlink
        if downlink is None or not self._outbox:
            return
        pending = downlink.offer(self._outbox)
        if pending is None:
            return
        self._outbox = []
        self.listener.counters.bytes_out += self._buffered
        if self._polls:
            # From now on it is the time to write the answer that is measured.
            self._set_deadline(self._times().duration)
        # What the socket did not take counts on, until drained() says it has.
        self._buffered = pending

    def _make_room(self) -> None:
        """Over the bound: what the socket takes right now does not count."""
        if self._state is _CLOSED or self.listener.flush.elsewhere(self._make_room):
            return
        self.flush()
        downlink = self.downlink
        pending = 0 if downlink is None else downlink.pending
        self._buffered = pending + self._outbox_size()
        self._keep_bound()

    def drained(self) -> None:
        """The downlink has written all that was pending."""
        self._buffered = self._outbox_size()
        if self._outbox and not self.touched:
            self.listener.flush.touch(self)

    def _outbox_size(self) -> int:
        return sum(len(packet.payload) for packet in self._outbox)

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have."""
        if self._state is _CLOSED:
            return False
        older, self.downlink = self.downlink, None
        if older is not None:
            self._take_back(older.take_back())
            older.close(NORMAL, "replaced by a newer connection")
            if not self.connected:
                return False
        self.downlink = downlink
        self._state = State.OPEN
        self.connections += 1
        self.transport = downlink.transport
        self._awaits_echo = False
        times = self._times()
        self._polls = times.duration is not None
        self._set_deadline(times.heartbeat_interval or times.duration)
        if self._outbox and not self.touched:
            self.listener.flush.touch(self)
        return True

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; without another one the session is away."""
        if downlink is not self.downlink:
            return
        self.downlink = None
        self._take_back(undelivered)
        if not self.connected:
            return
        close_timeout = self._times().close_timeout
        if not close_timeout:
            self.end(end)
            return
        self._state = State.AWAY
        self._set_deadline(close_timeout)
        self.listener.log.debug("session %s (%s, %s) is away: %s", *self._named(), end.text)

    def _take_back(self, undelivered: Sequence[Packet]) -> None:
        """Put back what did not arrive; over the bound, that ends the session."""
        self._outbox[:0] = undelivered
        self._buffered = self._outbox_size()
        if undelivered:
            self._keep_bound()

    def _keep_bound(self) -> None:
        if self._buffered > self.listener.options.max_buffer:
            text = f"{self._buffered} bytes wait and are not taken (option 'max_buffer')"
            self.end(End(Cause.BUFFER, text), abort=True)

    def _echoed(self, number: str) -> None:
        if self._awaits_echo and number == str(self._heartbeats):
            self._awaits_echo = False
            self._set_deadline(self._times().heartbeat_interval)

    def _times(self) -> TransportOptions:
        return self.listener.options.transport_options[self.transport]

    def _set_deadline(self, seconds: float | None) -> None:
        if seconds is None:
            self._deadline = None
            self.listener.sweep.forget(self)
        else:
            self._deadline = monotonic() + seconds
            self.listener.sweep.look(self, self._deadline)

    def due(self, now: float) -> float | None:
        """The sweep asks: do what is due and return when to ask again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        return None if self._state is _CLOSED else self._deadline

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self._times()
        if downlink is None:
            self.end(End(Cause.AWAY, f"away for longer than {times.close_timeout} s"))
        elif times.duration is not None:
            if not downlink.ready:
                text = "the answer of a poll was not taken in time"
                self.end(End(Cause.STALLED, text), abort=True)
            else:
                self._set_deadline(times.duration)
                downlink.write([])
        elif not self._awaits_echo:
            self._heartbeats += 1
            self._awaits_echo = True
            self._set_deadline(times.timeout)
            self.enqueue(Packet(wire.encode_heartbeat(self._heartbeats)))
        elif (self._turns.busy or downlink.has_unread()) and not downlink.hung_up():
            # While a handler blocks, nobody reads: the echo may well be there.
            self._set_deadline(times.timeout)
        else:
            undelivered = downlink.take_back()
            downlink.close(INTERNAL_ERROR, "heartbeat lost")
            text = f"no echo of a heartbeat in {times.timeout} s"
            self.detach(downlink, End(Cause.HEARTBEAT, text), undelivered)

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session, for whatever reason; the one way it can end."""
        if self._state is _CLOSED:
            return
        self._state = State.CLOSED
        self.listener.sweep.forget(self)
        self.listener.counters.closes[end.cause] += 1
        self.listener.ended(self)
        last = self._outbox_size()
        outbox, self._outbox = self._outbox, []
        self._buffered = 0
        downlink, self.downlink = self.downlink, None
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                self.listener.counters.bytes_out += last
                downlink.close(code, end.text, outbox)
        log = self.listener.log.warning if abort else self.listener.log.info
        log("session %s (%s, %s) ended: %s", *self._named(), end.text)

    def _named(self) -> tuple[str, str, str | None]:
        """What log lines call it: the start of its id, its transport and its peer."""
        return short_id(self.session_id), self.transport, self.environ.get("REMOTE_ADDR")
