"""What a world of sessions and their clients is: actions, each with two numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import gevent

from .inside import Errors, wait_until
from .supply import Supply

__all__ = ["SAME_TICK", "World", "play", "spell"]

# From this number of a client on, the next action comes in the same tick of the loop.
SAME_TICK = 128
_MOST_ACTIONS = 200
# How much follows the number of a message; a few of the last fill a buffer.
_FILLINGS = ("", "é😀", "x" * 100, "x" * 300)


# Clients that are there at the same time.
_MOST_PEERS = 3


class Peer(Protocol):
    """A client and its session, as far as all worlds know it."""

    @property
    def settled(self) -> bool:
        """Whether all that runs by itself has been run."""

    @property
    def gone(self) -> bool:
        """Whether its session has ended, and all that belongs to the end is done."""

    def check(self) -> None:
        """Compare the session with the model."""

    def take(self, count: int) -> None:
        """The connection takes so many bytes of what was written."""

    def late(self) -> None:
        """Connections that were over long ago report it once more."""


P = TypeVar("P", bound=Peer)


class World(ABC, Generic[P]):
    """A listener, its sessions and their clients.

    Each action is a method with two numbers: which client it is about, and how it goes.

    Attributes:
        ACTIONS: the names of the actions.
    """

    ACTIONS: ClassVar[Sequence[str]]

    def __init__(self) -> None:
        self._errors = Errors()
        self._peers: list[P] = []
        self._numbers = 0

    def perform(self, action: str, which: int, amount: int) -> None:
        """Do one of the actions; after half of them, let the loop run until it is idle."""
        getattr(self, action)(which, amount)
        if which < SAME_TICK:
            self.settle()

    def settle(self) -> None:
        """Let the loop run until it is idle, and do all checks."""
        gevent.sleep(0)
        gevent.sleep(0)
        wait_until(lambda: all(peer.settled for peer in self._peers))
        assert not self._errors.lines, "\n".join(self._errors.lines)
        for peer in self._peers:
            peer.check()

    @abstractmethod
    def end(self) -> None:
        """Let everyone get what was sent to them, and close the listener."""

    def take(self, which: int, amount: int) -> None:
        """A connection takes some of what was written."""
        for peer in self._peer(which):
            peer.take(1 + 4 * amount)

    def late(self, which: int, amount: int) -> None:
        """Connections that were over long ago report it once more."""
        del amount
        for peer in self._peer(which):
            peer.late()

    def _peer(self, which: int) -> list[P]:
        return [self._peers[which % len(self._peers)]] if self._peers else []

    def _has_room(self) -> bool:
        """Whether one more client may come, maybe in place of one whose session has ended."""
        ended = [peer for peer in self._peers if peer.gone]
        if len(self._peers) == _MOST_PEERS and ended:
            self._forget(ended[0])
        return len(self._peers) < _MOST_PEERS

    def _forget(self, peer: P) -> None:
        self._peers.remove(peer)

    def _text(self, kind: str, amount: int) -> str:
        # Numbered, so that no two messages are the same.
        self._numbers += 1
        return f"{kind} {self._numbers} {_FILLINGS[amount // 8 % 4]}"


def spell(kind: type[World[Any]], *steps: tuple[str, int, int]) -> bytes:
    """The input that makes these actions happen."""
    return b"".join(bytes((kind.ACTIONS.index(name), which, how)) for name, which, how in steps)


def play(kind: type[World[Any]], data: bytes) -> None:
    """Do the actions of an input, three bytes each: which, about whom, and how."""
    supply = Supply(data)
    world = kind()
    for _ in range(_MOST_ACTIONS):
        if supply.empty:
            break
        action = supply.choice(kind.ACTIONS)
        world.perform(action, supply.number(256), supply.number(256))
    world.end()
