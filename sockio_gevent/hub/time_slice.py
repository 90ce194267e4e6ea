"""Time slices: a greenlet that always has more to do lets others run in between."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any, Final

import gevent
from gevent.hub import Waiter

from .per_hub import NextIteration, PerHub

__all__ = ["TIME_SLICE", "TimeSlice", "fit_to_slice", "let_others_run", "slice_end"]

TIME_SLICE: Final = 0.005  # seconds that a greenlet may run while others wait

# Seconds. A greenlet that needs less than this never waits behind those that need a lot.
_LEAST: Final = 0.001

_yielding: Final[set[Any]] = set()  # the waiters of all threads


class _Queue:
    """The greenlets of one hub that yield: they share one time slice in each iteration.

    Attributes:
        until: when the current slice is over, on the monotonic clock.
    """

    __slots__ = ("_next_iteration", "_scheduled", "_waiting", "until")

    def __init__(self, hub: Any) -> None:
        self._next_iteration = NextIteration(hub.loop, self._wake)
        self._scheduled = False
        self._waiting: deque[Any] = deque()
        self.until = 0.0

    def add(self, waiter: Any) -> None:
        """Wake this waiter after those that came before it."""
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
            # A greenlet that has ended meanwhile is skipped.
            self._waiting.popleft().switch(None)
        if self._waiting and not self._scheduled:
            self._schedule()


_queues = PerHub(_Queue)


def slice_end(now: float) -> float:
    """When the time slice of a greenlet that starts now is over, on the monotonic clock.

    The more greenlets yield already, the shorter the slice.
    """
    if not _yielding:  # the usual case, and every request comes here
        return now + TIME_SLICE
    return now + max(TIME_SLICE / (1 + len(_yielding)), _LEAST)


def let_others_run() -> float:
    """Wait for one iteration of the loop, and for the greenlets that already wait like this.

    Returns:
        When to call it again, on the monotonic clock.
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
    """The time that a greenlet may run before it must let others run."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = slice_end(monotonic())

    def restart(self) -> None:
        """Begin anew, because the greenlet has waited."""
        self._end = slice_end(monotonic())

    def is_over(self, now: float) -> bool:
        """Whether it is over at this time of the monotonic clock."""
        return now >= self._end

    def pause(self) -> None:
        """Let others run if the slice is over."""
        if monotonic() >= self._end:
            self._end = let_others_run()


def fit_to_slice(size: int, seconds: float, least: int, most: int) -> int:
    """How much to do at once, so that it takes about a time slice.

    Args:
        size: how much was done at once so far.
        seconds: how long that took.
        least: the smallest result.
        most: the largest result.
    """
    if seconds > TIME_SLICE:
        return max(size // 2, least)
    if seconds < TIME_SLICE / 4:
        return min(size * 2, most)
    return size
