"""UTF-8 in text messages.

A server may fail a message as soon as it cannot become UTF-8 any more, or when
it has all of it: between the two it may or may not answer a ping.
"""

from __future__ import annotations

from support.client_frames import frame

from .case import (
    BINARY,
    INVALID_DATA,
    PING,
    PONG,
    TEXT,
    Case,
    Frame,
    bytewise,
    echo,
    fragmented,
    refused,
)

SECTION = "8.1"

VALID: dict[str, str] = {
    "ASCII": "~ plain {text}",
    "NUL": "\0",
    "a byte order mark": "\ufeffx",
    "Greek": "κόσμε",
    "U+007F": "\x7f",
    "U+0080": "\x80",
    "U+07FF": "\u07ff",
    "U+0800": "\u0800",
    "U+D7FF": "\ud7ff",
    "U+E000": "\ue000",
    "U+FFFD": "\ufffd",
    "U+FFFE": "\ufffe",
    "U+FFFF": "\uffff",
    "U+10000": "\U00010000",
    "U+1FFFE": "\U0001fffe",
    "U+10FFFF": "\U0010ffff",
    "a family of emoji": "👨\u200d👩\u200d👧",
}

INVALID: dict[str, bytes] = {
    "a lone continuation 80": b"\x80",
    "a lone continuation BF": b"\xbf",
    "a continuation behind ASCII": b"a\x80b",
    "a continuation too many": b"\xc3\xa9\xa9",
    "FE": b"\xfe",
    "FF": b"\xff",
    "FF behind much text": b"text " * 30 + b"\xff",
    "Latin-1": b"caf\xe9",
    "UTF-16": b"\xff\xfex\x00",
    "overlong NUL": b"\xc0\x80",
    "overlong slash in two": b"\xc0\xaf",
    "overlong DEL in two": b"\xc1\xbf",
    "overlong NUL in three": b"\xe0\x80\x80",
    "overlong U+07FF in three": b"\xe0\x9f\xbf",
    "overlong NUL in four": b"\xf0\x80\x80\x80",
    "overlong U+FFFF in four": b"\xf0\x8f\xbf\xbf",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "surrogate D800": b"\xed\xa0\x80",
    "surrogate DBFF": b"\xed\xaf\xbf",
    "surrogate DC00": b"\xed\xb0\x80",
    "surrogate DFFF": b"\xed\xbf\xbf",
    "a surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "U+110000": b"\xf4\x90\x80\x80",
    "U+13FFFF": b"\xf4\xbf\xbf\xbf",
    "U+140000": b"\xf5\x80\x80\x80",
    "U+1FFFFF": b"\xf7\xbf\xbf\xbf",
}

# One character of each length; and what is left of them when some bytes are missing.
CHARACTERS = {"é": "é".encode(), "€": "€".encode(), "😀": "😀".encode()}
TRUNCATED = {
    f"{size} of {len(data)} bytes": data[:size]
    for data in CHARACTERS.values()
    for size in range(1, len(data))
}
SPLITS = {
    f"{name} behind byte {place}": (data[:place], data[place:])
    for name, data in CHARACTERS.items()
    for place in range(1, len(data))
}


def _with_ping_between(first: bytes, second: bytes) -> Case:
    start, end = fragmented(TEXT, [first, second])
    return Case(
        [start, frame(PING, b"?"), end],
        [Frame(PONG, b"?", required=False)],
        [INVALID_DATA],
    )


CASES: dict[str, Case] = {
    **{name: Case([frame(TEXT, text.encode())], echo(text)) for name, text in VALID.items()},
    **{
        f"{name} in fragments of one byte": Case(
            [b"".join(fragmented(TEXT, bytewise(text.encode())))], echo(text)
        )
        for name, text in VALID.items()
    },
    **{
        f"{name} in segments of one byte": Case(bytewise(frame(TEXT, text.encode())), echo(text))
        for name, text in VALID.items()
        if not text.isascii()
    },
    **{
        f"two fragments, cut in {name}": Case(
            [b"".join(fragmented(TEXT, [b"a" + start, end + b"b"]))],
            echo("a" + (start + end).decode() + "b"),
        )
        for name, (start, end) in SPLITS.items()
    },
    **{
        f"two fragments, cut in {name}, with a ping between": Case(
            [b"".join((first, frame(PING, b"?"), second))],
            [Frame(PONG, b"?"), *echo((start + end).decode())],
        )
        for name, (start, end) in SPLITS.items()
        for first, second in [fragmented(TEXT, [start, end])]
    },
    **{
        f"two segments, cut in {name}": Case(
            [
                frame(TEXT, start + end)[: 6 + len(start)],
                frame(TEXT, start + end)[6 + len(start) :],
            ],
            echo((start + end).decode()),
        )
        for name, (start, end) in SPLITS.items()
    },
    **{name: refused(frame(TEXT, data), code=INVALID_DATA) for name, data in INVALID.items()},
    **{
        f"{name} in fragments of one byte": refused(
            b"".join(fragmented(TEXT, bytewise(b"a" + data))), code=INVALID_DATA
        )
        for name, data in INVALID.items()
        if len(data) < 10
    },
    **{
        f"{name} in segments of one byte": refused(*bytewise(frame(TEXT, data)), code=INVALID_DATA)
        for name, data in INVALID.items()
        if len(data) < 10
    },
    **{
        f"{name} in a binary message": Case([frame(BINARY, data)], echo(data))
        for name, data in INVALID.items()
    },
    **{
        f"{name}, then nothing": refused(frame(TEXT, b"a" + data), code=INVALID_DATA)
        for name, data in TRUNCATED.items()
    },
    **{
        f"{name}, then ASCII": refused(frame(TEXT, data + b"a"), code=INVALID_DATA)
        for name, data in TRUNCATED.items()
    },
    **{
        f"{name}, then another character": refused(
            frame(TEXT, data + "é".encode()), code=INVALID_DATA
        )
        for name, data in TRUNCATED.items()
    },
    **{
        f"{name}, then empty fragments": refused(
            b"".join(fragmented(TEXT, [data, b"", b""])), code=INVALID_DATA
        )
        for name, data in TRUNCATED.items()
    },
    "bad in the first of two fragments, a ping between": _with_ping_between(b"\xff", b"x"),
    "bad in the second of two fragments, a ping between": _with_ping_between(b"x", b"\xff"),
    "surrogates in two fragments": _with_ping_between(b"\xed\xa0\xbd", b"\xed\xb8\x80"),
    "an overlong form in two fragments": _with_ping_between(b"\xc0", b"\xaf"),
    "a character cut by the end of the message": Case(
        [frame(TEXT, b"\xc3") + frame(TEXT, b"\xa9")], codes=[INVALID_DATA]
    ),
    "half a character in a binary message, half in a text": Case(
        [frame(BINARY, b"\xc3") + frame(TEXT, b"\xa9")],
        echo(b"\xc3", required=False),
        [INVALID_DATA],
    ),
}
