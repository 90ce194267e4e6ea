"""What the handlers of a client are to be called for: in order, one at a time.

Handlers may block. What a client sends meanwhile waits here, and whoever has
read it goes on: the protocol never waits for a handler.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from gevent import GreenletExit, Timeout, get_hub, getcurrent
from gevent.event import Event

from ..hub.time_slice import let_others_run, slice_end

__all__ = ["HandlerQueue", "HandlerTimeout"]

Call = Callable[[Any, Any], object]
Entry = tuple[Call, Any, int]


class HandlerTimeout(Timeout):  # type: ignore[misc]
    """Raised in a handler that has not returned in time.

    Like other timeouts of gevent's it is no ``Exception``, so that handlers
    which go on after any error do not go on after this one.

    Args:
        text: what was late.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __str__(self) -> str:
        return self._text


class HandlerQueue:
    """The calls that are due for one client.

    Args:
        bound: from how many bytes on that wait the client is not read from.

    Attributes:
        begun: how many calls have begun.
        busy: whether a greenlet runs them.
        calls: those that wait behind the ones that :meth:`run` has taken: each with its
            argument and its cost. A list: of an idle session it takes next to nothing.
        dropped_after: how many had begun when the others were dropped; ``None`` if none were.
        promised: how many are made whatever comes: their client was told that they were taken.
        since: when the call that runs now has begun, on the monotonic clock.
        waiting: how many bytes of memory those take that have not begun.
    """

    __slots__ = (
        "_bound",
        "_roomy",
        "_runner",
        "_taken",
        "begun",
        "busy",
        "calls",
        "dropped_after",
        "promised",
        "since",
        "waiting",
    )

    def __init__(self, bound: int) -> None:
        self._bound = bound
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
    def full(self) -> bool:
        """Whether so much waits that no more is to be read."""
        return self.waiting >= self._bound

    def put(self, call: Call, argument: Any, cost: int) -> None:
        """Put a call in.

        Args:
            call: what to call, with what :meth:`run` is given and the argument.
            argument: the argument.
            cost: how many bytes of memory that takes; 0 for what is never dropped.
        """
        self.calls.append((call, argument, cost))
        self.waiting += cost

    def run(self, session: Any) -> None:
        """Make the calls, until there are none left; return at once if another greenlet does.

        Args:
            session: the first argument of each call.

        Raises:
            BaseException: what a call has raised; the calls behind it are left in the queue.
        """
        if self.busy:
            return
        self.busy = True
        self._runner = getcurrent()
        taken = self._taken
        due = slice_end()
        try:
            while self.calls:
                taken = self._taken = self.calls
                self.calls = []
                taken.reverse()
                while taken:
                    now = monotonic()
                    if now >= due:
                        # Handlers that never block would keep all others waiting.
                        # None runs meanwhile, however long it takes.
                        self.since = inf
                        due = let_others_run()
                        now = monotonic()
                        if not taken:  # they were dropped
                            break
                    # Each call has all of ``handler_timeout``.
                    self.since = now
                    call, argument, cost = taken.pop()
                    self.begun += 1
                    self.waiting -= cost
                    if self._roomy is not None:
                        self._look_for_room()
                    call(session, argument)
        finally:
            self.busy = False
            self._runner = None
            if taken:
                taken.reverse()
                self.calls[:0] = taken
                self._taken = []

    def drop(self, promised: bool = False) -> None:
        """Make none of the calls that have not begun, but those that cost nothing.

        Args:
            promised: whether to drop those too that were promised to be made.
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
        """Call a function once when half of the bound is free again. It must not block."""
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
        if 2 * self.waiting <= self._bound and self._roomy is not None:
            roomy, self._roomy = self._roomy, None
            for callback in roomy:
                callback()

    def wait_done(self, timeout: float | None = None) -> bool:
        """Wait until all calls that are in the queue now have ended, or were dropped.

        Args:
            timeout: for how many seconds; ``None`` for ever.

        Returns:
            Whether that was so in time.
        """
        if not self.busy and not self.calls:
            return True
        done = Event()
        self.put(lambda session, argument: done.set(), None, 0)
        return bool(done.wait(timeout))

    def throw(self, error: BaseException) -> None:
        """Raise an error where the handler that runs now waits for something.

        To be called in the hub.
        """
        self.since = monotonic()
        if self._runner is not None:
            self._runner.throw(error)

    def kill(self) -> None:
        """Have the handler that runs now killed, unless it is what calls this."""
        if self._runner is not None and self._runner is not getcurrent():
            get_hub().loop.run_callback(self._kill, self.begun)

    def _kill(self, begun: int) -> None:
        # If the handler has ended meanwhile, its greenlet may run one of another client.
        if self._runner is not None and self.begun == begun and self.since != inf:
            self._runner.throw(GreenletExit)
