"""Reading the stream of Redis: each entry once, also when another Redis has taken its place.

A Redis that takes the place of another one, or has come back, may lack the last entries that were
read. What it writes then comes behind the last entry that both have had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from .lag import Lag

__all__ = ["OnEntry", "StreamReader"]

_READ_COUNT = 100  # entries in one read
_BLOCK = 5000  # milliseconds that a read waits
_REMEMBERED = 11_000  # ids of entries that were read, some more than the stream keeps
_CLOCK = 60.0  # seconds after which the clock of Redis is asked again

OnEntry = Callable[["dict[bytes, bytes]"], None]


class StreamReader:
    """The place of one worker in the stream.

    Args:
        client: the client of Redis.
        stream: the name of the stream.
        on_entry: called with the fields of each entry.

    Attributes:
        lag: how long entries were in the stream until they were read, by the clock of Redis.
        place: the id of the last entry that was read; ``None`` before it is known.
    """

    def __init__(self, client: Any, stream: str, on_entry: OnEntry) -> None:
        self.lag = Lag()
        self.place: bytes | None = None
        self._client = client
        self._stream = stream
        self._on_entry = on_entry
        self._read: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._ahead = 0.0
        self._clock_due = 0.0

    def find_place(self) -> None:
        """See from where on to read; for each new connection.

        Raises:
            Exception: one of :data:`FAILURES`.
        """
        self._clock_due = 0.0
        if self.place is None:
            # What was written before this worker has started is not for it, whatever happens.
            last = self._ids(self._client.xrevrange(self._stream, count=_READ_COUNT))
            self._read.extend(reversed(last))
            self.place = last[0] if last else b"0-0"
        elif not self._is_there(self.place):
            self.place = self._last_that_was_read()

    def has_read(self, place: bytes) -> bool:
        """Whether it was read up to an entry."""
        return self.place is not None and _number(self.place) >= _number(place)

    def _is_there(self, place: bytes) -> bool:
        """Whether an entry is in the stream, or all entries come behind it."""
        if self._client.xrange(self._stream, place, place):
            return True
        first = self._ids(self._client.xrange(self._stream, count=1))
        return bool(first) and _number(first[0]) > _number(place)

    def _last_that_was_read(self) -> bytes:
        """The last entry of the stream that was read; the beginning if there is none."""
        known, end = set(self._read), "+"
        while True:
            page = self._ids(self._client.xrevrange(self._stream, end, count=_READ_COUNT))
            for each in page:
                if each in known:
                    return each
            if len(page) < _READ_COUNT:
                return b"0-0"
            end = _before(page[-1])

    def read(self) -> None:
        """Wait for entries, for some seconds at most, and handle them.

        Raises:
            Exception: one of :data:`FAILURES`.
        """
        if monotonic() >= self._clock_due:
            seconds, microseconds = self._client.execute_command("TIME")
            self._ahead = seconds + microseconds / 1e6 - monotonic()
            self._clock_due = monotonic() + _CLOCK
        for _, entries in self._client.xread({self._stream: self.place}, _READ_COUNT, _BLOCK):
            for place, fields in entries:
                # Before it is handled: whatever comes of that, it is not read again.
                self.place = place
                self._read.append(place)
                self.lag.note(monotonic() + self._ahead - _number(place)[0] / 1000)
                self._on_entry(fields)

    def _ids(self, entries: list[Any]) -> list[bytes]:
        return [place for place, _ in entries]


def _before(place: bytes) -> str:
    """The largest id that is smaller."""
    milliseconds, sequence = _number(place)
    return f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}"


def _number(place: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = place.partition(b"-")
    return int(milliseconds), int(sequence or 0)
