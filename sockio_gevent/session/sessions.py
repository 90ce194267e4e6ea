"""The sessions of one listener: how they are opened, found and ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..cluster.bus import alone
from ..cluster.names import new_session_id
from ..dialects.base import Dialect
from ..dialects.classic import Classic
from ..dialects.engineio import EngineIO
from ..monitoring.reasons import CloseReason, End, Limit
from ..monitoring.statistics import Traffic
from ..options.listener_options import Options
from ..server.http.environ import kept
from ..server.http.request import Request
from ..transports.downlink import Downlink
from ..wire.packet import Packet
from .classic_session import ClassicSession
from .closing import ClosingSessions
from .engineio_session import EngineIOSession
from .loops import Loop
from .session import Session
from .session_host import Receiver, SessionHost
from .session_quota import SessionQuota

__all__ = ["Sessions"]


class Sessions(SessionHost):
    """All sessions of one listener.

    Args:
        options: the options of the listener.
        receiver: gets the events of the sessions.

    Attributes:
        by_id: the live sessions by their ids, also those that are away.
        closing_sessions: the sessions that have ended and are still closing.
        quota: how many sessions there may be.
    """

    def __init__(self, options: Options, receiver: Receiver) -> None:
        super().__init__(options, receiver)
        self._ended_traffic = Traffic()  # on loops whose threads have ended
        self._let_go: set[Session] = set()  # to free memory; still closing
        self.by_id: dict[str, Session] = {}
        self.closing_sessions = ClosingSessions(self.by_id, self.log, self._freed)
        self.quota = SessionQuota(options)

    def stats(self) -> dict[str, Any]:
        """The statistics; see :meth:`Listener.stats`."""
        traffic = Traffic()
        for each in (self._ended_traffic, *(loop.traffic for loop in self.loops.all())):
            traffic.add(each)
        options = self.options
        stats = self.counters.stats(
            options.transports, options.dialects, self.by_id.values(), traffic
        )
        cluster = alone() if self.bus is None else self.bus.stats()
        counters = self.counters
        given = {"handed_over": counters.handed_over, "relayed": counters.relayed}
        return {**stats, "limits": self.limits.stats(), "cluster": {**cluster, **given}}

    def open(self, dialect: Dialect, transport: str, request: Request) -> Session:
        """Begin a session."""
        environ = kept(request.environ)
        session_id = new_session_id()
        session: Session
        if isinstance(dialect, EngineIO):
            session = EngineIOSession(self, dialect, session_id, transport, environ)
        else:
            assert isinstance(dialect, Classic)
            session = ClassicSession(self, dialect, session_id, transport, environ)
        session.network = self.quota.enter(environ)
        self.by_id[session.session_id] = session
        self.counters.note_opened()
        self.log.info("session %s (%s, %s) opened", *session.named())
        return session

    def find(self, session_id: str) -> Session | None:
        """The live session with this id."""
        session = self.by_id.get(session_id)
        if session is not None and not session.is_here:
            # If its thread has ended, this ends the session.
            self.loops.here()
            session = self.by_id.get(session_id)
        return session

    def send(
        self,
        packets: Sequence[Packet],
        receivers: list[Session],
        volatile: bool = False,
        kept_event: Any = None,
    ) -> None:
        """Send an event to sessions, in the threads of their loops; any thread may call it.

        Args:
            packets: the packets of the event.
            receivers: the sessions.
            volatile: whether to leave out sessions that could not send it now.
            kept_event: the event as it is kept for those that are cut off; ``None`` if it is not.
        """
        loops: set[Loop] = set()
        last: Loop | None = None
        for session in receivers:
            if session.loop is not last:  # mostly all have the same: that is faster to see
                last = session.loop
                loops.add(last)
        for loop in loops:
            those = receivers
            if len(loops) > 1:
                those = [session for session in receivers if session.loop is loop]
            loop.call(_enqueue, loop, packets, those, volatile, kept_event)

    def close(self, timeout: float | None) -> None:
        """End all sessions, and let no new ones begin; see :meth:`Listener.close`."""
        self.closing = True
        self.loops.forget_dead()
        self.closing_sessions.close(timeout)

    def ended(self, session: Any, end: End, downlinks: Sequence[Downlink]) -> None:
        """A session has ended: forget it, and wait until it has closed."""
        self.recently_ended.add(
            session.session_id, session.transport, end, session.bound_to, session.farewell(end)
        )
        # In this order: close() in another thread must find the session in one of the two.
        self.closing_sessions.begin(session, downlinks)
        self.by_id.pop(session.session_id, None)
        self.receiver.gone(session)

    def handled(self, session: Any) -> None:
        """The last handler of a session that has ended has returned."""
        self.closing_sessions.one_over(session)

    def _freed(self, session: Session) -> None:
        """A session has closed: its place is free."""
        self._let_go.discard(session)
        session.release()
        self.quota.leave(session.network)

    def _free(self, excess: int) -> None:
        """All sessions together hold too much: let go of those that hold most."""
        # Sessions that were let go a moment ago hold memory until their connections are over.
        excess -= sum(session.counted for session in list(self._let_go))
        holders = {*self.by_id.values(), *self.closing_sessions.sessions()} - self._let_go
        for session in sorted(holders, key=lambda session: session.held, reverse=True):
            if excess <= 0 or not session.held:
                return
            excess -= session.held
            self._let_go.add(session)
            text = f"all sessions together hold too much, and this one {session.held} bytes of it"
            end = End(CloseReason.LIMIT, text, Limit.MEMORY)
            session.loop.call(session.let_go, end)

    def _threads_ended(self, loops: list[Loop]) -> None:
        """End the sessions of these loops, because their threads have ended."""
        for loop in loops:
            self._ended_traffic.add(loop.traffic)
        here = self.loops.here()
        for session in [*self.closing_sessions.sessions(), *self.by_id.values()]:
            if session.loop in loops:
                session.move(here)
                self.closing_sessions.abandon(session)
                session.end(End(CloseReason.LOST, "the thread that served it has ended"))


def _enqueue(
    loop: Loop,
    packets: Sequence[Packet],
    sessions: Sequence[Session],
    volatile: bool,
    kept_event: Any,
) -> None:
    """Send an event to sessions on one loop, in its thread."""
    if kept_event is not None:
        namespace = kept_event.namespace
        kept = [each for s in sessions if s.kept and (each := s.kept.get(namespace))]
        # Those that are back come last: they pass the event on, unless their successors have it.
        for each in sorted(kept, key=_is_back):
            each.note(kept_event)
        kept_event.count_clients(len(kept))
    if volatile:
        sessions = [session for session in sessions if session.takes_volatile]
    loop.traffic.messages_out += len(sessions)
    for packet in packets:
        for session in sessions:
            session.enqueue(packet)


def _is_back(kept: Any) -> bool:
    return kept.successor is not None
