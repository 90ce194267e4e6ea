"""The server's frames, and the agreement of both directions with the ``websockets`` library."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.client_frames import typed
from websockets import frames as peer
from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.streams import StreamReader
from websockets.uri import parse_uri

from sockio_gevent.wire.websocket import (
    BINARY,
    CLOSE,
    NO_STATUS,
    PING,
    PONG,
    TEXT,
    Close,
    Event,
    Ping,
    Pong,
    encode_close,
    encode_frame,
)
from sockio_gevent.wire.websocket_parser import FrameParser

LIMIT = 200_000
PAYLOADS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([125, 126, 127, 65535, 65536, 70_000]).map(b"x".__mul__),
)
CONTROL_PAYLOADS = st.binary(max_size=125)
CLOSE_CODES = st.sampled_from([1000, 1001, 1002, 1003, 1007, 1009, 1011, 1014, 3000, 4999])


def read_one_frame(data: bytes) -> peer.Frame:
    """Read a frame with the other library, which must use up all of it."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    with pytest.raises(StopIteration) as stop:
        next(peer.Frame.parse(reader.read_exact, mask=False))
    assert is_at_end(reader)
    frame: peer.Frame = stop.value.value
    return frame


def is_at_end(reader: StreamReader) -> bool:
    try:
        next(reader.at_eof())
    except StopIteration as stop:
        return bool(stop.value)
    return False


HEADS = {
    "empty": (TEXT, b"", b"\x81\x00"),
    "short": (TEXT, b"hi", b"\x81\x02"),
    "binary": (BINARY, b"hi", b"\x82\x02"),
    "ping": (PING, b"hi", b"\x89\x02"),
    "pong": (PONG, b"", b"\x8a\x00"),
    "125": (TEXT, b"x" * 125, b"\x81\x7d"),
    "126": (TEXT, b"x" * 126, b"\x81\x7e\x00\x7e"),
    "65535": (TEXT, b"x" * 65535, b"\x81\x7e\xff\xff"),
    "65536": (TEXT, b"x" * 65536, b"\x81\x7f\0\0\0\0\0\x01\0\0"),
}


@pytest.mark.parametrize(("opcode", "payload", "head"), HEADS.values(), ids=HEADS)
def test_a_servers_frame_is_final_and_unmasked(opcode: int, payload: bytes, head: bytes) -> None:
    assert encode_frame(opcode, payload) == head + payload


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65536, 100_000])
def test_a_close_code_that_may_not_be_sent_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=str(code)):
        encode_close(code)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4000, 4999])
def test_a_close_code_that_may_be_sent_goes_before_the_reason(code: int) -> None:
    assert encode_close(code, "bye") == b"\x88\x05" + code.to_bytes(2, "big") + b"bye"


def test_a_close_without_a_reason_is_the_code_alone() -> None:
    assert encode_close(1000) == b"\x88\x02\x03\xe8"


def test_a_close_without_a_status_is_empty() -> None:
    assert encode_close(NO_STATUS) == encode_close(NO_STATUS, "unheard") == b"\x88\x00"


REASONS = {
    "just fits": ("x" * 123, "x" * 123),
    "one too many": ("x" * 124, "x" * 123),
    "very long": ("x" * 10_000, "x" * 123),
    "two-byte": ("é" * 100, "é" * 61),
    "three-byte fits": ("日" * 41, "日" * 41),
    "three-byte": ("日" * 42, "日" * 41),
    "astral": ("😀" * 40, "😀" * 30),
    "a character over the edge": ("x" * 122 + "é", "x" * 122),
}


@pytest.mark.parametrize(("reason", "kept"), REASONS.values(), ids=REASONS)
def test_a_long_reason_is_cut_between_characters(reason: str, kept: str) -> None:
    payload = b"\x03\xe8" + kept.encode()
    assert encode_close(1000, reason) == encode_frame(CLOSE, payload)
    assert len(payload) <= 125


def test_a_reason_with_a_lone_surrogate_can_be_sent() -> None:
    close = peer.Close.parse(read_one_frame(encode_close(1000, "a\ud800b")).data)
    assert close.reason.startswith("a")
    assert close.reason.endswith("b")


@given(st.sampled_from([TEXT, BINARY]), PAYLOADS)
def test_the_other_library_reads_our_messages(opcode: int, payload: bytes) -> None:
    assert read_one_frame(encode_frame(opcode, payload)) == peer.Frame(peer.Opcode(opcode), payload)


@given(st.sampled_from([PING, PONG]), CONTROL_PAYLOADS)
def test_the_other_library_reads_our_pings_and_pongs(opcode: int, payload: bytes) -> None:
    assert read_one_frame(encode_frame(opcode, payload)) == peer.Frame(peer.Opcode(opcode), payload)


@given(CLOSE_CODES, st.text(max_size=200))
def test_the_other_library_reads_our_closes(code: int, reason: str) -> None:
    close = peer.Close.parse(read_one_frame(encode_close(code, reason)).data)
    assert close.code == code
    assert reason.startswith(close.reason)
    assert close.reason == reason or len(reason.encode()) > 123


@settings(max_examples=50)
@given(st.lists(st.text(max_size=50), max_size=5), CLOSE_CODES)
def test_a_client_of_the_other_library_takes_our_stream(texts: list[str], code: int) -> None:
    client = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN)
    for text in texts:
        client.receive_data(encode_frame(TEXT, text.encode()))
    client.receive_data(encode_frame(PING, b"p") + encode_close(code, "done"))
    *messages, ping, close = client.events_received()
    assert [bytes(message.data).decode() for message in messages] == texts  # type: ignore[union-attr]
    assert ping == peer.Frame(peer.Opcode.PING, b"p")
    assert close == peer.Frame(peer.Opcode.CLOSE, code.to_bytes(2, "big") + b"done")
    assert client.close_rcvd == peer.Close(code, "done")
    assert client.parser_exc is None


def sent_by_the_other_library(*frames: peer.Frame) -> list[tuple[type, object]]:
    parser = FrameParser(LIMIT)
    data = b"".join(frame.serialize(mask=True) for frame in frames)
    events: list[Event] = parser.feed(data)
    return typed(events)


@given(PAYLOADS)
def test_we_read_the_binary_messages_of_the_other_library(payload: bytes) -> None:
    frame = peer.Frame(peer.Opcode.BINARY, payload)
    assert sent_by_the_other_library(frame) == typed([payload])


@given(st.text(), st.integers(0, 100))
def test_we_read_the_fragmented_texts_of_the_other_library(text: str, cut: int) -> None:
    payload = text.encode()
    fragments = (
        peer.Frame(peer.Opcode.TEXT, payload[:cut], fin=False),
        peer.Frame(peer.Opcode.PING, b"between"),
        peer.Frame(peer.Opcode.CONT, payload[cut:]),
    )
    assert sent_by_the_other_library(*fragments) == typed([Ping(b"between"), text])


@given(CONTROL_PAYLOADS)
def test_we_read_the_pings_and_pongs_of_the_other_library(payload: bytes) -> None:
    frames = [peer.Frame(peer.Opcode.PING, payload), peer.Frame(peer.Opcode.PONG, payload)]
    assert sent_by_the_other_library(*frames) == typed([Ping(payload), Pong(payload)])


@given(CLOSE_CODES, st.text(max_size=30))
def test_we_read_the_closes_of_the_other_library(code: int, reason: str) -> None:
    frame = peer.Frame(peer.Opcode.CLOSE, peer.Close(code, reason).serialize())
    assert sent_by_the_other_library(frame) == typed([Close(code, reason)])
