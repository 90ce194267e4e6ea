"""The messages of Node's servers: entries of the stream, and messages of channels."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgpack
import pytest

from sockio_gevent.wire.node_messages import BROADCAST, NodeMessage, NodeMessages

MESSAGES = NodeMessages(
    lambda value: json.dumps(value, separators=(",", ":")),
    json.loads,
    msgpack.packb,
    lambda data: msgpack.unpackb(data, strict_map_key=False),
)
PACKET = {"type": 2, "data": ["chat", {"a": [1, None]}, "ü"], "nsp": "/"}
OPTIONS: dict[str, Any] = {"rooms": ["red"], "except": [], "flags": {}}
PLAIN = NodeMessage("a" * 10, "/", BROADCAST, {"packet": PACKET, "opts": OPTIONS}, 7)
WITH_BYTES = PLAIN._replace(data={"packet": {"data": ["chat", [b"\0\xff"]]}, "opts": OPTIONS})


def as_entry(message: NodeMessage) -> dict[bytes, bytes]:
    fields = [
        each if isinstance(each, bytes) else each.encode() for each in MESSAGES.fields(message)
    ]
    return {**dict(zip(fields[::2], fields[1::2], strict=True)), b"n": b"7"}


def test_an_entry_without_bytes_has_json() -> None:
    entry = as_entry(PLAIN)
    assert entry.pop(b"data") == json.dumps(PLAIN.data, separators=(",", ":")).encode()
    assert entry == {b"uid": b"aaaaaaaaaa", b"nsp": b"/", b"type": b"3", b"n": b"7"}
    assert MESSAGES.entry(as_entry(PLAIN)) == PLAIN


def test_an_entry_with_bytes_has_messagepack_in_base64() -> None:
    entry = as_entry(WITH_BYTES)
    assert msgpack.unpackb(base64.b64decode(entry[b"data"])) == WITH_BYTES.data
    assert MESSAGES.entry(entry) == WITH_BYTES


def test_what_a_server_of_node_has_written_is_read() -> None:
    # As the adapter of Node writes it: the fields, without a number.
    entry = {
        b"uid": b"6f2f0c1e3d4b5a69",
        b"nsp": b"/admin",
        b"type": b"4",
        b"data": b'{"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["b"]}',
    }
    data = {"opts": {"rooms": ["a"], "except": [], "flags": {}}, "rooms": ["b"]}
    assert MESSAGES.entry(entry) == NodeMessage("6f2f0c1e3d4b5a69", "/admin", 4, data)


def test_a_message_of_a_channel_is_messagepack() -> None:
    packed = MESSAGES.packed(WITH_BYTES)
    expected = {"uid": "a" * 10, "nsp": "/", "type": 3, "data": WITH_BYTES.data}
    assert msgpack.unpackb(packed) == expected
    assert MESSAGES.message(packed) == WITH_BYTES._replace(number=0)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"uid": b"a", b"nsp": b"/"},
        {b"uid": b"a", b"nsp": b"/", b"type": b"x"},
        {b"uid": b"a", b"nsp": b"/", b"type": b"3", b"data": b"{"},
        {b"uid": b"a", b"nsp": b"/", b"type": b"3", b"data": b"no base64!"},
        {b"uid": b"a", b"nsp": b"/", b"type": b"3", b"data": base64.b64encode(b"\xc1")},
        {b"uid": b"a", b"nsp": b"/", b"type": b"3", b"data": base64.b64encode(b"\x01")},
        {b"uid": b"\xff", b"nsp": b"/", b"type": b"3"},
        {b"uid": b"a", b"nsp": b"/", b"type": b"3", b"n": b"x"},
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        MESSAGES.entry(fields)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb(1),
        msgpack.packb([]),
        msgpack.packb({"uid": 1}),
        msgpack.packb({"uid": "a", "nsp": "/", "type": "3"}),
        msgpack.packb({"uid": "a", "nsp": "/", "type": 3, "data": [1]}),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        MESSAGES.message(data)
