"""Closing sessions, and the end of all sessions of a listener.

A session that has ended cannot be found any more. But its handlers may still
run, and its connections may still carry its last messages: the session is
closing. ``Listener.close`` waits for both. It also waits for clients that come
back for the messages that were sent while they were away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from gevent.event import Event

from ..hub.per_hub import thread_lock
from ..monitoring.log import Log
from ..monitoring.reasons import GOES_AWAY
from ..transports.downlink import Downlink
from ..wire.websocket import GOING_AWAY
from .session import Session

__all__ = ["ClosingSessions"]

# The part of the time to close that is left for the handlers of clients that have not come back.
_FOR_LATE_HANDLERS = 0.1


class ClosingSessions:
    """The sessions that have ended and are still closing.

    Its length says how much it waits for: the handlers of each session count as one, and
    each connection counts as one.

    Args:
        sessions: the live sessions by their ids, without those that have ended.
        log: the log of the listener.
        free: called when a session has closed, in its thread.
    """

    __slots__ = (
        "_closing",
        "_free",
        "_lock",
        "_log",
        "_not_fetched",
        "_pending",
        "_sessions",
        "_unlogged",
        "_waiting",
    )

    def __init__(
        self, sessions: Mapping[str, Session], log: Log, free: Callable[[Session], None]
    ) -> None:
        self._sessions = sessions
        self._log = log
        self._free = free
        self._lock = thread_lock()
        self._pending: dict[Session, int] = {}  # one for its handlers, one for each connection
        self._closing = False
        self._unlogged = 0  # how many sessions have ended while closing
        self._not_fetched: list[int] = []  # bytes, for each client that has not come back
        self._waiting: set[Event] = set()  # one for each call of close(); each has its own thread

    def __len__(self) -> int:
        return sum(list(self._pending.values()))

    def sessions(self) -> list[Session]:
        """The sessions that are closing; they may still hold memory."""
        return list(self._pending)

    def begin(self, session: Session, downlinks: Sequence[Downlink]) -> None:
        """A session has ended: wait for its handlers, and for its connections to be over.

        Args:
            session: the session; this is the thread of its loop.
            downlinks: its connections, none of them over.
        """
        if self._closing:
            with self._lock:
                self._unlogged += 1
                if session.owed:
                    self._not_fetched.append(session.undelivered)
        self._pending[session] = 1 + len(downlinks)
        for downlink in downlinks:
            downlink.link_over(lambda _: self.one_over(session))

    def abandon(self, session: Session) -> None:
        """Stop waiting for a session, because its thread has ended."""
        if self._pending.pop(session, 0):
            self._free(session)
            self._wake_if_done()

    def one_over(self, session: Session) -> None:
        """The handlers of a session have ended, or one of its connections is over."""
        if session not in self._pending:
            return  # it was abandoned
        self._pending[session] -= 1
        if not self._pending[session]:
            del self._pending[session]
            self._free(session)
            self._wake_if_done()

    def _wake_if_done(self) -> None:
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
        self._wake_if_done()
        cut = 0
        if timeout is None:
            over.wait()
        elif not over.wait(timeout * (1 - _FOR_LATE_HANDLERS)):
            for session in list(self._sessions.values()):
                session.loop.call(session.end, GOES_AWAY, GOING_AWAY)
            over.wait(max(began + timeout - monotonic(), 0.0))
            late = [session for session in self.sessions() if session.is_carried]
            for session in late:
                session.loop.call(session.cut)
            cut = len(late)
        self._log_ends(cut, timeout)

    def _log_ends(self, cut: int, timeout: float | None) -> None:
        """Log how many sessions have ended; of several calls of close() only one logs it."""
        with self._lock:
            count, self._unlogged = self._unlogged, 0
            not_fetched, self._not_fetched = self._not_fetched, []
        if not count:
            return
        sessions = "1 session" if count == 1 else f"{count} sessions"
        more = f", {cut} of them cut off after {timeout:g} s" if cut else ""
        if not_fetched:
            size = sum(not_fetched)
            more += f", {len(not_fetched)} of them did not come back for {size} bytes of messages"
        self._log.info("closed: %s ended%s", sessions, more)


def _end_unless_owed(session: Session) -> None:
    """End a session, unless its client may come back for messages."""
    if not session.owed:
        session.end(GOES_AWAY, GOING_AWAY)
