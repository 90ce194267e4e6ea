"""A socket that one greenlet reads and that anyone writes without waiting.

What the kernel does not take at once is kept here and written as the socket
drains. How much may be kept is for the caller to watch, through ``pending``.
"""

from __future__ import annotations

import io
import socket as _socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

from ..fairness import breathe
from .hangup import has_bytes, has_hung_up

__all__ = ["Connection", "send_at_once", "shut_down"]

_WRITE = 2  # the event of libev's io watchers
_READ_SIZE = 64 * 1024
# All that a buffered reader may hold is taken from it at once.
_READ_AHEAD = max(_READ_SIZE, io.DEFAULT_BUFFER_SIZE)


class Connection:
    """A stream socket after its HTTP request.

    Args:
        socket: the gevent socket, plain or TLS. Closing it stays with its owner.
        rfile: the buffered reader that the request was parsed from; it may
            hold the first bytes of what follows.

    Attributes:
        pending: how many bytes were written and not taken by the socket yet.
        broken: whether the socket has failed or was shut down.
        on_drained: called, in the hub, when all that was pending has been written.
        on_broken: called, in the hub, when the socket has failed under a write.
    """

    __slots__ = (
        "_drained",
        "_ending",
        "_pending",
        "_rested",
        "_rfile",
        "_socket",
        "_watcher",
        "broken",
        "on_broken",
        "on_drained",
        "pending",
    )

    def __init__(self, socket: Any, rfile: Any) -> None:
        self._socket = socket
        self._rfile = rfile
        self._pending: deque[memoryview] | None = None
        self._watcher: Any = None
        self._drained: Event | None = None
        self._ending = False
        self._rested = monotonic()
        self.on_broken: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.pending = 0
        self.broken = False

    def read(self) -> bytes:
        """Wait for bytes; empty when the peer has gone, in whatever way."""
        try:
            if self._rfile is not None:
                rfile, self._rfile = self._rfile, None
                return bytes(rfile.read1(_READ_AHEAD))
            return self._recv()
        except (OSError, ValueError):  # ValueError: the file or the TLS object is closed
            return b""

    def _recv(self) -> bytes:
        # What is there already is read without a switch, so a peer that sends
        # faster than it is served would keep the greenlet running for ever.
        socket = self._socket
        self._rested = breathe(self._rested)
        if getattr(socket, "_sslobj", None) is not None:
            return bytes(socket.recv(_READ_SIZE))
        while True:
            try:
                return bytes(socket._sock.recv(_READ_SIZE))
            except BlockingIOError:
                # What gevent's own recv does, but knowing that it has waited.
                socket._wait(socket._read_event)
                self._rested = monotonic()

    def write(self, data: bytes) -> None:
        """Write without waiting; what the socket does not take is pending."""
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
        """How many bytes of what was written in one call have not left yet.

        Args:
            data: the very object that was given to :meth:`write`.
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
        """End this direction once all is written; the reader goes on to the peer's end."""
        self._ending = True
        if not self.pending:
            shut_down(self._socket, _socket.SHUT_WR)

    def has_unread(self) -> bool:
        """Whether the peer has sent something that nobody has read yet."""
        return not self.broken and has_bytes(self._socket)

    def hung_up(self) -> bool:
        """Whether the peer has gone, even if nobody reads."""
        return self.broken or has_hung_up(self._socket)

    def abort(self) -> None:
        """End both directions at once and drop what is pending; the reader sees the end."""
        if self.broken:
            return
        self.broken = True
        # The chunks stay, so that unsent() can tell what has not left.
        self._settle()
        shut_down(self._socket, _socket.SHUT_RDWR)

    def _send(self, data: bytes | memoryview) -> int:
        """Send what the socket takes now; return how much that was."""
        try:
            tls = getattr(self._socket, "_sslobj", None)
            if tls is not None:
                return _send_tls(tls, data)
            return int(self._socket._sock.send(data))
        except BlockingIOError:
            return 0
        except (OSError, ValueError):
            self.abort()
            if self.on_broken is not None:
                gevent.get_hub().loop.run_callback(self.on_broken)
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
        if self.on_drained is not None:
            self.on_drained()

    def _settle(self) -> None:
        """Nothing is waiting any more, for better or worse."""
        self.pending = 0
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._drained is not None:
            self._drained.set()
            self._drained = None


def send_at_once(socket: Any) -> None:
    """Turn Nagle's algorithm off, RFC 896.

    pywsgi writes head and body of an answer separately: the second would be
    held back until the client acknowledges the first, which many do only
    after 40 ms.
    """
    try:
        socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except OSError:
        pass  # no TCP, or reset already


def _send_tls(tls: Any, data: bytes | memoryview) -> int:
    # Imported where TLS is used, and so is loaded: importing the package must
    # not load it, because gevent wants to patch it first.
    from ssl import SSLWantReadError, SSLWantWriteError

    try:
        return int(tls.write(data))
    except (SSLWantReadError, SSLWantWriteError):
        return 0


def shut_down(socket: Any, how: int = _socket.SHUT_RDWR) -> None:
    """End one or both directions of a socket that another greenlet may be using."""
    try:
        # The bare socket: gevent's own shutdown raises in the greenlet that
        # reads or writes, and its TLS shutdown forgets the TLS object under it.
        socket._sock.shutdown(how)
    except OSError:
        pass  # the peer was faster
