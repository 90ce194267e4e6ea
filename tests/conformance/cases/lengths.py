"""Payload lengths: each way to write them, and the limit of this server."""

from __future__ import annotations

from support.client_frames import MASK, frame, header, masked

from .case import (
    BINARY,
    CONTINUATION,
    HANG_UP,
    LIMIT,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Case,
    Frame,
    echo,
    fragmented,
    refused,
)

SECTION = "5.2"

BOUNDARIES = (0, 1, 2, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, LIMIT - 1, LIMIT)
# The number of bytes that a length is written in, and lengths that need fewer.
TOO_LONG_FORMS = {2: (0, 1, 124, 125), 8: (0, 1, 125, 126, 127, 65534, 65535)}
OPCODES = {"text": TEXT, "binary": BINARY}


def _payload(size: int) -> bytes:
    return bytes(i % 251 for i in range(size))


def _written(opcode: int, payload: bytes, size: int, final: bool = True) -> bytes:
    """A frame whose length is written in so many bytes."""
    head = header(opcode, len(payload), size=size, final=final)
    return head + MASK + masked(payload, MASK)


def _in_segments(data: bytes) -> list[bytes]:
    return [data[start : start + 1000] for start in range(0, len(data), 1000)]


def _header_cut(size: int, place: int) -> Case:
    data = frame(TEXT, b"x" * size)
    return Case([data[:place], data[place:]], echo("x" * size))


CASES: dict[str, Case] = {
    **{
        f"text of {size} bytes": Case([frame(TEXT, b"x" * size)], echo("x" * size))
        for size in BOUNDARIES
    },
    **{
        f"binary of {size} bytes": Case([frame(BINARY, _payload(size))], echo(_payload(size)))
        for size in BOUNDARIES
    },
    **{
        f"{size} bytes in 1000-byte segments": Case(
            _in_segments(frame(BINARY, _payload(size))), echo(_payload(size))
        )
        for size in (126, 65535 - 8, 65536 - 14, LIMIT - 14)
    },
    **{
        f"{name} of {length} bytes, its length in {size} bytes": refused(
            _written(opcode, b"x" * length, size)
        )
        for name, opcode in OPCODES.items()
        for size, lengths in TOO_LONG_FORMS.items()
        for length in lengths
    },
    **{
        f"a continuation of 5 bytes, its length in {size} bytes": refused(
            frame(TEXT, b"a", final=False) + _written(CONTINUATION, b"x" * 5, size)
        )
        for size in (2, 8)
    },
    **{
        f"header of {head} bytes cut behind byte {place}": _header_cut(size, place)
        for size, head in ((5, 6), (126, 8), (65536, 14))
        for place in range(1, head + 1)
    },
    **{
        f"{name} of {size} bytes is over the limit": refused(
            header(opcode, size) + MASK, code=TOO_BIG
        )
        for name, opcode in OPCODES.items()
        for size in (LIMIT + 1, 1 << 31, 1 << 32, (1 << 63) - 1)
    },
    **{
        f"length {length:#x} has its top bit set": Case(
            [header(BINARY, length, size=8) + MASK], codes=[PROTOCOL_ERROR, TOO_BIG]
        )
        for length in (1 << 63, (1 << 63) + 5, (1 << 64) - 1)
    },
    "one byte over the limit, all of it sent": refused(
        frame(BINARY, b"x" * (LIMIT + 1)), code=TOO_BIG
    ),
    "fragments of the limit": Case(
        [b"".join(fragmented(BINARY, [b"x" * 40_000, b"y" * (LIMIT - 40_000), b""]))],
        echo(b"x" * 40_000 + b"y" * (LIMIT - 40_000)),
    ),
    "fragments one byte over the limit": refused(
        b"".join(fragmented(BINARY, [b"x" * LIMIT, b"y"])), code=TOO_BIG
    ),
    "many small fragments over the limit": refused(
        b"".join(fragmented(BINARY, [b"x" * 1000] * (LIMIT // 1000 + 1))), code=TOO_BIG
    ),
    "a second fragment that announces 4 GiB": refused(
        frame(TEXT, b"a", final=False) + header(CONTINUATION, 1 << 32) + MASK, code=TOO_BIG
    ),
    "two messages of the limit": Case(
        [frame(BINARY, b"x" * LIMIT) * 2], echo(b"x" * LIMIT, b"x" * LIMIT)
    ),
    "a message of the limit with pings between its fragments": Case(
        [
            b"".join(
                (
                    frame(BINARY, b"x" * (LIMIT - 1), final=False),
                    frame(PING, b"p" * 125),
                    frame(CONTINUATION, b"x"),
                )
            )
        ],
        [Frame(PONG, b"p" * 125), *echo(b"x" * LIMIT)],
    ),
    "100 messages in one segment": Case(
        [b"".join(frame(TEXT, b"%d" % i) for i in range(100))], echo(*map(str, range(100)))
    ),
    "a text at each length, one after another": Case(
        [b"".join(frame(TEXT, b"x" * size) for size in (0, 125, 126, 127))],
        echo(*("x" * size for size in (0, 125, 126, 127))),
    ),
    "a hang-up in a length": Case([header(TEXT, 126)[:3], HANG_UP], codes=[]),
    "a hang-up in a key": Case([header(TEXT, 5) + MASK[:2], HANG_UP], codes=[]),
}
