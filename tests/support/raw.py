"""A bare socket, for tests that count bytes."""

from __future__ import annotations

import socket as stdlib_socket
import struct

import gevent

from .http import DEADLINE, Ended, connect


class Raw:
    """What the server sends, byte for byte."""

    def __init__(self, port: int, data: bytes = b"", wrap: object = None) -> None:
        self.socket = connect(port, wrap)
        self.buffer = bytearray()
        self.send(data)

    def __str__(self) -> str:
        return f"{len(self.buffer)} bytes {bytes(self.buffer[:1000])!r}"

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        """Send byte after byte, and let the server run in between."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            gevent.sleep(0)

    def take(self, count: int) -> bytes:
        """Wait for so many bytes; raises Ended at the end."""
        with gevent.Timeout(DEADLINE, AssertionError(f"no {count} bytes: {self}")):
            while len(self.buffer) < count:
                self._more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def until(self, mark: bytes) -> bytes:
        """Wait for these bytes; return all up to their end."""
        with gevent.Timeout(DEADLINE, AssertionError(f"no {mark!r}: {self}")):
            while mark not in self.buffer:
                self._more()
        return self.take(self.buffer.index(mark) + len(mark))

    def head(self) -> tuple[str, dict[str, str]]:
        """Wait for the head of an answer; its status line and its headers."""
        status, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        return status, dict(line.split(": ", 1) for line in lines)

    def end(self) -> bytes:
        """Wait for the end of the connection; return all that came before."""
        with gevent.Timeout(DEADLINE, AssertionError(f"no end: {self}")):
            try:
                while True:
                    self._more()
            except Ended:
                return self.take(len(self.buffer))

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:  # what was sent last was not read
            data = b""
        if not data:
            raise Ended(self)
        self.buffer += data

    def reset(self) -> None:
        """End the connection with a reset, although bytes are unread."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, linger)
        self.socket.close()

    def close(self) -> None:
        self.socket.close()
