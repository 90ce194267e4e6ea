"""The frames of WebSockets with permessage-deflate, RFC 7692 sections 6 and 7.2.

The bit RSV1 of the first frame of a message says that the message is compressed. A
message is inflated when all of it is there, so nothing is kept for the next one
unless contexts were agreed on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import ClassVar

from .deflate import TooLong, finish, inflate, inflater
from .packet import OVERHEAD, Packet
from .websocket import (
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    INVALID_DATA,
    TOO_BIG,
    Event,
    compress_frame,
)
from .websocket_extensions import Agreement
from .websocket_parser import Violation
from .websocket_versions import Rfc6455

__all__ = ["DeflateRfc6455"]

# Bytes that are inflated before a pause. A read brings about as many if nothing is compressed.
_ENOUGH = 64 * 1024

# Bytes: longer frames are not compressed, because all other clients wait meanwhile. With a
# context, which keeps its level, it takes longer.
_MOST = 1024 * 1024
_MOST_WITH_CONTEXT = 128 * 1024


class DeflateRfc6455(Rfc6455):
    """RFC 6455 with permessage-deflate.

    Little data may inflate to much. So :meth:`feed` pauses between two messages when it has
    inflated enough; see :attr:`paused`.

    Args:
        max_size: the largest message to accept, in bytes, inflated.
        agreement: what client and server have agreed on.
    """

    shares_frames: ClassVar[bool] = False

    __slots__ = ("_agreement", "_closing", "_compressor", "_inflated", "_inflater", "_sizes")

    def __init__(self, max_size: int, agreement: Agreement) -> None:
        super().__init__(max_size)
        self._agreement = agreement
        self._compressor = agreement.compression.begin() if agreement.keeps else None
        bits = agreement.client_window_bits
        self._inflater = inflater(bits) if agreement.client_keeps else None
        self._inflated = 0
        self._sizes: list[int] = []
        self._closing = False

    # --- from the client ---

    @property
    def paused(self) -> bool:
        """Whether bytes are kept that :meth:`feed` parses if it is called without more of them."""
        return self._stopped and self._buffer is not None

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, however they were cut; see ``FrameParser.feed``."""
        self._inflated = 0
        self._stopped = self.finished
        return super().feed(data)

    def _check_reserved(self, first: int) -> None:
        opcode = first & 0x0F
        if first & 0x70 != COMPRESSED or opcode >= CLOSE or opcode == CONTINUATION:
            super()._check_reserved(first)

    def _check_size(self, first: int, length: int) -> None:
        # A bad encoder makes some data longer: by an eighth, if it gives all bytes Huffman
        # codes of fixed length.
        if not first & COMPRESSED or length > self._max_size + self._max_size // 8 + 64:
            super()._check_size(first, length)

    def _message(self, first: int, payload: bytes | bytearray) -> str | bytes:
        if not first & COMPRESSED:
            return super()._message(first, payload)
        if self._closing:
            return ""  # nobody takes messages any more
        try:
            payload, self._inflater = inflate(payload, self._max_size, self._inflater)
        except TooLong as error:
            text = f"the message is over {self._max_size} bytes"
            raise Violation(TOO_BIG, text) from error
        except zlib.error as broken:
            # zlib puts its own words before the colon.
            problem = str(broken).rpartition(": ")[2]
            raise Violation(INVALID_DATA, f"not DEFLATE data: {problem}") from broken
        self._inflated += len(payload)
        if self._inflated > _ENOUGH:
            self._stopped = True
        return super()._message(first, payload)

    # --- to the client ---

    def frames(self, batch: Sequence[Packet]) -> bytes:
        """The frames for a batch of messages."""
        made = self._made(batch)
        if self._compressor is not None:
            self._sizes = [len(frame) for frame in made]
        return made[0] if len(made) == 1 else b"".join(made)

    def sizes(self, batch: Sequence[Packet]) -> Sequence[int]:
        """The sizes of the frames in the batch that was made into frames last."""
        # With a context, a message has another frame each time.
        if self._compressor is not None:
            return self._sizes
        return [len(frame) for frame in self._made(batch)]

    def _made(self, batch: Sequence[Packet]) -> list[bytes]:
        agreement, compressor = self._agreement, self._compressor
        compression = agreement.compression
        least = agreement.threshold + OVERHEAD
        if compressor is None:
            return [
                packet.websocket_frame
                if packet.cost < least or len(packet.websocket_frame) > _MOST
                else packet.compressed_frame(compression)
                for packet in batch
            ]
        return [
            packet.websocket_frame
            if packet.cost < least or len(packet.websocket_frame) > _MOST_WITH_CONTEXT
            else compress_frame(packet.websocket_frame, lambda payload: finish(compressor, payload))
            for packet in batch
        ]

    def close(self, code: int, reason: str) -> bytes:
        """The close frame. Messages that come after it are not inflated."""
        self._closing = True
        return super().close(code, reason)

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        super().discard()
        self._inflater = None
