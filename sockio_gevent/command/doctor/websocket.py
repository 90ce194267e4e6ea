"""A WebSocket of the doctor: the handshake, and text frames both ways (RFC 6455)."""

from __future__ import annotations

import os
import struct
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from ...wire.websocket_handshake import accept_key
from ...wire.websocket_masking import apply_mask
from .http import PATIENCE, Answer, Failed, Server

__all__ = ["Refused", "WebSocket"]

_TEXT, _CLOSE, _PING = 1, 8, 9
_LONGEST = 1_000_000  # bytes of a frame


class Refused(Failed):
    """The handshake was answered otherwise.

    Attributes:
        answer: the answer.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.said)
        self.answer = answer


class WebSocket:
    """An open WebSocket.

    Args:
        server: the server.
        path: the path.

    Raises:
        Refused: if the server or a proxy answers otherwise.
        Failed: if there is no answer in time.
    """

    def __init__(self, server: Server, path: str) -> None:
        key = b64encode(os.urandom(16)).decode()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        self._connection: HTTPConnection
        self._response: HTTPResponse
        self._connection, self._response = server.begin("GET", path, headers=headers)
        named = {name.lower(): value for name, value in self._response.getheaders()}
        if self._response.status != 101:
            text = self._response.read(10_000).decode("utf-8", "replace")
            self._connection.close()
            raise Refused(Answer(self._response.status, named, text, 0))
        if named.get("sec-websocket-accept") != accept_key(key):
            self._connection.close()
            raise Failed("the handshake was answered with a wrong key")

    def send(self, text: str) -> None:
        """Send a text frame of at most 125 bytes."""
        payload, mask = text.encode(), os.urandom(4)
        frame = bytes((0x80 | _TEXT, 0x80 | len(payload))) + mask + apply_mask(payload, mask)
        try:
            self._connection.sock.sendall(frame)
        except OSError as error:
            raise Failed(f"it was cut: {error}") from None

    def receive(self, timeout: float = PATIENCE) -> str:
        """Wait for the next text frame.

        Raises:
            TimeoutError: if none comes in this time.
            Failed: if the connection ends.
        """
        self._connection.sock.settimeout(timeout)
        while True:
            try:
                opcode, payload = self._frame()
            except TimeoutError:
                raise
            except (OSError, HTTPException) as error:
                raise Failed(f"it was cut: {error}") from None
            if opcode == _TEXT:
                return payload.decode("utf-8", "replace")
            if opcode == _CLOSE:
                raise Failed(f"it was closed: {payload[2:].decode('utf-8', 'replace')}")

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._read(8))
        if length > _LONGEST:
            raise OSError("the server has sent something that is no WebSocket frame")
        return first & 0x0F, self._read(length)

    def _read(self, size: int) -> bytes:
        # What came with the head of the answer is in the buffer of this file.
        source: Any = self._response.fp
        data: bytes = source.read(size)
        if len(data) < size:
            raise OSError("the other side has closed the connection")
        return data

    def close(self) -> None:
        """Close it."""
        self._connection.close()
