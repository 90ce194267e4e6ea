"""What belongs to one gevent hub: a thread that serves has a hub, and a hub has an event loop.

Only the thread of a hub may use its loop and its greenlets. So the objects that
watch sockets, wait for deadlines or keep greenlets exist once for each hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gevent
from gevent import monkey

__all__ = ["NextIteration", "PerHub", "thread_lock"]

T = TypeVar("T")

#: Makes a lock between threads. Hold it for a moment only, and do not switch greenlets
#: meanwhile. It is reentrant: a signal handler may run at any time and take it again.
thread_lock: Callable[[], Any] = monkey.get_original("_thread", "RLock")


class PerHub(Generic[T]):
    """One object for each hub.

    Args:
        make: makes the object; called with the hub, in the thread of that hub.
    """

    __slots__ = ("_make", "_of")

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._of: dict[Any, T] = {}

    def here(self) -> T:
        """The object of this thread's hub."""
        hub = gevent.get_hub()
        found = self._of.get(hub)
        if found is None:
            found = self._of[hub] = self._make(hub)
            self.forget_dead()
        return found

    def all(self) -> list[T]:
        """The objects of all hubs, the oldest first."""
        return list(self._of.values())

    def forget_dead(self) -> list[T]:
        """Forget the objects of hubs that were destroyed or whose thread has ended; return them."""
        # From a copy: other threads may add objects at the same time.
        dead = [hub for hub in list(self._of) if hub.dead]
        return [found for hub in dead if (found := self._of.pop(hub, None)) is not None]


class NextIteration:
    """Calls a function in the loop's next iteration, after the loop has polled its sockets.

    A callback of the loop is not enough. A callback that adds another one, and
    so on, can run dozens of times before the loop polls its sockets again.

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
        """Call the function in the next iteration."""
        # The loop runs timers, even those of no length, after it has polled its sockets.
        if self._timer is None:
            self._timer = self._loop.timer(0.0)
        self._timer.start(self._function)
