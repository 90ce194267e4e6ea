"""The greenlets that read sockets and run the handlers of their messages.

A quiet connection has no greenlet, only a watcher of the loop. One greenlet
reads all connections that have become readable in one iteration of the loop,
one after the other, without a switch in between. Another greenlet continues
only if that one blocks, because a handler does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from time import monotonic
from typing import Any, Final

import gevent

from ...compiled import trait
from ...hub.per_hub import NextIteration, PerHub
from ...hub.time_slice import TIME_SLICE

__all__ = ["Readable", "Readers"]

_MOST_PARKED: Final = 16  # greenlets that are kept for the next iteration

_BLOCK = 1024 * 1024  # bytes

_now: Final = monotonic  # the compiled form looks an imported name up each time


@trait
class Readable:
    """Something that has unread bytes.

    Attributes:
        greedy: whether the last read brought a lot.
    """

    __slots__ = ()

    greedy: bool

    @abstractmethod
    def read_ready(self, now: float) -> None:
        """Read once and handle the bytes. May block.

        Args:
            now: the time on the monotonic clock.
        """


def _keep_memory() -> None:
    """Keep the C library from giving memory back to the system after each long message.

    That of GNU does so as soon as it has 128 KiB in one piece, and gets it again for the next
    message, page by page: which takes longer than all else that is done with the message. When
    a larger block is freed, it takes double its size as the limit from then on (mallopt(3),
    ``M_MMAP_THRESHOLD``).
    """
    bytes(_BLOCK)


class Readers:
    """The reading greenlets of one hub."""

    __slots__ = (
        "_callback",
        "_greedy",
        "_loop",
        "_next_iteration",
        "_parked",
        "_ready",
        "_scheduled",
        "_until",
    )

    def __init__(self, hub: Any) -> None:
        _keep_memory()
        self._loop = hub.loop
        self._callback = self._run  # which would be made anew each time
        self._next_iteration = NextIteration(hub.loop, self._run)
        self._ready: deque[Readable] = deque()
        self._greedy: deque[Readable] = deque()
        self._parked: list[gevent.Greenlet] = []
        self._scheduled = False
        self._until = 0.0

    @staticmethod
    def of_this_hub() -> Readers:
        """The readers of this thread's hub."""
        return _all.here()

    def add(self, item: Readable) -> None:
        """Read this in this iteration of the loop, or in the next. Call this in the hub."""
        # A connection with a few bytes must not wait for hundreds that flood.
        (self._greedy if item.greedy else self._ready).append(item)
        if not self._scheduled:
            self._scheduled = True
            self._loop.run_callback(self._callback)

    def add_again(self, item: Readable) -> None:
        """Read this in the next iteration of the loop, because it has more to do."""
        self._greedy.append(item)
        if not self._scheduled:
            self._scheduled = True
            self._next_iteration.start()

    def _run(self) -> None:
        """In the hub: let greenlets read until nothing is left, or the time slice is over."""
        self._scheduled = False
        self._until = _now() + TIME_SLICE
        if self._greedy:
            # One of them is read each time, however many others there are.
            self._ready.append(self._greedy.popleft())
        while True:
            greenlet = self._parked.pop() if self._parked else gevent.Greenlet(self._read)
            # A greenlet that was killed meanwhile returns at once.
            greenlet.switch()
            if not self._ready and not self._greedy:
                return
            if _now() >= self._until:
                self._scheduled = True
                self._next_iteration.start()
                return

    def _read(self) -> None:
        hub, this = gevent.get_hub(), gevent.getcurrent()
        ready, greedy = self._ready, self._greedy
        while True:
            while (items := ready or greedy) and (now := _now()) < self._until:
                items.popleft().read_ready(now)
            if len(self._parked) >= _MOST_PARKED:
                return
            self._parked.append(this)
            # Something else may wake this greenlet, such as an event that a handler has
            # left behind. Only _run() takes it from the list.
            while this in self._parked:
                hub.switch()


_all = PerHub(Readers)
