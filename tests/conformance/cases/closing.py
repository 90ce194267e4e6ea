"""Close frames and the closing handshake, sections 5.5.1 and 7.

The server answers a good close with its own code, which section 5.5.1 calls
typical, and a bad one with 1002; for a reason that is not UTF-8, 1007 fits as well.
"""

from __future__ import annotations

from support.client_frames import MASK, frame, header, masked

from .case import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HANG_UP,
    INVALID_DATA,
    NO_STATUS,
    NORMAL,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    Case,
    bytewise,
    echo,
    refused,
)
from .texts import INVALID, VALID

SECTION = "7"

GOOD = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
# Registered with IANA after the RFC: a server may know them or not.
LATER = (1012, 1013, 1014)
BAD = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 32768, 65535)


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def _closed(code: int, *sent: bytes | None) -> Case:
    return Case(sent, codes=[code])


CASES: dict[str, Case] = {
    **{f"code {code}": _closed(code, close(code)) for code in GOOD},
    **{f"code {code} with a reason": _closed(code, close(code, b"why")) for code in GOOD},
    **{f"code {code}": Case([close(code)], codes=[code, PROTOCOL_ERROR]) for code in LATER},
    **{f"bad code {code}": refused(close(code)) for code in BAD},
    **{f"bad code {code} with a reason": refused(close(code, b"why")) for code in BAD},
    **{
        f"reason: {name}": _closed(1000, close(1000, text.encode())) for name, text in VALID.items()
    },
    **{
        f"reason: {name}": Case([close(1000, data)], codes=[INVALID_DATA, PROTOCOL_ERROR])
        for name, data in INVALID.items()
    },
    "no payload": _closed(NO_STATUS, frame(CLOSE)),
    "payload of 1 byte": refused(frame(CLOSE, b"\x03")),
    "payload of 2 bytes": _closed(NORMAL, frame(CLOSE, b"\x03\xe8")),
    "payload of 3 bytes": _closed(NORMAL, close(1000, b"x")),
    "payload of 125 bytes": _closed(NORMAL, close(1000, b"x" * 123)),
    "payload of 125 bytes in two-byte characters": _closed(
        NORMAL, close(1000, b"x" + b"\xc3\xa9" * 61)
    ),
    "payload of 126 bytes": refused(close(1000, b"x" * 124)),
    "payload of 127 bytes": refused(close(1000, b"x" * 125)),
    "payload of 65536 bytes": refused(close(1000, b"x" * 65534)),
    "reason cut in its last character": Case(
        [close(1000, b"x" * 122 + b"\xc3")], codes=[INVALID_DATA, PROTOCOL_ERROR]
    ),
    "bad code with a bad reason": Case(
        [close(1005, b"\xff")], codes=[PROTOCOL_ERROR, INVALID_DATA]
    ),
    "byte by byte": _closed(3456, *bytewise(close(3456, b"slowly"))),
    "cut in its code": _closed(1001, close(1001)[:-1], close(1001)[-1:]),
    "not masked": refused(b"\x88\x02\x03\xe8"),
    "not masked and empty": refused(b"\x88\x00"),
    "twice": _closed(1001, close(1001) + close(1000)),
    "twice, in two segments": _closed(1001, close(1001), close(1000)),
    "text behind it": _closed(NORMAL, close(1000) + frame(TEXT, b"late")),
    "text behind it, in its own segment": _closed(NORMAL, close(1000), frame(TEXT, b"late")),
    "binary behind it": _closed(NORMAL, close(1000) + frame(BINARY, b"late")),
    "ping behind it": _closed(NORMAL, close(1000) + frame(PING, b"late")),
    "ping behind it, in its own segment": _closed(NORMAL, close(1000), frame(PING, b"late")),
    "rubbish behind it": _closed(NORMAL, close(1000) + b"\xff" * 50),
    "half a frame behind it": _closed(NORMAL, close(1000) + frame(TEXT, b"late")[:4]),
    "100 KB behind it": _closed(NORMAL, close(1000) + frame(BINARY, b"x" * 100_000)),
    "a violation behind it": _closed(NORMAL, close(1000) + frame(0x3)),
    "a hang-up behind it": _closed(NORMAL, close(1000), HANG_UP),
    "inside a fragmented message": _closed(
        1001, frame(TEXT, b"a", final=False) + close(1001) + frame(CONTINUATION, b"b")
    ),
    "a text before it": Case(
        [frame(TEXT, b"first") + close(1000)], echo("first", required=False), [NORMAL]
    ),
    "a text before it, answered": Case(
        [frame(TEXT, b"first"), *echo("first"), close(1000)], codes=[NORMAL]
    ),
    "a violation before it": refused(frame(0x3) + close(1000)),
    "a text behind a violation": refused(frame(0x3) + frame(TEXT, b"late")),
    "a violation after a violation": refused(frame(0x3) + frame(TEXT, b"\xff")),
    "with a reserved bit": refused(header(CLOSE, 2, reserved=4) + MASK + masked(b"\x03\xe8")),
    "a hang-up without a close": Case([frame(TEXT, b"a"), *echo("a"), HANG_UP], codes=[]),
    "a hang-up at once": Case([HANG_UP], codes=[]),
    "a hang-up in a fragmented message": Case([frame(TEXT, b"a", final=False), HANG_UP], codes=[]),
    "a hang-up in a frame": Case([frame(TEXT, b"abc")[:-1], HANG_UP], codes=[]),
}
