"""The answers to handshakes: those of RFC 6455, and the challenge of hixie-76."""

from __future__ import annotations

import hashlib
import struct
from binascii import b2a_base64

from sockio_gevent.wire.hixie import challenge_answer, key_number
from sockio_gevent.wire.websocket_handshake import accept_key

from ..supply import Supply

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (b" ", b"0", b"4294967295", b"4294967296", b"99999999999999999999", b"\xb2", b"\t")
# Eight bytes of a challenge, then the key.
SEEDS = (
    b"^n:ds[4U4 @1  46546xW%0l 1 5",
    b"^n:ds[4U12998 5 Y3 1  .P00",
    b"\0" * 8 + b"dGhlIHNhbXBsZSBub25jZQ==",
    b"12345678 0",
)


def check(data: bytes) -> None:
    """Answer a key in both ways."""
    supply = Supply(data)
    challenge = supply.take(8).ljust(8, b"\0")
    # Headers of a WSGI environ are Latin-1.
    key = supply.rest().decode("latin-1")

    digest = hashlib.sha1(key.encode("latin-1") + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    assert accept_key(key) == b2a_base64(digest.digest(), newline=False).decode()

    number = key_number(key)
    assert number == _number(key)
    if number is not None:
        numbers = (number, number ^ 0xFFFFFFFF)
        expected = hashlib.md5(struct.pack(">II8s", *numbers, challenge)).digest()
        assert challenge_answer(numbers, challenge) == expected


def _number(key: str) -> int | None:
    """Section 5.2 of hixie-76, steps 4 to 8, character by character."""
    number, digits, spaces = 0, 0, 0
    for character in key:
        if "0" <= character <= "9":
            number, digits = 10 * number + ord(character) - ord("0"), digits + 1
        elif character == " ":
            spaces += 1
    # No key that a client makes has more digits than these.
    if not 0 < digits <= 20 or spaces == 0 or number % spaces:
        return None
    return number // spaces if number // spaces < 2**32 else None
