"""Frames as they travel over channels, where whoever hears them knows no connection.

Before each stands the name of its sender and a number, which grows. A frame that was written twice,
because the answer to the first attempt was lost, is read once. Several frames may travel together,
one behind the other.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from .bus_frames import BadFrame, Frame, frame, read_frame

__all__ = ["Envelopes"]

_NUMBER = struct.Struct("!Q")
_MOST_SENDERS = 10_000  # that are remembered; the one that was heard of first is forgotten


class Envelopes:
    """Writes the frames of one worker, and reads those of others.

    Args:
        name: the form of the names of workers.
        width: how many characters each has.
        largest: how many bytes a frame may have.
    """

    __slots__ = ("_largest", "_last", "_name", "_number", "_width")

    def __init__(self, name: re.Pattern[str], width: int, largest: int) -> None:
        self._name = name
        self._width = width
        self._largest = largest
        self._number = 0
        self._last: dict[str, int] = {}

    def write(self, sender: str, form: int, kind: str, number: int, body: bytes) -> bytes:
        """Write a frame of this worker."""
        self._number += 1
        return sender.encode() + _NUMBER.pack(self._number) + frame(form, kind, number, body)

    def read(self, data: bytes) -> Iterator[tuple[str, Frame]]:
        """Read frames, those that were not read before, each with its sender.

        Raises:
            BadFrame: if there is none, or something else behind those that were given.
        """
        start, end = 0, len(data)
        while start < end or not data:
            number_at = start + self._width
            frame_at = number_at + _NUMBER.size
            sender = data[start:number_at].decode("ascii", "replace")
            if frame_at > end or self._name.fullmatch(sender) is None:
                raise BadFrame("it does not begin with the name of a worker")
            one, start = read_frame(data, frame_at, self._largest)
            (number,) = _NUMBER.unpack_from(data, number_at)
            if number > self._last.get(sender, 0):
                if sender not in self._last and len(self._last) >= _MOST_SENDERS:
                    del self._last[next(iter(self._last))]
                self._last[sender] = number
                yield sender, one

    def forget(self, sender: str) -> None:
        """A worker has gone."""
        self._last.pop(sender, None)
