"""Why sessions have recently ended, for clients that could not be told.

A WebSocket is closed with a code and a text. HTTP transports have nothing like
it: the answer just ends, or there is no answer at that moment. Such a client
asks later.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from ..hub.per_hub import thread_lock
from ..monitoring.reasons import CloseReason, End
from ..wire.packet import Packet

__all__ = ["RecentEnd", "RecentlyEnded"]

_MOST = 1000  # sessions
_MOST_HELD = 8 * 1024 * 1024  # bytes of last packets
_PERIOD = 30.0  # seconds that an end is remembered

# The reasons that a client cannot know, because it has not caused the end itself.
_TOLD = frozenset(CloseReason) - {CloseReason.CLIENT, CloseReason.LOST, CloseReason.AWAY}
# The reasons that no client can cause at will.
_BY_SERVER = frozenset((CloseReason.APPLICATION, CloseReason.SERVER))
_TOLD_WHEN_CLOSED = frozenset(("websocket", "flashsocket"))


class RecentEnd(NamedTuple):
    """A session that has ended.

    Attributes:
        when: the time of its end, on the monotonic clock.
        why: the text for its client.
        bound_to: the peer that it was bound to, by the option ``same_peer``.
        farewell: the last batches, one for each of its next polls.
    """

    when: float
    why: str
    bound_to: Any
    farewell: Sequence[Sequence[Packet]] = ()


class RecentlyEnded:
    """The sessions of one listener that have recently ended; its length is their number.

    Any thread may use it.
    """

    __slots__ = ("_by_clients", "_ends", "_held", "_lock")

    def __init__(self) -> None:
        self._ends: dict[str, RecentEnd] = {}
        # The ids of those that clients may have caused. They are forgotten first, so that nobody
        # can crowd out the last messages of other clients.
        self._by_clients: dict[str, None] = {}
        self._held = 0  # bytes of last packets
        self._lock = thread_lock()

    def __len__(self) -> int:
        return len(self._ends)

    def add(
        self,
        session_id: str,
        transport: str,
        end: End,
        bound_to: Any,
        farewell: Sequence[Sequence[Packet]] = (),
    ) -> None:
        """Remember an end for a while, if the client cannot know why the session has ended.

        Args:
            session_id: the id of the session.
            transport: the name of its transport.
            end: why it has ended.
            bound_to: the peer that it was bound to.
            farewell: the last batches, one for each of its next polls.
        """
        if not farewell and (end.reason not in _TOLD or transport in _TOLD_WHEN_CLOSED):
            return
        why = f"this session has ended ({end.reason.value}): {end.text}"
        with self._lock:
            self._forget_old()
            self._held += _cost(farewell)
            while self._ends and (len(self._ends) >= _MOST or self._held > _MOST_HELD):
                self._forget(next(iter(self._by_clients or self._ends)))
            self._ends[session_id] = RecentEnd(monotonic(), why, bound_to, farewell)
            if end.reason not in _BY_SERVER:
                self._by_clients[session_id] = None

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
            self._forget(session_id)

    def take_farewell(self, session_id: str) -> Sequence[Packet]:
        """Take the next of the last batches of a session; empty if there is none any more."""
        with self._lock:
            ended = self._ends.get(session_id)
            if ended is None or not ended.farewell:
                return ()
            batch, *later = ended.farewell
            self._held -= _cost((batch,))
            self._ends[session_id] = ended._replace(farewell=later)
            return batch

    def _forget(self, session_id: str) -> None:
        self._by_clients.pop(session_id, None)
        self._held -= _cost(self._ends.pop(session_id).farewell)


def _cost(batches: Sequence[Sequence[Packet]]) -> int:
    return sum([packet.cost for batch in batches for packet in batch])
