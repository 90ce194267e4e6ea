"""Why sessions have ended lately, for clients that could not be told at the end.

A WebSocket is closed with a code and a text. An HTTP transport has nothing of
the kind: its answer ends, or there is none at that moment. Such a client asks.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, NamedTuple

from ..hub.per_hub import thread_lock
from ..monitoring.reasons import CloseReason, End

__all__ = ["RecentEnd", "RecentlyEnded"]

_MOST = 1000  # sessions
_PERIOD = 30.0  # seconds that an end is remembered

# What the client has not done itself, and cannot know.
_TOLD = frozenset(CloseReason) - {CloseReason.CLIENT, CloseReason.LOST, CloseReason.AWAY}
_TOLD_OTHERWISE = frozenset(("websocket", "flashsocket"))


class RecentEnd(NamedTuple):
    """A session that has ended.

    Attributes:
        when: the time of it, on the monotonic clock.
        why: what its client is told.
        bound_to: who has opened it, if the option ``same_peer`` asks for that.
    """

    when: float
    why: str
    bound_to: Any


class RecentlyEnded:
    """The sessions of one listener that have ended lately; their number is its length.

    Any thread may add one, and ask.
    """

    __slots__ = ("_departures", "_lock")

    def __init__(self) -> None:
        self._departures: dict[str, RecentEnd] = {}
        self._lock = thread_lock()

    def __len__(self) -> int:
        return len(self._departures)

    def add(self, session_id: str, transport: str, end: End, bound_to: Any) -> None:
        """Remember an end for a while, if the client will not know why it came."""
        if end.reason not in _TOLD or transport in _TOLD_OTHERWISE:
            return
        why = f"this session has ended ({end.reason.value}): {end.text}"
        with self._lock:
            self._forget_old()
            if len(self._departures) >= _MOST:
                del self._departures[next(iter(self._departures))]
            self._departures[session_id] = RecentEnd(monotonic(), why, bound_to)

    def find(self, session_id: str) -> RecentEnd | None:
        """The end of a session that is not there, if it is remembered."""
        with self._lock:
            self._forget_old()
        return self._departures.get(session_id)

    def _forget_old(self) -> None:
        # The oldest come first.
        oldest = monotonic() - _PERIOD
        while self._departures:
            session_id, departure = next(iter(self._departures.items()))
            if departure.when > oldest:
                return
            del self._departures[session_id]
