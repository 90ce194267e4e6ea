"""Properties of the parser for any frames, however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from support.client_frames import frame, header, typed

from sockio_gevent.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_STATUS,
    PING,
    PONG,
    TEXT,
    Close,
    Event,
    Failure,
    Ping,
    Pong,
)
from sockio_gevent.wire.websocket_parser import FrameParser

LIMIT = 100_000

# A step of a conversation: the bytes that a client sends, and the events they make.
Step = tuple[bytes, list[Event]]

MASKS = st.binary(min_size=4, max_size=4)
SIZES = st.sampled_from([0, 1, 5, 124, 125, 126, 127, 300, 65535, 65536])
TEXTS = st.one_of(st.text(max_size=40), SIZES.map("x".__mul__), st.just("é😀" * 30))


@st.composite
def control_steps(draw: st.DrawFn) -> Step:
    opcode, kind = draw(st.sampled_from([(PING, Ping), (PONG, Pong)]))
    payload = draw(st.one_of(st.binary(max_size=10), st.just(b"x" * 125)))
    return frame(opcode, payload, mask=draw(MASKS)), [kind(payload)]


@st.composite
def message_steps(draw: st.DrawFn) -> Step:
    text = draw(TEXTS)
    payload = text.encode()
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    bounds = list(pairwise([0, *cuts, len(payload)]))
    data, events = b"", []
    for i, (start, end) in enumerate(bounds):
        data += frame(
            CONTINUATION if i else opcode,
            payload[start:end],
            final=i == len(bounds) - 1,
            mask=draw(MASKS),
        )
        if i < len(bounds) - 1 and draw(st.booleans()):
            control, answers = draw(control_steps())
            data += control
            events += answers
    return data, [*events, text if opcode == TEXT else payload]


CLOSES: st.SearchStrategy[Step] = st.one_of(
    st.just((frame(CLOSE), [Close(NO_STATUS, "")])),
    st.builds(
        lambda code, reason: (
            frame(CLOSE, code.to_bytes(2, "big") + reason.encode()),
            [Close(code, reason)],
        ),
        st.sampled_from([1000, 1001, 1011, 3000, 4999]),
        st.text(max_size=30),
    ),
)
CONVERSATIONS = st.builds(
    lambda steps, last: [*steps, *last],
    st.lists(st.one_of(control_steps(), message_steps()), max_size=5),
    st.lists(CLOSES, max_size=1),
)

# Bytes that are nearly frames: good ones, broken ones, and pieces of them.
FRAMES = st.builds(
    frame,
    st.integers(0, 15),
    st.one_of(st.binary(max_size=12), st.just(b"x" * 130)),
    final=st.booleans(),
    mask=MASKS,
)
HEADERS = st.builds(
    header,
    st.sampled_from([TEXT, BINARY, CONTINUATION, PING, CLOSE]),
    st.integers(0, 125),
    final=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1]),
    masked=st.sampled_from([True, True, True, False]),
    size=st.sampled_from([None, None, 2, 8]),
)
NOISE = st.lists(
    st.one_of(
        FRAMES,
        FRAMES,
        HEADERS,
        message_steps().map(lambda step: step[0]),
        st.binary(max_size=8),
    ),
    max_size=6,
).map(b"".join)
CUTS = st.lists(st.integers(0, 1 << 17), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


def feed(parser: FrameParser, chunks: list[bytes]) -> list[tuple[type, object]]:
    return typed(event for chunk in chunks for event in parser.feed(chunk))


@settings(max_examples=150)
@given(CONVERSATIONS, CUTS)
def test_a_conversation_makes_the_same_events_however_it_is_cut(
    conversation: list[Step], cuts: list[int]
) -> None:
    data = b"".join(step[0] for step in conversation)
    expected = typed(event for step in conversation for event in step[1])
    assert feed(FrameParser(LIMIT), [data]) == expected
    assert feed(FrameParser(LIMIT), pieces(data, cuts)) == expected


@settings(max_examples=50)
@given(st.lists(st.one_of(control_steps(), message_steps()), max_size=3))
def test_a_conversation_makes_the_same_events_byte_by_byte(conversation: list[Step]) -> None:
    data = b"".join(step[0] for step in conversation)[:5000]
    bytewise = [data[i : i + 1] for i in range(len(data))]
    assert feed(FrameParser(LIMIT), bytewise) == feed(FrameParser(LIMIT), [data])


@settings(max_examples=250)
@given(NOISE, CUTS, st.sampled_from([1, 10, 100, LIMIT]))
def test_noise_never_raises_and_makes_the_same_events_however_it_is_cut(
    data: bytes, cuts: list[int], max_size: int
) -> None:
    whole = FrameParser(max_size)
    events = feed(whole, [data])
    cut = FrameParser(max_size)
    assert feed(cut, pieces(data, cuts)) == events
    assert cut.finished == whole.finished
    bytewise = FrameParser(max_size)
    assert feed(bytewise, [data[i : i + 1] for i in range(len(data))]) == events


@settings(max_examples=150)
@given(NOISE, CUTS, st.sampled_from([1, 10, 100]))
def test_an_end_comes_once_and_last_and_no_message_is_over_the_limit(
    data: bytes, cuts: list[int], max_size: int
) -> None:
    parser = FrameParser(max_size)
    events = [event for chunk in pieces(data, cuts) for event in parser.feed(chunk)]
    ends = [event for event in events if isinstance(event, (Close, Failure))]
    assert ends == ([events[-1]] if parser.finished else [])
    for event in events:
        if isinstance(event, (str, bytes)):
            assert len(event.encode() if isinstance(event, str) else event) <= max_size
