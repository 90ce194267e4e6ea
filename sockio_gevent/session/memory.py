"""The memory that all sessions of a listener hold together, and its bound."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import gevent

from ..hub.per_hub import thread_lock

__all__ = ["Memory"]

_PATIENCE = 1.0  # seconds; a thread that has not made room by then may have ended
_MARGIN = 8  # beyond what is needed, this part of the bound is freed, so that it lasts a while


class Memory:
    """How many bytes sessions hold: messages to clients, and messages from them, complete or not.

    Args:
        most: the option ``max_memory``; ``None`` for no bound.
        free: called when sessions hold too much, at the end of an iteration of the loop;
            its argument is how many bytes to free.

    Attributes:
        held: how many bytes sessions hold.
    """

    __slots__ = ("_asked", "_free", "_lock", "_most", "held")

    def __init__(self, most: int | None, free: Callable[[int], None]) -> None:
        self.held = 0
        self._most = most
        self._free = free
        self._asked = float("-inf")  # when a loop was last asked to make room
        self._lock = thread_lock()

    def change(self, by: int) -> None:
        """A session holds more than before, or less. Call it in the thread of a loop."""
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
