"""The raw stream below the reader of an HTTP connection: the socket, and bytes pushed back."""

from __future__ import annotations

from io import RawIOBase
from time import monotonic
from typing import Any

from ...compiled import mypyc_attr
from ...hub.time_slice import TimeSlice, fit_to_slice
from ..stream.hang_up import has_bytes

__all__ = ["PushBack"]

_MOST = 64 * 1024  # bytes that are read at once
_LEAST = 512
_WAITED = 0.001  # seconds; a read that took longer has let other greenlets run


@mypyc_attr(native_class=False)
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
        time_slice: the time that the greenlet may read before it lets others run.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.first = b""
        self.reads = 0
        self._size = _MOST
        self._given = 0.0  # when bytes of this request were last read; 0 if none were
        self.time_slice = TimeSlice()

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
            self._size = fit_to_slice(self._size, began - self._given, _LEAST, _MOST)
        if self.time_slice.is_over(began) and has_bytes(self._socket):
            self.time_slice.pause()
            began = monotonic()
        count = int(self._socket.recv_into(memoryview(buffer)[: self._size]))
        self._given = monotonic()
        if self._given - began >= _WAITED:
            self.time_slice.restart()
        return count

    def request_awaited(self) -> None:
        """Note that the next request begins; the time since the last read was for the answer."""
        self._given = 0.0
