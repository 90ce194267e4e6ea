"""The life of one session: its downlinks, its heartbeat, what comes in, its end.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else. It knows no events: what comes from
the client, and belongs to the application, goes to the receiver of its host.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import gevent

from ..dialects.base import Dialect
from ..hub.runners import run_aside
from ..monitoring.log import short_id
from ..monitoring.reasons import GOES_AWAY, NONE_TAKEN, NOT_ALL_TAKEN, CloseReason, End, Limit
from ..options.limits import OverLimit
from ..server.http.environ import peer_name
from ..transports.base import Downlink, Upload
from ..wire.packet import Packet
from ..wire.websocket import GOING_AWAY, INTERNAL_ERROR, NORMAL
from .handler_queue import HandlerTimeout
from .loops import Loop
from .outbox import Outbox
from .session_host import SessionHost

__all__ = ["Session"]

# How often the time for an echo may run out while there is something to read.
_MOST_WAITS = 4

# After these, messages that wait for their handlers are dropped: the application wants no more
# of the client, or a handler has failed, or the session is to hold nothing.
_DROPPING_REASONS = frozenset((CloseReason.APPLICATION, CloseReason.FAILURE))
_DROPPING_LIMITS = frozenset((Limit.HANDLER, Limit.MEMORY))


class Session(Outbox):
    """One peer's link, over whatever requests and sockets it uses one after the other.

    Args:
        host: what keeps the session.
        dialect: how its client is spoken to.
        session_id: its id, a secret.
        transport: the name of the transport of its first request.
        environ: what is kept of the WSGI environ of that request.

    Attributes:
        bound_to: what tells that a request comes from the peer that opened the session.
        client: what the application sees of the session.
        connections: how many requests have carried it.
        dialect, environ, session_id, transport: see above.
        identity: who the client is, as the application says.
        network: where the session is counted, for the limit of sessions.
        posts: how many POSTs are under way.
        replaced: the downlinks before this one that may not be over yet.
        slot: where the timer of deadlines has put it.
        uploads: the requests whose bodies are being read.
    """

    __slots__ = (
        "_allowance",
        "_awaits_echo",
        "_complained",
        "_deadline",
        "_heartbeats",
        "bound_to",
        "client",
        "connections",
        "dialect",
        "environ",
        "identity",
        "network",
        "posts",
        "replaced",
        "session_id",
        "slot",
        "transport",
        "uploads",
    )

    def __init__(
        self,
        host: SessionHost,
        dialect: Dialect,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect.greeting(session_id))
        self.dialect = dialect
        self.session_id = session_id
        self.transport = transport
        self.environ = environ
        self.client: Any = None
        self.identity: Any = None
        self.bound_to: Any = None
        self.network = ""
        self.connections = 0
        self.posts = 0
        self.replaced: Sequence[Downlink] = ()
        self.slot: int | None = None
        self.uploads: set[Upload] | None = None
        self._allowance: tuple[float, float] | None = None
        self._awaits_echo = 0
        self._complained = False
        self._deadline: float | None = None
        self._heartbeats = 0
        self.handlers.put(_opened, None, 0)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} {short_id(self.session_id)} {self.transport} {self.state}>"

    @property
    def state(self) -> str:
        """Where it is in its life, for the log."""
        if self.ending is not None:
            return "closed"
        return "away" if self.downlink is None else "open"

    @property
    def connected(self) -> bool:
        """Whether the session lives; true also while the client is away for a moment."""
        return self.ending is None

    @property
    def away(self) -> bool:
        """Whether it is between two requests."""
        return self.ending is None and self.downlink is None

    @property
    def owed(self) -> bool:
        """Whether messages wait that nothing but another request can carry."""
        downlink = self.downlink
        return bool(self._outbox) and (downlink is None or (self._polls and not downlink.ready))

    # --- its downlinks ---

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have.

        Returns:
            Whether that was possible: not if the session has ended.
        """
        if self.ending is not None:
            return False
        older, self.downlink = self.downlink, None
        if older is not None:
            self._take_back(older.take_back())
            older.close(NORMAL, "replaced by a newer connection")
            self._put_aside(older)
            if not self.connected:
                return False
        self.downlink = downlink
        self.connections += 1
        self.transport = downlink.transport
        self._awaits_echo = 0
        times = self.dialect.times(self.transport)
        self._polls = times.duration is not None
        self._set_deadline(times.heartbeat_interval or times.duration)
        if self.host.closing:
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
        """The downlink is over; without another one the session is away.

        Args:
            downlink: which one; nothing happens if it is not the session's any more.
            end: why; the session ends with it if it cannot be away.
            undelivered: what has not arrived, which goes back to the front.
        """
        if downlink is not self.downlink:
            return
        self.downlink = None
        if not downlink.is_over:
            self._put_aside(downlink)
        self._take_back(undelivered)
        if not self.connected:
            return
        close_timeout = self.dialect.times(self.transport).close_timeout
        if not close_timeout:
            self.end(end)
            return
        self._set_deadline(close_timeout)
        self._log_end(self.host.log.debug, "session %s (%s, %s) is away: %s", end)

    # --- its deadlines ---

    def _poll_answered(self) -> None:
        # From now on it is the time to write the answer that is measured.
        self._set_deadline(self.dialect.times(self.transport).duration)

    def _set_deadline(self, seconds: float | None) -> None:
        now = monotonic()
        self._deadline = None if seconds is None else now + seconds
        limit = self.host.options.handler_timeout
        if limit is None or (seconds is not None and seconds <= limit and not self.handlers.busy):
            again = self._deadline
        else:
            again = self._look_again(now)
        if again is None:
            self.loop.deadlines.forget(self)
        else:
            self.loop.deadlines.look(self, again)

    def due(self, now: float) -> float | None:
        """The deadline has come: do what is due and return when to ask again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        limit = self.host.options.handler_timeout
        if limit is not None and self.handlers.busy and now - self.handlers.since >= limit:
            self._stop_handler(limit)
        return self._look_again(now)

    def _look_again(self, now: float) -> float | None:
        """When something may be due next."""
        closed, busy = self.ending is not None, self.handlers.busy
        deadline = None if closed else self._deadline
        limit = self.host.options.handler_timeout
        if limit is None or (closed and not busy):
            return deadline
        # A handler that begins after this cannot be late before that.
        late = (min(self.handlers.since, now) if busy else now) + limit
        return late if deadline is None or late < deadline else deadline

    def _stop_handler(self, limit: float) -> None:
        """Let go of a handler that has not returned, and of the session that waits for it."""
        text = f"a handler has not returned for {limit:g} s"
        if self.ending is not None:
            line = "session %s (%s, %s) has ended, and %s"
            said = Limit.HANDLER.of(text)
            self.host.limits.note(Limit.HANDLER, line, *self._named(), said)
        self.end(End(CloseReason.LIMIT, text, Limit.HANDLER), INTERNAL_ERROR)
        self.handlers.throw(HandlerTimeout(text))

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self.dialect.times(self.transport)
        if downlink is None:
            self.end(End(CloseReason.AWAY, f"away for longer than {times.close_timeout} s"))
        elif times.duration is not None:
            if not downlink.ready:
                text = "the answer of a poll was not taken in time"
                self.end(End(CloseReason.STALLED, text), abort=True)
            else:
                self._set_deadline(times.duration)
                downlink.write(self.dialect.idle_poll())
        elif not self._awaits_echo:
            self._heartbeats += 1
            self._awaits_echo = 1
            self._set_deadline(times.timeout)
            self.enqueue(self.dialect.heartbeat(self._heartbeats))
        elif self._may_have_echoed(downlink) and not downlink.hung_up():
            self._set_deadline(times.timeout)
        else:
            undelivered = downlink.take_back()
            downlink.close(INTERNAL_ERROR, "heartbeat lost")
            text = f"no echo of a heartbeat in {times.timeout} s"
            self.detach(downlink, End(CloseReason.HEARTBEAT, text), undelivered)

    def _may_have_echoed(self, downlink: Downlink) -> bool:
        """Whether the echo of a heartbeat may be there without having been read."""
        if self.handlers.full:
            return True  # nobody reads until there is room
        # A client that sends without a pause always has something unread: the echo would
        # have come to light meanwhile.
        self._awaits_echo += 1
        return self._awaits_echo <= _MOST_WAITS and downlink.has_unread()

    # --- what comes in ---

    def receive(self, payloads: Sequence[str | bytes | bytearray]) -> str:
        """Take payloads from the client; does not block.

        What belongs to the protocol is dealt with. Messages are put where handlers
        take them from; to call :meth:`run_handlers` is left to the caller.

        Args:
            payloads: what has come, in order; bytes are what came as binary.

        Returns:
            What was wrong with them: empty if nothing was, and :data:`NONE_TAKEN` if
            the session has ended.

        Raises:
            OverLimit: if there is too much in them; the messages before that were taken.
        """
        if self.ending is not None:
            return NONE_TAKEN
        problem = ""
        for payload in payloads:
            error = self.dialect.receive(self, payload)
            if error:
                problem = problem or error
                self._complain(error)
        if self._counted or self.handlers.busy:
            self.settle()
        return problem

    def count_in(self, size: int, messages: int) -> None:
        """A payload has come.

        Args:
            size: its size in bytes.
            messages: how many messages are in it.

        Raises:
            OverLimit: if messages do not come slowly enough.
        """
        self.loop.traffic.bytes_in += size
        rate = self.host.options.max_message_rate
        if rate is not None:
            self._check_rate(messages, rate)

    def _check_rate(self, count: int, rate: float) -> None:
        now = monotonic()
        allowed = max(rate, 1.0)  # at once
        if self._allowance is not None:
            left, then = self._allowance
            allowed = min(allowed, left + (now - then) * rate)
        if count > allowed:
            self._allowance = allowed, now
            text = f"there were more than {rate:g} messages a second"
            status = "429 Too Many Requests"
            raise OverLimit(Limit.MESSAGE_RATE, status, text, ("Retry-After", "1"))
        self._allowance = allowed - count, now

    def echoed(self, number: str) -> None:
        """The client has answered the heartbeat of this number."""
        if self._awaits_echo and number == str(self._heartbeats):
            self._awaits_echo = 0
            self._set_deadline(self.dialect.times(self.transport).heartbeat_interval)

    def deliver(self, message: Any, cost: int) -> None:
        """Have the application get a message, which takes so many bytes of memory till then."""
        self.handlers.put(_received, message, cost)

    def missed(self, first: int, last: int) -> str:
        """What is wrong with messages that no handler will get; empty if each has one.

        Args:
            first: how many had been put in for handlers before them.
            last: how many after them.
        """
        dropped = self.handlers.dropped_after
        if dropped is None or dropped >= last:
            return ""
        return NOT_ALL_TAKEN if dropped > first else NONE_TAKEN

    def _complain(self, problem: str) -> None:
        line = "session %s (%s, %s) sent a bad payload: %s"
        log = self.host.throttled_log
        # A warning once: a client that sends nothing else must not hide what others do.
        if self._complained:
            log.debug("more bad payloads", line, *self._named(), problem)
        else:
            log.warning("bad payload", line, *self._named(), problem)
        self._complained = True

    # --- its handlers ---

    def run_handlers(self) -> None:
        """Run the handlers for all that has come, in this greenlet; they may block.

        Returns at once if another greenlet runs them: that one goes on with the rest.
        """
        handlers = self.handlers
        if handlers.is_empty or handlers.busy:
            return
        try:
            handlers.run(self)
        finally:
            if not handlers.is_empty:
                # This greenlet ends because of what a handler has raised.
                self.start_handlers()
        if self._counted:
            self.settle()

    def start_handlers(self) -> None:
        """Run the handlers in a greenlet of their own, if there is anything for them."""
        if not (self.handlers.is_empty or self.handlers.busy):
            gevent.spawn(self.run_handlers)

    def run_handlers_aside(self) -> None:
        """Run the handlers; if they block, they go on while this greenlet does."""
        handlers = self.handlers
        if not (handlers.is_empty or handlers.busy):
            run_aside(self.run_handlers)
            if not handlers.is_empty:
                self.settle()

    def broken_off(self, error: BaseException) -> None:
        """A handler was ended by what is no ``Exception``, and so meant for more than the handler.

        ``SystemExit`` and ``KeyboardInterrupt`` go to the main greenlet, as
        from any greenlet, and ``GreenletExit`` ends this one.
        """
        if isinstance(error, gevent.GreenletExit):
            self.end(End(CloseReason.FAILURE, "its handler was killed"), INTERNAL_ERROR)
            raise error
        self.failed("a handler")
        hub = gevent.get_hub()
        if isinstance(error, hub.SYSTEM_ERROR):
            hub.handle_system_error(type(error), error, error.__traceback__)

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session for it.

        Args:
            what: what has failed.
        """
        kind = "failed", what, type(sys.exc_info()[1]).__name__
        line = "%s failed for %r, and ends it"
        self.host.throttled_log.exception(kind, line, what, self.client or self)
        self.end(End(CloseReason.FAILURE, f"{what} failed"), INTERNAL_ERROR)

    # --- its end ---

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session, for whatever reason; the one way it can end.

        Args:
            end: why.
            code: the close code, for WebSockets.
            abort: whether to cut its connection, in place of closing it.
        """
        if self.ending is not None:
            return
        self.ending = end
        self._set_deadline(None)
        self.host.counters.note_closed(end.reason)
        downlink = self.downlink
        self._put_aside(downlink)
        self.host.ended(self, end, self.replaced)
        if end.reason in _DROPPING_REASONS or end.limit in _DROPPING_LIMITS:
            self.handlers.drop(promised=end.limit is Limit.MEMORY)
        self.handlers.put(_closed, None, 0)
        # In a greenlet of their own: handlers may block, and this may be the loop.
        self.start_handlers()
        outbox = self._put_outbox_down(kept=downlink is not None and not abort)
        self.downlink = None
        for upload in self.uploads or ():
            upload.cut()  # nobody wants the rest of it
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                downlink.close(code, end.text, [*outbox, *self.dialect.last(end)])
        if self._counted:
            self.settle()
        log = self.host.log.warning if abort else self.host.log.info
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
        self.handlers = self._no_calls()

    def _log_end(self, log: Callable[..., None], line: str, end: End) -> None:
        if end.limit is None:
            log(line, *self._named(), end.text)
        else:
            self.host.limits.note(end.limit, line, *self._named(), end.limit.of(end.text))

    def _named(self) -> tuple[str, str, str]:
        """What log lines call it: the start of its id, its transport and its peer."""
        return short_id(self.session_id), self.transport, peer_name(self.environ)


# What the queue of the handlers is given to call.


def _opened(session: Session, _: None) -> None:
    try:
        session.host.receiver.opened(session)
    except BaseException as error:
        session.broken_off(error)


def _received(session: Session, message: Any) -> None:
    session.loop.traffic.messages_in += 1
    try:
        session.host.receiver.received(session, message)
    except BaseException as error:
        session.broken_off(error)


def _closed(session: Session, _: None) -> None:
    # From here on the handlers of the end have their time, too.
    session._set_deadline(None)
    try:
        session.host.receiver.closed(session)
    except BaseException as error:
        session.broken_off(error)
    finally:
        session.loop.deadlines.forget(session)
        session.host.handled(session)
