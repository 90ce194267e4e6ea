"""Compressed messages as clients send them, written from RFC 7692 and apart from the package."""

from __future__ import annotations

import zlib
from itertools import pairwise

from .client_frames import MASK, header, masked

TEXT, CONTINUATION = 1, 0
RSV1 = 4
MIB = 1024 * 1024


def deflated(text: bytes) -> bytes:
    """The payload of a compressed message, section 7.2.1."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def inflated(payload: bytes) -> bytes:
    """The text of a compressed message, section 7.2.2."""
    return zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")


def frame(
    opcode: int,
    payload: bytes,
    *,
    final: bool = True,
    reserved: int = RSV1,
    mask: bytes = MASK,
) -> bytes:
    """A frame with reserved bits, RSV1 by default."""
    first = header(opcode, len(payload), final=final, reserved=reserved)
    return first + mask + masked(payload, mask)


def message(text: bytes, *cuts: int, opcode: int = TEXT, between: bytes = b"") -> bytes:
    """A compressed message, in fragments with something between them."""
    payload = deflated(text)
    bounds = [0, *sorted(cut % (len(payload) + 1) for cut in cuts), len(payload)]
    pieces = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        first, last = number == 0, number == len(cuts)
        pieces.append(
            frame(
                opcode if first else CONTINUATION,
                payload[start:end],
                final=last,
                reserved=RSV1 if first else 0,
            )
        )
    return between.join(pieces)


def bomb(size: int) -> bytes:
    """A frame of a text of so many spaces, which takes a thousandth of that."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    # What is behind a full flush refers to nothing before it, so this can come again and again.
    whole = stream.compress(b" " * MIB) + stream.flush(zlib.Z_FULL_FLUSH)
    rest = stream.compress(b" " * (size % MIB)) + stream.flush(zlib.Z_SYNC_FLUSH)
    return frame(TEXT, whole * (size // MIB) + rest.removesuffix(b"\0\0\xff\xff"))
