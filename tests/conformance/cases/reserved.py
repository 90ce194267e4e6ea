"""Bits and opcodes that are reserved for extensions, of which none was negotiated."""

from __future__ import annotations

from support.client_frames import MASK, frame, header, masked

from .case import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    PROTOCOL_ERROR,
    RESERVED,
    TEXT,
    Case,
    bytewise,
    echo,
    refused,
)

SECTION = "5.2"

_OPENED = frame(TEXT, b"a", final=False)
_OPCODES = {"text": TEXT, "binary": BINARY, "close": CLOSE, "ping": PING, "pong": PONG}


def _frame(opcode: int, payload: bytes, reserved: int, final: bool = True) -> bytes:
    return header(opcode, len(payload), reserved=reserved, final=final) + MASK + masked(payload)


def _bits(reserved: int) -> str:
    return "+".join(f"RSV{3 - bit}" for bit in (2, 1, 0) if reserved >> bit & 1)


CASES: dict[str, Case] = {
    **{
        f"{name} with {_bits(reserved)}": refused(_frame(opcode, b"\x03\xe8", reserved))
        for name, opcode in _OPCODES.items()
        for reserved in range(1, 8)
    },
    **{
        f"first fragment of {name} with {_bits(reserved)}": refused(
            _frame(opcode, b"x", reserved, final=False)
        )
        for name, opcode in (("text", TEXT), ("binary", BINARY))
        for reserved in range(1, 8)
    },
    **{
        f"last fragment with {_bits(reserved)}": refused(
            _OPENED + _frame(CONTINUATION, b"x", reserved)
        )
        for reserved in range(1, 8)
    },
    **{
        f"opcode {opcode:#x}{'' if final else ', not final'}, {size} bytes": refused(
            frame(opcode, b"x" * size, final=final)
        )
        for opcode in RESERVED
        for final in (True, False)
        for size in (0, 5)
    },
    **{
        f"opcode {opcode:#x} inside a fragmented message": refused(_OPENED + frame(opcode, b"x"))
        for opcode in RESERVED
    },
    **{
        f"opcode {opcode:#x} with {_bits(reserved)}": refused(_frame(opcode, b"", reserved))
        for opcode in (RESERVED[0], RESERVED[-1])
        for reserved in (1, 2, 4, 7)
    },
    "a long frame of an unknown opcode": refused(frame(0x3, b"x" * 70_000)),
    "an unknown opcode byte by byte": refused(*bytewise(frame(0xB, b"abc"))),
    "a reserved bit byte by byte": refused(*bytewise(_frame(TEXT, b"abc", 4))),
    "a good text before a reserved bit": Case(
        [frame(TEXT, b"good") + _frame(TEXT, b"bad", 4)],
        echo("good", required=False),
        [PROTOCOL_ERROR],
    ),
    "a good text, answered, before an unknown opcode": Case(
        [frame(TEXT, b"good"), *echo("good"), frame(0x7, b"bad") + frame(TEXT, b"late")],
        codes=[PROTOCOL_ERROR],
    ),
}
