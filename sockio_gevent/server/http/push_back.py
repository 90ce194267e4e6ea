"""What lies below the reader of an HTTP connection: its socket, and bytes that were given back."""

from __future__ import annotations

from io import RawIOBase
from time import monotonic
from typing import Any

from ...hub.time_slice import TIME_SLICE, let_others_run, slice_end
from ..stream.hang_up import has_bytes

__all__ = ["Unread"]

_MOST = 64 * 1024  # bytes that are read at once
_LEAST = 512
_WAITED = 0.001  # seconds for a read that has let others run


class Unread(RawIOBase):
    """The bytes of a connection, where some may be put back.

    What is there already is read without a switch of greenlets, and a body in
    the tiniest of chunks, say, takes far longer to read than to send. So who
    has a lot to read lets others go first, again and again.

    Args:
        socket: the gevent socket.

    Attributes:
        first: what comes before all that the socket has; no more than a
            buffered reader asks for at once, so that it holds all of it then.
        reads: how often the socket was read.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.first = b""
        self.reads = 0
        self._size = _MOST
        self._given = 0.0  # when something of this request was read last, if it was
        self._due = slice_end()

    def readable(self) -> bool:
        """True: that is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        if self.first:
            data = self.first[: len(buffer)]
            self.first = self.first[len(data) :]
            buffer[: len(data)] = data
            return len(data)
        self.reads += 1
        began = monotonic()
        if self._given:
            self._adapt(began - self._given)
        if began >= self._due and has_bytes(self._socket):
            self._due = let_others_run()
            began = monotonic()
        count = int(self._socket.recv_into(memoryview(buffer)[: self._size]))
        self._given = monotonic()
        if self._given - began >= _WAITED:
            self._due = slice_end()
        return count

    def request_awaited(self) -> None:
        """What follows is another request; the time since the last read was for the answer."""
        self._given = 0.0

    def waited(self) -> None:
        """Whoever reads the socket has waited for the client, and its turn begins."""
        self._due = slice_end()

    def breathe(self) -> None:
        """Let others go first if it is time: to be called between requests that came at once."""
        if monotonic() >= self._due:
            self._due = let_others_run()

    def _adapt(self, seconds: float) -> None:
        """Read as much at once as is handled in a slice of time."""
        if seconds > TIME_SLICE:
            self._size = max(self._size // 2, _LEAST)
        elif seconds < TIME_SLICE / 4:
            self._size = min(self._size * 2, _MOST)
