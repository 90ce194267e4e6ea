"""Messages of WebSockets as DEFLATE data, RFC 7692 section 7.2.

Which connections use it, and with which parameters, is agreed on in
:mod:`~sockio_gevent.wire.websocket_extensions`. The frames are in
:mod:`~sockio_gevent.wire.websocket_deflate`.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

__all__ = ["LARGEST_WINDOW", "Compression", "TooLong", "finish", "inflate", "inflater"]

Bytes = bytes | bytearray | memoryview

LARGEST_WINDOW = 15  # the exponent of 32 KiB

_SMALLEST_WINDOW = 9  # zlib has no smaller one for raw DEFLATE data
_LOOK_AHEAD = 262  # bytes: zlib finds nothing in the last part of its window

# Bytes: longer messages are compressed at the fastest level. A session is written in one go, and
# all other clients wait meanwhile; the higher levels take several times as long for a few per cent.
_LONG = 128 * 1024

# The end of what a flush makes. A message does not have it (section 7.2.1).
_FLUSHED = b"\0\0\xff\xff"
# An empty last block. It can be read only where a block may begin, so it shows a message
# that breaks off.
_LAST_BLOCK = b"\1\0\0\xff\xff"

# A message may be several DEFLATE streams (section 7.2.3.4). Nobody sends many of them, and each
# costs much more than its two bytes.
_MOST_STREAMS = 16


class TooLong(ValueError):
    """Inflated data is over its limit."""


class Compression(NamedTuple):
    """How messages are compressed.

    Attributes:
        level: from 1, fast, to 9, small; long messages are compressed at level 1.
        window_bits: the exponent of the size of the window, 9 to 15.
    """

    level: int
    window_bits: int

    def compress(self, message: Bytes) -> bytes:
        """Compress a message by itself."""
        # A window that is larger than the message makes it no smaller. To set it up takes
        # longer than to compress a short message.
        enough = max((len(message) + _LOOK_AHEAD).bit_length(), _SMALLEST_WINDOW)
        level = self.level if len(message) <= _LONG else 1
        return finish(Compression(level, min(self.window_bits, enough)).begin(), message)

    def begin(self) -> Any:
        """A zlib object for :func:`finish`, which keeps its window between messages."""
        # The other tables are about as large as the window, as with the defaults of zlib.
        memory_level = max(self.window_bits - 7, 1)
        return zlib.compressobj(self.level, zlib.DEFLATED, -self.window_bits, memory_level)


def finish(compressor: Any, message: Bytes) -> bytes:
    """Compress a message with a zlib object that has compressed those before it."""
    data: bytes = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return data[: -len(_FLUSHED)]


def inflater(window_bits: int = LARGEST_WINDOW, before: bytes | bytearray = b"") -> Any:
    """A zlib object that inflates.

    Args:
        window_bits: the exponent of the size of the window that the sender uses at most.
        before: what was inflated before, as far as the data may refer to it.
    """
    # To inflate, a window may be larger than the sender's, but not smaller.
    bits = -max(window_bits, _SMALLEST_WINDOW)
    if before:
        return zlib.decompressobj(bits, zdict=bytes(before[-(1 << LARGEST_WINDOW) :]))
    return zlib.decompressobj(bits)


def inflate(data: bytes | bytearray, most: int, kept: Any = None) -> tuple[bytes | bytearray, Any]:
    """Inflate a message.

    Args:
        data: the payload of the message.
        most: how many bytes it may have inflated.
        kept: the inflater of the messages before, if this one may refer to them.

    Returns:
        The message, and the inflater for the next one if one was given.

    Raises:
        TooLong: if it is longer. Nothing beyond the limit was inflated.
        zlib.error: if it is no DEFLATE data, or breaks off.
    """
    if not data:
        # What zlib makes of an empty message, if another message came before it.
        return b"", kept
    current = inflater() if kept is None else kept
    end = _FLUSHED if kept is not None else _FLUSHED + _LAST_BLOCK
    text: bytes | bytearray = current.decompress(data + end, most + 1)
    streams = 1
    while current.eof and current.unused_data and len(text) <= most:
        streams += 1
        if streams > _MOST_STREAMS:
            raise zlib.error(f"over {_MOST_STREAMS} streams in one message")
        rest = current.unused_data
        current = inflater(before=text)
        text = bytearray(text)
        text += current.decompress(rest, most + 1 - len(text))
    if len(text) > most:
        raise TooLong(f"over {most} bytes")
    if kept is None:
        ended = current.eof
    else:
        # The inflater itself must not see the last block.
        probe = current.copy()
        probe.decompress(_LAST_BLOCK)
        ended = probe.eof
    if not ended:
        raise zlib.error("the data breaks off")
    return text, None if kept is None else current
