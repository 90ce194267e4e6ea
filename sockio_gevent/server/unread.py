"""A connection below a buffered reader, to which bytes can be given back."""

from __future__ import annotations

from io import RawIOBase
from typing import Any

__all__ = ["Unread"]


class Unread(RawIOBase):
    """The bytes of a connection, where some may be put back.

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

    def readable(self) -> bool:
        """True: that is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        if not self.first:
            self.reads += 1
            return int(self._socket.recv_into(buffer))
        data = self.first[: len(buffer)]
        self.first = self.first[len(data) :]
        buffer[: len(data)] = data
        return len(data)
