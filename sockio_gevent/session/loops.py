"""What a listener has on one event loop, and how other threads reach it.

A session lives on the loop of the thread that has opened it. Only that thread
changes the session: its outbox, its downlink, its deadlines. Other threads
hand a call over to the loop. So a message from another thread arrives once, in
the order in which that thread sends, and needs no lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import gevent
from gevent import monkey

from ..hub.deadlines import Deadlines
from ..hub.per_hub import NextIteration, PerHub
from ..hub.time_slice import TIME_SLICE
from ..monitoring.log import Log
from ..monitoring.statistics import Traffic
from .flush import Flush

__all__ = ["Loop", "Loops", "this_thread"]


# For each thread: the one that monkey-patching puts in its place is for each greenlet.
_local: Any = monkey.get_original("threading", "local")

# The state of one thread: its ``hub``, if a listener uses it. Comparing with this takes a
# third of the time of asking gevent, and gives no hub to a thread that serves nothing. The
# thread's number would not do: when a thread ends, the system gives its number to the next
# thread. Not by a class statement: a compiled class cannot extend an interpreted one.
this_thread: Final[Any] = type("ThisThread", (_local,), {"hub": None})()


class Loop:
    """What one listener has on one event loop.

    Args:
        hub: the hub of the thread.
        log: the log of the listener.

    Attributes:
        hub: the same as given.
        flush: the sessions that are to be flushed in this iteration.
        deadlines: the deadlines of its sessions.
        traffic: the counts of what its sessions have sent and received.
    """

    __slots__ = (
        "_calls",
        "_log",
        "_next_iteration",
        "_scheduled",
        "deadlines",
        "flush",
        "hub",
        "traffic",
    )

    def __init__(self, hub: Any, log: Log) -> None:
        self.hub = hub
        self.flush = Flush(log, hub.loop)
        self.deadlines = Deadlines(log.exception)
        self.traffic = Traffic()
        self._log = log
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._scheduled = False
        self._next_iteration = NextIteration(hub.loop, self._run)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the thread of this loop: at once if that is this thread, or else soon.

        The calls of one thread run in their order.

        Args:
            function: the function. It must not block.
            *arguments: its arguments.
        """
        if this_thread.hub is self.hub:
            function(*arguments)
            return
        if self.hub.dead:
            return  # nothing runs on that loop any more
        # In this order: _run clears the mark first, and then takes the calls.
        self._calls.append((function, arguments))
        if not self._scheduled:
            self._scheduled = True
            try:
                self.hub.loop.run_callback_threadsafe(self._run)
            except (AttributeError, ValueError):  # the loop was destroyed just now
                self._calls.clear()

    def _run(self) -> None:
        """Run the calls of other threads, for one time slice."""
        self._scheduled = False
        until = monotonic() + TIME_SLICE
        while self._calls:
            if monotonic() >= until:
                # A thread that sends without a pause must not keep clients waiting.
                self._scheduled = True
                self._next_iteration.start()
                return
            function, arguments = self._calls.popleft()
            try:
                function(*arguments)
            except Exception:
                self._log.exception("a call from another thread failed: %r", function)


class Loops(PerHub[Loop]):
    """The loops of one listener: mostly one, and more if several threads serve.

    Args:
        log: the log of the listener.
        ended: called with the loops whose threads have ended, when a new loop
            is used for the first time.
    """

    __slots__ = ("_ended",)

    def __init__(self, log: Log, ended: Callable[[list[Loop]], None]) -> None:
        super().__init__(lambda hub: Loop(hub, log))
        self._ended = ended

    def here(self) -> Loop:
        """The loop of this thread."""
        this_thread.hub = gevent.get_hub()
        return super().here()

    def forget_dead(self) -> list[Loop]:
        """Forget the loops whose threads have ended; return them."""
        dead = super().forget_dead()
        if dead:
            self._ended(dead)
        return dead
