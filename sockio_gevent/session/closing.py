"""What goes on behind the end of a session, and the end of them all.

A session that has ended is in no table any more, but its handlers may still
run, and its connection may still carry its last messages. Who closes the
listener waits for both, and for clients that come back for what they were sent
while they were away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from gevent.event import Event

from ..hub.per_hub import thread_lock
from ..monitoring.log import Log
from ..monitoring.reasons import GOES_AWAY
from ..transports.base import Downlink
from ..wire.websocket import GOING_AWAY
from .session import Session

__all__ = ["ClosingSessions"]

# What is kept of the time to close for the handlers of who has not come back.
_KEPT = 0.1


class ClosingSessions:
    """The ends of sessions that are under way; their number is its length.

    Args:
        sessions: the live sessions by their ids, without those that have ended.
        log: the log of the listener.
        free: called when nothing of a session is under way any more, in its thread.
    """

    __slots__ = (
        "_closing",
        "_count",
        "_free",
        "_lock",
        "_log",
        "_missed",
        "_sessions",
        "_under_way",
        "_waiting",
    )

    def __init__(
        self, sessions: Mapping[str, Session], log: Log, free: Callable[[Session], None]
    ) -> None:
        self._sessions = sessions
        self._log = log
        self._free = free
        self._lock = thread_lock()
        self._under_way: dict[Session, int] = {}  # what is not over of each
        self._closing = False
        self._count = 0  # sessions that have ended since, and nobody was told of
        self._missed: list[int] = []  # how many bytes each did not come back for
        self._waiting: set[Event] = set()  # one of each that closes, in its own thread

    def __len__(self) -> int:
        return sum(list(self._under_way.values()))

    def sessions(self) -> list[Session]:
        """Those whose end is under way, and that may still hold something."""
        return list(self._under_way)

    def begin(self, session: Session, downlinks: Sequence[Downlink]) -> None:
        """A session has ended: wait for its handlers, and for its connections to be over.

        Args:
            session: the session; this is the thread of its loop.
            downlinks: its connections, none of them over.
        """
        if self._closing:
            with self._lock:
                self._count += 1
                if session.owed:
                    self._missed.append(session.undelivered)
        self._under_way[session] = 1 + len(downlinks)
        for downlink in downlinks:
            downlink.link_over(lambda _: self.one_over(session))

    def abandon(self, session: Session) -> None:
        """What is under way of this session never comes to its end; its thread has ended."""
        if self._under_way.pop(session, 0):
            self._free(session)
            self._look()

    def one_over(self, session: Session) -> None:
        """The handlers of a session, or one of its connections, are done."""
        if session not in self._under_way:
            return  # it was abandoned
        self._under_way[session] -= 1
        if not self._under_way[session]:
            del self._under_way[session]
            self._free(session)
            self._look()

    def _look(self) -> None:
        if self._waiting and not self and not self._sessions:
            for over in list(self._waiting):
                over.set()

    def close(self, timeout: float | None) -> None:
        """End all sessions; see :meth:`Listener.close`."""
        over = Event()
        self._waiting.add(over)
        try:
            self._close(over, timeout)
        finally:
            self._waiting.discard(over)

    def _close(self, over: Event, timeout: float | None) -> None:
        began = monotonic()
        self._closing = True
        for session in list(self._sessions.values()):
            session.loop.call(_end_unless_owed, session)
        self._look()
        cut = 0
        if timeout is None:
            over.wait()
        elif not over.wait(timeout * (1 - _KEPT)):
            for session in list(self._sessions.values()):
                session.loop.call(session.end, GOES_AWAY, GOING_AWAY)
            over.wait(max(began + timeout - monotonic(), 0.0))
            late = [session for session in self.sessions() if session.is_carried]
            for session in late:
                session.loop.call(session.cut)
            cut = len(late)
        self._tell(cut, timeout)

    def _tell(self, cut: int, timeout: float | None) -> None:
        """Say what has become of the sessions; of several who close, one says it."""
        with self._lock:
            count, self._count = self._count, 0
            missed, self._missed = self._missed, []
        if not count:
            return
        sessions = "1 session" if count == 1 else f"{count} sessions"
        more = f", {cut} of them cut off after {timeout:g} s" if cut else ""
        if missed:
            more += f", {len(missed)} of them did not come back for {sum(missed)} bytes of messages"
        self._log.info("closed: %s ended%s", sessions, more)


def _end_unless_owed(session: Session) -> None:
    """End a session, unless its session may come back for messages."""
    if not session.owed:
        session.end(GOES_AWAY, GOING_AWAY)
