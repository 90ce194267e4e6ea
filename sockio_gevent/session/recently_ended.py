"""Why sessions have recently ended, for clients that could not be told.

A WebSocket is closed with a code and a text. HTTP transports have nothing like
it: the answer just ends, or there is no answer at that moment. Such a client
asks later.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, NamedTuple

from ..hub.per_hub import thread_lock
from ..monitoring.reasons import CloseReason, End

__all__ = ["RecentEnd", "RecentlyEnded"]

_MOST = 1000  # sessions
_PERIOD = 30.0  # seconds that an end is remembered

# The reasons that a client cannot know, because it has not caused the end itself.
_TOLD = frozenset(CloseReason) - {CloseReason.CLIENT, CloseReason.LOST, CloseReason.AWAY}
_TOLD_WHEN_CLOSED = frozenset(("websocket", "flashsocket"))


class RecentEnd(NamedTuple):
    """A session that has ended.

    Attributes:
        when: the time of its end, on the monotonic clock.
        why: the text for its client.
        bound_to: the peer that it was bound to, by the option ``same_peer``.
    """

    when: float
    why: str
    bound_to: Any


class RecentlyEnded:
    """The sessions of one listener that have recently ended; its length is their number.

    Any thread may use it.
    """

    __slots__ = ("_ends", "_lock")

    def __init__(self) -> None:
        self._ends: dict[str, RecentEnd] = {}
        self._lock = thread_lock()

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, session_id: str, transport: str, end: End, bound_to: Any) -> None:
        """Remember an end for a while, if the client cannot know why the session has ended."""
        if end.reason not in _TOLD or transport in _TOLD_WHEN_CLOSED:
            return
        why = f"this session has ended ({end.reason.value}): {end.text}"
        with self._lock:
            self._forget_old()
            if len(self._ends) >= _MOST:
                del self._ends[next(iter(self._ends))]
            self._ends[session_id] = RecentEnd(monotonic(), why, bound_to)

    def find(self, session_id: str) -> RecentEnd | None:
        """The end of a session, if it is remembered."""
        with self._lock:
            self._forget_old()
        return self._ends.get(session_id)

    def _forget_old(self) -> None:
        # The oldest come first.
        oldest = monotonic() - _PERIOD
        while self._ends:
            session_id, ended = next(iter(self._ends.items()))
            if ended.when > oldest:
                return
            del self._ends[session_id]
