"""The handler queue of a client: its handlers are called in order, one at a time.

Handlers may block. The messages that a client sends meanwhile wait here, and the
greenlet that has read them goes on: the protocol never waits for a handler.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Final

from gevent import GreenletExit, get_hub, getcurrent
from gevent.event import Event

from .time_slice import let_others_run, slice_end

__all__ = ["HandlerQueue"]

# The compiled form looks an imported name up each time.
_now: Final = monotonic
_this_greenlet: Final = getcurrent

Call = Callable[[Any, Any], object]
Entry = tuple[Call, Any, int]


class HandlerQueue:
    """The calls of handlers that wait for one client.

    Args:
        bound: the client is not read from while so many bytes wait.

    Attributes:
        begun: how many calls have begun.
        bound: the same as given.
        busy: whether a greenlet runs the calls.
        calls: the calls that wait behind those that :meth:`run` has taken, each with its
            argument and its cost. A list, because an empty one takes little memory.
        dropped_after: how many calls of the session come before the first dropped one;
            ``None`` if none were dropped.
        promised: how many calls, counted from the first, are made even if others are
            dropped: the client was told that they were taken.
        since: when the running call has begun, on the monotonic clock.
        waiting: how many bytes of memory the calls take that have not begun.
    """

    __slots__ = (
        "_roomy",
        "_runner",
        "_taken",
        "begun",
        "bound",
        "busy",
        "calls",
        "dropped_after",
        "promised",
        "since",
        "waiting",
    )

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.calls: list[Entry] = []
        self._taken: list[Entry] = []  # in reverse order
        self._runner: Any = None
        self._roomy: list[Callable[[], object]] | None = None
        self.begun = 0
        self.busy = False
        self.dropped_after: int | None = None
        self.promised = 0
        self.since = 0.0
        self.waiting = 0

    @property
    def added(self) -> int:
        """How many calls were put in so far."""
        return self.begun + len(self._taken) + len(self.calls)

    @property
    def is_left_alone(self) -> bool:
        """Whether calls wait, and no greenlet makes them."""
        return bool(self.calls) and not self.busy

    @property
    def full(self) -> bool:
        """Whether so much waits that the client must not be read from."""
        return self.waiting >= self.bound

    @property
    def stops_reading(self) -> bool:
        """Whether it is full, or was, and whoever waits for room has not been called yet."""
        return self._roomy is not None or self.full

    def put(self, call: Call, argument: Any, cost: int) -> None:
        """Put a call in.

        Args:
            call: a function. Its arguments are the session that :meth:`run` is given, and
                ``argument``.
            argument: the second argument.
            cost: how many bytes of memory the call takes; a call of cost 0 is never dropped.
        """
        self.calls.append((call, argument, cost))
        self.waiting += cost

    def run(self, session: Any) -> None:
        """Make the calls until none are left; return at once if another greenlet makes them.

        Args:
            session: the first argument of each call.

        Raises:
            BaseException: the exception of a call; the calls behind it stay in the queue.
        """
        if self.busy:
            return
        self.busy = True
        self._runner = _this_greenlet()
        calls = self.calls
        try:
            if len(calls) == 1:  # the usual case: the same as for many, in fewer steps
                self.calls = []  # faster than to empty the other one
                self.since = _now()
                call, argument, cost = calls[0]
                self.begun += 1
                self.waiting -= cost
                if self._roomy is not None:
                    self._look_for_room()
                call(session, argument)
            if self.calls:
                calls, argument = self.calls, None  # what was handled need not be kept
                self._run_many(session)
        finally:
            self.busy = False
            self._runner = None

    def _run_many(self, session: Any) -> None:
        """Make the calls until none are left, and let others run in between."""
        taken = self._taken
        now = _now()
        due = slice_end(now)
        try:
            while self.calls:
                taken = self._taken = self.calls
                self.calls = []
                taken.reverse()
                while taken:
                    if now >= due:
                        # Handlers that never block would keep all others waiting.
                        # While this greenlet waits no handler runs, so none can be late.
                        self.since = inf
                        due = let_others_run()
                        now = _now()
                        if not taken:  # the calls were dropped meanwhile
                            break
                    # ``handler_timeout`` is for each call alone.
                    self.since = now
                    call, argument, cost = taken.pop()
                    self.begun += 1
                    self.waiting -= cost
                    if self._roomy is not None:
                        self._look_for_room()
                    call(session, argument)
                    if taken or self.calls:
                        now = _now()
        finally:
            if taken:
                taken.reverse()
                self.calls[:0] = taken
                self._taken = []

    def drop(self, promised: bool = False) -> None:
        """Drop the calls that have not begun, except those of cost 0.

        Args:
            promised: whether to drop the promised calls, too.
        """
        first = 0 if promised else max(self.promised - self.begun, 0)
        calls = [*reversed(self._taken), *self.calls]
        kept = calls[:first] + [call for call in calls[first:] if not call[2]]
        self._taken.clear()
        self.calls = kept
        self.waiting = sum([cost for _, _, cost in kept])
        self.dropped_after = self.begun + first
        if self._roomy is not None:
            self._look_for_room()

    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once, when half of the bound is free again. It must not block."""
        if self._roomy is None:
            self._roomy = []
        self._roomy.append(callback)

    def wait_for_room(self) -> None:
        """Wait while the queue is full."""
        if self.full:
            roomy = Event()
            self.when_roomy(roomy.set)
            roomy.wait()

    def _look_for_room(self) -> None:
        if 2 * self.waiting <= self.bound and self._roomy is not None:
            roomy, self._roomy = self._roomy, None
            for callback in roomy:
                callback()

    def wait_done(self, timeout: float | None = None) -> bool:
        """Wait until all calls that are in the queue now have ended or were dropped.

        Args:
            timeout: how many seconds to wait; ``None`` waits for ever.

        Returns:
            False if the timeout came first.
        """
        if not self.busy and not self.calls:
            return True
        done = Event()
        self.put(lambda session, argument: done.set(), None, 0)
        return bool(done.wait(timeout))

    def throw(self, error: BaseException) -> None:
        """Raise an error in the running handler, at the place where it waits.

        Call it in the hub.
        """
        self.since = _now()
        if self._runner is not None:
            self._runner.throw(error)

    def kill(self) -> None:
        """Kill the running handler soon, unless the handler calls this itself."""
        if self._runner is not None and self._runner is not getcurrent():
            get_hub().loop.run_callback(self._kill, self.begun)

    def _kill(self, begun: int) -> None:
        # If the handler has ended meanwhile, its greenlet may run a handler of another client.
        if self._runner is not None and self.begun == begun and self.since != inf:
            self._runner.throw(GreenletExit)
