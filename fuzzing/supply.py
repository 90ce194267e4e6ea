"""An input of a fuzzer, cut into the choices that a harness has to make."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

__all__ = ["Supply", "text_of"]

Choice = TypeVar("Choice")


class Supply:
    """Hands out an input bit by bit; when it is used up, it hands out zeros.

    Args:
        data: the input.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def empty(self) -> bool:
        """Whether the input is used up."""
        return self._position >= len(self._data)

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        start, self._position = self._position, self._position + count
        return self._data[start : self._position]

    def rest(self) -> bytes:
        """The rest of the input."""
        return self.take(len(self._data))

    def number(self, below: int) -> int:
        """A number that takes as many bytes as it needs."""
        size = (max(below - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self.take(size).ljust(size, b"\0"), "big") % below

    def choice(self, choices: Sequence[Choice]) -> Choice:
        """One of these."""
        return choices[self.number(len(choices))]

    def places(self, count: int) -> list[int]:
        """Numbers to cut something at; see :meth:`cut`."""
        return [self.number(1 << 16) for _ in range(count)]

    @staticmethod
    def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
        """The data in pieces, as TCP might bring it."""
        bounds = sorted(place % (len(data) + 1) for place in places)
        return [data[start:end] for start, end in pairwise([0, *bounds, len(data)])]


def text_of(data: bytes) -> str:
    """Some text for any bytes, and every text for some."""
    return data.decode("utf-8", "replace")
