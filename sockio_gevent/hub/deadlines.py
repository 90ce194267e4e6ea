"""One timer for all deadlines.

A session has one deadline at a time: its next heartbeat, the echo of one, the
end of a poll, the end of the time that it may be without a connection. The
sessions have no timers of their own. They are sorted into slots of a tenth of
a second, and one timer goes through the slots. To move a deadline to a later
time costs nothing: when the old slot is reached, the session returns the new
time.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Any, Final, Protocol

import gevent

from ..compiled import mypyc_attr

__all__ = ["RESOLUTION", "Deadlines"]

RESOLUTION: Final = 0.1

_STALL = 0.5  # seconds without a tick: something has kept the loop from running
_MOST_STALLS = 50  # in a row, that deadlines wait for


class Item(Protocol):
    """Something that has a deadline.

    Attributes:
        slot: the number of its slot; ``None`` while it has no deadline.
    """

    slot: int | None

    def due(self, now: float) -> float | None:
        """Do what is due at this time; return the next deadline, or ``None`` if there is none."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Deadlines:
    """The deadlines of one listener.

    Args:
        report: called with a log line and its arguments when an item has raised an exception,
            while that is being handled.
    """

    def __init__(self, report: Callable[..., None]) -> None:
        self._report = report
        self._slots: dict[int, set[Item]] = {}
        self._next = 0
        self._ticked = 0.0
        self._stalls = 0
        self._timer: Any = None

    def look(self, item: Item, deadline: float) -> None:
        """Call the item's ``due`` at this time of the monotonic clock, or earlier."""
        slot = ceil(deadline / RESOLUTION)
        if item.slot is not None:
            if item.slot <= slot:
                return
            self.forget(item)
        if self._timer is None:
            self._start()
        item.slot = slot = max(slot, self._next)
        self._slots.setdefault(slot, set()).add(item)

    def forget(self, item: Item) -> None:
        """Do not call this item any more."""
        if item.slot is not None:
            slot = self._slots.get(item.slot)
            if slot is not None:
                slot.discard(item)
                if not slot:
                    del self._slots[item.slot]
            item.slot = None

    @property
    def stalled(self) -> bool:
        """Whether something has kept the loop from running.

        Then clients may have sent something in time that nobody has read yet.
        """
        return self._stalls > 0 or monotonic() - self._ticked > _STALL

    def _start(self) -> None:
        self._ticked = monotonic()
        self._next = int(self._ticked / RESOLUTION)
        # Without a reference: the timer alone must not keep a program running.
        self._timer = gevent.get_hub().loop.timer(RESOLUTION, RESOLUTION, ref=False)
        self._timer.start(self._tick)

    def _stop(self) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = None

    def _tick(self) -> None:
        now = monotonic()
        stalled, self._ticked = now - self._ticked > _STALL, now
        self._stalls = self._stalls + 1 if stalled else 0
        if 0 < self._stalls <= _MOST_STALLS:
            # Clients may have sent something in time that nobody has read yet. The
            # loop must read its sockets before it calls any client late.
            return
        current = int(now / RESOLUTION)
        while self._next <= current:
            number, self._next = self._next, self._next + 1
            due = self._slots.get(number)
            # One by one: an item may forget another of its slot.
            while due:
                item = due.pop()
                item.slot = None
                self._call(item, now)
            self._slots.pop(number, None)
        if not self._slots:
            self._stop()

    def _call(self, item: Item, now: float) -> None:
        try:
            again = item.due(now)
        except Exception:
            self._report("a deadline of %r failed", item)
            return
        if again is not None:
            self.look(item, again)
