"""What belongs to one gevent hub: a thread that serves has a hub, and a hub has an event loop.

A hub's loop and greenlets are for its own thread alone. So what watches
sockets, waits for deadlines or parks greenlets exists once for each hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gevent
from gevent import monkey

__all__ = ["NextIteration", "PerHub", "thread_lock"]

T = TypeVar("T")

#: Makes a lock between threads, to be held for a moment and without a switch of greenlets.
#: The handler of a signal may come in between, and take it once more.
thread_lock: Callable[[], Any] = monkey.get_original("_thread", "RLock")


class PerHub(Generic[T]):
    """Something that each hub has one of.

    Args:
        make: makes it, given the hub; called in the thread of that hub.
    """

    __slots__ = ("_make", "_of")

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._of: dict[Any, T] = {}

    def here(self) -> T:
        """The one of the hub of this thread."""
        hub = gevent.get_hub()
        found = self._of.get(hub)
        if found is None:
            found = self._of[hub] = self._make(hub)
            self.forget_dead()
        return found

    def all(self) -> list[T]:
        """Those of all hubs, the oldest first."""
        return list(self._of.values())

    def forget_dead(self) -> list[T]:
        """Forget those of hubs that were destroyed, or whose thread has ended; return them."""
        # Of a copy: other threads may add theirs.
        dead = [hub for hub in list(self._of) if hub.dead]
        return [found for hub in dead if (found := self._of.pop(hub, None)) is not None]


class NextIteration:
    """Calls a function in the next turn of the loop, once the loop has looked at its sockets.

    A mere callback of the loop does not do: the loop may run dozens of them,
    each put there by the one before, before it looks at its sockets again.

    Args:
        loop: the loop of the hub.
        function: what to call. It must not block.
    """

    __slots__ = ("_function", "_loop", "_timer")

    def __init__(self, loop: Any, function: Callable[[], None]) -> None:
        self._loop = loop
        self._function = function
        self._timer: Any = None

    def start(self) -> None:
        """Call the function in the next turn."""
        # A timer, however short, comes behind the sockets.
        if self._timer is None:
            self._timer = self._loop.timer(0.0)
        self._timer.start(self._function)
