"""The versions of WebSocket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .hixie import CLOSING, HixieParser, encode_text
from .packet import Packet
from .websocket import TEXT, encode_close, encode_frame
from .websocket_parser import FrameParser

__all__ = ["Hixie", "Rfc6455"]


class Rfc6455(FrameParser):
    """RFC 6455, versions 13, 8 and 7."""

    __slots__ = ()

    def frames(self, batch: Sequence[Packet]) -> bytes:
        """The frames for a batch of messages."""
        if len(batch) == 1:
            return batch[0].websocket_frame
        return b"".join([packet.websocket_frame for packet in batch])

    def sizes(self, batch: Sequence[Packet]) -> Sequence[int]:
        """The sizes of the frames."""
        return [len(packet.websocket_frame) for packet in batch]

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """One frame."""
        return encode_frame(opcode, payload)

    def close(self, code: int, reason: str) -> bytes:
        """The close frame."""
        return encode_close(code, reason)


class Hixie(HixieParser):
    """The drafts hixie-75 and hixie-76."""

    shares_frames: ClassVar[bool] = False

    __slots__ = ()

    def frames(self, batch: Sequence[Packet]) -> bytes:
        """The frames for a batch of messages."""
        return b"".join([encode_text(packet.payload) for packet in batch])

    def sizes(self, batch: Sequence[Packet]) -> Sequence[int]:
        """The sizes of the frames."""
        return [len(encode_text(packet.payload)) for packet in batch]

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """A text frame; there are no others."""
        return encode_text(payload) if opcode == TEXT else b""

    def close(self, code: int, reason: str) -> bytes:
        """The close frame; only hixie-76 has one. Neither draft has codes and reasons."""
        return CLOSING if self._closing else b""
