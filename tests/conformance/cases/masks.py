"""Masking: a frame without a mask is refused, and a frame with any key is unmasked."""

from __future__ import annotations

from support.client_frames import frame, header

from .case import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    Case,
    Frame,
    bytewise,
    echo,
    refused,
)

SECTION = "5.3"

_OPCODES = {"text": TEXT, "binary": BINARY, "close": CLOSE, "ping": PING, "pong": PONG}
_KEYS = {
    "zero": b"\0\0\0\0",
    "all ones": b"\xff\xff\xff\xff",
    "first bit": b"\x80\0\0\0",
    "last bit": b"\0\0\0\x01",
    "like a frame": b"\x81\x85\x88\x80",
    "like text": b"text",
}


def _unmasked(opcode: int, payload: bytes, final: bool = True) -> bytes:
    return header(opcode, len(payload), masked=False, final=final) + payload


CASES: dict[str, Case] = {
    **{
        f"{name} with {len(payload)} bytes, not masked": refused(_unmasked(opcode, payload))
        for name, opcode in _OPCODES.items()
        for payload in (b"", b"\x03\xe8", b"x" * 125)
    },
    **{
        f"{name} with {size} bytes, not masked": refused(_unmasked(opcode, b"x" * size))
        for name, opcode in (("text", TEXT), ("binary", BINARY))
        for size in (126, 65536)
    },
    **{
        f"first fragment of {name}, not masked": refused(_unmasked(opcode, b"x", final=False))
        for name, opcode in (("text", TEXT), ("binary", BINARY))
    },
    "last fragment, not masked": refused(
        frame(TEXT, b"a", final=False) + _unmasked(CONTINUATION, b"b")
    ),
    "not masked, byte by byte": refused(*bytewise(_unmasked(TEXT, b"abc"))),
    "masked, then not masked": Case(
        [frame(TEXT, b"a"), *echo("a"), _unmasked(TEXT, b"b")], codes=[PROTOCOL_ERROR]
    ),
    **{
        f"key {name}, {size} bytes": Case(
            [frame(TEXT, b"abcdefgh!"[:size], mask=key)], echo("abcdefgh!"[:size])
        )
        for name, key in _KEYS.items()
        for size in (0, 1, 2, 3, 4, 5, 8, 9)
    },
    **{
        f"key {name}, 70,001 bytes": Case(
            [frame(BINARY, b"payload" * 10_000 + b"!", mask=key)], echo(b"payload" * 10_000 + b"!")
        )
        for name, key in _KEYS.items()
    },
    **{
        f"ping and close with key {name}": Case(
            [frame(PING, b"ping!", mask=key) + frame(CLOSE, b"\x03\xe8bye", mask=key)],
            [Frame(PONG, b"ping!")],
            [NORMAL],
        )
        for name, key in _KEYS.items()
    },
    "another key for each frame": Case(
        [b"".join(frame(TEXT, b"hello", mask=key) for key in _KEYS.values())],
        echo(*["hello"] * len(_KEYS)),
    ),
    "another key for each fragment": Case(
        [
            frame(TEXT, "é😀"[:1].encode()[:1], final=False, mask=_KEYS["zero"])
            + frame(CONTINUATION, "é".encode()[1:] + b"x", final=False, mask=_KEYS["like text"])
            + frame(CONTINUATION, b"yz", mask=_KEYS["all ones"])
        ],
        echo("éxyz"),
    ),
    "another key for each, byte by byte": Case(
        bytewise(b"".join(frame(TEXT, b"hello", mask=key) for key in _KEYS.values())),
        echo(*["hello"] * len(_KEYS)),
    ),
    "a payload that is zero under its key": Case(
        [frame(BINARY, b"\x81\x85\x88\x80", mask=b"\x81\x85\x88\x80")],
        echo(b"\x81\x85\x88\x80"),
    ),
}
