"""The versions of WebSocket behind one small interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from .hixie import CLOSING, HixieParser, encode_text
from .packet import Packet
from .websocket import TEXT, Event, encode_close, encode_frame
from .websocket_parser import FrameParser

__all__ = ["Hixie", "Rfc6455", "WebSocketProtocol"]


class WebSocketProtocol(Protocol):
    """How one connection's frames are read and written.

    Attributes:
        shares_frames: whether a packet that is sent alone has the frame as its own payload, so
            that the frame takes no more memory.
    """

    shares_frames: ClassVar[bool]

    @property
    def finished(self) -> bool:
        """Whether a close or a violation has been read."""

    @property
    def held(self) -> int:
        """How many bytes are kept of a message that is not whole yet."""

    @property
    def paused(self) -> bool:
        """Whether bytes are kept that :meth:`feed` parses if it is called without more of them."""

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return what they complete."""

    def frames(self, batch: Sequence[Packet]) -> bytes:
        """The frames for a batch of messages."""

    def sizes(self, batch: Sequence[Packet]) -> Sequence[int]:
        """The sizes of the frames in the batch that was made into frames last."""

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """One frame; empty if the version has no frames of this kind."""

    def close(self, code: int, reason: str) -> bytes:
        """The close frame; empty if the version has none."""


class Rfc6455(FrameParser):
    """RFC 6455, versions 13, 8 and 7."""

    shares_frames: ClassVar[bool] = True

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
