"""The frames that workers of one machine send to each other.

A frame is a head of 14 bytes, the kind of the message in ASCII, and its body. The head says how
long the rest is, its form, how long the kind is, and the number by which an answer
finds its question. A frame that wants no answer may have there when it was written, in
nanoseconds of the clock that all processes of the machine have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

__all__ = [
    "ANSWER",
    "ASK",
    "HANDOVER",
    "HELLO",
    "LARGEST_HELLO",
    "REFUSED",
    "TELL",
    "WELCOME",
    "BadFrame",
    "Frame",
    "Frames",
    "frame",
    "read_frame",
]

#: The forms. The first on each connection is a HELLO with the name of its sender, which
#: gets a WELCOME back. REFUSED answers a HANDOVER that was not taken, or an ASK that failed.
HELLO, WELCOME, TELL, ASK, ANSWER, REFUSED, HANDOVER = range(7)

#: How long the body of a HELLO or a WELCOME may be.
LARGEST_HELLO = 64

_HEAD = Struct("!IBBQ")
_KIND = re.compile(rb"[a-z_]{0,32}")
_LARGEST_NUMBER = 2**64 - 1


class BadFrame(ValueError):
    """What has come is no frame, or too large."""


class Frame(NamedTuple):
    """One frame.

    Attributes:
        form: what it is: a ``TELL``, an ``ASK`` and so on.
        kind: the kind of the message; empty for an answer.
        number: the number of the question; of a TELL the time, or 0.
        body: the body.
    """

    form: int
    kind: str
    number: int
    body: bytes


def frame(form: int, kind: str, number: int, body: bytes) -> bytes:
    """Write a frame."""
    name = kind.encode("ascii")
    head = _HEAD.pack(len(name) + len(body), form, len(name), number & _LARGEST_NUMBER)
    return b"".join((head, name, body))


def _end_of(data: bytes | bytearray, start: int, largest: int) -> int:
    """Where a frame ends, or beyond the end of the data if too little of it is there.

    Raises:
        BadFrame: if it is none, or too large.
    """
    place = start + _HEAD.size
    if place > len(data):
        return place
    size, form, name_size, _ = _HEAD.unpack_from(data, start)
    if size > largest:
        raise BadFrame(f"a frame of {size} bytes, and {largest} are allowed")
    if form > HANDOVER or name_size > size:
        raise BadFrame(f"the head of a frame is malformed: form {form}")
    return place + size  # type: ignore[no-any-return]


def _whole(data: bytes | bytearray, start: int, end: int) -> Frame:
    """A frame of which all is there.

    Raises:
        BadFrame: if it is none.
    """
    _, form, name_size, number = _HEAD.unpack_from(data, start)
    place = start + _HEAD.size
    name = bytes(data[place : place + name_size])
    if _KIND.fullmatch(name) is None:
        raise BadFrame("the kind of a message is no name")
    body = bytes(memoryview(data)[place + name_size : end])
    return Frame(form, name.decode("ascii"), number, body)


def read_frame(data: bytes, start: int, largest: int) -> tuple[Frame, int]:
    """Read a frame out of data that has all of it.

    Args:
        data: the data.
        start: where the frame begins.
        largest: how many bytes it may have.

    Returns:
        The frame, and where it ends.

    Raises:
        BadFrame: if it is none, too large, or not all of one.
    """
    end = _end_of(data, start, largest)
    if end > len(data):
        raise BadFrame("a frame is cut off")
    return _whole(data, start, end), end


class Frames:
    """Reads the frames of one connection.

    Args:
        largest: how many bytes a frame may have.

    Attributes:
        largest: the same as given.
    """

    __slots__ = ("_buffer", "largest")

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self._buffer = bytearray()

    def take(self, data: bytes) -> Iterator[Frame]:
        """Take what has come; give each frame that is complete.

        Whoever handles a frame may change :attr:`largest` for the next.

        Raises:
            BadFrame: if it is none.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while (end := _end_of(buffer, start, self.largest)) <= len(buffer):
            found, start = _whole(buffer, start, end), end
            yield found
        if start:
            del buffer[:start]
