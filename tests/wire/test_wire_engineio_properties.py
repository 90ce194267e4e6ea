"""Engine.IO payloads of any packets, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sockio_gevent.wire.engineio import (
    TOO_MANY,
    binary_prefixed,
    decode_binary_payload,
    decode_frame,
    decode_payload,
    encode_binary,
    encode_text,
    escape_json,
    length_prefixed,
    undo_form,
    undo_utf8,
)
from sockio_gevent.wire.json_text import decode_json, encode_json

Packet = str | bytes

SPECIAL = st.sampled_from(
    ["é", "😀", "\uffff", "\r\n", "\\n", "\\\\n", "1:4", "b4", "\0", '"', "\\"]
)
TEXT = st.lists(st.one_of(st.text(max_size=10), SPECIAL), max_size=5).map("".join)
# U+001E stands between the packets of version 4, and cannot be inside of one.
TEXT_PACKET = st.builds(
    lambda kind, text: kind + text.replace("\x1e", ""), st.sampled_from("0123456"), TEXT
)
PACKETS = st.lists(st.one_of(TEXT_PACKET, st.binary(max_size=20)), min_size=1, max_size=6)
SURROGATES = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"])))

PART = st.one_of(
    TEXT_PACKET,
    st.sampled_from(
        ["\x1e", "1:2", "2:4a", "0:", "3:4😀", "2:4😀", "bAQ==", "b4", "6:b4AQ==", "9:"]
    ),
    SURROGATES,
)
BINARY_PART = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\0\1\xff2", b"\1\1\xff\4", b"\0\2\xff4a", b"\0\1\xff\xff", b"\1\2\xff\2a"]),
)

versions = pytest.mark.parametrize("version", [3, 4])


def as_text(version: int, packet: Packet) -> bytes:
    return encode_text(packet) if isinstance(packet, str) else encode_binary(version, packet)


def text_payload(version: int, packets: list[Packet]) -> str:
    """The payload that the other side reads."""
    texts = [as_text(version, packet) for packet in packets]
    payload = b"\x1e".join(texts) if version == 4 else b"".join(map(length_prefixed, texts))
    return payload.decode()


def binary_payload(packets: list[Packet]) -> bytes:
    return b"".join(
        binary_prefixed(packet.encode(), True)
        if isinstance(packet, str)
        else binary_prefixed(packet, False)
        for packet in packets
    )


@versions
@given(packets=PACKETS)
def test_any_packets_arrive_in_order_and_unaltered(version: int, packets: list[Packet]) -> None:
    assert decode_payload(version, text_payload(version, packets), None) == (packets, "")


@given(PACKETS)
def test_any_packets_arrive_in_a_binary_payload(packets: list[Packet]) -> None:
    assert decode_binary_payload(binary_payload(packets), None) == (packets, "")


@versions
@given(packet=st.one_of(TEXT_PACKET, st.binary()))
def test_any_packet_arrives_in_a_frame(version: int, packet: Packet) -> None:
    assert decode_frame(version, as_text(version, packet).decode()) == (packet, "")
    if isinstance(packet, bytes):
        frame = packet if version == 4 else b"\4" + packet
        assert decode_frame(version, frame) == (packet, "")


@given(packets=PACKETS, data=st.data())
def test_a_payload_of_lengths_that_is_cut_has_the_packets_before_the_cut(
    packets: list[Packet], data: st.DataObject
) -> None:
    payload = text_payload(3, packets)
    place = data.draw(st.integers(0, len(payload) - 1))
    found, problem = decode_payload(3, payload[:place], None)
    assert found == packets[: len(found)]
    assert bool(problem) == (not found or text_payload(3, found) != payload[:place])


@given(packets=PACKETS, data=st.data())
def test_a_binary_payload_that_is_cut_has_the_packets_before_the_cut(
    packets: list[Packet], data: st.DataObject
) -> None:
    body = binary_payload(packets)
    place = data.draw(st.integers(0, len(body) - 1))
    found, problem = decode_binary_payload(body[:place], None)
    assert found == packets[: len(found)]
    assert bool(problem) == (not found or binary_payload(found) != body[:place])


@given(packets=PACKETS, data=st.data())
def test_a_payload_of_version_4_that_is_cut_has_the_packets_before_the_last(
    packets: list[Packet], data: st.DataObject
) -> None:
    payload = text_payload(4, packets)
    place = data.draw(st.integers(0, len(payload)))
    found, _ = decode_payload(4, payload[:place], None)
    whole = payload[:place].count("\x1e")
    assert found[:whole] == packets[:whole]
    assert len(found) <= whole + 1


@versions
@given(parts=st.lists(PART, max_size=6), most=st.one_of(st.none(), st.integers(1, 3)))
def test_reading_never_raises_and_never_invents_packets(
    version: int, parts: list[str], most: int | None
) -> None:
    payload = "".join(parts)
    packets, problem = decode_payload(version, payload, most)
    assert most is None or len(packets) <= most
    # Empty packets of version 3 are none, but count.
    empty = version == 3 and "0:" in payload
    assert (problem is TOO_MANY) <= (len(packets) == most or empty)
    assert sum(map(len, packets)) <= len(payload)
    unlimited, mistake = decode_payload(version, payload, None)
    if problem is not TOO_MANY:
        assert (packets, problem) == (unlimited, mistake)
    else:
        assert packets == unlimited[: len(packets)]
    packet, mistake = decode_frame(version, payload)
    assert (packet is None) == bool(mistake)


@given(st.lists(BINARY_PART, max_size=6).map(b"".join), st.one_of(st.none(), st.integers(1, 3)))
def test_reading_a_binary_payload_never_raises(body: bytes, most: int | None) -> None:
    packets, problem = decode_binary_payload(body, most)
    assert most is None or len(packets) <= most
    assert bool(packets or problem)
    for version in (3, 4):
        packet, mistake = decode_frame(version, body)
        assert (packet is None) == bool(mistake)


def form_of(payload: str) -> str:
    """What a client posts: a line break as ``\\n``, and ``\\n`` with one backslash more."""
    escaped = payload.replace("\\n", "\\\\n")
    return escaped.replace("\n", "\\n")


@given(st.lists(st.sampled_from(["\n", "\\n", "n", "\\\\", "a"]), max_size=12).map("".join))
def test_any_payload_survives_a_form(payload: str) -> None:
    # Clients write a backslash with a line break behind it as they write `\n`.
    assume("\\\n" not in payload)
    assert undo_form(form_of(payload)) == payload


@given(SURROGATES)
def test_any_text_can_be_sent_and_is_well_formed(text: str) -> None:
    sent = encode_text(text)
    units = text.encode("utf-16-le", "surrogatepass")
    assert sent.decode() == units.decode("utf-16-le", "replace")
    assert length_prefixed(sent) == b"%d:%b" % (len(sent.decode().encode("utf-16-le")) // 2, sent)


@given(st.binary())
def test_a_length_can_be_counted_of_any_bytes(data: bytes) -> None:
    assert length_prefixed(data).endswith(b":" + data)


@given(TEXT)
def test_text_that_is_encoded_twice_is_read(text: str) -> None:
    assert undo_utf8(text.encode().decode("latin-1")) == text


@given(st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_escaped_json_is_ascii_and_means_the_same(value: object) -> None:
    escaped = escape_json(encode_json([value]).encode())
    assert escaped.isascii()
    assert decode_json(escaped.decode()) == [value]
