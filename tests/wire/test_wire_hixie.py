"""The frames and the handshake of the WebSocket drafts before RFC 6455."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.client_frames import typed

from sockio_gevent.wire.hixie import CLOSING, HixieParser, challenge_answer, encode_text, key_number
from sockio_gevent.wire.websocket import (
    BINARY,
    INVALID_DATA,
    NO_STATUS,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Close,
    Event,
    Failure,
)
from sockio_gevent.wire.websocket_versions import Hixie

LIMIT = 1024 * 1024

drafts = pytest.mark.parametrize("closing", [False, True], ids=["hixie-75", "hixie-76"])


def frame(payload: bytes) -> bytes:
    return b"\x00" + payload + b"\xff"


def parse(data: bytes, closing: bool, max_size: int = LIMIT) -> list[Event]:
    return HixieParser(max_size, closing).feed(data)


def codes(events: list[Event]) -> list[object]:
    """Messages as they are, failures by their codes, closes as such."""
    return [event.code if isinstance(event, Failure) else event for event in events]


MESSAGES = {
    "nothing": (b"", []),
    "an empty frame": (b"\x00\xff", [""]),
    "one frame": (frame(b"hello"), ["hello"]),
    "several frames": (frame(b"one") + frame(b"") + frame(b"two"), ["one", "", "two"]),
    "two-byte characters": (frame("é".encode()), ["é"]),
    "astral characters": (frame("😀".encode()), ["😀"]),
    "a NUL inside": (frame(b"a\x00b"), ["a\0b"]),
    "line breaks": (frame(b"a\r\nb"), ["a\r\nb"]),
    "a byte order mark": (frame(b"\xef\xbb\xbfa"), ["\ufeffa"]),
    "the last code point": (frame("\U0010ffff".encode()), ["\U0010ffff"]),
    "an unfinished frame": (b"\x00hello", []),
    "a frame and an unfinished one": (frame(b"one") + b"\x00two", ["one"]),
    "a first byte alone": (b"\x00", []),
}


@drafts
@pytest.mark.parametrize(("data", "messages"), MESSAGES.values(), ids=MESSAGES)
def test_frames_are_cut_into_messages(closing: bool, data: bytes, messages: list[str]) -> None:
    parser = HixieParser(LIMIT, closing)
    assert typed(parser.feed(data)) == typed(messages)
    assert not parser.finished


ENDS: dict[str, tuple[bytes, list[object], list[object]]] = {
    # what is sent, what hixie-75 makes of it, what hixie-76 makes of it
    "a close": (CLOSING, [PROTOCOL_ERROR], [Close(NO_STATUS, "")]),
    "a close behind a message": (
        frame(b"a") + CLOSING,
        ["a", PROTOCOL_ERROR],
        ["a", Close(NO_STATUS, "")],
    ),
    "half a close": (b"\xff", [PROTOCOL_ERROR], []),
    "no close, but nearly": (b"\xff\x01", [PROTOCOL_ERROR], [PROTOCOL_ERROR]),
    "two ends of a frame": (
        frame(b"a") + b"\xff\xff",
        ["a", PROTOCOL_ERROR],
        ["a", PROTOCOL_ERROR],
    ),
    "a frame with a length": (b"\x80\x01a", [PROTOCOL_ERROR], [PROTOCOL_ERROR]),
    "a frame of RFC 6455": (b"\x81\x80\0\0\0\0", [PROTOCOL_ERROR], [PROTOCOL_ERROR]),
    "text without a frame": (b"hello\xff", [PROTOCOL_ERROR], [PROTOCOL_ERROR]),
    "a line of HTTP": (b"GET / HTTP/1.1\r\n", [PROTOCOL_ERROR], [PROTOCOL_ERROR]),
    "another first byte behind a message": (
        frame(b"a") + b"\x01",
        ["a", PROTOCOL_ERROR],
        ["a", PROTOCOL_ERROR],
    ),
    "a lone byte of UTF-8": (frame(b"\xc3"), [INVALID_DATA], [INVALID_DATA]),
    "a lone continuation": (frame(b"\x80"), [INVALID_DATA], [INVALID_DATA]),
    "an overlong form": (frame(b"\xc0\xaf"), [INVALID_DATA], [INVALID_DATA]),
    "a surrogate": (frame(b"\xed\xa0\x80"), [INVALID_DATA], [INVALID_DATA]),
    "beyond Unicode": (frame(b"\xf4\x90\x80\x80"), [INVALID_DATA], [INVALID_DATA]),
    "bad UTF-8 behind a message": (
        frame(b"a") + frame(b"\xfe"),
        ["a", INVALID_DATA],
        ["a", INVALID_DATA],
    ),
}


@pytest.mark.parametrize(("data", "events_75", "events_76"), ENDS.values(), ids=ENDS)
def test_bytes_that_are_not_a_frame_end_the_stream(
    data: bytes, events_75: list[object], events_76: list[object]
) -> None:
    assert codes(parse(data, closing=False)) == events_75
    assert codes(parse(data, closing=True)) == events_76


def test_after_a_first_ff_only_one_byte_is_awaited() -> None:
    parser = HixieParser(LIMIT, closing=True)
    assert parser.feed(b"\xff") == []
    assert not parser.finished
    assert parser.feed(b"\x00") == [Close(NO_STATUS, "")]


@drafts
@pytest.mark.parametrize("end", [CLOSING, b"\x01", frame(b"\xfe"), b"\x00" + b"x" * 11])
def test_everything_behind_the_end_is_ignored(closing: bool, end: bytes) -> None:
    parser = HixieParser(10, closing)
    events = parser.feed(frame(b"before") + end + frame(b"behind"))
    assert len(events) == 2
    assert parser.finished
    assert parser.feed(frame(b"later")) == []
    assert parser.feed(CLOSING) == []
    assert parser._buffer == b""
    assert parser.finished


@drafts
@pytest.mark.parametrize("size", [1, 10, 126, 65536])
def test_a_message_of_the_limit_is_accepted_and_one_byte_more_is_refused(
    closing: bool, size: int
) -> None:
    assert parse(frame(b"x" * size), closing, max_size=size) == ["x" * size]
    assert codes(parse(frame(b"x" * (size + 1)), closing, max_size=size)) == [TOO_BIG]


def test_the_limit_counts_bytes_and_not_characters() -> None:
    assert parse(frame("é".encode() * 5), True, max_size=10) == ["é" * 5]
    assert codes(parse(frame("é".encode() * 5 + b"x"), True, max_size=10)) == [TOO_BIG]


def test_the_limit_is_one_for_each_message() -> None:
    assert parse(frame(b"x" * 10) * 3, True, max_size=10) == ["x" * 10] * 3


@drafts
def test_the_limit_is_judged_before_the_end_of_the_frame_comes(closing: bool) -> None:
    parser = HixieParser(10, closing)
    assert parser.feed(b"\x00" + b"x" * 10) == []
    assert codes(parser.feed(b"x")) == [TOO_BIG]
    assert parser.finished


def test_a_frame_over_the_limit_is_not_decoded() -> None:
    assert codes(parse(frame(b"\xc3" * 11), True, max_size=10)) == [TOO_BIG]


TEXTS = st.lists(st.text(max_size=30), max_size=6)
LAST = st.sampled_from([b"", CLOSING, b"\x01", b"\x00unfinished", b"\xff", b"\x00\xfe\xff"])
CUTS = st.lists(st.integers(0, 1 << 12), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


def feed(parser: HixieParser, chunks: list[bytes]) -> list[tuple[type, object]]:
    return typed(event for chunk in chunks for event in parser.feed(chunk))


@given(TEXTS, LAST, CUTS, st.booleans())
def test_a_stream_makes_the_same_events_however_it_is_cut(
    texts: list[str], last: bytes, cuts: list[int], closing: bool
) -> None:
    data = b"".join(encode_text(text.encode()) for text in texts) + last
    expected = feed(HixieParser(LIMIT, closing), [data])
    assert expected[: len(texts)] == typed(texts)
    assert feed(HixieParser(LIMIT, closing), pieces(data, cuts)) == expected
    bytewise = [data[i : i + 1] for i in range(len(data))]
    assert feed(HixieParser(LIMIT, closing), bytewise) == expected


NOISE = st.lists(
    st.one_of(st.binary(max_size=8), st.sampled_from([b"\x00", b"\xff", b"\x00\xff", b"a"])),
    max_size=12,
).map(b"".join)


@given(NOISE, CUTS, st.booleans(), st.sampled_from([1, 5, LIMIT]))
@example(b"\x00ab\xff", [1, 3], True, 1)
def test_noise_never_raises_and_ends_once_and_last(
    data: bytes, cuts: list[int], closing: bool, max_size: int
) -> None:
    whole = HixieParser(max_size, closing)
    events = feed(whole, [data])
    cut = HixieParser(max_size, closing)
    assert feed(cut, pieces(data, cuts)) == events
    assert cut.finished is whole.finished
    ends = [event for kind, event in events if kind is not str]
    assert ends == ([events[-1][1]] if whole.finished else [])
    assert all(len(event.encode()) <= max_size for kind, event in events if kind is str)  # type: ignore[attr-defined]


class CountingBuffer(bytearray):
    """Counts the bytes that are searched."""

    searched = 0

    def find(self, *arguments: int) -> int:  # type: ignore[override]
        self.searched += len(self) - arguments[1]
        return super().find(*arguments)


@drafts
def test_a_frame_that_comes_byte_by_byte_is_searched_once(closing: bool) -> None:
    text = "x" * 100_000
    data = frame(text.encode())
    parser = HixieParser(LIMIT, closing)
    buffer = parser._buffer = CountingBuffer()
    assert feed(parser, [data[i : i + 1] for i in range(len(data))]) == typed([text])
    assert len(text) <= buffer.searched < 3 * len(data)


@drafts
def test_only_text_frames_can_be_sent(closing: bool) -> None:
    protocol = Hixie(LIMIT, closing)
    assert encode_text("é😀".encode()) == b"\x00\xc3\xa9\xf0\x9f\x98\x80\xff"
    assert protocol.frame(TEXT, b"hello") == b"\x00hello\xff"
    assert [protocol.frame(opcode, b"x") for opcode in (BINARY, PING, PONG)] == [b""] * 3
    assert protocol.close(NORMAL, "bye") == (b"\xff\x00" if closing else b"")


KEYS = {
    # Of the draft: section 1.2 and its handshake examples.
    "the draft's first": ("4 @1  46546xW%0l 1 5", 829309203),
    "the draft's second": ("12998 5 Y3 1  .P00", 259970620),
    "one digit and one space": (" 7", 7),
    "zero": ("0 ", 0),
    "spaces at the ends": (" 12 ", 6),
    "the largest": ("4 294967295", (1 << 32) - 1),
    "the largest dividend of twelve spaces": ("51539607540" + " " * 12, (1 << 32) - 1),
}
NO_KEYS = {
    "nothing": "",
    "no spaces": "1234",
    "no digits": "a b",
    "spaces alone": "   ",
    "a remainder": "13  x",
    "a tab for a space": "1\t2",
    "over 32 bits": "4 294967296",
    "far over 32 bits": "9" * 300 + " " * 3,
    "digits of another script": "١٢ ٣",
    "superscripts": "² ",
}


@pytest.mark.parametrize(("key", "number"), KEYS.values(), ids=KEYS)
def test_a_key_is_its_digits_divided_by_its_spaces(key: str, number: int) -> None:
    assert key_number(key) == number


@pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS)
def test_a_key_without_a_number_gives_none(key: str) -> None:
    assert key_number(key) is None


@pytest.mark.parametrize("digits", [21, 5000, 100_000])
def test_any_number_of_digits_raises_nothing(digits: int) -> None:
    assert key_number("1" * digits + " ") is None


def test_the_example_of_the_draft_is_answered() -> None:
    keys = "4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00"
    numbers = [number for key in keys if (number := key_number(key)) is not None]
    assert challenge_answer(numbers, b"^n:ds[4U") == b"8jKS'y:G*Co,Wxa-"


def test_small_numbers_fill_their_four_bytes() -> None:
    assert challenge_answer([1, 0], b"12345678").hex() == "7358606fc22ecc3d17094cca7c30098c"
