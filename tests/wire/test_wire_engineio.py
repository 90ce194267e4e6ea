"""Engine.IO packets in payloads, forms and frames, form by form."""

from __future__ import annotations

import pytest

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

Packet = str | bytes

GOOD_PAYLOADS: dict[str, tuple[int, str, list[Packet]]] = {
    "4: one packet": (4, "4hello", ["4hello"]),
    "4: a type alone": (4, "3", ["3"]),
    "4: several packets": (4, "4a\x1e2\x1e4b", ["4a", "2", "4b"]),
    "4: each type": (4, "0\x1e1\x1e2\x1e3\x1e4\x1e5\x1e6", ["0", "1", "2", "3", "4", "5", "6"]),
    "4: two-byte and astral": (4, "4é\x1e4😀", ["4é", "4😀"]),
    "4: line breaks": (4, "4a\r\nb\n", ["4a\r\nb\n"]),
    "4: what version 3 would write": (4, "4:4abc", ["4:4abc"]),
    "4: binary": (4, "bAQIDBA==", [b"\1\2\3\4"]),
    "4: empty binary": (4, "b", [b""]),
    "4: binary between text": (4, "4a\x1ebAQ==\x1e4b", ["4a", b"\1", "4b"]),
    "4: binary without padding": (4, "bAQIDBA", [b"\1\2\3\4"]),
    "4: binary in the alphabet for addresses": (4, "b-_-_", [b"\xfb\xff\xbf"]),
    "4: binary with line breaks": (4, "bAQID\r\nBA==\n", [b"\1\2\3\4"]),
    "4: binary with bits over": (4, "bAR==", [b"\1"]),
    "3: one packet": (3, "6:4hello", ["4hello"]),
    "3: a type alone": (3, "1:2", ["2"]),
    "3: several packets": (3, "2:4a1:22:4b", ["4a", "2", "4b"]),
    "3: each type": (3, "1:01:11:21:31:41:51:6", ["0", "1", "2", "3", "4", "5", "6"]),
    "3: two-byte": (3, "2:4é", ["4é"]),
    "3: astral": (3, "3:4😀2:4a", ["4😀", "4a"]),
    "3: a packet inside": (3, "4:42:a", ["42:a"]),
    "3: zeros before the length": (3, "002:4a", ["4a"]),
    "3: no packets": (3, "0:", []),
    "3: nothing between packets": (3, "2:4a0:2:4b", ["4a", "4b"]),
    "3: binary": (3, "10:b4AQIDBA==", [b"\1\2\3\4"]),
    "3: empty binary": (3, "2:b4", [b""]),
    "3: binary between text": (3, "2:4a6:b4AQ==2:4b", ["4a", b"\1", "4b"]),
    "3: binary between astral text": (3, "3:4😀6:b4AQ==2:4b", ["4😀", b"\1", "4b"]),
}
# Version, payload, the packets before the mistake, the mistake.
BAD_PAYLOADS: dict[str, tuple[int, str, list[Packet], str]] = {
    "4: nothing": (4, "", [], "no packet type in packet 1"),
    "4: nothing at the end": (4, "4a\x1e", ["4a"], "no packet type in packet 2"),
    "4: nothing at the beginning": (4, "\x1e4a", [], "no packet type in packet 1"),
    "4: nothing between": (4, "4a\x1e\x1e4b", ["4a"], "no packet type in packet 2"),
    "4: a type over the last": (4, "7", [], "no packet type in packet 1"),
    "4: a letter": (4, "4a\x1ea\x1e4b", ["4a"], "no packet type in packet 2"),
    "4: a capital B": (4, "BAQ==", [], "no packet type"),
    "4: an Arabic digit": (4, "\u0664a", [], "no packet type"),
    "4: a lone surrogate": (4, "\ud83d", [], "no packet type"),
    "4: a character too few of base64": (4, "4a\x1ebAQIDB", ["4a"], "bad base64 in packet 2"),
    "4: no base64": (4, "bA*==", [], "bad base64 in packet 1"),
    "4: a space in base64": (4, "bAQ ID", [], "bad base64"),
    "4: padding inside base64": (4, "bAQ==AQ==", [], "bad base64"),
    "4: two-byte in base64": (4, "bAQé=", [], "bad base64"),
    "4: a lone surrogate in base64": (4, "bAQ\ud83d=", [], "bad base64"),
    "3: nothing": (3, "", [], "empty"),
    "3: no length": (3, "4a", [], "no <length>: at 0"),
    "3: an empty length": (3, ":4a", [], "no <length>: at 0"),
    "3: a length alone": (3, "2:4a3", ["4a"], "no <length>: at 4"),
    "3: a negative length": (3, "-2:4a", [], "no <length>:"),
    "3: a fraction": (3, "2.0:4a", [], "no <length>:"),
    "3: a space before": (3, " 2:4a", [], "no <length>:"),
    "3: a fullwidth digit": (3, "\uff12:4a", [], "no <length>:"),
    "3: more digits than any length": (3, "1" * 16 + ":4a", [], "no <length>:"),
    "3: endless digits": (3, "1" * 100_000, [], "no <length>:"),
    "3: past the end": (3, "2:4a9:4a", ["4a"], "past the end"),
    "3: counted in bytes": (3, "3:4é", [], "past the end"),
    "3: an astral character cut": (3, "2:4😀", [], "cuts a character"),
    "3: a type over the last": (3, "2:4a1:7", ["4a"], "no packet type in packet 2"),
    "3: what version 4 writes": (3, "4a\x1e4b", [], "no <length>:"),
    "3: binary of version 4": (3, "5:bAQ==", [], "a binary packet that is no message"),
    "3: a binary ping": (3, "6:b2AQ==", [], "a binary packet that is no message"),
    "3: b alone": (3, "1:b", [], "a binary packet that is no message"),
    "3: no base64": (3, "5:b4A*=", [], "bad base64 in packet 1"),
}


@pytest.mark.parametrize(
    ("version", "payload", "packets"), GOOD_PAYLOADS.values(), ids=GOOD_PAYLOADS
)
def test_a_payload_is_cut_into_its_packets(
    version: int, payload: str, packets: list[Packet]
) -> None:
    assert decode_payload(version, payload, None) == (packets, "")


@pytest.mark.parametrize(
    ("version", "payload", "packets", "mistake"), BAD_PAYLOADS.values(), ids=BAD_PAYLOADS
)
def test_a_mistake_ends_a_payload_and_the_packets_before_it_are_kept(
    version: int, payload: str, packets: list[Packet], mistake: str
) -> None:
    found, problem = decode_payload(version, payload, None)
    assert found == packets
    assert mistake in problem


@pytest.mark.parametrize(("version", "payload"), [(4, "4a\x1e2\x1ebAQ=="), (3, "2:4a1:26:b4AQ==")])
def test_a_payload_may_have_only_so_many_packets(version: int, payload: str) -> None:
    packets: list[Packet] = ["4a", "2", b"\1"]
    assert decode_payload(version, payload, 3) == (packets, "")
    for most in (2, 1):
        found, problem = decode_payload(version, payload, most)
        assert found == packets[:most]
        assert problem is TOO_MANY


@pytest.mark.parametrize(("version", "payload"), [(4, "4a\x1e?\x1e2"), (3, "2:4a1:?1:2")])
def test_a_mistake_before_the_limit_is_reported_as_itself(version: int, payload: str) -> None:
    found, problem = decode_payload(version, payload, 2)
    assert found == ["4a"]
    assert "no packet type" in problem


GOOD_BINARY_PAYLOADS: dict[str, tuple[bytes, list[Packet]]] = {
    "text": (b"\0\6\xff4hello", ["4hello"]),
    "a type alone": (b"\0\1\xff2", ["2"]),
    "two-byte": (b"\0\3\xff4\xc3\xa9", ["4é"]),
    "astral": (b"\0\5\xff4\xf0\x9f\x98\x80", ["4😀"]),
    "binary": (b"\1\5\xff\4\1\2\3\4", [b"\1\2\3\4"]),
    "empty binary": (b"\1\1\xff\4", [b""]),
    "binary that looks like a header": (b"\1\4\xff\4\0\1\xff", [b"\0\1\xff"]),
    "binary between text": (b"\0\2\xff4a\1\2\xff\4\1\0\2\xff4b", ["4a", b"\1", "4b"]),
    "two digits": (b"\0\1\0\xff4" + b"x" * 9, ["4xxxxxxxxx"]),
    "zeros before the length": (b"\0\0\0\2\xff4a", ["4a"]),
    "base64 in text": (b"\0\6\xffb4AQ==", [b"\1"]),
}
BAD_BINARY_PAYLOADS: dict[str, tuple[bytes, list[Packet], str]] = {
    "nothing": (b"", [], "empty"),
    "text of version 3": (b"2:4a", [], "no length at 0"),
    "neither text nor binary": (b"\2\2\xff4a", [], "no length at 0"),
    "no length": (b"\0\xff4a", [], "no length at 0"),
    "no end of the length": (b"\0\2\xff4a\0\2", ["4a"], "no length at 5"),
    "digits as text": (b"\x002\xff4a", [], "no length at 0"),
    "a digit over nine": (b"\0\x0a\xff4a", [], "no length at 0"),
    "endless digits": (b"\0" + b"\1" * 100_000, [], "no length at 0"),
    "more digits than any length": (b"\0" + b"\1" * 16 + b"\xff4", [], "no length at 0"),
    "past the end": (b"\0\2\xff4a\1\x09\xff\4\1", ["4a"], "past the end"),
    "empty text": (b"\0\2\xff4a\0\0\xff", ["4a"], "no packet type in packet 2"),
    "a type over the last": (b"\0\1\xff7", [], "no packet type in packet 1"),
    "no UTF-8": (b"\0\2\xff4\xff", [], "not UTF-8 in packet 1"),
    "a character cut": (b"\0\2\xff4\xc3\xa9", [], "not UTF-8"),
    "a surrogate": (b"\0\4\xff4\xed\xa0\xbd", [], "not UTF-8"),
    "no data": (b"\1\0\xff", [], "a binary packet that is no message"),
    "a binary ping": (b"\1\2\xff\2\1", [], "a binary packet that is no message"),
    "a type as text": (b"\1\2\xff4\1", [], "a binary packet that is no message"),
}


@pytest.mark.parametrize(
    ("body", "packets"), GOOD_BINARY_PAYLOADS.values(), ids=GOOD_BINARY_PAYLOADS
)
def test_a_binary_payload_is_cut_into_its_packets(body: bytes, packets: list[Packet]) -> None:
    assert decode_binary_payload(body, None) == (packets, "")


@pytest.mark.parametrize(
    ("body", "packets", "mistake"), BAD_BINARY_PAYLOADS.values(), ids=BAD_BINARY_PAYLOADS
)
def test_a_mistake_ends_a_binary_payload_and_the_packets_before_it_are_kept(
    body: bytes, packets: list[Packet], mistake: str
) -> None:
    found, problem = decode_binary_payload(body, None)
    assert found == packets
    assert mistake in problem


def test_a_binary_payload_may_have_only_so_many_packets() -> None:
    body = b"\0\2\xff4a" * 3
    assert decode_binary_payload(body, 3) == (["4a"] * 3, "")
    found, problem = decode_binary_payload(body, 2)
    assert found == ["4a"] * 2
    assert problem is TOO_MANY


GOOD_FRAMES: dict[str, tuple[int, str | bytes, Packet]] = {
    "4: text": (4, "4hello", "4hello"),
    "4: probe": (4, "2probe", "2probe"),
    "4: a separator is data": (4, "4a\x1e4b", "4a\x1e4b"),
    "4: binary": (4, b"\4\1", b"\4\1"),
    "4: empty binary": (4, b"", b""),
    "4: base64": (4, "bAQ==", b"\1"),
    "3: text": (3, "4hello", "4hello"),
    "3: binary": (3, b"\4\1", b"\1"),
    "3: empty binary": (3, b"\4", b""),
    "3: base64": (3, "b4AQ==", b"\1"),
}
BAD_FRAMES: dict[str, tuple[int, str | bytes, str]] = {
    "4: empty": (4, "", "no packet type"),
    "4: a type over the last": (4, "7", "no packet type"),
    "4: bad base64": (4, "b*", "bad base64"),
    "3: empty": (3, "", "no packet type"),
    "3: a length before": (3, ":", "no packet type"),
    "3: empty binary": (3, b"", "a binary packet that is no message"),
    "3: a binary ping": (3, b"\2probe", "a binary packet that is no message"),
    "3: base64 of version 4": (3, "bAQ==", "a binary packet that is no message"),
}


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize(("version", "frame", "packet"), GOOD_FRAMES.values(), ids=GOOD_FRAMES)
def test_a_frame_is_one_packet(
    version: int, frame: str | bytes, packet: Packet, kind: type[bytes | bytearray]
) -> None:
    found, problem = decode_frame(version, frame if isinstance(frame, str) else kind(frame))
    assert (found, type(found), problem) == (packet, type(packet), "")


@pytest.mark.parametrize(("version", "frame", "mistake"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_frame_is_no_packet(version: int, frame: str | bytes, mistake: str) -> None:
    assert decode_frame(version, frame) == (None, mistake)


# What a page has, and what its form posts.
FORMS = {
    "nothing": ("", ""),
    "text": ("4hello", "4hello"),
    "a line break": ("4a\nb", "4a\\nb"),
    "line breaks": ("\n\n", "\\n\\n"),
    "a line break in JSON": ('42["a\\nb"]', '42["a\\\\nb"]'),
    "a backslash and a line break in JSON": ('["\\\\\\n"]', '["\\\\\\\\n"]'),
    "a backslash before n in JSON": ('["\\\\n"]', '["\\\\\\n"]'),
    "backslashes": ("\\\\\\", "\\\\\\"),
    "another escape": ('["\\t"]', '["\\t"]'),
    "both": ("\\n\n\\n\n", "\\\\n\\n\\\\n\\n"),
}


@pytest.mark.parametrize(("text", "posted"), FORMS.values(), ids=FORMS)
def test_what_clients_do_to_line_breaks_in_a_form_is_undone(text: str, posted: str) -> None:
    assert undo_form(posted) == text


@pytest.mark.parametrize(
    ("version", "data", "text"),
    [(4, b"\1\2\3\4", b"bAQIDBA=="), (4, b"", b"b"), (3, b"\1", b"b4AQ=="), (3, b"", b"b4")],
)
def test_a_binary_message_is_written_as_base64(version: int, data: bytes, text: bytes) -> None:
    assert encode_binary(version, data) == text


@pytest.mark.parametrize(
    ("packet", "written"),
    [
        ("4hello", "6:4hello"),
        ("2", "1:2"),
        ("4é", "2:4é"),
        ("4日本", "3:4日本"),
        ("4😀", "3:4😀"),
        ("4\uffff", "2:4\uffff"),
        ("4" + "x" * 99, "100:4" + "x" * 99),
    ],
    ids=["ascii", "a type alone", "two-byte", "three-byte", "astral", "last of the BMP", "long"],
)
def test_a_length_counts_utf16_code_units(packet: str, written: str) -> None:
    assert length_prefixed(packet.encode()) == written.encode()


@pytest.mark.parametrize(
    ("packet", "is_text", "written"),
    [
        (b"4hello", True, b"\0\6\xff4hello"),
        ("4é".encode(), True, b"\0\3\xff4\xc3\xa9"),
        (b"\1\2", False, b"\1\3\xff\4\1\2"),
        (b"", False, b"\1\1\xff\4"),
        (b"4" + b"x" * 120, True, b"\0\1\2\1\xff4" + b"x" * 120),
    ],
    ids=["text", "two-byte", "binary", "empty binary", "long"],
)
def test_a_packet_of_a_binary_payload_has_its_length_in_bytes(
    packet: bytes, is_text: bool, written: bytes
) -> None:
    assert binary_prefixed(packet, is_text) == written


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        ("4hello", "4hello"),
        ("4\xc3\xa9\xf0\x9f\x98\x80", "4é😀"),
        ("4é", "4é"),
        ("4éé", "4éé"),
        ("4日", "4日"),
        ("4\xc3\xa9日", "4\xc3\xa9日"),
        ("4\xed\xa0\xbd", "4\xed\xa0\xbd"),
        ("4\ud83d", "4\ud83d"),
    ],
    ids=[
        "ascii",
        "encoded twice",
        "encoded once",
        "encoded once, several",
        "encoded once, three-byte",
        "both",
        "a surrogate",
        "a lone surrogate",
    ],
)
def test_text_that_is_encoded_twice_is_recognized(packet: str, text: str) -> None:
    assert undo_utf8(packet) == text


@pytest.mark.parametrize(
    ("packet", "escaped"),
    [
        ('42["a\\"b"]', '42["a\\"b"]'),
        ('42["é"]', '42["\\u00e9"]'),
        ('42["😀"]', '42["\\ud83d\\ude00"]'),
        ('42["é\\"\\\\","\\n\\\\é"]', '42["\\u00e9\\"\\\\","\\n\\\\\\u00e9"]'),
        ('42["\u2028é"]', '42["\\u2028\\u00e9"]'),
    ],
    ids=["ascii", "two-byte", "astral", "with escapes", "line separator"],
)
def test_json_is_escaped_into_ascii(packet: str, escaped: str) -> None:
    assert escape_json(packet.encode()) == escaped.encode()


def test_lone_surrogates_are_sent_as_the_replacement_character() -> None:
    assert encode_text("4a\ud83db\ud83d\ude00") == "4a\ufffdb😀".encode()
