"""A socket after its HTTP request, read with or without a greenlet."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ...hub.gevent_private import read_watcher, tls_object, wait_readable
from ...hub.time_slice import TIME_SLICE, let_others_run, slice_end
from .hang_up import has_bytes, has_hung_up
from .readers import Readers
from .sending import Sending
from .sockets import READ_AHEAD, read_ahead, receive_tls

__all__ = ["Connection"]

_READ_SIZE = 64 * 1024
_MUCH = 16 * 1024  # as much as TLS decrypts at once
_LEAST = 4 * 1024  # bytes that are read at once if they take long to handle


class Connection(Sending):
    """A stream socket after its HTTP request.

    It is read in one of two ways: a greenlet of its own calls :meth:`read`, or
    it is served, which takes no greenlet while the peer is quiet.

    Args:
        socket: the gevent socket, plain or TLS. Closing it stays with its owner.
        rfile: the buffered reader that the request was parsed from; it may
            hold the first bytes of what follows.

    Attributes:
        greedy: whether the peer had sent a lot when it was read last.
    """

    __slots__ = ("_busy", "_due", "_file", "_paused", "_readers", "_rfile", "_size", "greedy")

    def __init__(self, socket: Any, rfile: Any) -> None:
        super().__init__(socket)
        self._rfile = rfile
        self._due = slice_end()
        self._size = _MUCH
        self._file: Any = None
        self._readers: Readers | None = None
        self._busy = False
        self._paused = False
        self.greedy = False

    def read(self) -> bytes:
        """Wait for bytes; empty when the peer has gone, in whatever way."""
        try:
            if self._rfile is not None:
                rfile, self._rfile = self._rfile, None
                return bytes(rfile.read1(READ_AHEAD))
            # What is there already is read without a switch, so a peer that sends
            # faster than it is served would keep the greenlet running for ever.
            if monotonic() >= self._due:
                self._due = let_others_run()
            while (data := self._receive()) is None:
                wait_readable(self._socket)
                self._due = slice_end()
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
        # What the reader of the request holds beyond it.
        rfile, self._rfile = self._rfile, None
        data = read_ahead(self._socket, rfile)
        if data and self.owner is not None:
            self.owner.received(data)
        if self._plain is None:
            # TLS may have more from the same record, which no socket tells of.
            self._read_once()
        self._watch_for_bytes()
        self._go_on()

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
        """Read what is there, give it to the owner, and run the handlers; see :class:`Readers`."""
        began = monotonic()
        size = 0
        try:
            size = self._read_once()
        finally:
            self.greedy = greedy = size >= _MUCH or size == self._size
            self._go_on()
        owner = self.owner
        if owner is not None:
            owner.run_handlers()
        if greedy:
            self._adapt(monotonic() - began)

    def _read_once(self) -> int:
        """Read what is there and give it to the owner; return how many bytes there were at once."""
        data = self._receive()
        size = len(data) if data else 0
        while data is not None and self.owner is not None:
            self.owner.received(data)
            data = self._decrypted()
        return size

    def _go_on(self) -> None:
        """Be read again when there is more, unless the owner wants no more for now."""
        owner = self.owner
        if owner is not None and owner.choked:
            owner.when_roomy(self._go_on)
            return
        self._busy = False
        if self._paused:
            self._paused = False
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
            watcher = read_watcher(self._socket)
            if watcher is None:  # closed on this side meanwhile, which will be read
                self._readable()
            else:
                watcher.start(self._readable)

    def _stop_watching(self) -> None:
        watcher = read_watcher(self._socket)
        if watcher is not None:
            watcher.stop()

    def _readable(self) -> None:
        if self._busy:
            # It would be said in every turn of the loop, until a handler is done.
            self._paused = True
            self._stop_watching()
            return
        self._busy = True
        self._readers.add(self)  # type: ignore[union-attr]

    def _receive(self) -> bytes | None:
        """Read once; nothing is ``None``, and empty the end."""
        try:
            if self._plain is not None:
                return bytes(self._plain.recv(self._size))
            return receive_tls(tls_object(self._socket), self._size)
        except BlockingIOError:
            return None
        except (OSError, ValueError, AttributeError):
            return b""

    def _decrypted(self) -> bytes | None:
        """What TLS has decrypted with what was read last, and has kept."""
        if self._plain is None and self.owner is not None:
            tls = tls_object(self._socket)
            if tls is not None and tls.pending():
                return self._receive()
        return None

    def has_unread(self) -> bool:
        """Whether the peer has sent something that nobody has read yet."""
        return not self.broken and has_bytes(self._socket)

    def hung_up(self) -> bool:
        """Whether the peer has gone, even if nobody reads."""
        return self.broken or has_hung_up(self._socket)
