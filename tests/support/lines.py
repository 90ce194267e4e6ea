"""A log that tests can wait for."""

from __future__ import annotations

import gevent
from gevent.event import Event

from .http import DEADLINE


class Lines(list[str]):
    """The option ``log`` of a listener, kept."""

    def __init__(self) -> None:
        super().__init__()
        self._more = Event()

    def __call__(self, line: str) -> None:
        self.append(line)
        self._more.set()

    def wait(self, part: str, count: int = 1) -> str:
        """Wait for so many lines with this in them; return the last of these."""
        with gevent.Timeout(DEADLINE, AssertionError(f"no {count} lines with {part!r}: {self}")):
            while True:
                self._more.clear()
                found = [line for line in self if part in line]
                if len(found) >= count:
                    return found[count - 1]
                self._more.wait()
