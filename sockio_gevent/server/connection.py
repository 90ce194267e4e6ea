"""A socket that anyone writes without waiting, and that is read with or without a greenlet.

What the kernel does not take at once is kept here and written as the socket
drains. How much may be kept is for the caller to watch, through ``pending``.
"""

from __future__ import annotations

import io
import socket as _socket
from collections import deque
from time import monotonic
from typing import Any, Protocol

import gevent
from gevent.event import Event

from ..fairness import TIME_SLICE, rest, turn_end
from .hangup import has_bytes, has_hung_up
from .readers import Readers
from .sockets import receive_tls, send_tls, shut_down

__all__ = ["Connection"]

_WRITE = 2  # the event of libev's io watchers
_READ_SIZE = 64 * 1024
_MUCH = 16 * 1024  # as much as TLS decrypts at once
_LEAST = 4 * 1024  # bytes that are read at once if they take long to handle
# All that a buffered reader may hold is taken from it at once.
_READ_AHEAD = max(_READ_SIZE, io.DEFAULT_BUFFER_SIZE)


class Owner(Protocol):
    """Who a connection is served for."""

    def received(self, data: bytes) -> None:
        """Take bytes; empty when the peer has gone. May block."""

    def drained(self) -> None:
        """All that was pending has been written. Called in the hub."""

    def broken(self) -> None:
        """The socket has failed under a write. Called in the hub."""


class Connection:
    """A stream socket after its HTTP request.

    It is read in one of two ways: a greenlet of its own calls :meth:`read`, or
    it is served, which takes no greenlet while the peer is quiet.

    Args:
        socket: the gevent socket, plain or TLS. Closing it stays with its owner.
        rfile: the buffered reader that the request was parsed from; it may
            hold the first bytes of what follows.

    Attributes:
        pending: how many bytes were written and not taken by the socket yet.
        broken: whether the socket has failed or was shut down.
        owner: who is told of what happens, if anyone.
        greedy: whether the peer had sent a lot when it was read last.
    """

    __slots__ = (
        "_busy",
        "_drained",
        "_due",
        "_ending",
        "_file",
        "_pending",
        "_plain",
        "_readers",
        "_resting",
        "_rfile",
        "_size",
        "_socket",
        "_watcher",
        "broken",
        "greedy",
        "owner",
        "pending",
    )

    def __init__(self, socket: Any, rfile: Any) -> None:
        self._socket = socket
        # The bare socket, unless TLS stands before it: gevent's would be asked
        # for it with every message, and that shows.
        self._plain = socket._sock if getattr(socket, "_sslobj", None) is None else None
        self._rfile = rfile
        self._pending: deque[memoryview] | None = None
        self._watcher: Any = None
        self._drained: Event | None = None
        self._ending = False
        self._due = turn_end()
        self.owner: Owner | None = None
        self.greedy = False
        self._size = _MUCH
        self._file: Any = None
        self._readers: Readers | None = None
        self._busy = False
        self._resting = False
        self.pending = 0
        self.broken = False

    def read(self) -> bytes:
        """Wait for bytes; empty when the peer has gone, in whatever way."""
        try:
            if self._rfile is not None:
                rfile, self._rfile = self._rfile, None
                return bytes(rfile.read1(_READ_AHEAD))
            # What is there already is read without a switch, so a peer that sends
            # faster than it is served would keep the greenlet running for ever.
            if monotonic() >= self._due:
                self._due = rest()
            while (data := self._receive()) is None:
                self._socket._wait(self._socket._read_event)
                self._due = turn_end()
            return data
        except (OSError, ValueError):  # ValueError: the file or the TLS object is closed
            return b""

    def serve(self, file: Any = None) -> None:
        """Give what comes to the owner from now on, the end of the stream too.

        Args:
            file: a file of the socket that keeps it open beyond the request;
                it is closed by :meth:`release`.
        """
        self._file = file
        self._readers = Readers.of_this_hub()
        self._busy = True
        data = self._read_ahead()
        if data and self.owner is not None:
            self.owner.received(data)
        if self._plain is None:
            # TLS may have more from the same record, which no socket tells of.
            self.read_ready()
        self._busy = False
        self._watch_for_bytes()

    def release(self) -> None:
        """End to be served, and close the socket if nobody else will."""
        if self.owner is None:
            return
        self.owner = None
        self._stop_watching()
        if self._file is not None:
            self.abort()
            # Unread bytes would turn the end into a reset, which may cost the
            # peer what it has not read yet.
            self._receive()
            self._file.close()
            self._file = None

    def read_ready(self) -> None:
        """Read what is there and give it to the owner; see :class:`Readers`."""
        try:
            data = self._receive()
            size = len(data) if data else 0
            self.greedy = greedy = size >= _MUCH or size == self._size
            began = monotonic() if greedy else 0.0
            while data is not None and self.owner is not None:
                self.owner.received(data)
                data = self._decrypted()
            if greedy:
                self._adapt(monotonic() - began)
        finally:
            self._busy = False
            if self._resting:
                self._resting = False
                self._watch_for_bytes()

    def _adapt(self, seconds: float) -> None:
        """Read as much at once as is handled in a slice of time.

        Tiny frames by the ten thousand, say, would take several.
        """
        if seconds > TIME_SLICE:
            self._size = max(self._size // 2, _LEAST)
        elif seconds < TIME_SLICE / 4:
            self._size = min(self._size * 2, _READ_SIZE)

    def throw(self, *error: Any) -> None:
        """The socket was closed on this side; gevent tells who watches it in this way."""
        self._readable()

    def _watch_for_bytes(self) -> None:
        if self.owner is not None:
            watcher = self._socket._read_event
            if watcher is None:  # closed on this side meanwhile, which will be read
                self._readable()
            else:
                watcher.start(self._readable)

    def _stop_watching(self) -> None:
        watcher = self._socket._read_event
        if watcher is not None:
            watcher.stop()

    def _readable(self) -> None:
        if self._busy:
            # It would be said in every turn of the loop, until a handler is done.
            self._resting = True
            self._stop_watching()
            return
        self._busy = True
        self._readers.add(self)  # type: ignore[union-attr]

    def _read_ahead(self) -> bytes:
        """What the reader of the request holds beyond it, without waiting for more."""
        rfile, self._rfile = self._rfile, None
        timeout = self._socket.gettimeout()
        self._socket.settimeout(0.0)
        try:
            return bytes(rfile.read1(_READ_AHEAD) or b"")
        except (OSError, ValueError):
            return b""
        finally:
            self._socket.settimeout(timeout)

    def _receive(self) -> bytes | None:
        """Read once; nothing is ``None``, and empty the end."""
        try:
            if self._plain is not None:
                return bytes(self._plain.recv(self._size))
            return receive_tls(self._socket._sslobj, self._size)
        except BlockingIOError:
            return None
        except (OSError, ValueError, AttributeError):
            return b""

    def _decrypted(self) -> bytes | None:
        """What TLS has decrypted with what was read last, and has kept."""
        if self._plain is None and self.owner is not None:
            tls = self._socket._sslobj
            if tls is not None and tls.pending():
                return self._receive()
        return None

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
            if self._plain is not None:
                return int(self._plain.send(data))
            return send_tls(self._socket._sslobj, data)
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
        """Nothing is waiting any more, for better or worse."""
        self.pending = 0
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._drained is not None:
            self._drained.set()
            self._drained = None
