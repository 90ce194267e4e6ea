"""The life of one session: its state, its downlinks and its heartbeat.

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

from ..monitoring.log import short_id
from ..monitoring.reasons import GOES_AWAY, CloseReason, End, Limit
from ..options.listener_options import TransportOptions
from ..transports.base import Downlink, Upload
from ..wire import classic as wire
from ..wire.packet import Packet
from ..wire.redact import printable
from ..wire.websocket import GOING_AWAY, INTERNAL_ERROR, NORMAL
from .handler_lock import HandlerLock, HandlerTimeout
from .loops import Loop
from .outbox import Outbox
from .session_host import SessionHost

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


class Session(Outbox):
    """One session, without what applications do with it.

    Attributes:
        replaced: the downlinks before it that may not be over yet.
        posts: how many POSTs are under way.
        slot: where the sweep has put it.
        uploads: the requests whose bodies are being read.
    """

    __slots__ = (
        "_awaits_echo",
        "_deadline",
        "_handler_lock",
        "_heartbeats",
        "_state",
        "connections",
        "environ",
        "posts",
        "replaced",
        "session_id",
        "slot",
        "transport",
        "uploads",
    )

    def __init__(
        self,
        listener: SessionHost,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
        greeting: Packet,
    ) -> None:
        super().__init__(listener, greeting)
        self.session_id = session_id
        self.transport = transport
        self.environ = environ
        self.connections = 0
        self.posts = 0
        self.replaced: Sequence[Downlink] = ()
        self.slot: int | None = None
        self._state = State.AWAY
        self._handler_lock = HandlerLock()
        self.uploads: set[Upload] | None = None
        self._deadline: float | None = None
        self._heartbeats = 0
        self._awaits_echo = 0

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
    def owed(self) -> bool:
        """Whether messages wait that nothing but another request can carry."""
        downlink = self.downlink
        return bool(self._outbox) and (downlink is None or (self._polls and not downlink.ready))

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have."""
        if self._state is _CLOSED:
            return False
        older, self.downlink = self.downlink, None
        if older is not None:
            self._take_back(older.take_back())
            older.close(NORMAL, "replaced by a newer connection")
            self._put_aside(older)
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
            self.loop.flush.touch(self)
        return True

    def _put_aside(self, downlink: Downlink | None) -> None:
        """Remember a downlink that carries nothing more, until it is over."""
        downlinks = self.replaced if downlink is None else (*self.replaced, downlink)
        self.replaced = [each for each in downlinks if not each.is_over]

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; without another one the session is away."""
        if downlink is not self.downlink:
            return
        self.downlink = None
        if not downlink.is_over:
            self._put_aside(downlink)
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

    def _echoed(self, number: str) -> None:
        if self._awaits_echo and number == str(self._heartbeats):
            self._awaits_echo = 0
            self._set_deadline(self._times().heartbeat_interval)

    def _poll_answered(self) -> None:
        # From now on it is the time to write the answer that is measured.
        self._set_deadline(self._times().duration)

    def _times(self) -> TransportOptions:
        return self.listener.options.transport_options[self.transport]

    def _set_deadline(self, seconds: float | None) -> None:
        now = monotonic()
        self._deadline = None if seconds is None else now + seconds
        limit = self.listener.options.handler_timeout
        if limit is None or (
            seconds is not None and seconds <= limit and not self._handler_lock.busy
        ):
            again = self._deadline
        else:
            again = self._look_again(now)
        if again is None:
            self.loop.deadlines.forget(self)
        else:
            self.loop.deadlines.look(self, again)

    def due(self, now: float) -> float | None:
        """The sweep asks: do what is due and return when to ask again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        limit = self.listener.options.handler_timeout
        if (
            limit is not None
            and self._handler_lock.busy
            and now - self._handler_lock.since >= limit
        ):
            self._stop_handler(limit)
        return self._look_again(now)

    def _look_again(self, now: float) -> float | None:
        """When something may be due next."""
        closed = self._state is _CLOSED
        deadline = None if closed else self._deadline
        limit = self.listener.options.handler_timeout
        if limit is None or (closed and not self._handler_lock.busy):
            return deadline
        # A handler that begins after this cannot be late before that.
        late = (min(self._handler_lock.since, now) if self._handler_lock.busy else now) + limit
        return late if deadline is None or late < deadline else deadline

    def _stop_handler(self, limit: float) -> None:
        """Let go of a handler that has not returned, and of the session that waits for it."""
        text = f"a handler has not returned for {limit:g} s"
        if self._state is _CLOSED:
            name = "session %s (%s, %s) has ended, and %s"
            said = Limit.HANDLER.of(text)
            self.listener.limits.note(Limit.HANDLER, name, *self._named(), said)
        self.end(End(CloseReason.LIMIT, text, Limit.HANDLER), INTERNAL_ERROR)
        self._handler_lock.throw(HandlerTimeout(text))

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self._times()
        if downlink is None:
            self.end(End(CloseReason.AWAY, f"away for longer than {times.close_timeout} s"))
        elif times.duration is not None:
            if not downlink.ready:
                text = "the answer of a poll was not taken in time"
                self.end(End(CloseReason.STALLED, text), abort=True)
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
            self.detach(downlink, End(CloseReason.HEARTBEAT, text), undelivered)

    def _may_have_echoed(self, downlink: Downlink) -> bool:
        """Whether the echo of a heartbeat may be there without having been read."""
        if self._handler_lock.busy:
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
        self.ending = end
        self._set_deadline(None)
        self.listener.counters.note_closed(end.reason)
        downlink = self.downlink
        self._put_aside(downlink)
        self.listener.ended(self, end, self.replaced)
        outbox = self._put_outbox_down(kept=downlink is not None and not abort)
        self.downlink = None
        for upload in self.uploads or ():
            upload.cut()  # nobody wants the rest of it
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                downlink.close(code, end.text, outbox)
        if self._counted:
            self.settle()
        log = self.listener.log.warning if abort else self.listener.log.info
        self._log_end(log, "session %s (%s, %s) ended: %s", end)

    @property
    def is_carried(self) -> bool:
        """Whether a connection of it is not over yet."""
        return any(not each.is_over for each in self.replaced)

    def let_go(self, end: End) -> None:
        """Hold nothing any more: end at once, and cut what the end has left."""
        self.end(end, abort=True)
        self.cut()

    def cut(self) -> None:
        """Cut the connections that it still has after its end."""
        for downlink in self.replaced:
            downlink.abort()

    def release(self) -> None:
        """Nothing of the session is under way any more: what it held is free."""
        super().release()
        # An application may keep its client for longer.
        self.replaced = ()

    def move(self, loop: Loop) -> None:
        """Go on with another loop, because the thread of the one before has ended.

        What was under way in that thread never goes on.
        """
        self.loop = loop
        self.slot = None
        self.touched = False
        for downlink in (*self.replaced, self.downlink):
            if downlink is not None:
                downlink.shut_down()
        for upload in self.uploads or ():
            upload.cut()
        self.downlink = None
        self.replaced = ()
        self.uploads = None
        self.incoming = 0
        self._handler_lock = HandlerLock()

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
