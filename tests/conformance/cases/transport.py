"""The same protocol at the project's own transports, whose payloads are framed text.

Binary messages are refused there with 1003, as section 7.4.1 describes that
code. A payload without the framing is no violation of the RFC: the session
goes on, and the message is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from support import framing
from support.client_frames import MASK, frame, header

from .case import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_DATA,
    LIMIT,
    NO_STATUS,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    SLOW,
    TEXT,
    TOO_BIG,
    UNSUPPORTED_DATA,
    Case,
    Frame,
    bytewise,
    echo,
    fragmented,
)

SECTION = "7.4 transport:"

_HELLO = framing.encode("hello").encode()
_BACK = echo(_HELLO.decode())
_LONGEST = framing.encode("x" * (LIMIT - len("~m~99988~m~"))).encode()


def _on_transport(
    sent: Sequence[bytes | Frame | None],
    answer: Sequence[Frame] = (),
    codes: Sequence[int] | None = None,
) -> Case:
    return Case(sent, answer, codes, path="/socket.io/websocket")


CASES: dict[str, Case] = {
    "a message": _on_transport([frame(TEXT, _HELLO)], _BACK),
    "a message of the Flash shim": Case(
        [frame(TEXT, _HELLO)], _BACK, path="/socket.io/flashsocket"
    ),
    "two messages in a payload": _on_transport(
        [frame(TEXT, framing.encode("a", "é😀").encode())],
        echo(framing.encode("a"), framing.encode("é😀")),
    ),
    "a message in fragments": _on_transport(
        [b"".join(fragmented(TEXT, [_HELLO[:2], b"", _HELLO[2:]]))], _BACK
    ),
    "a message byte by byte": _on_transport(bytewise(frame(TEXT, _HELLO)), _BACK),
    "a ping inside a message": _on_transport(
        [
            frame(TEXT, _HELLO[:4], final=False)
            + frame(PING, b"?")
            + frame(CONTINUATION, _HELLO[4:])
        ],
        [Frame(PONG, b"?"), *_BACK],
    ),
    "pings": _on_transport([frame(PING, b"1") + frame(PONG, b"2")], [Frame(PONG, b"1")]),
    "a payload of the limit": _on_transport([frame(TEXT, _LONGEST)], echo(_LONGEST.decode())),
    "a payload over the limit": _on_transport([header(TEXT, LIMIT + 1) + MASK], codes=[TOO_BIG]),
    **{
        f"no payload: {text!r}": _on_transport(
            [frame(TEXT, text.encode()), frame(TEXT, _HELLO)], _BACK
        )
        for text in ("", "hello", "~m~", "~m~9~m~short", "~m~x~m~x")
    },
    **{
        f"binary of {size} bytes": _on_transport(
            [frame(BINARY, b"x" * size)], codes=[UNSUPPORTED_DATA]
        )
        for size in (0, 5, 70_000)
    },
    "binary that is a payload": _on_transport([frame(BINARY, _HELLO)], codes=[UNSUPPORTED_DATA]),
    "binary in fragments": _on_transport(
        [b"".join(fragmented(BINARY, [b"x", b"y"]))], codes=[UNSUPPORTED_DATA]
    ),
    "text, answered, then binary": _on_transport(
        [frame(TEXT, _HELLO), *_BACK, frame(BINARY, b"x")], codes=[UNSUPPORTED_DATA]
    ),
    "text and binary in one segment": _on_transport(
        [frame(TEXT, _HELLO) + frame(BINARY, b"x")],
        echo(_HELLO.decode(), required=False),
        [UNSUPPORTED_DATA],
    ),
    "not UTF-8": _on_transport([frame(TEXT, b"~m~1~m~\xff")], codes=[INVALID_DATA]),
    "not masked": _on_transport([header(TEXT, 1, masked=False) + b"x"], codes=[PROTOCOL_ERROR]),
    "a reserved bit": _on_transport([header(TEXT, 0, reserved=4) + MASK], codes=[PROTOCOL_ERROR]),
    "an unknown opcode": _on_transport([frame(0x3)], codes=[PROTOCOL_ERROR]),
    "a continuation of nothing": _on_transport([frame(CONTINUATION)], codes=[PROTOCOL_ERROR]),
    "a fragmented ping": _on_transport([frame(PING, final=False)], codes=[PROTOCOL_ERROR]),
    "a close without a code": _on_transport([frame(CLOSE)], codes=[NO_STATUS]),
    "a close with a bad code": _on_transport([frame(CLOSE, b"\0\0")], codes=[PROTOCOL_ERROR]),
    **{
        f"a close with {code}": _on_transport([frame(CLOSE, code.to_bytes(2, "big"))], codes=[code])
        for code in (NORMAL, 1001, 3000, 4999)
    },
    "a message before a close": _on_transport(
        [frame(TEXT, _HELLO) + frame(CLOSE, b"\x03\xe8")],
        echo(_HELLO.decode(), required=False),
        [NORMAL],
    ),
    "a message before a close, its handler at work": _on_transport(
        [frame(TEXT, framing.encode(SLOW).encode()) + frame(CLOSE, b"\x03\xe8")],
        echo(framing.encode(SLOW), required=False),
        [NORMAL],
    ),
    "a message behind a close": _on_transport(
        [frame(CLOSE, b"\x03\xe8") + frame(TEXT, _HELLO)], codes=[NORMAL]
    ),
    "a hang-up": _on_transport([frame(TEXT, _HELLO), *_BACK, None], codes=[]),
    "a hang-up at once": _on_transport([None], codes=[]),
}
