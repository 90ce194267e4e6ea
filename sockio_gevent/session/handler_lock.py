"""Whose turn it is to run a session's handlers."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any

from gevent import Timeout, getcurrent
from gevent.event import Event

__all__ = ["HandlerLock", "HandlerTimeout"]


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


class HandlerLock:
    """A lock that goes from hand to hand: first come, first served.

    Handlers may block, and several greenlets may bring messages of one session
    (two POSTs, say). gevent's own locks may be taken by a newcomer between a
    release and the wake-up of who has waited longest, which would reorder
    messages; here the turn is never free while somebody waits.

    Attributes:
        busy: whether somebody has the turn.
        since: when who has it has begun with what it does, on the monotonic clock.
    """

    __slots__ = ("_holder", "_waiting", "busy", "since")

    def __init__(self) -> None:
        self.busy = False
        self.since = 0.0
        self._holder: Any = None
        self._waiting: deque[Event] | None = None

    def __enter__(self) -> None:
        if self.busy:
            self._wait()
        self.busy = True
        self.since = monotonic()
        self._holder = getcurrent()

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = deque()
        turn = Event()
        self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:
            # Killed while waiting, perhaps just after the turn had come.
            if turn.is_set():
                self.__exit__()
            else:
                self._waiting.remove(turn)
            raise

    def __exit__(self, *exception: object) -> None:
        self._holder = None
        if self._waiting:
            self.since = monotonic()
            self._waiting.popleft().set()
        else:
            self.busy = False

    def throw(self, error: BaseException) -> None:
        """Raise an error where who has the turn waits for something. To be called in the hub."""
        self.since = monotonic()
        if self._holder is not None:
            self._holder.throw(error)
