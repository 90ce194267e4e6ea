"""What all sessions of a listener hold together, and what happens when that is too much."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import gevent

from ..hub.per_hub import thread_lock

__all__ = ["Memory"]

_PATIENCE = 1.0  # seconds; a thread that is to make room by then may have ended
_MARGIN = 8  # one part in so many is freed beyond what is needed, so that it lasts a while


class Memory:
    """How many bytes sessions hold: messages to clients, and from them as far as they have come.

    Args:
        most: the option ``max_memory``; ``None`` for no bound.
        free: called at the end of the tick when there is too much, with how many
            bytes are to be freed.

    Attributes:
        held: how many bytes there are.
    """

    __slots__ = ("_asked", "_free", "_lock", "_most", "held")

    def __init__(self, most: int | None, free: Callable[[int], None]) -> None:
        self.held = 0
        self._most = most
        self._free = free
        self._asked = float("-inf")  # when somebody was about to make room
        self._lock = thread_lock()

    def change(self, by: int) -> None:
        """A session holds more than before, or less. To be called in the thread of a loop."""
        with self._lock:
            self.held += by
        if self._most is not None and self.held > self._most:
            now = monotonic()
            if now >= self._asked + _PATIENCE:
                self._asked = now
                gevent.get_hub().loop.run_callback(self._make_room)

    def _make_room(self) -> None:
        self._asked = float("-inf")
        excess = self.held - (self._most or 0)
        if excess > 0:
            self._free(excess + (self._most or 0) // _MARGIN)
