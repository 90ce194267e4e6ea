"""An encoded message in all its forms, and as a string inside a script."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.framing import TRICKY

from sockio_gevent.wire.classic import encode
from sockio_gevent.wire.packet import Packet, script_string
from sockio_gevent.wire.websocket import TEXT, encode_frame

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    '");alert(1);("',
    "\\",
    '\\"',
    "\\u003c/script>",
    "\u2028alert(1)\u2029",
    "\r\nalert(1)\r",
    "data: x\n\nevent: y",
    "&lt;/script&gt;",
    "\x00\x08\x0b\x1f\x7f\x85\xa0",
]

strings = pytest.mark.parametrize("text", TRICKY + HOSTILE, ids=ascii)


def script_of(*texts: str) -> bytes:
    return script_string([Packet(text.encode()) for text in texts])


# The inside of the string must not end the string, the line or the script element.
SAFE = re.compile(r'(?:[^"\\\x00-\x1f<>\u2028\u2029]|\\["\\bfnrt]|\\u[0-9a-f]{4})*')


def check_is_safe(script: bytes) -> None:
    text = script.decode()
    assert text.startswith('"')
    assert text.endswith('"')
    assert SAFE.fullmatch(text[1:-1])


@strings
def test_a_script_string_is_json_of_the_payload(text: str) -> None:
    script = script_of(text)
    assert json.loads(script) == text
    check_is_safe(script)


@strings
def test_a_framed_message_survives_a_script_string(text: str) -> None:
    payload = encode(text)
    assert json.loads(script_string([Packet(payload)])).encode() == payload


@given(st.lists(st.text(), max_size=4))
@example(["", "<", '"'])
@example(["\\", '"'])
def test_the_script_string_of_a_batch_is_json_of_the_joined_payloads(texts: list[str]) -> None:
    script = script_of(*texts)
    assert json.loads(script) == "".join(texts)
    check_is_safe(script)
    assert script[1:-1] == b"".join(script_of(text)[1:-1] for text in texts)


def test_a_script_string_is_ascii_only_where_it_must_be() -> None:
    assert script_of("</é\u2028😀\r") == '"\\u003c/é\\u2028😀\\r"'.encode()


def test_an_empty_batch_is_an_empty_string() -> None:
    assert script_string([]) == b'""'


def test_each_form_is_made_once_and_shared() -> None:
    packet = Packet(encode("<hello>"))
    assert packet.script is packet.script
    assert packet.websocket_frame is packet.websocket_frame


def test_a_websocket_frame_holds_the_payload() -> None:
    packet = Packet("é".encode())
    assert packet.websocket_frame == encode_frame(TEXT, packet.payload) == b"\x81\x02\xc3\xa9"
