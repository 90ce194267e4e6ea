"""Frames as they travel over channels, where whoever hears them knows no connection.

Before each stands the name of its sender and a number, which grows. A frame that was written twice,
because the answer to the first attempt was lost, is read once.
"""

from __future__ import annotations

import re
import struct

from .bus_frames import BadFrame, Frame, Frames, frame

__all__ = ["Envelopes"]

_NUMBER = struct.Struct("!Q")


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

    def read(self, data: bytes) -> tuple[str, Frame | None]:
        """Read a frame; with its sender, and ``None`` if it was read before.

        Raises:
            BadFrame: if it is none.
        """
        sender = data[: self._width].decode("ascii", "replace")
        start = self._width + _NUMBER.size
        if len(data) < start or self._name.fullmatch(sender) is None:
            raise BadFrame("it does not begin with the name of a worker")
        (number,) = _NUMBER.unpack_from(data, self._width)
        if number <= self._last.get(sender, 0):
            return sender, None
        found = list(Frames(self._largest).take(data[start:]))
        if len(found) != 1:
            raise BadFrame("it is not one frame")
        self._last[sender] = number
        return sender, found[0]

    def forget(self, sender: str) -> None:
        """A worker has gone."""
        self._last.pop(sender, None)
