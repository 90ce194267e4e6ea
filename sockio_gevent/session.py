"""The life of one session: its state, its outbox and its heartbeat.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else. What applications see of a session is
:class:`~sockio_gevent.Client`, which builds on this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic
from typing import Any

from .ends import GOES_AWAY, Cause, End
from .events import Emitter
from .limits import Limit
from .log import short_id
from .options import TransportOptions
from .table import Table
from .transports.base import Downlink
from .turns import HandlerTimeout, Turns
from .wire import payload as wire
from .wire.discretion import printable
from .wire.packet import Packet
from .wire.websocket import GOING_AWAY, INTERNAL_ERROR, NORMAL

__all__ = ["Session"]


class State(Enum):
    """Where a session is in its life."""

    OPEN = "open"
    AWAY = "away"
    CLOSED = "closed"


# Looked up in the class of an enumeration it would show.
_CLOSED = State.CLOSED

# How often the time for an echo may run out while there is something to read.
_MOST_WAITS = 4


class Session(Emitter):
    """One session, without what applications do with it.

    Attributes:
        downlink: what carries its messages, while it is open.
        replaced: the downlinks before it that may not be over yet.
        posts: how many POSTs are under way.
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
        "posts",
        "replaced",
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
        self.posts = 0
        self.replaced: Sequence[Downlink] = ()
        self.slot: int | None = None
        self.touched = False
        self._state = State.AWAY
        self._turns = Turns()
        self._outbox = [greeting]
        self._buffered = len(greeting.payload)
        self.downlink: Downlink | None = None
        self._deadline: float | None = None
        self._heartbeats = 0
        self._awaits_echo = 0
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

    @property
    def owed(self) -> bool:
        """Whether messages wait that nothing but another request can carry."""
        downlink = self.downlink
        return bool(self._outbox) and (downlink is None or (self._polls and not downlink.ready))

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
            self.replaced = [each for each in (*self.replaced, older) if not each.is_over]
            if not self.connected:
                return False
        self.downlink = downlink
        self._state = State.OPEN
        self.connections += 1
        self.transport = downlink.transport
        self._awaits_echo = 0
        times = self._times()
        self._polls = times.duration is not None
        self._set_deadline(times.heartbeat_interval or times.duration)
        if self.listener.closing:
            # It has come back for what waits, and this is the last request to carry it.
            self.end(GOES_AWAY, GOING_AWAY)
        elif self._outbox and not self.touched:
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
        self._log_end(self.listener.log.debug, "session %s (%s, %s) is away: %s", end)

    def _take_back(self, undelivered: Sequence[Packet]) -> None:
        """Put back what did not arrive; over the bound, that ends the session."""
        self._outbox[:0] = undelivered
        self._buffered = self._outbox_size()
        if undelivered:
            self._keep_bound()

    def _keep_bound(self) -> None:
        if self._buffered > self.listener.options.max_buffer:
            text = f"{self._buffered} bytes wait and are not taken"
            self.end(End(Cause.BUFFER, text, Limit.BUFFER), abort=True)

    def _echoed(self, number: str) -> None:
        if self._awaits_echo and number == str(self._heartbeats):
            self._awaits_echo = 0
            self._set_deadline(self._times().heartbeat_interval)

    def _times(self) -> TransportOptions:
        return self.listener.options.transport_options[self.transport]

    def _set_deadline(self, seconds: float | None) -> None:
        now = monotonic()
        self._deadline = None if seconds is None else now + seconds
        limit = self.listener.options.handler_timeout
        if limit is None or (seconds is not None and seconds <= limit and not self._turns.busy):
            again = self._deadline
        else:
            again = self._look_again(now)
        if again is None:
            self.listener.sweep.forget(self)
        else:
            self.listener.sweep.look(self, again)

    def due(self, now: float) -> float | None:
        """The sweep asks: do what is due and return when to ask again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        limit = self.listener.options.handler_timeout
        if limit is not None and self._turns.busy and now - self._turns.since >= limit:
            self._stop_handler(limit)
        return self._look_again(now)

    def _look_again(self, now: float) -> float | None:
        """When something may be due next."""
        closed = self._state is _CLOSED
        deadline = None if closed else self._deadline
        limit = self.listener.options.handler_timeout
        if limit is None or (closed and not self._turns.busy):
            return deadline
        # A handler that begins after this cannot be late before that.
        late = (min(self._turns.since, now) if self._turns.busy else now) + limit
        return late if deadline is None or late < deadline else deadline

    def _stop_handler(self, limit: float) -> None:
        """Let go of a handler that has not returned, and of the session that waits for it."""
        text = f"a handler has not returned for {limit:g} s"
        if self._state is _CLOSED:
            name = "session %s (%s, %s) has ended, and %s"
            said = Limit.HANDLER.of(text)
            self.listener.limits.note(Limit.HANDLER, name, *self._named(), said)
        self.end(End(Cause.LIMIT, text, Limit.HANDLER), INTERNAL_ERROR)
        self._turns.throw(HandlerTimeout(text))

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
            self._awaits_echo = 1
            self._set_deadline(times.timeout)
            self.enqueue(Packet(wire.encode_heartbeat(self._heartbeats)))
        elif self._may_have_echoed(downlink) and not downlink.hung_up():
            self._set_deadline(times.timeout)
        else:
            undelivered = downlink.take_back()
            downlink.close(INTERNAL_ERROR, "heartbeat lost")
            text = f"no echo of a heartbeat in {times.timeout} s"
            self.detach(downlink, End(Cause.HEARTBEAT, text), undelivered)

    def _may_have_echoed(self, downlink: Downlink) -> bool:
        """Whether the echo of a heartbeat may be there without having been read."""
        if self._turns.busy:
            return True  # while a handler blocks, nobody reads
        # Who sends without a pause always has something unread: the echo would
        # have come to light meanwhile.
        self._awaits_echo += 1
        return self._awaits_echo <= _MOST_WAITS and downlink.has_unread()

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session, for whatever reason; the one way it can end."""
        if self._state is _CLOSED:
            return
        self._state = State.CLOSED
        self._set_deadline(None)
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
        self._log_end(log, "session %s (%s, %s) ended: %s", end)

    def _log_end(self, log: Callable[..., None], line: str, end: End) -> None:
        if end.limit is None:
            log(line, *self._named(), end.text)
        else:
            self.listener.limits.note(end.limit, line, *self._named(), end.limit.of(end.text))

    def _named(self) -> tuple[str, str, str]:
        """What log lines call it: the start of its id, its transport and its peer."""
        # Middleware may have put there what a client has made up.
        peer = printable(str(self.environ.get("REMOTE_ADDR")))
        return short_id(self.session_id), self.transport, peer
