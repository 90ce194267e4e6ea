"""The raw stream below the reader of an HTTP connection: the socket, and bytes pushed back."""

from __future__ import annotations

from io import RawIOBase
from time import monotonic
from typing import Any

from ...hub.time_slice import TIME_SLICE, let_others_run, slice_end
from ..stream.hang_up import has_bytes

__all__ = ["PushBack"]

_MOST = 64 * 1024  # bytes that are read at once
_LEAST = 512
_WAITED = 0.001  # seconds; a read that took longer has let other greenlets run


class PushBack(RawIOBase):
    """The bytes of a connection, to which a few can be pushed back.

    Bytes that are already there are read without a switch of greenlets. And a
    body in tiny chunks, for example, takes far longer to read than to send. So a
    greenlet that reads a lot lets others run in between.

    Args:
        socket: the gevent socket.

    Attributes:
        first: the bytes that come before those of the socket. They must be few
            enough for a buffered reader to take them all at once.
        reads: how often the socket was read.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.first = b""
        self.reads = 0
        self._size = _MOST
        self._given = 0.0  # when bytes of this request were last read; 0 if none were
        self._due = slice_end()

    def readable(self) -> bool:
        """Return true."""
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
        """Note that the next request begins; the time since the last read was for the answer."""
        self._given = 0.0

    def waited(self) -> None:
        """Note that the greenlet has waited for the client: its time slice begins anew."""
        self._due = slice_end()

    def pause(self) -> None:
        """Let others run if the time slice is over. Call this between pipelined requests."""
        if monotonic() >= self._due:
            self._due = let_others_run()

    def _adapt(self, seconds: float) -> None:
        """Read as much at once as is handled in a slice of time."""
        if seconds > TIME_SLICE:
            self._size = max(self._size // 2, _LEAST)
        elif seconds < TIME_SLICE / 4:
            self._size = min(self._size * 2, _MOST)
