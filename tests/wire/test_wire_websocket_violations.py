"""The errors of the parser for frames that break the rules, RFC 6455 sections 5 and 7.4."""

from __future__ import annotations

import pytest
from support.client_frames import MASK, frame, header, typed

from sockio_gevent.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_DATA,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Close,
    Failure,
    Ping,
)
from sockio_gevent.wire.websocket_parser import FrameParser

LIMIT = 100_000
OPENED = frame(TEXT, b"a", final=False)
RESERVED_OPCODES = [*range(0x3, 0x8), *range(0xB, 0x10)]
OPCODES = {"text": TEXT, "binary": BINARY, "close": CLOSE, "ping": PING, "pong": PONG}

BROKEN: dict[str, bytes] = {
    **{
        f"{name} not masked": header(opcode, 2, masked=False) + b"\x03\xe8"
        for name, opcode in OPCODES.items()
    },
    **{
        f"{name} with RSV{3 - bit}": header(opcode, 0, reserved=1 << bit) + MASK
        for name, opcode in OPCODES.items()
        for bit in range(3)
    },
    **{f"opcode {opcode:#x}": frame(opcode, b"x") for opcode in RESERVED_OPCODES},
    **{f"opcode {opcode:#x} in fragments": OPENED + frame(opcode) for opcode in RESERVED_OPCODES},
    "fragmented ping": frame(PING, b"x", final=False),
    "fragmented pong": frame(PONG, b"x", final=False),
    "fragmented close": frame(CLOSE, b"\x03\xe8", final=False),
    "ping of 126 bytes": frame(PING, b"x" * 126),
    "pong of 65536 bytes": frame(PONG, b"x" * 65536),
    "close of 126 bytes": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "first fragment of nothing": frame(CONTINUATION, b"x", final=False),
    "text inside fragments": OPENED + frame(TEXT, b"x"),
    "binary inside fragments": OPENED + frame(BINARY, b"x"),
    "text fragment inside fragments": OPENED + frame(TEXT, b"x", final=False),
    "0 in two bytes": header(TEXT, 0, size=2) + MASK,
    "125 in two bytes": header(TEXT, 125, size=2) + MASK + b"x" * 125,
    "0 in eight bytes": header(TEXT, 0, size=8) + MASK,
    "125 in eight bytes": header(TEXT, 125, size=8) + MASK + b"x" * 125,
    "126 in eight bytes": header(TEXT, 126, size=8) + MASK + b"x" * 126,
    "65535 in eight bytes": header(TEXT, 65535, size=8) + MASK + b"x" * 65535,
    "ping with its length in two bytes": header(PING, 1, size=2) + MASK + b"x",
    "top bit of the length": header(BINARY, 1 << 63, size=8) + MASK,
    "all bits of the length": header(BINARY, (1 << 64) - 1, size=8) + MASK,
    "half a close code": frame(CLOSE, b"\x03"),
}

NOT_UTF8 = {
    "lone byte": b"\xff",
    "lone continuation byte": b"a\x80",
    "overlong slash": b"\xc0\xaf",
    "overlong NUL": b"\xe0\x80\x80",
    "overlong astral": b"\xf0\x80\x80\x80",
    "high surrogate": b"\xed\xa0\x80",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "truncated after one": b"a\xc3",
    "truncated after three": b"a\xf0\x9f\x98",
    "cut by ascii": b"\xe2\x82a",
}
NOT_UTF8_PARTS = {
    "cut for ever": [b"\xc3", b"", b""],
    "cut by another": [b"\xe2\x82", b"a", b"\xac"],
    "surrogates, one a fragment": [b"\xed\xa0\xbd", b"\xed\xb8\x80"],
    "bad in the middle": [b"a", b"\xff", b"b"],
    "overlong across": [b"\xc0", b"\xaf"],
}

BAD_CLOSE_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
GOOD_CLOSE_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]


def fails_with(code: int, data: bytes, max_size: int = LIMIT) -> bool:
    """Whether these bytes make the parser fail with this code, say why, and finish."""
    parser = FrameParser(max_size)
    events = parser.feed(data)
    assert [type(event) for event in events] == [Failure]
    [failure] = events
    assert failure.reason  # type: ignore[union-attr]
    assert parser.finished
    assert parser.feed(frame(TEXT, b"more")) == []
    return failure.code == code  # type: ignore[union-attr]


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_frame_is_a_protocol_error(data: bytes) -> None:
    assert fails_with(PROTOCOL_ERROR, data)


@pytest.mark.parametrize("payload", NOT_UTF8.values(), ids=NOT_UTF8)
def test_a_text_that_is_not_utf8_is_invalid_data(payload: bytes) -> None:
    assert fails_with(INVALID_DATA, frame(TEXT, payload))


@pytest.mark.parametrize("payload", NOT_UTF8.values(), ids=NOT_UTF8)
def test_binary_data_need_not_be_utf8(payload: bytes) -> None:
    assert typed(FrameParser(LIMIT).feed(frame(BINARY, payload))) == typed([payload])


@pytest.mark.parametrize("parts", NOT_UTF8_PARTS.values(), ids=NOT_UTF8_PARTS)
def test_fragments_that_are_not_utf8_together_are_invalid_data(parts: list[bytes]) -> None:
    first, *middle, last = parts
    data = frame(TEXT, first, final=False)
    data += b"".join(frame(CONTINUATION, part, final=False) for part in middle)
    assert fails_with(INVALID_DATA, data + frame(CONTINUATION, last))


@pytest.mark.parametrize("reason", NOT_UTF8.values(), ids=NOT_UTF8)
def test_the_reason_of_a_close_must_be_utf8(reason: bytes) -> None:
    assert fails_with(INVALID_DATA, frame(CLOSE, b"\x03\xe8" + reason))


@pytest.mark.parametrize("code", BAD_CLOSE_CODES)
def test_a_close_code_that_may_not_be_sent_is_a_protocol_error(code: int) -> None:
    assert fails_with(PROTOCOL_ERROR, frame(CLOSE, code.to_bytes(2, "big") + b"reason"))


@pytest.mark.parametrize("code", GOOD_CLOSE_CODES)
def test_a_close_code_that_may_be_sent_is_accepted(code: int) -> None:
    events = FrameParser(LIMIT).feed(frame(CLOSE, code.to_bytes(2, "big") + b"reason"))
    assert typed(events) == typed([Close(code, "reason")])


def test_all_other_close_codes_are_refused() -> None:
    accepted = set()
    for code in range(1 << 16):
        [event] = FrameParser(LIMIT).feed(frame(CLOSE, code.to_bytes(2, "big")))
        if isinstance(event, Close):
            accepted.add(code)
    assert accepted == {*GOOD_CLOSE_CODES, *range(3000, 5000)}


def test_a_continuation_behind_the_last_fragment_is_a_protocol_error() -> None:
    message, failure = FrameParser(LIMIT).feed(OPENED + frame(CONTINUATION) + frame(CONTINUATION))
    assert message == "a"
    assert isinstance(failure, Failure)
    assert failure.code == PROTOCOL_ERROR


TOO_LONG = {
    "short": header(TEXT, 11),
    "two bytes": header(BINARY, 126),
    "eight bytes": header(TEXT, 65536),
    "as long as can be said": header(BINARY, (1 << 63) - 1),
    "first fragment": header(TEXT, 11, final=False),
    "second fragment": frame(TEXT, b"x" * 6, final=False) + header(CONTINUATION, 5),
    "third fragment": frame(BINARY, b"x" * 6, final=False)
    + frame(CONTINUATION, b"x" * 4, final=False)
    + header(CONTINUATION, 1),
    "fragment behind a ping": frame(TEXT, b"x" * 10, final=False)
    + header(CONTINUATION, 1, final=False),
}


@pytest.mark.parametrize("data", TOO_LONG.values(), ids=TOO_LONG)
def test_a_message_over_the_limit_is_refused_by_its_header_alone(data: bytes) -> None:
    assert fails_with(TOO_BIG, data, max_size=10)


def test_a_message_over_the_limit_is_refused_when_it_is_there_as_well() -> None:
    assert fails_with(TOO_BIG, frame(TEXT, b"x" * 11), max_size=10)


EARLY = {
    "two bytes of a frame without a mask": header(TEXT, 5, masked=False),
    "two bytes with a reserved bit": header(TEXT, 5, reserved=4),
    "two bytes of an unknown opcode": header(0x3, 5),
    "two bytes of a fragmented ping": header(PING, 5, final=False),
    "two bytes of a lost continuation": header(CONTINUATION, 5),
    "the length of a long ping": header(PING, 126),
    "the length not in its shortest form": header(TEXT, 5, size=2),
    "the length not in its shortest form, of eight bytes": header(TEXT, 5, size=8),
}


@pytest.mark.parametrize("data", EARLY.values(), ids=EARLY)
def test_a_broken_header_is_refused_before_its_payload_comes(data: bytes) -> None:
    assert fails_with(PROTOCOL_ERROR, data)


@pytest.mark.parametrize("data", EARLY.values(), ids=EARLY)
def test_a_broken_header_is_refused_with_the_byte_that_breaks_it(data: bytes) -> None:
    parser = FrameParser(LIMIT)
    bytewise = [len(parser.feed(data[i : i + 1])) for i in range(len(data))]
    assert bytewise == [0] * (len(data) - 1) + [1]


VIOLATIONS = {
    "protocol error": (frame(0x3), PROTOCOL_ERROR),
    "invalid data": (frame(TEXT, b"\xff"), INVALID_DATA),
    "too big": (header(TEXT, LIMIT + 1), TOO_BIG),
    "bad close": (frame(CLOSE, b"\x00\x00"), PROTOCOL_ERROR),
}


@pytest.mark.parametrize(("bad", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_messages_before_a_violation_are_still_returned(bad: bytes, code: int) -> None:
    parser = FrameParser(LIMIT)
    data = frame(TEXT, b"a") + frame(PING, b"b") + bad + frame(TEXT, b"c")
    *events, failure = parser.feed(data)
    assert typed(events) == typed(["a", Ping(b"b")])
    assert isinstance(failure, Failure)
    assert failure.code == code


def test_nothing_is_read_after_a_violation() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(frame(0x3))
    assert parser.feed(frame(TEXT, b"a")) == []
    assert parser.feed(frame(CLOSE)) == []
    assert parser.feed(frame(0x3)) == []
