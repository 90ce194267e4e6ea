"""HandlerLock for greenlets that always have something more to do."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any

import gevent
from gevent.hub import Waiter

from .per_hub import NextIteration, PerHub

__all__ = ["TIME_SLICE", "TimeSlice", "let_others_run", "slice_end"]

TIME_SLICE = 0.005  # seconds that greenlets may go on while others wait

_LEAST = 0.001  # seconds; who needs less never stands behind those that need a lot

_yielding: set[Any] = set()  # of all threads


class _Queue:
    """Those of one hub that rest: together they have one slice in each turn of the loop.

    Attributes:
        until: when this slice is over, on the monotonic clock.
    """

    __slots__ = ("_next_iteration", "_scheduled", "_waiting", "until")

    def __init__(self, hub: Any) -> None:
        self._next_iteration = NextIteration(hub.loop, self._wake)
        self._scheduled = False
        self._waiting: deque[Any] = deque()
        self.until = 0.0

    def add(self, waiter: Any) -> None:
        """Wake a waiter once it is its turn."""
        self._waiting.append(waiter)
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._next_iteration.start()

    def _wake(self) -> None:
        self._scheduled = False
        self.until = monotonic() + TIME_SLICE
        while self._waiting and monotonic() < self.until:
            # Who has ended meanwhile is passed by.
            self._waiting.popleft().switch(None)
        if self._waiting and not self._scheduled:
            self._schedule()


_queues = PerHub(_Queue)


def slice_end() -> float:
    """When a greenlet that begins its turn has to rest, on the monotonic clock.

    The more rest already, the sooner it joins them.
    """
    if not _yielding:  # as mostly, and every request asks
        return monotonic() + TIME_SLICE
    return monotonic() + max(TIME_SLICE / (1 + len(_yielding)), _LEAST)


def let_others_run() -> float:
    """Let the loop come round once, and whoever rests already go first; then go on.

    Returns:
        When the time for the next one has come, on the monotonic clock.
    """
    queue = _queues.here()
    waiter = Waiter(gevent.get_hub())
    _yielding.add(waiter)
    try:
        queue.add(waiter)
        waiter.get()
    finally:
        _yielding.discard(waiter)
    return queue.until


class TimeSlice:
    """What a greenlet does in one go, as long as nobody has to wait for it."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = slice_end()

    def pause(self) -> None:
        """Let others go first, if it is time."""
        if monotonic() >= self._due:
            self._due = let_others_run()
