"""The pieces of one direction of a stream that the other end may not have got.

Each has the offset of its first byte. So the other end takes each byte once and in order, whatever
of them is lost or sent twice, and can ask for the rest from where it stands. The end of a direction
counts as one byte behind all others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

__all__ = ["DATA", "END", "Pieces", "size_of"]

#: The forms of pieces: bytes, and that no more follow.
DATA, END = b"d", b"e"


def size_of(form: bytes, data: bytes) -> int:
    """How many offsets a piece takes."""
    return 1 if form == END else len(data)


class Pieces:
    """The pieces that were sent and not confirmed.

    Attributes:
        end: the offset behind the last piece.
        confirmed: the offset up to which the other end has them.
    """

    __slots__ = ("_waiting", "confirmed", "end")

    def __init__(self) -> None:
        self.end = 0
        self.confirmed = 0
        self._waiting: deque[tuple[int, bytes, bytes]] = deque()

    def add(self, form: bytes, data: bytes) -> int:
        """Note a piece that is sent; returns its offset."""
        offset = self.end
        self._waiting.append((offset, form, data))
        self.end += size_of(form, data)
        return offset

    def confirm(self, offset: int) -> None:
        """The other end has all pieces up to an offset; it may say so late, and again."""
        if offset <= self.confirmed:
            return
        self.confirmed = offset
        waiting = self._waiting
        while waiting and waiting[0][0] + size_of(*waiting[0][1:]) <= offset:
            waiting.popleft()

    def rest(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Those that are not confirmed, in order: the offset, the form and the bytes of each."""
        return iter(list(self._waiting))
