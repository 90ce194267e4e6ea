"""Streams to workers that no socket can be handed to: their bytes go over the bus.

At both ends stands a socket, whose other end something in this process reads and writes. What
one side does not read waits: a sender has a window of bytes that were not written yet at the
other side. How the bytes get there, whatever the bus loses, is in :mod:`.tunnel`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Protocol

from .tunnel import ASKING, BROKEN, Link, Tunnel

__all__ = ["Bus", "Tunnels", "is_name"]

_KIND = "stream"

_NAME_SIZE = 16  # bytes of the name of a stream
_NAME = re.compile(f"[0-9a-f]{{{_NAME_SIZE}}}")

# Seconds for which a name is known to be taken: far longer than anybody asks for a stream.
_REMEMBERED = 60.0


def is_name(text: str) -> bool:
    """Whether a text can be the name of a stream."""
    return _NAME.fullmatch(text) is not None


class Bus(Protocol):
    """The bus, as far as streams use it."""

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        """Send a message; false if that worker is not there."""

    def reaches(self, worker: str) -> bool:
        """Whether what is sent to a worker goes out now."""

    def receive(self, kind: str, receiver: Callable[[Any], None]) -> None:
        """Give the messages of a kind to a receiver."""

    def when_gone(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that goes."""

    def when_back(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that may have missed messages."""


class Tunnels:
    """The streams of one listener over its bus.

    Args:
        bus: the bus.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ends: dict[tuple[str, bytes], tuple[Tunnel, Any]] = {}
        self._names: dict[tuple[str, str], float] = {}  # of others, and when they were reserved
        bus.receive(_KIND, self._take)
        bus.when_gone(self._gone)
        bus.when_back(self._back)

    def reserve(self, worker: str, name: str) -> None:
        """Reserve the name of a stream that another worker asks for."""
        names, now = self._names, monotonic()
        while names and next(iter(names.values())) < now - _REMEMBERED:
            del names[next(iter(names))]
        names[worker, name] = now

    def free(self, worker: str, name: str) -> None:
        """The stream could not be given after all."""
        self._names.pop((worker, name), None)

    def is_reserved(self, worker: str, name: str) -> bool:
        """Whether another worker has asked for a stream before, which was given to it."""
        return (worker, name) in self._names

    def begin(self, worker: str, name: str, socket: Any, loop: Any) -> Tunnel:
        """Pass the bytes of a socket on, both ways.

        Args:
            worker: the name of the other worker.
            name: the name of the stream, which both ends know; see :func:`is_name`.
            socket: the gevent socket; it is closed in the end.
            loop: calls functions in this thread.
        """
        key = worker, name.encode()

        def tell(form: bytes, data: bytes) -> bool:
            return self._bus.tell(worker, _KIND, key[1] + form + data)

        over = partial(self._ends.pop, key, None)
        tunnel = Tunnel(socket, Link(tell, partial(self._bus.reaches, worker), over))
        self._ends[key] = tunnel, loop
        return tunnel

    def _take(self, message: Any) -> None:
        """A message has come; called in the hub."""
        body: bytes = message.body
        name, form = body[:_NAME_SIZE], body[_NAME_SIZE : _NAME_SIZE + 1]
        end = self._ends.get((message.sender, name))
        if end is not None:
            tunnel, loop = end
            loop.call(tunnel.took, form, body[_NAME_SIZE + 1 :])
        elif form in ASKING:
            self._bus.tell(message.sender, _KIND, name + BROKEN)

    def _gone(self, worker: str) -> None:
        """A worker has gone."""
        for tunnel, loop in self._of(worker):
            loop.call(tunnel.cut, False)

    def _back(self, worker: str) -> None:
        """A worker may have missed something."""
        for tunnel, loop in self._of(worker):
            loop.call(tunnel.ask)

    def _of(self, worker: str) -> list[tuple[Tunnel, Any]]:
        return [end for (other, _), end in list(self._ends.items()) if other == worker]
