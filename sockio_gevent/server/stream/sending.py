"""The sending half of a connection: a write never waits.

Bytes that the kernel does not take at once are kept here, and written when the
socket has room. The caller limits how much is kept; ``pending`` says how much.
"""

from __future__ import annotations

import socket as _socket
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from ...compiled import trait
from ...hub.gevent_private import bare_socket, is_encrypted, tls_object
from .sockets import send_tls, shut_down

__all__ = ["Owner", "Sending"]

_WRITE = 2  # the event of libev's io watchers


@trait
class Owner:
    """The object that a connection is served for."""

    __slots__ = ()

    @abstractmethod
    def received(self, data: bytes | None) -> None:
        """Take bytes. It blocks only while the peer reads nothing.

        Args:
            data: the bytes; empty when the peer has gone; ``None`` for the bytes that are left.
        """

    @abstractmethod
    def run_handlers(self) -> None:
        """Run the handlers for what was received. May block; the connection is read meanwhile."""

    @property
    @abstractmethod
    def choked(self) -> bool:
        """Whether no more is to be read for now."""

    @abstractmethod
    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once when more can be read. It must not block."""

    @abstractmethod
    def drained(self) -> None:
        """Note that all pending bytes were written. Called in the hub."""

    @abstractmethod
    def broken(self) -> None:
        """Note that a write has failed. Called in the hub."""


class Sending:
    """Writes to a stream socket.

    Args:
        socket: the gevent socket, plain or TLS.

    Attributes:
        pending: how many bytes wait, because the socket did not take them yet.
        broken: whether the socket has failed or was shut down.
        owner: the object that is told of events, or ``None``.
    """

    __slots__ = (
        "_drained",
        "_ending",
        "_pending",
        "_plain",
        "_socket",
        "_watcher",
        "broken",
        "owner",
        "pending",
    )

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        # The bare socket, unless TLS is used. To look it up for each message would be
        # measurably slower.
        self._plain = None if is_encrypted(socket) else bare_socket(socket)
        self._pending: deque[memoryview] | None = None
        self._watcher: Any = None
        self._drained: Event | None = None
        self._ending = False
        self.owner: Owner | Any | None = None
        self.pending = 0
        self.broken = False

    def write(self, data: bytes) -> None:
        """Write without waiting; the bytes that the socket does not take are pending."""
        if self.broken or not data:
            return
        if self._pending:
            self._pending.append(memoryview(data))
            self.pending += len(data)
            return
        sent = self._send(data)
        if sent < len(data):
            self._pending = deque((memoryview(data)[sent:],))
            if not self.broken:
                self.pending = len(data) - sent
                self._watch_for_room()

    def unsent(self, data: bytes) -> int:
        """How many bytes of one write are still pending.

        Args:
            data: the same object that was passed to :meth:`write`.
        """
        for chunk in self._pending or ():
            if chunk.obj is data:
                return len(chunk)
        return 0

    def wait_drained(self) -> None:
        """Wait until nothing is pending, or the connection is broken."""
        if not self.pending:
            return
        if self._drained is None:
            self._drained = Event()
        self._drained.wait()

    def end(self) -> None:
        """End this direction once all is written; the other one lasts until the peer ends it."""
        self._ending = True
        if not self.pending:
            shut_down(self._socket, _socket.SHUT_WR)

    def abort(self) -> None:
        """End both directions at once and drop what is pending; the reader sees the end."""
        if self.broken:
            return
        self.broken = True
        # The chunks stay, so that unsent() still knows what was not sent.
        self._settle()
        shut_down(self._socket, _socket.SHUT_RDWR)

    def shut_down(self) -> None:
        """End both directions. Any thread may call this: nothing else changes here."""
        shut_down(self._socket, _socket.SHUT_RDWR)

    def forget_pending(self) -> None:
        """Drop the chunks that abort() has kept; nobody calls unsent() any more."""
        if self.broken:
            self._pending = None

    def _send(self, data: bytes | memoryview) -> int:
        """Send the bytes that the socket takes now; return their number."""
        try:
            if self._plain is not None:
                sent: int = self._plain.send(data)
                return sent
            return send_tls(tls_object(self._socket), data)
        except BlockingIOError:
            return 0
        except (OSError, ValueError, AttributeError):
            self.abort()
            if self.owner is not None:
                gevent.get_hub().loop.run_callback(self.owner.broken)
            return 0

    def _watch_for_room(self) -> None:
        self._watcher = gevent.get_hub().loop.io(self._socket.fileno(), _WRITE)
        self._watcher.start(self._drain)

    def _drain(self) -> None:
        pending = self._pending
        while pending:
            chunk = pending[0]
            sent = self._send(chunk)
            if self.broken:
                return
            self.pending -= sent
            if sent < len(chunk):
                pending[0] = chunk[sent:]
                return
            pending.popleft()
        self._pending = None
        self._settle()
        if self._ending:
            shut_down(self._socket, _socket.SHUT_WR)
        if self.owner is not None:
            self.owner.drained()

    def _settle(self) -> None:
        """Note that nothing is pending any more: it was written, or the connection is broken."""
        self.pending = 0
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._drained is not None:
            self._drained.set()
            self._drained = None
