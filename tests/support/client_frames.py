"""Frames as clients send them, written from RFC 6455 section 5.2 and apart from the package."""

from __future__ import annotations

from collections.abc import Iterable

MASK = b"\x37\xfa\x21\x3d"


def header(
    opcode: int,
    length: int,
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    size: int | None = None,
) -> bytes:
    """The first bytes of a frame, up to the masking key.

    Args:
        opcode: any four bits.
        length: what the frame says about its payload.
        final: the FIN bit.
        reserved: the three RSV bits.
        masked: the MASK bit.
        size: the bytes of the extended length, 0, 2 or 8; by default as few as do.
    """
    if size is None:
        size = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[size]
    first = final << 7 | reserved << 4 | opcode
    return bytes((first, masked << 7 | short)) + length.to_bytes(8, "big")[8 - size :]


def masked(payload: bytes, mask: bytes = MASK) -> bytes:
    """Mask a payload, as RFC 6455 section 5.3 defines it."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes = MASK) -> bytes:
    """A whole frame in its proper form."""
    return header(opcode, len(payload), final=final) + mask + masked(payload, mask)


def typed(events: Iterable[object]) -> list[tuple[type, object]]:
    """Events with their types: named tuples of equal values are equal otherwise."""
    return [(type(event), event) for event in events]
