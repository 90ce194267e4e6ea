"""A connection to the server, with a buffer for what has come and the ways to end it."""

from __future__ import annotations

import random
import re
import socket as stdlib_socket
import struct
from typing import NamedTuple

from gevent import socket

__all__ = ["PATIENCE", "Answer", "Connection", "Gone"]

PATIENCE = 30.0  # seconds that the server may take for anything
_BIND_WITHOUT_PORT = 24  # IP_BIND_ADDRESS_NO_PORT of Linux
_AT_ONCE = 65536
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Gone(Exception):
    """The server has ended the connection, or what it answers is no session."""


class Answer(NamedTuple):
    """An answer of HTTP.

    Attributes:
        status: its number.
        head: all of its head.
        body: what came with a length; empty if the answer is a stream.
    """

    status: int
    head: bytes
    body: bytes


class Connection:
    """One connection.

    Args:
        port: where the server listens on loopback.
        receive_buffer: how many bytes the kernel is to keep unread, if not as many as usual.
    """

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self._buffer = b""
        try:
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Ports of ended connections are blocked for a minute: many addresses have enough.
            self.socket.setsockopt(socket.IPPROTO_IP, _BIND_WITHOUT_PORT, 1)
            self.socket.bind((f"127.0.0.{random.randrange(2, 250)}", 0))
            self.socket.settimeout(PATIENCE)
            self.socket.connect(("127.0.0.1", port))
        except OSError as error:
            self.socket.close()
            raise Gone(f"no connection: {error}") from None

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            Gone: if the connection has ended.
        """
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone(f"the connection broke: {error}") from None

    def more(self) -> bytes:
        """All bytes that have come and were not taken; waits if there are none.

        Raises:
            Gone: at the end.
        """
        if not self._buffer:
            self._read()
        data, self._buffer = self._buffer, b""
        return data

    def take(self, count: int) -> bytes:
        """Wait for so many bytes; see :meth:`more`."""
        while len(self._buffer) < count:
            self._read()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def until(self, mark: bytes) -> bytes:
        """Wait for these bytes; return all up to their end; see :meth:`more`."""
        while mark not in self._buffer:
            self._read()
        return self.take(self._buffer.index(mark) + len(mark))

    def answer(self) -> Answer:
        """Wait for an answer, or for the head of a stream; see :meth:`more`."""
        head = self.until(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return Answer(int(head[9:12]), head, self.take(int(length[1])) if length else b"")

    def _read(self) -> None:
        try:
            data = self.socket.recv(_AT_ONCE)
        except OSError as error:
            raise Gone(f"the connection broke: {error}") from None
        if not data:
            raise Gone("the server has closed the connection")
        self._buffer += data

    def drain(self) -> None:
        """Read to the end."""
        try:
            while True:
                self.more()
        except Gone:
            pass
        self.close()

    def half_close(self) -> None:
        """End the sending direction."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Gone(f"the connection broke: {error}") from None

    def reset(self) -> None:
        """Reset the connection, so that all bytes on their way are lost."""
        no_time = struct.pack("ii", 1, 0)
        self.socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, no_time)
        self.socket.close()

    def close(self) -> None:
        """End it; bytes that were sent before still arrive."""
        self.socket.close()
