"""Socket.IO packets, packet by packet."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest

from sockio_gevent.wire.json_text import decode_json, encode_json
from sockio_gevent.wire.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED,
    BadPacket,
    Decoder,
    SocketPacket,
    encode,
)

MAX_ATTACHMENTS = 3
MAX_SIZE = 1000

Message = str | bytes | bytearray


def decoder() -> Decoder:
    return Decoder(decode_json, MAX_ATTACHMENTS, MAX_SIZE)


def take_all(reader: Decoder, messages: list[Message]) -> SocketPacket:
    """Take the messages of one packet."""
    for message in messages[:-1]:
        assert reader.take(message) is None
    packet = reader.take(messages[-1])
    assert packet is not None
    assert reader.held == 0
    return packet


# The messages, and the packet: type, namespace, number of the acknowledgement, data.
Expected = tuple[int, str, int | None, Any]
GOOD: dict[str, tuple[list[Message], Expected]] = {
    "connect": (["0"], (CONNECT, "/", None, None)),
    "connect with auth": (['0{"token":"x"}'], (CONNECT, "/", None, {"token": "x"})),
    "connect to a namespace": (["0/admin,"], (CONNECT, "/admin", None, None)),
    "connect without a comma": (["0/admin"], (CONNECT, "/admin", None, None)),
    "connect with a query": (["0/admin?a=b&c=d,"], (CONNECT, "/admin?a=b&c=d", None, None)),
    "connect to a namespace with auth": (['0/a,{"b":1}'], (CONNECT, "/a", None, {"b": 1})),
    "the main namespace by name": (['2/,["a"]'], (EVENT, "/", None, ["a"])),
    "disconnect": (["1"], (DISCONNECT, "/", None, None)),
    "disconnect from a namespace": (["1/admin,"], (DISCONNECT, "/admin", None, None)),
    "event": (['2["a"]'], (EVENT, "/", None, ["a"])),
    "event with arguments": (
        ['2["a",1,null,{"b":[]}]'],
        (EVENT, "/", None, ["a", 1, None, {"b": []}]),
    ),
    "event with a number as name": (["2[7,1]"], (EVENT, "/", None, [7, 1])),
    "event with a fraction as name": (["2[0.5]"], (EVENT, "/", None, [0.5])),
    "event of a namespace": (['2/é/日,["a"]'], (EVENT, "/é/日", None, ["a"])),
    "event to acknowledge": (['212["a"]'], (EVENT, "/", 12, ["a"])),
    "event of a namespace to acknowledge": (['2/b,0["a"]'], (EVENT, "/b", 0, ["a"])),
    "event with zeros before the number": (['2007["a"]'], (EVENT, "/", 7, ["a"])),
    "event with the largest number": (['2999999999999999["a"]'], (EVENT, "/", 10**15 - 1, ["a"])),
    "event with spaces in its JSON": (['2 [ "a" , 1 ] '], (EVENT, "/", None, ["a", 1])),
    "event like a placeholder": (
        ['2["a",{"_placeholder":true,"num":0}]'],
        (EVENT, "/", None, ["a", {"_placeholder": True, "num": 0}]),
    ),
    "event with unicode": (['2["é","😀","\\ud83d\\ude00"]'], (EVENT, "/", None, ["é", "😀", "😀"])),
    "event with a lone surrogate": (['2["\\ud83d"]'], (EVENT, "/", None, ["\ud83d"])),
    "acknowledgement": (["312[]"], (ACK, "/", 12, [])),
    "acknowledgement with arguments": (['3/b,0["a",1]'], (ACK, "/b", 0, ["a", 1])),
    "acknowledgement without a number": (["3[]"], (ACK, "/", None, [])),
    "acknowledgement of a name that is reserved": (['31["connect"]'], (ACK, "/", 1, ["connect"])),
    "refusal": (['4{"message":"no"}'], (CONNECT_ERROR, "/", None, {"message": "no"})),
    "refusal with a text": (['4/a,"no"'], (CONNECT_ERROR, "/a", None, "no")),
    "refusal without data": (["4"], (CONNECT_ERROR, "/", None, None)),
    "event with an attachment": (
        ['51-["a",{"_placeholder":true,"num":0}]', b"\1\2"],
        (EVENT, "/", None, ["a", b"\1\2"]),
    ),
    "event with an attachment in a bytearray": (
        ['51-["a",{"_placeholder":true,"num":0}]', bytearray(b"\1\2")],
        (EVENT, "/", None, ["a", b"\1\2"]),
    ),
    "event with an empty attachment": (
        ['51-["a",{"_placeholder":true,"num":0}]', b""],
        (EVENT, "/", None, ["a", b""]),
    ),
    "event with attachments at all depths": (
        [
            '53-/b,7["a",{"_placeholder":true,"num":1},'
            '{"c":[[{"num":0,"_placeholder":true}]],"d":{"e":{"_placeholder":true,"num":2}}}]',
            b"0",
            b"1",
            b"2",
        ],
        (EVENT, "/b", 7, ["a", b"1", {"c": [[b"0"]], "d": {"e": b"2"}}]),
    ),
    "event whose attachment has two places": (
        ['51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', b"0"],
        (EVENT, "/", None, ["a", b"0", b"0"]),
    ),
    "event whose attachment has no place": (['51-["a"]', b"0"], (EVENT, "/", None, ["a"])),
    "event with escapes in a placeholder": (
        ['51-["a",{"\\u005fplaceholder":true,"num":0}]', b"0"],
        (EVENT, "/", None, ["a", b"0"]),
    ),
    "event with what is no placeholder": (
        ['51-["a",{"_placeholder":1,"num":0}]', b"0"],
        (EVENT, "/", None, ["a", {"_placeholder": 1, "num": 0}]),
    ),
    "event with no attachments": (['50-["a",1]'], (EVENT, "/", None, ["a", 1])),
    "acknowledgement with an attachment": (
        ['61-/b,9[{"_placeholder":true,"num":0}]', b"\0"],
        (ACK, "/b", 9, [b"\0"]),
    ),
    "acknowledgement with no attachments": (["60-1[]"], (ACK, "/", 1, [])),
}


@pytest.mark.parametrize(("messages", "expected"), GOOD.values(), ids=GOOD)
def test_a_packet_is_read(messages: list[Message], expected: Expected) -> None:
    packet = take_all(decoder(), messages)
    assert packet[:4] == expected
    assert packet.cost > 0


PLACEHOLDER = '{"_placeholder":true,"num":0}'
# The messages, of which the last is bad, and the reason.
BAD: dict[str, tuple[list[Message], str]] = {
    "nothing": ([""], "no packet type"),
    "a type over the last": (["7"], "no packet type"),
    "a letter": (["a"], "no packet type"),
    "an Arabic digit": (['\u0662["a"]'], "no packet type"),
    "a lone surrogate": (["\ud83d"], "no packet type"),
    "a connect with an array": (["0[]"], "CONNECT"),
    "a connect with a text": (['0"a"'], "CONNECT"),
    "a connect with null": (["0null"], "CONNECT"),
    "a connect with broken JSON": (["0{"], "bad JSON"),
    "a disconnect with data": (["1{}"], "DISCONNECT"),
    "a disconnect with null": (["1null"], "DISCONNECT"),
    "an event without data": (["2"], "array"),
    "an event of a namespace without data": (["2/a,"], "array"),
    "an event with a number alone": (["21"], "array"),
    "an event with an object": (["2{}"], "array"),
    "an event with a text": (['2"a"'], "array"),
    "an event with null": (["2null"], "array"),
    "an event with an empty array": (["2[]"], "array"),
    "an event with broken JSON": (['2["a"'], "bad JSON"),
    "an event with more after its JSON": (['2["a"]]'], "bad JSON"),
    "an event with NaN": (['2["a",NaN]'], "bad JSON"),
    "an event with a number that is too large": (['2["a",1e999]'], "bad JSON"),
    "an event nested too deep": (["2" + "[" * 100_000], "bad JSON"),
    "an event with null as its name": (["2[null]"], "neither a string nor a number"),
    "an event with true as its name": (["2[true]"], "neither a string nor a number"),
    "an event with an array as its name": (["2[[]]"], "neither a string nor a number"),
    "an event with a number of 16 digits": (['21234567890123456["a"]'], "bad JSON"),
    "endless digits": (["2" + "1" * 100_000], "bad JSON"),
    "a number with a sign": (['2-1["a"]'], "bad JSON"),
    "an endless namespace": (["2/" + "a" * 100_000], "array"),
    "an acknowledgement without data": (["31"], "array"),
    "an acknowledgement with an object": (["31{}"], "array"),
    "a refusal with broken JSON": (["4{"], "bad JSON"),
    "attachments of an event": ([f'21-["a",{PLACEHOLDER}]'], "can have none"),
    "attachments of a connect": (["01-"], "can have none"),
    "a binary event without a number": (['5["a"]'], "number of its attachments"),
    "a binary event with a dash alone": (['5-["a"]'], "number of its attachments"),
    "a binary event without a dash": (['51["a"]'], "number of its attachments"),
    "a binary event with a fraction": (['51.0-["a"]'], "number of its attachments"),
    "a binary event with endless digits": (
        ["5" + "1" * 100_000 + "-"],
        "number of its attachments",
    ),
    "a binary acknowledgement without a number": (["6[]"], "number of its attachments"),
    "too many attachments": (['54-["a"]'], "over 3 attachments"),
    "very many attachments": (['5999999999-["a"]'], "over 3 attachments"),
    "an attachment that is not due": ([b"\1"], "none is expected"),
    "an attachment after the last": ([f'51-["a",{PLACEHOLDER}]', b"\1", b"\2"], "none is expected"),
    "an attachment after none": (['50-["a"]', b"\1"], "none is expected"),
    "a text before the attachments": (
        [f'51-["a",{PLACEHOLDER}]', '2["b"]'],
        "before the attachments",
    ),
    "a text before the last attachment": (
        [f'52-["a",{PLACEHOLDER}]', b"\1", f'51-["a",{PLACEHOLDER}]'],
        "before the attachments",
    ),
    "a binary event with broken JSON": (["51-[", b"\1"], "bad JSON"),
    "a binary event with an object": ([f"51-{PLACEHOLDER}", b"\1"], "array"),
    "a binary event with binary data as its name": ([f"51-[{PLACEHOLDER}]", b"\1"], "neither"),
    "a binary event with a reserved name": (['51-["disconnect"]', b"\1"], "reserved"),
    "a binary acknowledgement with an object": (["61-1{}", b"\1"], "array"),
    "a placeholder over the last attachment": (
        ['51-["a",{"_placeholder":true,"num":1}]', b"\1"],
        "without its attachment",
    ),
    "a placeholder below the first attachment": (
        ['51-["a",{"_placeholder":true,"num":-1}]', b"\1"],
        "without its attachment",
    ),
    "a placeholder with true": (
        ['52-["a",{"_placeholder":true,"num":true}]', b"\1", b"\2"],
        "without its attachment",
    ),
    "a placeholder with a fraction": (
        ['51-["a",{"_placeholder":true,"num":0.5}]', b"\1"],
        "without its attachment",
    ),
    "a placeholder with a text": (
        ['51-["a",{"_placeholder":true,"num":"0"}]', b"\1"],
        "without its attachment",
    ),
    "a placeholder without a number": (
        ['51-["a",{"_placeholder":true}]', b"\1"],
        "without its attachment",
    ),
    "a placeholder with no attachments": ([f'50-["a",{PLACEHOLDER}]'], "without its attachment"),
    "too large a text": ([f'51-["a","{"x" * MAX_SIZE}",{PLACEHOLDER}]'], "over 1000 bytes"),
    "too large a text in UTF-8": ([f'51-["a","{"é" * 500}",{PLACEHOLDER}]'], "over 1000 bytes"),
    "too large an attachment": ([f'51-["a",{PLACEHOLDER}]', bytes(MAX_SIZE)], "over 1000 bytes"),
    "too large attachments": (
        [f'53-["a",{PLACEHOLDER}]', bytes(500), bytes(500)],
        "over 1000 bytes",
    ),
    "an attachment in too many places": (
        ['51-["a",' + ",".join([PLACEHOLDER] * 4) + "]", bytes(500)],
        "too many placeholders",
    ),
}


@pytest.mark.parametrize(("messages", "reason"), BAD.values(), ids=BAD)
def test_a_bad_packet_is_refused_with_the_reason(messages: list[Message], reason: str) -> None:
    reader = decoder()
    for message in messages[:-1]:
        reader.take(message)
    with pytest.raises(BadPacket, match=reason):
        reader.take(messages[-1])


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_event_with_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(BadPacket, match="reserved"):
        decoder().take(f'2["{name}",1]')


def test_an_unfinished_packet_holds_its_text_and_its_attachments() -> None:
    reader = decoder()
    text = '52-["é",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    reader.take(text)
    assert reader.held == len(text.encode())
    reader.take(bytes(100))
    assert reader.held == len(text.encode()) + 100
    assert reader.take(bytes(50)) is not None
    assert reader.held == 0


def test_a_packet_may_hold_exactly_as_much_as_allowed() -> None:
    text = f'51-["a",{PLACEHOLDER}]'
    data = bytes(MAX_SIZE - len(text))
    packet = take_all(decoder(), [text, data])
    assert packet.data == ["a", data]


def test_packets_of_text_have_no_bound_of_their_own() -> None:
    text = "x" * MAX_SIZE
    assert take_all(decoder(), [f'2["a","{text}"]']).data == ["a", text]


def test_the_packet_after_a_binary_one_is_read_as_usual() -> None:
    reader = decoder()
    for _ in range(2):
        assert take_all(reader, [f'51-["a",{PLACEHOLDER}]', b"\1"]).data == ["a", b"\1"]
        assert take_all(reader, ['2["b"]']).data == ["b"]


def test_other_exceptions_of_loads_are_passed_on() -> None:
    class OverLimit(Exception):
        pass

    def loads(text: str) -> Any:
        raise OverLimit

    with pytest.raises(OverLimit):
        Decoder(loads, 10, 1000).take('2["a"]')


def test_the_cost_grows_with_elements_and_attachments() -> None:
    plain = take_all(decoder(), ['2["a"]']).cost
    assert take_all(decoder(), ['2["a",[],[],[]]']).cost >= plain + 3 * 64
    assert take_all(decoder(), [f'51-["a",{PLACEHOLDER}]', bytes(500)]).cost >= plain + 500


def test_deep_data_takes_no_deep_stack() -> None:
    depth = 300
    text = "[" * depth + PLACEHOLDER + "]" * depth
    reader = Decoder(decode_json, 10, 10_000)
    reader.take(f'51-["a",{text}]')
    packet = reader.take(b"\1")
    assert packet is not None
    value = packet.data[1]
    for _ in range(depth):
        [value] = value
    assert value == b"\1"


# Arguments of `encode` without `dumps`; the text, and the attachments.
WRITTEN: dict[str, tuple[int, str, Any, int | None, str, list[bytes]]] = {
    "connect": (CONNECT, "/", None, None, "0", []),
    "connect with data": (CONNECT, "/", {"sid": "x"}, None, '0{"sid":"x"}', []),
    "connect to a namespace": (CONNECT, "/a", None, None, "0/a,", []),
    "connect to a namespace with data": (CONNECT, "/a", {}, None, "0/a,{}", []),
    "disconnect": (DISCONNECT, "/a", None, None, "1/a,", []),
    "event": (EVENT, "/", ["a", 1, True, None, 0.5, "é"], None, '2["a",1,true,null,0.5,"é"]', []),
    "event in a tuple": (EVENT, "/", ("a", (1,)), None, '2["a",[1]]', []),
    "event of a namespace": (EVENT, "/b", ["a"], None, '2/b,["a"]', []),
    "event to acknowledge": (EVENT, "/", ["a"], 0, '20["a"]', []),
    "event of a namespace to acknowledge": (EVENT, "/b", ["a"], 12, '2/b,12["a"]', []),
    "acknowledgement": (ACK, "/", [], 1, "31[]", []),
    "refusal": (CONNECT_ERROR, "/b", {"message": "no"}, None, '4/b,{"message":"no"}', []),
    "refusal with a text": (CONNECT_ERROR, "/", "no", None, '4"no"', []),
    "binary event": (EVENT, "/", ["a", b"\1"], None, f'51-["a",{PLACEHOLDER}]', [b"\1"]),
    "binary event of a namespace to acknowledge": (
        EVENT,
        "/b",
        ("a", bytearray(b"\1")),
        7,
        f'51-/b,7["a",{PLACEHOLDER}]',
        [b"\1"],
    ),
    "binary event at all depths": (
        EVENT,
        "/",
        ["a", {"b": [1, (memoryview(b"\0"),)], "c": {"d": b"\1"}, "e": {"f": []}}],
        None,
        '52-["a",{"b":[1,[{"_placeholder":true,"num":0}]],'
        '"c":{"d":{"_placeholder":true,"num":1}},"e":{"f":[]}}]',
        [b"\0", b"\1"],
    ),
    "the same bytes twice": (
        EVENT,
        "/",
        ["a", b"\1", b"\1"],
        None,
        '52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
        [b"\1", b"\1"],
    ),
    "binary acknowledgement": (ACK, "/", [b""], 1, f"61-1[{PLACEHOLDER}]", [b""]),
    "what looks like a placeholder": (
        EVENT,
        "/",
        ["a", {"_placeholder": True, "num": 0}],
        None,
        f'2["a",{PLACEHOLDER}]',
        [],
    ),
}


@pytest.mark.parametrize(
    ("kind", "namespace", "data", "ack_id", "text", "attachments"), WRITTEN.values(), ids=WRITTEN
)
def test_a_packet_is_written(
    kind: int, namespace: str, data: Any, ack_id: int | None, text: str, attachments: list[bytes]
) -> None:
    written = encode(kind, namespace, data, ack_id, encode_json)
    assert written == (text, attachments)
    assert all(type(attachment) is bytes for attachment in written[1])


def test_writing_changes_nothing_and_copies_only_on_the_way_to_binary_data() -> None:
    quiet = {"a": [1, {"b": 2}]}
    data = ["event", quiet, {"c": [b"\1"]}]
    before = deepcopy(data)
    seen: list[Any] = []

    def dumps(value: Any) -> str:
        seen.append(value)
        return encode_json(value)

    encode(EVENT, "/", data, None, dumps)
    encode(EVENT, "/", ["event", quiet], None, dumps)
    assert data == before
    assert seen[0][1] is quiet
    assert seen[1][1] is quiet


def test_an_attachment_does_not_change_with_the_buffer_that_it_was_made_of() -> None:
    buffer = bytearray(b"before")
    _, [from_buffer, from_view] = encode(
        EVENT, "/", ["a", buffer, memoryview(buffer)], None, encode_json
    )
    buffer[:] = b"after!"
    assert from_buffer == from_view == b"before"


CIRCULAR: list[Any] = ["a"]
CIRCULAR.append(CIRCULAR)


@pytest.mark.parametrize(
    "data", [CIRCULAR, ["a", math.nan], ["a", math.inf]], ids=["itself", "nan", "inf"]
)
def test_data_that_json_cannot_spell_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"deep|JSON compliant"):
        encode(EVENT, "/", data, None, encode_json)


def test_data_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError):
        encode(EVENT, "/", ["a", object()], None, encode_json)
    with pytest.raises(TypeError):
        encode(CONNECT, "/", {"a": b"\1"}, None, encode_json)
