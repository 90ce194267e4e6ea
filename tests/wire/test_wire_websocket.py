"""The events that the parser makes from the frames of a well-behaved client."""

from __future__ import annotations

import pytest
from support.client_frames import frame, header, masked, typed

from sockio_gevent.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_STATUS,
    PING,
    PONG,
    TEXT,
    Close,
    Ping,
    Pong,
)
from sockio_gevent.wire.websocket_parser import FrameParser

LIMIT = 1024 * 1024
LENGTHS = [0, 1, 125, 126, 127, 65535, 65536]

lengths = pytest.mark.parametrize("length", LENGTHS)


def parse(data: bytes, max_size: int = LIMIT) -> list[tuple[type, object]]:
    return typed(FrameParser(max_size).feed(data))


@lengths
def test_a_text_frame_of_any_length_is_a_str(length: int) -> None:
    assert parse(frame(TEXT, b"x" * length)) == typed(["x" * length])


@lengths
def test_a_binary_frame_of_any_length_is_bytes(length: int) -> None:
    payload = bytes(i % 256 for i in range(length))
    assert parse(frame(BINARY, payload)) == typed([payload])


@pytest.mark.parametrize("text", ["é", "日本", "😀", "\0", "\uffff", "\ufeff"], ids=ascii)
def test_a_text_frame_is_decoded_from_utf8(text: str) -> None:
    assert parse(frame(TEXT, text.encode())) == typed([text])


@pytest.mark.parametrize(
    "mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0"], ids=bytes.hex
)
@pytest.mark.parametrize("payload", [b"", b"a", b"abcd", b"abcdefg"], ids=len)
def test_a_frame_is_unmasked_with_any_key(mask: bytes, payload: bytes) -> None:
    assert parse(frame(TEXT, payload, mask=mask)) == typed([payload.decode()])


@pytest.mark.parametrize(("opcode", "kind"), [(PING, Ping), (PONG, Pong)], ids=["ping", "pong"])
@pytest.mark.parametrize("payload", [b"", b"1", b"\xff\0", b"x" * 125], ids=len)
def test_a_control_frame_brings_its_payload(opcode: int, kind: type, payload: bytes) -> None:
    assert parse(frame(opcode, payload)) == typed([kind(payload)])


def test_all_frames_of_one_read_are_returned_in_order() -> None:
    data = frame(TEXT, b"a") + frame(PING, b"b") + frame(BINARY, b"c") + frame(PONG) + frame(TEXT)
    assert parse(data) == typed(["a", Ping(b"b"), b"c", Pong(b""), ""])


def test_fragments_are_joined() -> None:
    data = (
        frame(TEXT, b"one ", final=False)
        + frame(CONTINUATION, b"two ", final=False)
        + frame(CONTINUATION, b"three")
    )
    assert parse(data) == typed(["one two three"])


def test_binary_fragments_are_joined_to_bytes() -> None:
    data = frame(BINARY, b"\xff", final=False) + frame(CONTINUATION, b"\0")
    assert parse(data) == typed([b"\xff\0"])


def test_a_character_may_be_cut_by_fragments() -> None:
    parts = [bytes((byte,)) for byte in "é😀".encode()]
    data = frame(TEXT, final=False)
    data += b"".join(frame(CONTINUATION, part, final=False) for part in parts)
    assert parse(data + frame(CONTINUATION)) == typed(["é😀"])


def test_fragments_may_all_be_empty() -> None:
    data = frame(TEXT, final=False) + frame(CONTINUATION, final=False) + frame(CONTINUATION)
    assert parse(data) == typed([""])


def test_control_frames_between_fragments_come_first() -> None:
    data = (
        frame(TEXT, b"a", final=False)
        + frame(PING, b"1")
        + frame(CONTINUATION, b"b", final=False)
        + frame(PONG, b"2")
        + frame(CONTINUATION, b"c")
    )
    assert parse(data) == typed([Ping(b"1"), Pong(b"2"), "abc"])


def test_a_message_after_a_fragmented_one_stands_alone() -> None:
    fragmented = frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b")
    data = fragmented + frame(BINARY, b"c") + fragmented + frame(TEXT, b"d")
    assert parse(data) == typed(["ab", b"c", "ab", "d"])


def test_no_event_is_returned_before_its_last_byte() -> None:
    data = frame(TEXT, b"x" * 300)
    parser = FrameParser(LIMIT)
    assert parser.feed(data[:-1]) == []
    assert parser.feed(b"") == []
    assert typed(parser.feed(data[-1:])) == typed(["x" * 300])


def test_an_unfinished_message_is_not_returned() -> None:
    parser = FrameParser(LIMIT)
    assert parser.feed(frame(TEXT, b"a", final=False)) == []
    assert not parser.finished


CLOSES = {
    "without a code": (b"", Close(NO_STATUS, "")),
    "with a code": (b"\x03\xe8", Close(1000, "")),
    "with a reason": (b"\x03\xe9bye", Close(1001, "bye")),
    "with a reason in UTF-8": (b"\x0b\xb8" + "é😀".encode(), Close(3000, "é😀")),
    "with the longest reason": (b"\x03\xe8" + b"x" * 123, Close(1000, "x" * 123)),
}


@pytest.mark.parametrize(("payload", "close"), CLOSES.values(), ids=CLOSES)
def test_a_close_frame_brings_its_code_and_reason(payload: bytes, close: Close) -> None:
    parser = FrameParser(LIMIT)
    assert typed(parser.feed(frame(CLOSE, payload))) == typed([close])
    assert parser.finished


def test_a_close_frame_may_come_inside_a_fragmented_message() -> None:
    data = frame(TEXT, b"a", final=False) + frame(CLOSE, b"\x03\xe8")
    assert parse(data) == typed([Close(1000, "")])


def test_what_follows_a_close_frame_is_not_read() -> None:
    parser = FrameParser(LIMIT)
    data = frame(TEXT, b"a") + frame(CLOSE) + frame(TEXT, b"b") + b"\xff\xff\xff"
    assert typed(parser.feed(data)) == typed(["a", Close(NO_STATUS, "")])
    assert parser.feed(frame(TEXT, b"c")) == []


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("size", [1, 10, 126, 65536])
def test_a_message_of_exactly_the_limit_is_accepted(opcode: int, size: int) -> None:
    [(_, message)] = parse(frame(opcode, b"x" * size), max_size=size)
    assert len(message) == size  # type: ignore[arg-type]


def test_fragments_of_exactly_the_limit_are_accepted() -> None:
    data = (
        frame(TEXT, b"x" * 6, final=False)
        + frame(CONTINUATION, b"y" * 4, final=False)
        + frame(CONTINUATION)
    )
    assert parse(data, max_size=10) == typed(["xxxxxxyyyy"])


def test_the_limit_is_one_for_each_message() -> None:
    fragmented = frame(TEXT, b"x" * 6, final=False) + frame(CONTINUATION, b"y" * 4)
    data = (fragmented + frame(BINARY, b"z" * 10)) * 2
    assert parse(data, max_size=10) == typed(["xxxxxxyyyy", b"z" * 10] * 2)


def test_control_frames_do_not_count_against_the_limit() -> None:
    data = frame(TEXT, b"ab", final=False) + frame(PING, b"x" * 125) + frame(CONTINUATION, b"c")
    assert parse(data, max_size=3) == typed([Ping(b"x" * 125), "abc"])


class CountingParser(FrameParser):
    """Counts how often it parses the bytes that it has kept."""

    looks = 0

    def _parse(self, *arguments: object) -> int:
        self.looks += 1
        return super()._parse(*arguments)  # type: ignore[arg-type]


def feed_bytewise(parser: FrameParser, data: bytes) -> list[object]:
    return [event for i in range(len(data)) for event in parser.feed(data[i : i + 1])]


def test_a_long_frame_that_comes_byte_by_byte_is_not_parsed_again_and_again() -> None:
    text = "é" * (128 * 1024)
    parser = CountingParser(LIMIT)
    events = feed_bytewise(parser, frame(TEXT, text.encode()))
    assert typed(events) == typed([text])
    assert parser.looks < 10


def test_a_fragmented_message_that_comes_byte_by_byte_is_parsed_a_few_times_a_frame() -> None:
    part = header(CONTINUATION, 1024, final=False) + b"\0\0\0\0" + b"x" * 1024
    parser = CountingParser(LIMIT)
    events = feed_bytewise(parser, frame(TEXT, final=False) + part * 64 + frame(CONTINUATION))
    assert typed(events) == typed(["x" * 64 * 1024])
    assert parser.looks < 10 * 66


def test_the_length_and_the_key_may_be_cut_anywhere() -> None:
    data = header(TEXT, 3) + b"mask" + masked(b"abc", b"mask")
    data += header(TEXT, 200) + b"mask" + masked(b"d" * 200, b"mask")
    data += header(TEXT, 65536) + b"mask" + masked(b"e" * 65536, b"mask")
    for cut in (*range(1, 25), 9 + 208 + 1, 9 + 208 + 9, 9 + 208 + 13):
        parser = FrameParser(LIMIT)
        events = parser.feed(data[:cut]) + parser.feed(data[cut:])
        assert typed(events) == typed(["abc", "d" * 200, "e" * 65536]), cut
