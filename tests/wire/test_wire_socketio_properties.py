"""Socket.IO packets with any data: they come back as they were, and nothing else is taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.json_text import decode_json, encode_json
from sockio_gevent.wire.socketio import (
    ACK,
    EVENT,
    RESERVED,
    BadPacket,
    Decoder,
    SocketPacket,
    encode,
)

TEXT = st.text(max_size=8)
NAME = TEXT.filter(lambda name: name not in RESERVED)
BINARY = st.binary(max_size=8)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
VALUE = st.recursive(
    st.one_of(SCALAR, BINARY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMESPACE = st.sampled_from(["/", "/a", "/é/😀", "/a-1", "/1"])
ACK_ID = st.one_of(st.none(), st.integers(0, 10**15 - 1))
EVENTS = st.tuples(
    st.just(EVENT),
    NAMESPACE,
    st.builds(lambda name, rest: [name, *rest], NAME, st.lists(VALUE, max_size=4)),
    ACK_ID,
)
ACKS = st.tuples(st.just(ACK), NAMESPACE, st.lists(VALUE, max_size=4), ACK_ID)
PACKET = st.one_of(EVENTS, ACKS)

HEADS = ["0", "1", "2", "3", "4", "51-", "52-", "61-", "/a", "/a,", ",", "12", "-", "\ud83d"]
JSON = ["[", "]", "{", "}", ":", '"a"', '"connect"', '["a"]', '["a",']
PLACEHOLDERS = ['{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":2}']
PIECE = st.sampled_from(HEADS + JSON + PLACEHOLDERS)
MESSAGES = st.lists(
    st.one_of(st.lists(PIECE, max_size=6).map("".join), st.text(max_size=5), BINARY), max_size=6
)


def take_all(decoder: Decoder, messages: list[Any]) -> list[SocketPacket]:
    found = [decoder.take(message) for message in messages]
    return [packet for packet in found if packet is not None]


def binary_in(value: Any) -> list[bytes]:
    """The binary data inside, in order."""
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [data for each in value for data in binary_in(each)]
    return []


@given(st.lists(PACKET, max_size=4))
def test_any_packets_come_back_as_they_were(
    packets: list[tuple[int, str, Any, int | None]],
) -> None:
    messages: list[Any] = []
    for packet in packets:
        text, attachments = encode(*packet, encode_json)
        assert attachments == binary_in(packet[2])
        messages += [text, *attachments]
    found = take_all(Decoder(decode_json, 100, 1 << 20), messages)
    # `repr` knows 1 from 1.0 and from True.
    assert repr([packet[:4] for packet in found]) == repr(
        [(kind, namespace, ack_id, data) for kind, namespace, data, ack_id in packets]
    )


@given(PACKET, st.data())
def test_a_packet_whose_text_is_cut_is_a_mistake(
    packet: tuple[int, str, Any, int | None], data: st.DataObject
) -> None:
    text, attachments = encode(*packet, encode_json)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(BadPacket):
        take_all(Decoder(decode_json, 100, 1 << 20), [cut, *attachments])


@given(PACKET.filter(lambda packet: bool(binary_in(packet[2]))), st.data())
def test_a_packet_without_its_last_attachments_is_none(
    packet: tuple[int, str, Any, int | None], data: st.DataObject
) -> None:
    text, attachments = encode(*packet, encode_json)
    there = data.draw(st.integers(0, len(attachments) - 1))
    decoder = Decoder(decode_json, 100, 1 << 20)
    assert take_all(decoder, [text, *attachments[:there]]) == []
    assert decoder.held == len(text.encode()) + sum(map(len, attachments[:there]))
    with pytest.raises(BadPacket):
        decoder.take(text)


@given(MESSAGES, st.integers(0, 60))
def test_any_messages_are_packets_or_a_mistake_and_nothing_is_held_over_the_limit(
    messages: list[Any], most: int
) -> None:
    decoder = Decoder(decode_json, 2, most)
    for message in messages:
        try:
            packet = decoder.take(message)
        except BadPacket:
            break
        if packet is None:
            assert 0 < decoder.held <= most
        else:
            assert decoder.held == 0
            assert sum(map(len, binary_in(packet.data))) <= most
