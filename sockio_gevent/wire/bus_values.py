"""The bodies of messages between workers: JSON values, with bytes anywhere inside.

A body is the JSON and each of the bytes, in that order, with the length of each before it. The
JSON has placeholders where bytes belong, as packets of Socket.IO have.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from .socketio import ACK, Decoder, encode

__all__ = ["pack", "unpack"]

_LENGTH = struct.Struct("!I")
_ANY_NUMBER = 10**9


def pack(values: Sequence[Any], dumps: Callable[[Any], str]) -> bytes:
    """Write values.

    Args:
        values: JSON values and ``bytes``.
        dumps: encodes JSON.

    Raises:
        TypeError, ValueError: if one of them has no form.
    """
    text, attachments = encode(ACK, "/", list(values), None, dumps)
    parts = []
    for each in (text.encode("utf-8", "surrogatepass"), *attachments):
        parts.append(_LENGTH.pack(len(each)))
        parts.append(each)
    return b"".join(parts)


def unpack(body: bytes, loads: Callable[[str], Any]) -> list[Any]:
    """Read values.

    Raises:
        ValueError: if the body is none.
    """
    parts: list[bytes] = []
    place = 0
    while place < len(body):
        if len(body) - place < _LENGTH.size:
            raise ValueError("a body ends in the middle of a length")
        (size,) = _LENGTH.unpack_from(body, place)
        place += _LENGTH.size
        if len(body) - place < size:
            raise ValueError("a body ends in the middle of a part")
        parts.append(body[place : place + size])
        place += size
    if not parts:
        raise ValueError("a body without JSON")
    decoder = Decoder(loads, _ANY_NUMBER, _ANY_NUMBER)
    packet = decoder.take(parts[0].decode("utf-8", "surrogatepass"))
    for part in parts[1:]:
        packet = decoder.take(part)
    if packet is None or packet.kind != ACK:
        raise ValueError("a body without all its parts")
    values: list[Any] = packet.data
    return values
