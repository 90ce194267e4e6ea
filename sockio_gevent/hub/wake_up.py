"""A greenlet that waits for something that another thread may do."""

from __future__ import annotations

import gevent
from gevent.event import Event

from .gevent_private import hub_if_any

__all__ = ["WakeUp"]

# Seconds. A timer keeps the loop of a thread running that has nothing else to wait for.
_ONE_TIMER = 3600.0


class WakeUp:
    """Wakes the greenlet that has made it; any thread may do that.

    An event of gevent alone belongs to the threads of its waiters: another thread has to
    ask the loop of that thread.
    """

    __slots__ = ("_event", "_hub")

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._event = Event()

    def set(self) -> None:
        """Wake the greenlet up, or let it not wait at all."""
        if hub_if_any() is self._hub:
            self._event.set()
            return
        try:
            self._hub.loop.run_callback_threadsafe(self._event.set)
        except (AttributeError, ValueError):
            pass  # its loop was destroyed, and nobody waits any more

    def wait(self, timeout: float | None) -> bool:
        """Wait until :meth:`set` was called.

        Args:
            timeout: how many seconds to wait at most; ``None`` waits for ever.

        Returns:
            False if the timeout came first.
        """
        if timeout is not None:
            return bool(self._event.wait(timeout))
        while not self._event.wait(_ONE_TIMER):
            pass
        return True
