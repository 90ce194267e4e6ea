"""An encoded message in all the forms that transports send it in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .websocket import TEXT, encode_frame

__all__ = ["Packet", "script_string"]

# What could end a script element or be read as its markup, and the two line
# ends that JavaScript had and JSON has not.
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>\u2028\u2029"}


class Packet:
    """One encoded message, made once and shared by all who receive it.

    Attributes:
        payload: the framed message in UTF-8. The payload of a batch is the
            concatenation of its packets' payloads.
    """

    __slots__ = ("_script", "_websocket_frame", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._websocket_frame: bytes | None = None
        self._script: bytes | None = None

    @property
    def websocket_frame(self) -> bytes:
        """The payload as one unmasked text frame of RFC 6455."""
        frame = self._websocket_frame
        if frame is None:
            frame = self._websocket_frame = encode_frame(TEXT, self.payload)
        return frame

    @property
    def script(self) -> bytes:
        """The payload as the inside of a JSON string; see :func:`script_string`."""
        script = self._script
        if script is None:
            text = json.dumps(self.payload.decode(), ensure_ascii=False)
            script = self._script = text[1:-1].translate(_UNSAFE).encode()
        return script


def script_string(batch: Sequence[Packet]) -> bytes:
    """The payload of a batch as a JSON string that is safe inside a script element."""
    return b'"%b"' % b"".join([packet.script for packet in batch])
