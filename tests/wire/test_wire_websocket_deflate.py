"""Frames with permessage-deflate: where the bit may stand, limits, pauses, and any cut."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import client_frames, deflated_frames
from support.client_frames import typed
from support.deflated_frames import MIB, RSV1, bomb, deflated, frame, inflated, message

from sockio_gevent.wire.packet import Packet
from sockio_gevent.wire.websocket import Event, Failure, Ping
from sockio_gevent.wire.websocket_connection import WebSocketConnection
from sockio_gevent.wire.websocket_deflate import DeflateRfc6455
from sockio_gevent.wire.websocket_extensions import Agreement, PerMessageDeflate, agree
from sockio_gevent.wire.websocket_versions import Rfc6455

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
LIMIT = 100_000
OFFER = "permessage-deflate; client_max_window_bits"
HELLO = b"hello, hello, hello"
LONG = b"one of many words " * 200


def agreed(offer: str = OFFER, **options: object) -> Agreement:
    agreement = agree(offer, PerMessageDeflate(**options))  # type: ignore[arg-type]
    assert agreement is not None
    return agreement


def protocol(max_size: int = LIMIT, offer: str = OFFER, **options: object) -> DeflateRfc6455:
    return DeflateRfc6455(max_size, agreed(offer, **options))


def feed(parser: DeflateRfc6455, *pieces: bytes) -> list[Event]:
    """All events of these bytes; after a pause the parser goes on."""
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
        while parser.paused:
            events += parser.feed(b"")
    return events


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(each % (len(data) + 1) for each in cuts)
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


# --- messages from the client ---


def test_a_compressed_message_is_inflated() -> None:
    assert feed(protocol(), message(HELLO)) == [HELLO.decode()]


def test_a_binary_message_is_inflated_to_bytes() -> None:
    events = feed(protocol(), message(b"\xff" * 100, opcode=BINARY))
    assert typed(events) == typed([b"\xff" * 100])


def test_each_message_is_inflated_by_itself() -> None:
    parser = protocol()
    for _ in range(3):
        assert feed(parser, message(HELLO)) == [HELLO.decode()]
    assert parser.held == 0


def test_messages_may_come_uncompressed() -> None:
    plain = client_frames.frame(TEXT, b"plain")
    parts = client_frames.frame(TEXT, b"pl", final=False) + client_frames.frame(0, b"ain")
    data = plain + message(HELLO) + parts + plain
    assert feed(protocol(), data) == ["plain", HELLO.decode(), "plain", "plain"]


def test_control_frames_may_stand_between_compressed_fragments() -> None:
    data = message(LONG, 3, 7, 20, between=client_frames.frame(PING, b"?"))
    assert feed(protocol(), data) == [*[Ping(b"?")] * 3, LONG.decode()]


def test_an_empty_message_may_be_compressed() -> None:
    assert feed(protocol(), frame(TEXT, b"\0") + frame(TEXT, b"")) == ["", ""]


def test_a_context_is_kept_if_that_was_agreed_on() -> None:
    parser = protocol(context_takeover=True)
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    sizes = []
    for _ in range(3):
        payload = stream.compress(LONG[:200]) + stream.flush(zlib.Z_SYNC_FLUSH)
        sizes.append(len(payload))
        assert feed(parser, frame(TEXT, payload[:-4])) == [LONG[:200].decode()]
    assert sizes[1] < sizes[0]


def test_a_reference_to_an_earlier_message_is_refused_without_a_context() -> None:
    parser = protocol()
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    payloads = [stream.compress(HELLO) + stream.flush(zlib.Z_SYNC_FLUSH) for _ in range(2)]
    assert feed(parser, frame(TEXT, payloads[0][:-4])) == [HELLO.decode()]
    assert failure(parser, frame(TEXT, payloads[1][:-4])) == 1007


# --- violations ---


def failure(parser: DeflateRfc6455, data: bytes) -> int:
    """The close code of the only event."""
    [event] = feed(parser, data)
    assert isinstance(event, Failure)
    assert event.reason
    assert parser.finished
    assert parser.feed(message(HELLO)) == []
    return event.code


BEGUN = frame(TEXT, deflated(HELLO)[:3], final=False)
FORBIDDEN = {
    "RSV2": frame(TEXT, b"", reserved=2),
    "RSV3": frame(TEXT, b"", reserved=1),
    "RSV1 and RSV2": frame(TEXT, deflated(HELLO), reserved=6),
    "a ping": frame(PING, b""),
    "a pong": frame(PONG, b""),
    "a close": frame(CLOSE, b"\x03\xe8"),
    "an unknown opcode": frame(3, b""),
    "an unknown control opcode": frame(11, b""),
    "a continuation": BEGUN + frame(CONTINUATION, deflated(HELLO)[3:]),
    "a continuation of a plain message": client_frames.frame(TEXT, b"x", final=False)
    + frame(CONTINUATION, b""),
    "a continuation of nothing": frame(CONTINUATION, b""),
    "a message in a message": BEGUN + frame(TEXT, deflated(HELLO)),
    "no mask": client_frames.header(TEXT, 5, reserved=RSV1, masked=False),
}
BROKEN = {
    "noise": frame(TEXT, b"\xff" * 10),
    "truncated": frame(TEXT, deflated(LONG)[:-5]),
    "not UTF-8": frame(TEXT, deflated(b"ab\xff")),
    "truncated in fragments": frame(TEXT, deflated(LONG)[:9], final=False)
    + client_frames.frame(CONTINUATION, b""),
}


@pytest.mark.parametrize("data", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_bit_stands_only_in_the_first_frame_of_a_message(data: bytes) -> None:
    assert failure(protocol(), data) == 1002


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_data_is_a_violation(data: bytes) -> None:
    assert failure(protocol(), data) == 1007


def test_the_bit_is_a_violation_if_nothing_was_agreed_on() -> None:
    [event] = Rfc6455(LIMIT).feed(message(HELLO))
    assert isinstance(event, Failure)
    assert event.code == 1002


# --- limits ---


def test_the_limit_counts_what_a_message_is_inflated() -> None:
    assert feed(protocol(), bomb(LIMIT)) == [" " * LIMIT]
    assert failure(protocol(), bomb(LIMIT + 1)) == 1009
    assert failure(protocol(), message(b" " * (LIMIT + 1), 10, 20)) == 1009


def test_data_that_grew_by_compression_may_be_over_the_limit() -> None:
    noise = random.Random(1).randbytes(2000)
    blocks = [noise[start : start + 100] for start in range(0, 2000, 100)]
    stored = b"".join(b"\0\x64\0\x9b\xff" + block for block in blocks) + b"\0"
    assert len(stored) > 2000
    assert feed(protocol(max_size=2000), frame(BINARY, stored)) == [noise]
    assert failure(protocol(max_size=1999), frame(BINARY, stored)) == 1009


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_header_of_a_frame_that_is_far_too_long_is_enough(opcode: int) -> None:
    head = client_frames.header(opcode, LIMIT * 2, reserved=RSV1)
    assert failure(protocol(), head) == 1009
    plain = client_frames.header(opcode, LIMIT + 1)
    assert failure(protocol(), plain) == 1009


def test_empty_blocks_are_taken_only_up_to_the_limit() -> None:
    parser = protocol(max_size=1000)
    block = b"\0\0\0\xff\xff" * 20
    events = feed(parser, frame(TEXT, block, final=False))
    sent = 100
    while not events:
        sent += 100
        assert parser.held <= sent
        events = feed(parser, client_frames.frame(CONTINUATION, block, final=False))
    [event] = events
    assert isinstance(event, Failure)
    assert event.code == 1009
    assert sent < 1500


@pytest.mark.parametrize(("size", "count"), [(1000, 66), (60_000, 2), (MIB, 1)])
def test_the_parser_pauses_when_it_has_inflated_enough(size: int, count: int) -> None:
    parser = protocol(max_size=MIB)
    data = bomb(size) * count * 10
    for number in range(1, 10):
        assert len(parser.feed(b"" if number > 1 else data)) == count
        assert parser.paused
        assert parser.held == len(data) // 10 * (10 - number)
    assert len(parser.feed(b"")) == count
    assert not parser.paused
    assert parser.held == 0


def test_many_small_messages_make_no_pause() -> None:
    parser = protocol(max_size=100)
    assert len(parser.feed(message(HELLO) * 1000)) == 1000
    assert not parser.paused


def test_bytes_that_come_in_a_pause_are_parsed_in_their_order() -> None:
    parser = protocol()
    data = bomb(LIMIT) * 5
    events = parser.feed(data) + parser.feed(message(HELLO) + b"\x81")
    while parser.paused:
        events += parser.feed(b"")
    assert events == [*[" " * LIMIT] * 5, HELLO.decode()]
    assert parser.held == 1


def test_nothing_is_inflated_after_the_servers_close() -> None:
    connection = WebSocketConnection(protocol())
    assert connection.close(1000, "")
    assert connection.take(frame(TEXT, b"\xff" * 10) + bomb(MIB)) == []
    assert not connection.protocol.paused
    connection.take(client_frames.frame(CLOSE, b"\x03\xe8"))
    assert connection.finished


# --- messages to the client ---


def payloads(data: bytes) -> list[tuple[bool, bytes]]:
    """Whether each frame of a server is compressed, and its payload."""
    frames = []
    while data:
        first, size, start = data[0], data[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        assert first & 0xBF == 0x81
        frames.append((bool(first & 0x40), data[start : start + size]))
        data = data[start + size :]
    return frames


def read(data: bytes) -> list[tuple[bool, bytes]]:
    """Whether each message of a server is compressed, and its text."""
    return [
        (compressed, inflated(payload) if compressed else payload)
        for compressed, payload in payloads(data)
    ]


def test_messages_of_the_threshold_or_more_are_compressed() -> None:
    server = protocol(threshold=100)
    batch = [Packet(b"x" * 99), Packet(b"x" * 100), Packet(b"")]
    assert read(server.frames(batch)) == [(False, b"x" * 99), (True, b"x" * 100), (False, b"")]
    assert read(server.frames(batch[1:2])) == [(True, b"x" * 100)]
    assert server.sizes(batch) == [len(server.frames([packet])) for packet in batch]


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 200_000])
def test_frames_of_all_lengths_are_compressed(size: int) -> None:
    text = (b"%d;" * 40_000 % tuple(range(40_000)))[:size]
    [(_, read_again)] = read(protocol(threshold=1).frames([Packet(text)]))
    assert read_again == text


def test_a_message_that_cannot_be_made_shorter_is_sent_as_it_is() -> None:
    noise = zlib.compress(bytes(range(256)) * 5, 9)
    packet = Packet(noise)
    frames = protocol(threshold=1).frames([packet])
    assert frames is packet.websocket_frame


@pytest.mark.parametrize(
    ("context", "longest"), [(False, MIB), (True, 128 * 1024)], ids=["alone", "with a context"]
)
def test_a_message_that_takes_long_to_compress_is_sent_as_it_is(
    context: bool, longest: int
) -> None:
    server = protocol(context_takeover=context)
    # A header of ten bytes belongs to the frame.
    sizes = [longest - 10, longest - 9, 2000]
    packets = [Packet((b"word " * longest)[:size]) for size in sizes]
    sent = payloads(server.frames(packets))
    assert [compressed for compressed, _ in sent] == [True, False, True]
    stream = zlib.decompressobj(-15)
    for (compressed, payload), size in zip(sent, sizes, strict=True):
        if compressed:
            payload = stream.decompress(payload + b"\0\0\xff\xff")
        assert payload == (b"word " * longest)[:size]
        if not context:
            stream = zlib.decompressobj(-15)


def test_receivers_with_the_same_parameters_share_one_frame() -> None:
    packet = Packet(LONG)
    one, two = protocol(), protocol(offer="permessage-deflate, foo")
    assert one.frames([packet]) is two.frames([packet])
    other = protocol(offer="permessage-deflate; server_max_window_bits=9")
    assert read(other.frames([packet])) == [(True, LONG)]
    assert one.frames([packet]) is two.frames([packet])


def test_a_message_that_is_never_compressed_keeps_nothing() -> None:
    packet = Packet(LONG)
    assert Rfc6455(LIMIT).frames([packet]) == packet.websocket_frame
    assert packet._compressed is None


def test_a_context_makes_the_second_message_shorter() -> None:
    server = protocol(context_takeover=True)
    text = zlib.compress(bytes(range(256)) * 5, 9) * 5
    packets = [Packet(text), Packet(b"short"), Packet(text)]
    data = server.frames(packets)
    sizes = server.sizes(packets)
    assert sum(sizes) == len(data)
    assert sizes[2] < sizes[0] / 2
    (one, first), (two, short), (three, last) = payloads(data)
    assert (one, two, three) == (True, False, True)
    stream = zlib.decompressobj(-15)
    assert stream.decompress(first + b"\0\0\xff\xff") == text
    assert short == b"short"
    assert stream.decompress(last + b"\0\0\xff\xff") == text


# --- properties ---

TEXTS = st.one_of(
    st.text(max_size=50),
    st.builds(lambda part, n: part * n, st.text(max_size=5), st.integers(0, 9999)),
)
CUTS = st.lists(st.integers(0, 1 << 17), max_size=6)
MESSAGES = st.builds(
    lambda text, cuts: (message(text.encode(), *cuts), [text]),
    TEXTS.filter(lambda text: len(text.encode()) <= LIMIT),
    st.lists(st.integers(0, 1 << 17), max_size=3),
)
PLAIN = st.text(max_size=100).map(lambda text: (client_frames.frame(TEXT, text.encode()), [text]))
PINGS = st.just((client_frames.frame(PING, b"?"), [Ping(b"?")]))
NOISE = st.lists(
    st.one_of(
        st.builds(
            deflated_frames.frame,
            st.integers(0, 15),
            st.binary(max_size=20) | st.binary(max_size=200).map(deflated),
            final=st.booleans(),
            reserved=st.sampled_from([4, 4, 4, 0, 0, 2]),
        ),
        MESSAGES.map(lambda step: step[0]),
        st.binary(max_size=4),
    ),
    max_size=5,
).map(b"".join)


@settings(max_examples=150)
@given(st.lists(st.one_of(MESSAGES, MESSAGES, PLAIN, PINGS), max_size=6), CUTS)
def test_a_conversation_makes_the_same_events_however_it_is_cut(
    steps: list[tuple[bytes, list[Event]]], cuts: list[int]
) -> None:
    data = b"".join(step[0] for step in steps)
    expected = typed(event for step in steps for event in step[1])
    assert typed(feed(protocol(), data)) == expected
    assert typed(feed(protocol(), *cut(data, cuts))) == expected


@settings(max_examples=250)
@given(NOISE, CUTS, st.sampled_from([1, 100, 1000, LIMIT]))
def test_noise_never_raises_and_makes_the_same_events_however_it_is_cut(
    data: bytes, cuts: list[int], max_size: int
) -> None:
    whole = protocol(max_size)
    events = typed(feed(whole, data))
    pieces = protocol(max_size)
    assert typed(feed(pieces, *cut(data, cuts))) == events
    assert pieces.finished == whole.finished
    bytewise = protocol(max_size)
    assert typed(feed(bytewise, *(data[i : i + 1] for i in range(len(data))))) == events
