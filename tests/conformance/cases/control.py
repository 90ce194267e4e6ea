"""Control frames: pings and pongs. (Close frames have their own module.)"""

from __future__ import annotations

from support.client_frames import frame, header, masked

from .case import (
    CLOSE,
    CONTROL,
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

SECTION = "5.5"

_FIRST_OF_TWO = frame(TEXT, b"a", final=False)
_MASK = b"\x01\x02\x03\x04"


def _numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _pongs(payloads: list[bytes]) -> list[Frame]:
    # Section 5.5.3: only the most recent ping must be answered.
    return [Frame(PONG, payload, required=False) for payload in payloads[:-1]] + [
        Frame(PONG, payloads[-1])
    ]


CASES: dict[str, Case] = {
    **{
        f"ping with {size} bytes": Case([frame(PING, b"x" * size)], [Frame(PONG, b"x" * size)])
        for size in (0, 1, 4, 124, 125)
    },
    **{
        f"unsolicited pong with {size} bytes": Case([frame(PONG, b"x" * size)])
        for size in (0, 1, 125)
    },
    **{
        f"{name} with {size} bytes": refused(frame(opcode, b"\x03\xe8".ljust(size, b"x")))
        for name, opcode in CONTROL.items()
        for size in (126, 127, 65535, 65536)
    },
    **{
        f"fragmented {name} with {size} bytes": refused(
            frame(opcode, b"\x03\xe8".ljust(size, b"x")[:size], final=False)
        )
        for name, opcode in CONTROL.items()
        for size in (0, 2, 125)
    },
    **{
        f"fragmented {name} inside a fragmented message": refused(
            _FIRST_OF_TWO + frame(opcode, final=False)
        )
        for name, opcode in CONTROL.items()
    },
    **{
        f"{name} with its length in {size} bytes": refused(
            header(opcode, 2, size=size) + _MASK + masked(b"\x03\xe8", _MASK)
        )
        for name, opcode in CONTROL.items()
        for size in (2, 8)
    },
    **{
        f"{count} pings in one segment": Case(
            [b"".join(frame(PING, payload) for payload in _numbered(count))],
            _pongs(_numbered(count)),
        )
        for count in (2, 10, 1000)
    },
    "ping that is not UTF-8": Case([frame(PING, b"\xff\x00\xfe")], [Frame(PONG, b"\xff\x00\xfe")]),
    "pong that is not UTF-8": Case([frame(PONG, b"\xff\x00\xfe")]),
    "ping byte by byte": Case(bytewise(frame(PING, b"slow")), [Frame(PONG, b"slow")]),
    "ten pings in ten segments": Case(
        [frame(PING, payload) for payload in _numbered(10)], _pongs(_numbered(10))
    ),
    "ping cut in its header": Case(
        [frame(PING, b"x")[:1], frame(PING, b"x")[1:]], [Frame(PONG, b"x")]
    ),
    "ping, text, ping": Case(
        [frame(PING, b"1"), Frame(PONG, b"1"), frame(TEXT, b"x"), *echo("x"), frame(PING, b"2")],
        [Frame(PONG, b"2")],
    ),
    "pong before a text": Case([frame(PONG) + frame(TEXT, b"x")], echo("x")),
    "ping before a close": Case(
        [frame(PING, b"x") + frame(CLOSE, b"\x03\xe8")], [Frame(PONG, b"x")], [NORMAL]
    ),
    "ping before a violation": Case(
        [frame(PING, b"x") + frame(0x3)], [Frame(PONG, b"x", required=False)], [PROTOCOL_ERROR]
    ),
    "ping after a close": Case([frame(CLOSE, b"\x03\xe8") + frame(PING, b"x")], codes=[NORMAL]),
    "half a ping, then a hang-up": Case([frame(PING, b"x")[:-1], None], codes=[]),
}
