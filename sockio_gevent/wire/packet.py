"""An encoded message in all forms that transports send."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from .deflate import Compression
from .websocket import TEXT, compress_frame, encode_frame

__all__ = ["OVERHEAD", "BinaryPacket", "Packet", "script_string", "script_text"]

# Bytes of memory that a packet takes besides its payload: for its objects, its place in a
# list, and its second form if it is short. Measured, and rounded up.
OVERHEAD: Final = 224

# Bytes: a longer frame replaces the payload, which is part of it.
_LONG: Final = 64

# Characters that could end a script element or be read as markup in it, and the two
# characters that were line ends in old JavaScript but are not in JSON.
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>\u2028\u2029"}


class Packet:
    """One encoded message, made once and shared by all receivers.

    Args:
        payload: the framed message in UTF-8.

    Attributes:
        cost: about how many bytes of memory it takes.
    """

    __slots__ = ("_compressed", "_payload", "_script", "_websocket_frame", "cost")

    def __init__(self, payload: bytes) -> None:
        self._payload: bytes | None = payload
        self._websocket_frame: bytes | None = None
        self._compressed: dict[Compression, bytes] | None = None
        self._script: bytes | None = None
        self.cost = len(payload) + OVERHEAD

    @property
    def payload(self) -> bytes:
        """The framed message; the payload of a batch is the concatenation of these."""
        payload = self._payload
        if payload is None:
            payload = self._websocket_frame[OVERHEAD - self.cost :]  # type: ignore[index]
        return payload

    @property
    def websocket_frame(self) -> bytes:
        """The payload as one unmasked text frame of RFC 6455."""
        frame = self._websocket_frame
        if frame is None:
            payload = self._payload or b""  # not by the property: every message comes here
            frame = self._websocket_frame = encode_frame(TEXT, payload)
            if len(frame) > _LONG:
                self._payload = None
        return frame

    def compressed_frame(self, compression: Compression) -> bytes:
        """The same frame, compressed by itself; the plain one if that is not longer."""
        forms = self._compressed
        if forms is None:
            forms = self._compressed = {}
        frame = forms.get(compression)
        if frame is None:
            plain = self.websocket_frame
            frame = compress_frame(plain, compression.compress)
            if len(frame) >= len(plain):
                frame = plain
            forms[compression] = frame
        return frame

    @property
    def script(self) -> bytes:
        """The payload as the inside of a JSON string; see :func:`script_text`."""
        script = self._script
        if script is None:
            script = self._script = script_text(self.payload)
        return script


class BinaryPacket(Packet):
    """A binary message: bytes on a WebSocket, text in a payload.

    Args:
        frame: the message as one unmasked frame of RFC 6455.
        data: the bytes of the message.
        spelled: spells the bytes as text.
    """

    __slots__ = ("_data", "_spelled")

    def __init__(self, frame: bytes, data: bytes, spelled: Callable[[bytes], bytes]) -> None:
        super().__init__(b"")
        self._payload = None
        self._websocket_frame = frame
        self._data = data
        self._spelled = spelled
        self.cost = 2 * len(data) + OVERHEAD

    @property
    def data(self) -> bytes:
        """The bytes of the message."""
        return self._data

    @property
    def payload(self) -> bytes:
        """The message as text."""
        return self._spelled(self._data)


def script_text(payload: bytes) -> bytes:
    """A text as the inside of a JSON string that is safe inside a script element."""
    text = json.dumps(payload.decode(), ensure_ascii=False)
    return text[1:-1].translate(_UNSAFE).encode()


def script_string(batch: Sequence[Packet]) -> bytes:
    """The concatenated payloads of a batch as a whole JSON string, made from what packets keep."""
    return b'"%b"' % b"".join([packet.script for packet in batch])
