"""Streams to workers that no socket can be handed to: their bytes go over the bus.

At both ends stands a socket, whose other end something in this process reads and writes. What
one side does not read waits: a sender has a window of bytes that were not written yet at the
other side.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from socket import SHUT_WR
from typing import Any, Protocol

import gevent
from gevent.event import Event

from ...hub.gevent_private import bare_socket
from ..stream.sockets import shut_down

__all__ = ["Bus", "Tunnel", "Tunnels", "is_name"]

_KIND = "stream"
_WINDOW = 256 * 1024  # bytes that may be on their way in one direction
_PIECE = 32 * 1024  # bytes of one message
_AT_LEAST = 64 * 1024  # bytes that are written before the other side is told: far below the window

# The types of messages: bytes, that so many were written, that no more follow, that it is broken.
_DATA, _WRITTEN, _END, _BROKEN = b"d", b"w", b"e", b"b"

_NAME_SIZE = 16  # bytes of the name of a stream
_NAME = re.compile(f"[0-9a-f]{{{_NAME_SIZE}}}")


def is_name(text: str) -> bool:
    """Whether a text can be the name of a stream."""
    return _NAME.fullmatch(text) is not None


class Bus(Protocol):
    """The bus, as far as streams use it."""

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        """Send a message; false if that worker is not there."""

    def receive(self, kind: str, receiver: Callable[[Any], None]) -> None:
        """Give the messages of a kind to a receiver."""

    def when_gone(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that goes."""


class Tunnel:
    """One end of a stream. It belongs to the thread that has made it.

    Args:
        socket: the gevent socket that stands at this end.
        tell: sends a message to the other end; returns whether its worker is there.
        over: called when the stream is over.
    """

    def __init__(
        self, socket: Any, tell: Callable[[bytes, bytes], bool], over: Callable[[], None]
    ) -> None:
        self._socket = socket
        self._tell = tell
        self._over = over
        self._room = _WINDOW
        self._has_room = Event()
        self._incoming: deque[bytes | None] = deque()
        self._held = 0  # bytes in there
        self._untold = 0  # bytes that were written since the other side was told
        self._has_come = Event()
        self._directions = 2  # those that have not ended
        gevent.spawn(self._send)
        gevent.spawn(self._write)

    def took(self, form: bytes, data: bytes) -> None:
        """A message has come from the other end."""
        if form == _DATA and self._held + len(data) <= _WINDOW:
            left = self._written_at_once(data)
            if left:
                self._incoming.append(left)
                self._held += len(left)
                self._has_come.set()
        elif form == _WRITTEN and data.isdigit() and len(data) < 10:
            self._room = min(self._room + int(data), _WINDOW)
            self._has_room.set()
        elif form == _END:
            self._incoming.append(None)
            self._has_come.set()
        else:
            self.cut()

    def _written_at_once(self, data: bytes) -> bytes:
        """Write what the socket takes now, which spares a switch; returns the rest."""
        if self._held or self._untold + len(data) >= _AT_LEAST:
            return data
        try:
            count = bare_socket(self._socket).send(data)
        except OSError:
            return data  # it has no room, or it is broken, which the greenlet will find
        self._untold += count
        return data[count:]

    def cut(self) -> None:
        """End both directions: the other end is broken, or its worker has gone."""
        shut_down(self._socket)
        self._incoming.append(None)
        self._has_come.set()
        self._room = _WINDOW
        self._has_room.set()

    def _send(self) -> None:
        """Send what comes over the socket."""
        try:
            while True:
                self._has_room.clear()
                if self._room <= 0:
                    self._has_room.wait()
                data = self._socket.recv(min(_PIECE, self._room))
                if not data:
                    break
                self._room -= len(data)
                if not self._tell(_DATA, data):
                    self.cut()
            self._tell(_END, b"")
        except OSError:
            self._tell(_BROKEN, b"")
            self.cut()
        finally:
            self._ended()

    def _write(self) -> None:
        """Write what has come from the other end."""
        try:
            while True:
                while not self._incoming:
                    self._has_come.clear()
                    self._has_come.wait()
                data = self._incoming.popleft()
                if data is None:
                    break
                self._socket.sendall(data)
                self._held -= len(data)
                self._untold += len(data)
                if self._untold >= _AT_LEAST:
                    self._tell(_WRITTEN, b"%d" % self._untold)
                    self._untold = 0
            shut_down(self._socket, SHUT_WR)
        except OSError:
            self._tell(_BROKEN, b"")
            self.cut()
        finally:
            self._ended()

    def _ended(self) -> None:
        self._directions -= 1
        if not self._directions:
            self._socket.close()
            self._over()


class Tunnels:
    """The streams of one listener over its bus.

    Args:
        bus: the bus.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ends: dict[tuple[str, bytes], tuple[Tunnel, Any]] = {}
        bus.receive(_KIND, self._take)
        bus.when_gone(self._gone)

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

        tunnel = Tunnel(socket, tell, lambda: self._forget(key))
        self._ends[key] = tunnel, loop
        return tunnel

    def _forget(self, key: tuple[str, bytes]) -> None:
        self._ends.pop(key, None)

    def _take(self, message: Any) -> None:
        """A message has come; called in the hub."""
        body: bytes = message.body
        end = self._ends.get((message.sender, body[:_NAME_SIZE]))
        if end is not None:
            tunnel, loop = end
            form, data = body[_NAME_SIZE : _NAME_SIZE + 1], body[_NAME_SIZE + 1 :]
            loop.call(tunnel.took, form, data)

    def _gone(self, worker: str) -> None:
        """A worker has gone."""
        for (other, _), (tunnel, loop) in list(self._ends.items()):
            if other == worker:
                loop.call(tunnel.cut)
