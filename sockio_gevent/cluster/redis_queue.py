"""What waits to be written to Redis."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

__all__ = ["WriteQueue"]

_AT_ONCE = 200  # commands and envelopes in one write
_TOGETHER = 64 * 1024  # bytes of one message, if several envelopes are in it
_COMMAND = 100  # bytes of memory of a command, besides its data

_Command = tuple[Any, ...]


class WriteQueue:
    """Commands in the order in which they are written, up to a bound.

    Envelopes that wait for one channel, one behind the other, are published in one message: Redis
    and each reader have one to handle then.

    Args:
        most: how many bytes may wait.

    Attributes:
        size: how many bytes wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Each command with the channel, if its last part is an envelope for that.
        self._waiting: deque[tuple[_Command, str]] = deque()
        # How many that wait are in each command of the last batch that is not over.
        self._counts: deque[int] = deque()
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, command: _Command, channel: str = "") -> bool:
        """Have a command wait; false if it is dropped, because too much does already.

        Args:
            command: the command.
            channel: the channel over which it publishes an envelope.
        """
        cost = _cost(command)
        if self.size + cost > self._most:
            return False
        self._waiting.append((command, channel))
        self.size += cost
        return True

    def batch(self) -> list[_Command]:
        """The next commands, for one write. They wait until :meth:`pop` is called for each."""
        batch: list[_Command] = []
        counts: deque[int] = deque()
        self._counts = counts
        envelopes: list[bytes] = []
        last, size = "", 0
        for command, channel in islice(self._waiting, _AT_ONCE):
            if channel:
                size += len(command[-1])
                if channel == last and size <= _TOGETHER:
                    envelopes.append(command[-1])
                    batch[-1] = (*command[:-1], envelopes)
                    counts[-1] += 1
                    continue
                envelopes, size = [command[-1]], len(command[-1])
            last = channel
            batch.append(command)
            counts.append(1)
        return [
            (*command[:-1], b"".join(command[-1])) if count > 1 else command
            for command, count in zip(batch, counts, strict=True)
        ]

    def pop(self) -> int:
        """The first command of the batch is over; returns how many that waited were in it."""
        count = self._counts.popleft()
        for _ in range(count):
            self.size -= _cost(self._waiting.popleft()[0])
        return count


def _cost(command: _Command) -> int:
    return _COMMAND + sum(len(part) for part in command if isinstance(part, (str, bytes)))
