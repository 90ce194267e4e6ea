"""The socket of a connection that another worker has handed over."""

from __future__ import annotations

import os
from sys import intern
from typing import Any

from gevent.socket import socket as GeventSocket  # noqa: N812

from ...wire.handed_over import HandedOver

__all__ = ["HandedSocket"]


class HandedSocket(GeventSocket):  # type: ignore[misc]
    """A gevent socket, and the bytes that were read from it before.

    Args:
        descriptor: the file descriptor; closed if it is no socket.
        handed: what the worker that has handed it over has said of it.

    Attributes:
        begun: the bytes that were read already, and come first; empty once they were taken.
        place: the address at which it was accepted, as text.
    """

    __slots__ = ("begun", "place")

    def __init__(self, descriptor: int, handed: HandedOver) -> None:
        try:
            os.set_inheritable(descriptor, False)
            super().__init__(fileno=descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.begun = handed.begun
        self.place = intern(handed.place)  # it may last for long, and all have the same

    def take_begun(self) -> bytes:
        """Take the bytes that were read already."""
        begun, self.begun = self.begun, b""
        return begun

    def recv(self, *arguments: Any) -> bytes:
        """Receive bytes; see :meth:`socket.socket.recv`. The first come all at once."""
        return self.take_begun() if self.begun else bytes(super().recv(*arguments))

    def recv_into(self, buffer: Any, *arguments: Any) -> int:
        """Receive bytes; see :meth:`socket.socket.recv_into`."""
        if not self.begun:
            return int(super().recv_into(buffer, *arguments))
        size = min(len(buffer), len(self.begun))
        buffer[:size], self.begun = self.begun[:size], self.begun[size:]
        return size
