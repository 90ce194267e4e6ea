"""Socket.IO packets: they are read as they are meant, keep no more than they may, and come back."""

from __future__ import annotations

import json
from typing import Any

from sockio_gevent.wire.json_text import decode_json, encode_json
from sockio_gevent.wire.socketio import ACK, EVENT, RESERVED, BadPacket, Decoder, encode

from ..references import socketio as reference
from ..supply import text_of

__all__ = ["SEEDS", "TOKENS", "check"]

ATTACHMENTS = 3
SIZE = 400
# JSON of this depth is no matter of these packets.
DEPTH = 100

TOKENS = (
    b"|",
    b"|\0",
    b"0",
    b'2["a"]',
    b'51-["a",{"_placeholder":true,"num":0}]|\0data',
    b"61-",
    b"52-",
    b"/namespace,",
    b"/",
    b",",
    b"12",
    b"999999999999999",
    b"-",
    b'["a",',
    b'{"b":',
    b'{"_placeholder":true,"num":0}',
    b'{"_placeholder":true,"num":1}',
    b'"\\u005fplaceholder"',
    b'"disconnect"',
    b"]",
    b"}",
    "é".encode(),
    "٣".encode(),
)
SEEDS = (
    b'0|0{"token":"x"}|0/admin?a=b,|1/admin,|4"no"|4/a,{"message":"no"}',
    b'2["a",1,null,{"b":[]}]|2/admin,12["\xc3\xa9"]|312[]|3["x"]|2[7]',
    b'51-["a",{"_placeholder":true,"num":0}]|\0data|2["b"]',
    b'52-/a,7["a",{"_placeholder":true,"num":1},{"b":[{"_placeholder":true,"num":0}]}]|\0one|\0',
    b'61-1[{"\\u005fplaceholder":true,"num":0}]|\0data',
    b'50-["a"]|\0data',
    b'51-["a",{"_placeholder":true,"num":1}]|\0data',
    b'52-["a"]|\0data|2["b"]',
    b'2["connect"]',
    b'51-["' + b"x" * 200 + b'"]|\0' + b"y" * 200,
    b'["a",{"b":"\\u0000\\u0001","c":["\\u0000"]}]',
)


def check(data: bytes) -> None:
    """Read the data as messages, binary ones behind a zero; and send it."""
    messages: list[str | bytes] = [
        part[1:] if part[:1] == b"\0" else text_of(part) for part in data.split(b"|")
    ]
    expected, good = reference.read(messages, _loads, ATTACHMENTS, SIZE)
    assert _take(messages) == (expected, good)

    for kind, namespace, ack_id, value in expected:
        if kind in (EVENT, ACK):
            _send(kind, namespace, ack_id, value)
    try:
        value = _loads(text_of(data))
    except ValueError:
        return
    _send(EVENT, "/", None, ["a", _with_binary(value)])


def _take(messages: list[str | bytes]) -> tuple[list[tuple[Any, ...]], bool]:
    """The packets of a decoder up to the first mistake, and whether there was none."""
    decoder = Decoder(_loads, ATTACHMENTS, SIZE)
    packets: list[tuple[Any, ...]] = []
    for message in messages:
        try:
            packet = decoder.take(message)
        except BadPacket:
            return packets, False
        assert 0 <= decoder.held <= SIZE
        if packet is not None:
            assert decoder.held == 0
            assert packet.cost >= 0
            packets.append(packet[:4])
    return packets, True


def _loads(text: str) -> Any:
    if text.count("[") + text.count("{") > DEPTH:
        raise ValueError("nested too deep")
    return decode_json(text)


def _with_binary(value: Any) -> Any:
    """The same value with bytes in place of texts that begin with a zero."""
    if isinstance(value, str) and value.startswith("\0"):
        return value.encode("utf-8", "replace")
    if isinstance(value, list):
        return [_with_binary(each) for each in value]
    if isinstance(value, dict):
        return {name: _with_binary(each) for name, each in value.items()}
    return value


def _send(kind: int, namespace: str, ack_id: int | None, value: list[Any]) -> None:
    """Write a packet, and read it."""
    if kind == EVENT and value[0] in RESERVED:
        return
    before = repr(value)
    text, attachments = encode(kind, namespace, value, ack_id, encode_json)
    assert repr(value) == before
    [packet], good = reference.read([text, *attachments], json.loads, len(attachments), 1 << 20)
    assert good
    # A placeholder of the application's own is taken for one, as it is by every client.
    if "_placeholder" not in before:
        assert repr(packet) == repr((kind, namespace, ack_id, value))
