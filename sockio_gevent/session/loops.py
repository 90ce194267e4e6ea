"""What a listener has on one event loop, and how other threads reach it.

A session lives on the loop of the thread that has opened it, and nothing but
that thread changes it: its outbox, its downlink, its deadlines. Other threads
hand over what they want done. So a message of theirs arrives once, in the
order in which that thread has sent its messages, and without any lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent import monkey

from ..hub.deadlines import Deadlines
from ..hub.per_hub import NextIteration, PerHub
from ..hub.time_slice import TIME_SLICE
from ..monitoring.log import Log
from ..monitoring.statistics import Traffic
from .flush import Flush

__all__ = ["Loop", "Loops", "this_thread"]


# Of threads, not of greenlets, which the patched one would tell apart.
_local: Any = monkey.get_original("threading", "local")


class _ThisThread(_local):  # type: ignore[misc]
    """What is known of a thread.

    Attributes:
        hub: its hub, if a listener has something on it.
    """

    hub: Any = None


# Comparing with this takes a third of the time that asking gevent takes, and a
# thread that serves nothing is given no hub by it. Not the thread's number: the
# system gives that to the next thread when a thread ends.
this_thread = _ThisThread()


class Loop:
    """What one listener has on one event loop.

    Args:
        hub: the hub of the thread.
        log: the log of the listener.

    Attributes:
        hub: the same as given.
        flush: the sessions that were touched in this tick.
        sweep: the deadlines of the sessions.
        traffic: what its sessions have sent and received.
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

        What one thread has called runs in that order.

        Args:
            function: what to call. It must not block.
            *arguments: what to call it with.
        """
        if this_thread.hub is self.hub:
            function(*arguments)
            return
        if self.hub.dead:
            return  # nothing of it runs any more
        # In this order: whoever clears the mark looks for calls after that.
        self._calls.append((function, arguments))
        if not self._scheduled:
            self._scheduled = True
            try:
                self.hub.loop.run_callback_threadsafe(self._run)
            except (AttributeError, ValueError):  # the loop was destroyed just now
                self._calls.clear()

    def _run(self) -> None:
        """Run what other threads have called, for as long as one slice of time."""
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
                self._log.exception("what another thread has called failed: %r", function)


class Loops(PerHub[Loop]):
    """The loops of one listener: mostly one, and more if several threads serve.

    Args:
        log: the log of the listener.
        ended: called with the loops whose threads have ended, when another
            loop is used for the first time.
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
