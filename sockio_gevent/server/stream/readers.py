"""The greenlets that read sockets and run what their messages ask for.

A connection that is quiet has no greenlet that reads it: a watcher of the loop
stands for it. What has become readable in one turn of the loop is read by one
greenlet, one connection after the other, without a switch between them. Only
when that greenlet blocks, because a handler does, another one goes on.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any, Protocol

import gevent

from ...hub.per_hub import NextIteration, PerHub
from ...hub.time_slice import TIME_SLICE

__all__ = ["Readers"]

_MOST_PARKED = 16  # greenlets that are kept for the next turn


class Readable(Protocol):
    """Something with unread bytes.

    Attributes:
        greedy: whether there was a lot of it the last time.
    """

    greedy: bool

    def read_ready(self) -> None:
        """Read once and handle what came. May block."""


class Readers:
    """The reading greenlets of one hub."""

    __slots__ = (
        "_greedy",
        "_loop",
        "_next_iteration",
        "_parked",
        "_ready",
        "_scheduled",
        "_until",
    )

    def __init__(self, hub: Any) -> None:
        self._loop = hub.loop
        self._next_iteration = NextIteration(hub.loop, self._run)
        self._ready: deque[Readable] = deque()
        self._greedy: deque[Readable] = deque()
        self._parked: list[gevent.Greenlet] = []
        self._scheduled = False
        self._until = 0.0

    @staticmethod
    def of_this_hub() -> Readers:
        """Those of the hub of this thread."""
        return _all.here()

    def add(self, item: Readable) -> None:
        """Have this read in this turn of the loop, or the next. To be called in the hub."""
        # Hundreds that flood are not to stand before those with a few bytes.
        (self._greedy if item.greedy else self._ready).append(item)
        if not self._scheduled:
            self._scheduled = True
            self._loop.run_callback(self._run)

    def _run(self) -> None:
        """Let greenlets read, in the hub, until nothing is left or time is up."""
        self._scheduled = False
        self._until = monotonic() + TIME_SLICE
        if self._greedy:
            # One of them has its turn however many the others are.
            self._ready.append(self._greedy.popleft())
        while self._ready or self._greedy:
            if monotonic() >= self._until:
                self._scheduled = True
                self._next_iteration.start()
                return
            greenlet = self._parked.pop() if self._parked else gevent.Greenlet(self._read)
            # One that somebody has killed meanwhile gives control back at once.
            greenlet.switch()

    def _read(self) -> None:
        hub, this = gevent.get_hub(), gevent.getcurrent()
        while True:
            while (self._ready or self._greedy) and monotonic() < self._until:
                (self._ready or self._greedy).popleft().read_ready()
            if len(self._parked) >= _MOST_PARKED:
                return
            self._parked.append(this)
            # Whoever else wakes it, an event that a handler has left behind, say:
            # it is _run that takes it from there.
            while this in self._parked:
                hub.switch()


_all = PerHub(Readers)
