"""The frames and the handshake of the WebSocket drafts before RFC 6455.

Drafts hixie-75 and hixie-76 (the latter also known as hybi-00) have text
frames only, ``0x00`` + UTF-8 + ``0xFF``; ``0xFF 0x00`` closes, in 76 only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from .websocket import INVALID_DATA, NO_STATUS, PROTOCOL_ERROR, TOO_BIG, Close, Event, Failure
from .websocket_protocol import WebSocketProtocol

__all__ = ["CLOSING", "HixieParser", "challenge_answer", "encode_text", "key_number"]

CLOSING = b"\xff\x00"


class HixieParser(WebSocketProtocol):
    """Cuts a client's byte stream into messages.

    Args:
        max_size: the largest message to accept, in bytes.
        closing: whether there are closing frames (hixie-76).
    """

    __slots__ = ("_buffer", "_closing", "_max_size", "_searched")

    def __init__(self, max_size: int, closing: bool) -> None:
        super().__init__()
        self._max_size = max_size
        self._closing = closing
        self._buffer = bytearray()
        self._searched = 1

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, however they were cut; see the base class."""
        events: list[Event] = []
        if self.finished:
            return events
        buffer = self._buffer
        buffer += data
        while buffer and not self.finished:
            event = self._next(buffer)
            if event is None:
                break
            events.append(event)
            if not isinstance(event, str):
                self.discard()
        self.held = len(buffer)
        return events

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        self.finished = True
        self._buffer.clear()
        self.held = 0

    def _next(self, buffer: bytearray) -> Event | None:
        if buffer[0] == 0xFF and self._closing:
            if len(buffer) < 2:
                return None
            if buffer[1] == 0:
                return Close(NO_STATUS, "")
        if buffer[0] != 0:
            return Failure(PROTOCOL_ERROR, f"no frame begins with {buffer[0]:#04x}")
        # Only new bytes are searched, so that many short reads do not cost more than one.
        end = buffer.find(0xFF, self._searched)
        if (len(buffer) if end < 0 else end) - 1 > self._max_size:
            return Failure(TOO_BIG, f"the message is over {self._max_size} bytes")
        if end < 0:
            self._searched = len(buffer)
            return None
        payload = bytes(buffer[1:end])
        del buffer[: end + 1]
        self._searched = 1
        try:
            return payload.decode()
        except UnicodeDecodeError as error:
            return Failure(INVALID_DATA, f"not UTF-8: {error.reason}")


def encode_text(payload: bytes) -> bytes:
    """Make a frame of UTF-8 text."""
    return b"\x00%b\xff" % payload


def key_number(key: str) -> int | None:
    """The number hidden in a ``Sec-WebSocket-Key1`` or ``2``; ``None`` if there is none.

    Its digits as one number, divided by the number of its spaces
    (hixie-76 section 5.2, steps 4 to 8).
    """
    digits = re.sub("[^0-9]", "", key)
    spaces = key.count(" ")
    if not 1 <= len(digits) <= 20 or not spaces:
        return None
    number, remainder = divmod(int(digits), spaces)
    return number if not remainder and number < 1 << 32 else None


def challenge_answer(numbers: Sequence[int], challenge: bytes) -> bytes:
    """The sixteen bytes that prove a hixie-76 server (section 5.2, steps 9 and 10)."""
    keys = b"".join([number.to_bytes(4, "big") for number in numbers])
    return hashlib.md5(keys + challenge, usedforsecurity=False).digest()
