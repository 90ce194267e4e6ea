"""A server's reading of RFC 6455 frames, all of a stream at once."""

from __future__ import annotations

import zlib
from typing import Any

from . import utf8

__all__ = ["read", "read_from_server"]

Event = tuple[Any, ...]

_GOOD_CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}


class _Failed(Exception):
    pass


def read(stream: bytes, max_size: int, deflate: bool = False) -> list[Event]:
    """The events of a client's frames.

    Args:
        stream: all that the client sends.
        max_size: the largest message to accept.
        deflate: whether messages may be compressed, each by itself.

    Returns:
        ``("text", str)``, ``("binary", bytes)``, ``("ping", bytes)``,
        ``("pong", bytes)``, ``("close", code, reason)`` or, of a violation,
        ``("failure", code)``. The last two are the last.
    """
    events: list[Event] = []
    opened: list[Any] = []  # opcode and payload of a message that is not complete
    rest = stream
    try:
        while True:
            cut = _next(rest, opened, max_size, deflate)
            if cut is None:
                return events
            final, compressed, opcode, payload, rest = cut
            if opcode >= 8:
                events.append(_control(opcode, payload))
                if opcode == 8:
                    return events
                continue
            if opcode:
                opened[:] = [opcode, b"", compressed]
            opened[1] += payload
            if final:
                message = _inflated(opened[1], max_size) if opened[2] else opened[1]
                events.append(("text", _text(message)) if opened[0] == 1 else ("binary", message))
                opened.clear()
    except _Failed as failed:
        return [*events, ("failure", failed.args[0])]


def _inflated(payload: bytes, max_size: int) -> bytes:
    """A compressed message, RFC 7692 section 7.2.2."""
    text = b""
    rest = payload and payload + b"\0\0\xff\xff" + b"\1\0\0\xff\xff"
    for _ in range(16):
        if not rest:
            return text
        stream = zlib.decompressobj(-15, zdict=text[-32768:])
        try:
            text += stream.decompress(rest)
        except zlib.error:
            # What stands before the mistake may be too long.
            raise _Failed(1007 if _bytewise(rest, text, max_size) else 1009) from None
        if len(text) > max_size:
            raise _Failed(1009)
        if not stream.eof:
            raise _Failed(1007)
        rest = stream.unused_data
    if rest:
        raise _Failed(1007)
    return text


def _bytewise(rest: bytes, text: bytes, max_size: int) -> bool:
    """Whether broken data is broken before it has inflated to too much."""
    stream = zlib.decompressobj(-15, zdict=text[-32768:])
    size = len(text)
    try:
        while size <= max_size:
            size += len(stream.decompress(rest, 1))
            rest = stream.unconsumed_tail
    except zlib.error:
        return True
    return False


def _next(
    data: bytes, opened: list[Any], max_size: int, deflate: bool
) -> tuple[bool, bool, int, bytes, bytes] | None:
    """The first frame, or ``None`` if too few of its bytes are there."""
    if len(data) < 2:
        return None
    final, reserved, opcode = data[0] // 128, data[0] // 16 % 8, data[0] % 16
    is_masked, length = data[1] // 128, data[1] % 128
    compressed = deflate and reserved == 4 and opcode in range(1, 8)
    if (reserved and not compressed) or not is_masked:
        raise _Failed(1002)
    size = {126: 2, 127: 8}.get(length, 0)
    if len(data) < 2 + size:
        return None
    if size:
        length = 0
        for byte in data[2 : 2 + size]:
            length = length * 256 + byte
        if length < (126 if size == 2 else 65536) or length >= 2**63:
            raise _Failed(1002)
    if opcode not in (0, 1, 2, 8, 9, 10):
        raise _Failed(1002)
    if opcode >= 8:
        if not final or length > 125:
            raise _Failed(1002)
    elif bool(opened) != (opcode == 0):
        raise _Failed(1002)
    else:
        grows = opened[2] if opened else compressed
        most = max_size + max_size // 8 + 64 if grows else max_size
        if length + (len(opened[1]) if opened else 0) > most:
            raise _Failed(1009)
    key, payload = data[2 + size : 6 + size], data[6 + size : 6 + size + length]
    if len(key) < 4 or len(payload) < length:
        return None
    unmasked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return bool(final), compressed, opcode, unmasked, data[6 + size + length :]


def _control(opcode: int, payload: bytes) -> Event:
    if opcode > 8:
        return ("ping" if opcode == 9 else "pong", payload)
    if not payload:
        return ("close", 1005, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or (code not in _GOOD_CODES and code // 1000 not in (3, 4)):
        raise _Failed(1002)
    return ("close", code, _text(payload[2:]))


def _text(payload: bytes) -> str:
    text = utf8.decode(payload)
    if text is None:
        raise _Failed(1007)
    return text


def read_from_server(data: bytes) -> tuple[int, bytes]:
    """Opcode and payload of one whole frame as servers send it, strictly."""
    assert data[0] // 16 == 8, "fragmented, or with reserved bits"
    length, start = data[1], 2
    assert length < 128, "masked"
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
        assert length > 125
    elif length == 127:
        length, start = int.from_bytes(data[2:10], "big"), 10
        assert length > 65535
    assert len(data) == start + length
    return data[0] % 16, data[start:]
