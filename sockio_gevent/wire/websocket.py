"""The words of RFC 6455: opcodes, close codes, the events of a stream, and the server's frames.

The parser of a client's frames is in :mod:`~sockio_gevent.wire.websocket_parser`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = [
    "BINARY",
    "CLOSE",
    "COMPRESSED",
    "CONTINUATION",
    "GOING_AWAY",
    "INTERNAL_ERROR",
    "INVALID_DATA",
    "NORMAL",
    "NO_STATUS",
    "PING",
    "POLICY_VIOLATION",
    "PONG",
    "PROTOCOL_ERROR",
    "TEXT",
    "TOO_BIG",
    "UNSUPPORTED_DATA",
    "Close",
    "Event",
    "Failure",
    "Ping",
    "Pong",
    "compress_frame",
    "encode_close",
    "encode_frame",
    "may_be_sent",
]

# Opcodes, RFC 6455 section 5.2.
CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

# The bit RSV1 in the first byte of a frame, RFC 7692 section 6: the message is compressed.
COMPRESSED = 0x40

# Close codes, RFC 6455 section 7.4.1.
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003
NO_STATUS = 1005
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011

# 1004 to 1006 and 1015 are reserved; 1012 to 1014 are in IANA's registry.
_SENDABLE = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))


class Ping(NamedTuple):
    """A ping; it wants a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """A pong, solicited or not."""

    payload: bytes


class Close(NamedTuple):
    """The peer's close frame. Nothing that follows it is read.

    Attributes:
        code: the status code, :data:`NO_STATUS` if the frame had none.
        reason: the text behind the code.
    """

    code: int
    reason: str


class Failure(NamedTuple):
    """A violation of the protocol. Nothing that follows it is read.

    Attributes:
        code: the status code to close the connection with.
        reason: what was wrong.
    """

    code: int
    reason: str


# A text message is a str, a binary message is bytes.
Event = str | bytes | Ping | Pong | Close | Failure


# The heads of short text frames: to look one up takes a third of the time to make it.
_SHORT_TEXT: Final = [bytes((0x80 | TEXT, size)) for size in range(126)]


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code (section 7.4)."""
    return code in _SENDABLE or 3000 <= code <= 4999


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Make an unfragmented, unmasked frame, as servers send them.

    Args:
        opcode: for example :data:`TEXT`; with :data:`COMPRESSED` if the payload is compressed.
        payload: at most 125 bytes in control frames.
    """
    size = len(payload)
    if size < 126:
        if opcode == TEXT:
            return _SHORT_TEXT[size] + payload
        return b"%c%c%b" % (0x80 | opcode, size, payload)
    # A format would copy a long payload twice.
    if size < 65536:
        return b"%c\x7e%b" % (0x80 | opcode, size.to_bytes(2, "big")) + payload
    return b"%c\x7f%b" % (0x80 | opcode, size.to_bytes(8, "big")) + payload


def compress_frame(frame: bytes, compress: Callable[[memoryview], bytes]) -> bytes:
    """Compress the payload of a frame.

    Args:
        frame: the frame of a whole message, as :func:`encode_frame` makes it.
        compress: compresses a payload.
    """
    start = {126: 4, 127: 10}.get(frame[1], 2)
    payload = compress(memoryview(frame)[start:])
    return encode_frame(frame[0] & 0x0F | COMPRESSED, payload)


def encode_close(code: int, reason: str = "") -> bytes:
    """Make a close frame.

    Args:
        code: the status code; with :data:`NO_STATUS` the frame stays empty.
        reason: a text for the peer; what does not fit into the frame is cut off.

    Raises:
        ValueError: if the code may not appear in a close frame.
    """
    if code == NO_STATUS:
        return encode_frame(CLOSE, b"")
    if not may_be_sent(code):
        raise ValueError(f"{code} is not a close code that may be sent (RFC 6455 section 7.4)")
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore")
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text.encode())
