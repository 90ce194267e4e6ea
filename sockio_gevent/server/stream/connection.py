"""A socket after its HTTP request, read with or without a greenlet."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

from ...hub.gevent_private import read_watcher, tls_object, wait_readable
from ...hub.time_slice import TimeSlice, fit_to_slice
from .hang_up import has_bytes, has_hung_up
from .readers import Readable, Readers
from .sending import Sending
from .sockets import READ_AHEAD, read_ahead, receive_tls

__all__ = ["Connection"]

# Bytes that are read at once, at most. Long messages are mostly of so many KiB as a power of
# two: with some room, their last bytes need no read of their own.
_READ_SIZE: Final = 65 * 1024
_MUCH: Final = 16 * 1024  # as much as TLS decrypts at once
_LEAST: Final = 4 * 1024  # bytes that are read at once while they take long to handle


class Connection(Sending, Readable):
    """A stream socket after its HTTP request.

    It is read in one of two ways. Either a greenlet of its own calls :meth:`read`;
    or it is served (:meth:`serve`), and has no greenlet while the peer is quiet.

    Args:
        socket: the gevent socket, plain or TLS. Its owner closes it.
        rfile: the buffered reader of the request; it may hold the first bytes of
            what follows.

    Attributes:
        greedy: whether the last read brought a lot.
        has_rest: whether the owner has bytes left, which it takes before any others are read.
            The owner sets it.
    """

    __slots__ = (
        "_busy",
        "_file",
        "_paused",
        "_readers",
        "_rfile",
        "_size",
        "_time_slice",
        "greedy",
        "has_rest",
    )

    def __init__(self, socket: Any, rfile: Any) -> None:
        super().__init__(socket)
        self._rfile = rfile
        self._time_slice: TimeSlice | None = None  # only read() needs one
        self._size = _MUCH
        self._file: Any = None
        self._readers: Readers | None = None
        self._busy = False
        self._paused = False
        self.greedy = False
        self.has_rest = False

    def read(self) -> bytes:
        """Wait for bytes; empty when the connection has ended, for whatever reason."""
        try:
            if self._rfile is not None:
                rfile, self._rfile = self._rfile, None
                return bytes(rfile.read1(READ_AHEAD))
            # Bytes that are there are read without a switch of greenlets, so a peer that
            # sends faster than it is served would keep this greenlet running for ever.
            if self._time_slice is None:
                self._time_slice = TimeSlice()
            self._time_slice.pause()
            while (data := self._receive()) is None:
                wait_readable(self._socket)
                self._time_slice.restart()
            return data
        except (OSError, ValueError):  # ValueError: the file or the TLS object is closed
            return b""

    def serve(self, file: Any = None) -> None:
        """From now on, give all bytes to the owner, and the end of the stream.

        Args:
            file: a file that keeps the socket open after the request;
                :meth:`release` closes it.
        """
        self._file = file
        self._readers = Readers.of_this_hub()
        self._busy = True
        # The reader of the request may hold bytes that follow it.
        rfile, self._rfile = self._rfile, None
        data = read_ahead(self._socket, rfile)
        if data and self.owner is not None:
            self.owner.received(data)
        if self._plain is None:
            # TLS may hold more bytes of the same record, which no event of the socket shows.
            self._read_once()
        self._watch_for_bytes()
        self._go_on()

    def release(self) -> None:
        """Stop serving, and close the socket if nobody else does."""
        if self.owner is None:
            return
        self.owner = None
        self._stop_watching()
        if self._file is not None:
            self.abort()
            # Unread bytes would turn the end into a reset, and the peer might lose
            # what it has not read yet.
            self._receive()
            self._file.close()
            self._file = None

    def read_ready(self, now: float) -> None:
        """Read what is there, give it to the owner, and run the handlers; see :class:`Readers`."""
        size = 0
        try:
            if self._plain is None or self.has_rest:
                size = self._read_once()
            else:  # the usual case: the same, without its call
                data = self._receive()
                if data is not None and self.owner is not None:
                    size = len(data)
                    self.owner.received(data)
        finally:
            self.greedy = greedy = size >= _MUCH or size == self._size
            self._go_on()
        owner = self.owner
        if owner is not None:
            owner.run_handlers()
        if greedy:
            # Tiny frames by the ten thousand, for example, take several slices.
            self._size = fit_to_slice(self._size, monotonic() - now, _LEAST, _READ_SIZE)

    def _read_once(self) -> int:
        """Read what is there and give it to the owner; return how many bytes there were at once."""
        if self.has_rest:
            if self.owner is not None:
                self.owner.received(None)
            return _MUCH
        data = self._receive()
        size = len(data) if data else 0
        while data is not None and self.owner is not None:
            self.owner.received(data)
            if self._plain is not None:  # the usual case
                break
            data = self._decrypted()
        return size

    def _go_on(self) -> None:
        """Continue to read, unless the owner wants no more for now: then later."""
        owner = self.owner
        if owner is not None and owner.choked:
            owner.when_roomy(self._go_on)
            return
        if self.has_rest and owner is not None:
            self._readers.add_again(self)  # type: ignore[union-attr]
            return
        self._busy = False
        if self._paused:
            self._paused = False
            self._watch_for_bytes()

    def throw(self, *error: Any) -> None:
        """Note that the socket was closed on this side; gevent calls this on its watcher."""
        self._readable()

    def _watch_for_bytes(self) -> None:
        if self.owner is not None:
            watcher = read_watcher(self._socket)
            if watcher is None:  # closed on this side meanwhile: the next read finds out
                self._readable()
            else:
                watcher.start(self._readable)

    def _stop_watching(self) -> None:
        watcher = read_watcher(self._socket)
        if watcher is not None:
            watcher.stop()

    def _readable(self) -> None:
        if self._busy:
            # A handler blocks. The event would come again in each iteration of the loop.
            self._paused = True
            self._stop_watching()
            return
        self._busy = True
        self._readers.add(self)  # type: ignore[union-attr]

    def _receive(self) -> bytes | None:
        """Read once; ``None`` if nothing is there, empty at the end of the stream."""
        try:
            if self._plain is not None:
                data: bytes = self._plain.recv(self._size)
                return data
            return receive_tls(tls_object(self._socket), self._size)
        except BlockingIOError:
            return None
        except (OSError, ValueError, AttributeError):
            return b""

    def _decrypted(self) -> bytes | None:
        """The bytes that TLS has decrypted together with the last ones, and still holds."""
        if self.owner is not None:
            tls = tls_object(self._socket)
            if tls is not None and tls.pending():
                return self._receive()
        return None

    def has_unread(self) -> bool:
        """Whether there are bytes that nobody has read yet, or that the owner has left."""
        return not self.broken and (self.has_rest or has_bytes(self._socket))

    def hung_up(self) -> bool:
        """Whether the peer has hung up, even if nobody reads."""
        return self.broken or has_hung_up(self._socket)
