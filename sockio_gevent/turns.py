"""Whose turn it is to run a session's handlers."""

from __future__ import annotations

from collections import deque

from gevent.event import Event

__all__ = ["Turns"]


class Turns:
    """A lock that goes from hand to hand: first come, first served.

    Handlers may block, and several greenlets may bring messages of one session
    (two POSTs, say). gevent's own locks may be taken by a newcomer between a
    release and the wake-up of who has waited longest, which would reorder
    messages; here the turn is never free while somebody waits.

    Attributes:
        busy: whether somebody has the turn.
    """

    __slots__ = ("_waiting", "busy")

    def __init__(self) -> None:
        self.busy = False
        self._waiting: deque[Event] | None = None

    def __enter__(self) -> None:
        if not self.busy:
            self.busy = True
            return
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
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self.busy = False
