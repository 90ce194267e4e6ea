"""Engine.IO: payloads, forms and frames are read as they are meant, and what is written is read."""

from __future__ import annotations

import json

from sockio_gevent.wire import engineio as wire
from sockio_gevent.wire.json_text import encode_json

from ..references import engineio as reference
from ..references.payload import units
from ..supply import Supply, text_of

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (
    b"4hello",
    b"\x1e",
    b"2probe",
    b"1:2",
    b"2:4a",
    b"0:",
    "3:4😀".encode(),
    "2:4😀".encode(),
    b"999999999999999:",
    b"b",
    b"bAQ==",
    b"b4",
    b"6:b4AQ==",
    b"-_\r\n",
    b"=",
    b"\0\2\xff4a",
    b"\1\2\xff\4a",
    b"\0\3\xff4\xc3\xa9",
    b"\xff",
    b"\\n",
    b"\\\\n",
    "é".encode(),
    "٣".encode(),
)
SEEDS = (
    b"\0",
    b"\x004hello\x1e2\x1ebAQIDBA==\x1e4\xf0\x9f\x98\x80",
    b"\x004a\x1ebAQ-_\r\n\x1eb*",
    b"\x006:4hello1:26:b4AQ==3:4\xf0\x9f\x98\x80",
    b"\x002:4\xf0\x9f\x98\x80",
    b"\x000:002:4a1:7",
    b"\0\0\6\xff4hello\1\3\xff\4\1\2\0\5\xff4\xf0\x9f\x98\x80",
    b"\0\1\2\xff\2a",
    b'\x0042["a\\nb\\\\nc\\\\\\n"]',
    b"\2" + b"text|\xf0\x9f\x98\x80|\0binary",
)


def check(data: bytes) -> None:
    """Read the data in each form; and write it."""
    supply = Supply(data)
    most = (None, 2, 4)[supply.number(3)]
    rest = supply.rest()
    text = text_of(rest)
    for version in (3, 4):
        expected = reference.read_payload(version, text)
        _compare(expected, wire.decode_payload(version, text, None), None)
        _compare(expected, wire.decode_payload(version, text, most), most)
        for frame in (text, rest):
            packet, mistake = wire.decode_frame(version, frame)
            assert packet == reference.read_frame(version, frame)
            assert bool(mistake) == (packet is None)
    expected = reference.read_binary_payload(rest)
    _compare(expected, wire.decode_binary_payload(rest, None), None)
    _compare(expected, wire.decode_binary_payload(rest, most), most)
    assert wire.undo_form(text) == reference.read_form(text)
    _write(rest.split(b"|"))

    # Clients 1.x encode text twice, and must read what clients 2.x read.
    assert wire.undo_utf8("4" + text.encode().decode("latin-1")) == f"4{text}"
    escaped = wire.escape_json(encode_json([text]).encode())
    assert escaped.isascii()
    assert json.loads(escaped) == [text]

    # Even texts that no connection can bring must raise nothing.
    strange = rest.decode("utf-16-le", "ignore")
    strange += rest.decode("utf-8", "surrogateescape")
    for version in (3, 4):
        wire.decode_payload(version, strange, most)
        wire.decode_frame(version, strange)
    wire.undo_utf8(wire.undo_form(strange))
    wire.encode_text(strange).decode()


def _compare(
    expected: tuple[list[str | bytes], bool],
    found: tuple[list[str | bytes], str],
    most: int | None,
) -> None:
    """Whether the packets are the expected ones, or as many of them as may be."""
    packets, mistake = found
    if mistake is wire.TOO_MANY:
        assert most is not None
        assert len(packets) <= most
        assert packets == expected[0][: len(packets)]
    else:
        assert most is None or len(packets) <= most
        assert (packets, not mistake) == expected


def _write(parts: list[bytes]) -> None:
    """Write messages, binary ones behind a zero, in all forms."""
    packets: list[str | bytes] = [
        part[1:] if part[:1] == b"\0" else "4" + text_of(part).replace("\x1e", "") for part in parts
    ]
    for version in (3, 4):
        texts = [
            wire.encode_text(packet)
            if isinstance(packet, str)
            else wire.encode_binary(version, packet)
            for packet in packets
        ]
        for text, packet in zip(texts, packets, strict=True):
            mark = "b" if version == 4 else "b4"
            if isinstance(packet, bytes):
                assert text.decode() == mark + reference.to_base64(packet)
        if version == 3:
            for text in texts:
                assert wire.length_prefixed(text) == b"%d:%b" % (len(units(text.decode())), text)
            payload = b"".join(map(wire.length_prefixed, texts))
        else:
            payload = b"\x1e".join(texts)
        assert reference.read_payload(version, payload.decode()) == (packets, True)
    body = b"".join(
        wire.binary_prefixed(packet.encode(), True)
        if isinstance(packet, str)
        else wire.binary_prefixed(packet, False)
        for packet in packets
    )
    assert reference.read_binary_payload(body) == (packets, True)
