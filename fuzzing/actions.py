"""What a world of sessions and their clients is: actions, each with two numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from .supply import Supply

__all__ = ["SAME_TICK", "World", "play", "spell"]

# From this number of a client on, the next action comes in the same tick of the loop.
SAME_TICK = 128
_MOST_ACTIONS = 200
# How much follows the number of a message; a few of the last fill a buffer.
_FILLINGS = ("", "é😀", "x" * 100, "x" * 300)


class World(ABC):
    """A listener, its sessions and their clients.

    Each action is a method with two numbers: which client it is about, and how it goes.

    Attributes:
        ACTIONS: the names of the actions.
    """

    ACTIONS: ClassVar[Sequence[str]]

    def __init__(self) -> None:
        self._numbers = 0

    def perform(self, action: str, which: int, amount: int) -> None:
        """Do one of the actions; after half of them, let the loop run until it is idle."""
        getattr(self, action)(which, amount)
        if which < SAME_TICK:
            self.settle()

    @abstractmethod
    def settle(self) -> None:
        """Let the loop run until it is idle, and do all checks."""

    @abstractmethod
    def end(self) -> None:
        """Let everyone get what was sent to them, and close the listener."""

    def _text(self, kind: str, amount: int) -> str:
        # Numbered, so that no two messages are the same.
        self._numbers += 1
        return f"{kind} {self._numbers} {_FILLINGS[amount // 8 % 4]}"


def spell(kind: type[World], *steps: tuple[str, int, int]) -> bytes:
    """The input that makes these actions happen."""
    return b"".join(bytes((kind.ACTIONS.index(name), which, how)) for name, which, how in steps)


def play(kind: type[World], data: bytes) -> None:
    """Do the actions of an input, three bytes each: which, about whom, and how."""
    supply = Supply(data)
    world = kind()
    for _ in range(_MOST_ACTIONS):
        if supply.empty:
            break
        action = supply.choice(kind.ACTIONS)
        world.perform(action, supply.number(256), supply.number(256))
    world.end()
