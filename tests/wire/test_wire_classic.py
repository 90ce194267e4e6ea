"""The ``~m~`` framing, example by example (PROTOCOL.md, section 2)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sockio_gevent.wire.classic import (
    TOO_MANY,
    decode,
    encode,
    encode_heartbeat,
    encode_text,
)
from sockio_gevent.wire.json_text import decode_json
from sockio_gevent.wire.packet import Packet
from sockio_gevent.wire.websocket import TEXT, encode_frame

UNALTERED = {
    "empty": "",
    "ascii": "hello",
    "a space around": " hello ",
    "two-byte": "é",
    "three-byte": "日本語",
    "astral": "😀",
    "astral between others": "a😀é😀",
    "zero-width joiner": "👩\u200d👩\u200d👧",
    "last code point": "\U0010ffff",
    "byte order mark": "\ufeffx",
    "noncharacter": "\uffff",
    "frame inside": "~m~1~m~a",
    "marker alone": "~m~",
    "tildes": "~~m~~",
    "like a heartbeat": "~h~x",
    "like JSON": "~j~{",
    "CR": "a\rb",
    "LF": "a\nb",
    "CRLF": "a\r\nb\r\n",
    "NUL": "\0a\0",
    "U+2028": "a\u2028b",
    "U+2029": "a\u2029b",
    "next line": "a\x85b",
    "end of a script": "</script><!--",
    "percent and plus": "100%+1 %41",
}

unaltered = pytest.mark.parametrize("text", UNALTERED.values(), ids=UNALTERED)


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("hello", 5), ("é", 1), ("日本", 2), ("\uffff", 1), ("😀", 2), ("a😀é", 4)],
    ids=["empty", "ascii", "two-byte", "three-byte", "last of the BMP", "astral", "mixed"],
)
def test_a_length_counts_utf16_code_units(text: str, units: int) -> None:
    assert encode_text(text) == b"~m~%d~m~%b" % (units, text.encode())


@unaltered
def test_a_text_arrives_as_it_was_sent(text: str) -> None:
    assert decode(encode_text(text).decode()) == ([text], "")


@unaltered
def test_a_text_arrives_unaltered_between_others(text: str) -> None:
    batch = b"".join(map(encode_text, ["first", text, "😀", text, "last"]))
    assert decode(batch.decode()) == (["first", text, "😀", text, "last"], "")


@unaltered
def test_a_string_of_the_user_comes_back_from_the_wire(text: str) -> None:
    payload = encode(text)
    [spelled], error = decode(payload.decode())
    assert error == ""
    if text.startswith(("~h~", "~j~")):
        assert spelled.startswith("~j~")
        assert decode_json(spelled[3:]) == text
    else:
        assert payload == encode_text(text)


@pytest.mark.parametrize("text", ["~h~1", "~j~1"], ids=["heartbeat", "JSON"])
def test_a_string_that_looks_like_something_else_is_sent_as_json(text: str) -> None:
    assert encode(text) == encode_text(f'~j~"{text}"')


def test_messages_of_a_batch_simply_follow_one_another() -> None:
    assert decode("~m~5~m~hello~m~2~m~hi") == (["hello", "hi"], "")


@pytest.mark.parametrize("text", ["x", "é", "😀"], ids=["ascii", "two-byte", "astral"])
def test_a_batch_of_very_many_messages_is_decoded_whole(text: str) -> None:
    batch = encode_text(text).decode() * 50_000
    assert decode(batch) == ([text] * 50_000, "")


def test_leading_zeros_of_a_length_do_not_change_it() -> None:
    assert decode("~m~002~m~hi") == (["hi"], "")


@pytest.mark.parametrize(("number", "expected"), [(1, b"~m~4~m~~h~1"), (10, b"~m~5~m~~h~10")])
def test_a_heartbeat_is_framed_like_any_text(number: int, expected: bytes) -> None:
    assert encode_heartbeat(number) == expected


JSON_VALUES: dict[str, tuple[Any, str]] = {
    "dict": ({"a": 1}, '~m~10~m~~j~{"a":1}'),
    "empty dict": ({}, "~m~5~m~~j~{}"),
    "list": ([1, "b", None], '~m~15~m~~j~[1,"b",null]'),
    "empty list": ([], "~m~5~m~~j~[]"),
    "int": (-7, "~m~5~m~~j~-7"),
    "float": (0.5, "~m~6~m~~j~0.5"),
    "true": (True, "~m~7~m~~j~true"),
    "false": (False, "~m~8~m~~j~false"),
    "none": (None, "~m~7~m~~j~null"),
    "two-byte text": ({"k": "é"}, '~m~12~m~~j~{"k":"é"}'),
    "astral text": ({"é": "😀"}, '~m~13~m~~j~{"é":"😀"}'),
    "text that must be escaped": (['"\n'], '~m~11~m~~j~["\\"\\n"]'),
    "nested": ({"a": [{"b": True}]}, '~m~21~m~~j~{"a":[{"b":true}]}'),
}


@pytest.mark.parametrize(("value", "payload"), JSON_VALUES.values(), ids=JSON_VALUES)
def test_a_json_value_survives_both_ways(value: Any, payload: str) -> None:
    assert encode(value).decode() == payload
    [text], error = decode(payload)
    assert error == ""
    assert text.startswith("~j~")
    back = decode_json(text[3:])
    assert (back, type(back)) == (value, type(value))


def test_a_tuple_is_sent_as_a_list() -> None:
    assert encode((1, 2)) == encode([1, 2])


CIRCULAR_LIST: list[Any] = []
CIRCULAR_LIST.append(CIRCULAR_LIST)
CIRCULAR_DICT: dict[str, Any] = {}
CIRCULAR_DICT["self"] = [CIRCULAR_DICT]

NO_JSON = {
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "bytes inside": {"a": [b"x"]},
    "object": object(),
    "object inside": [object()],
    "set": {1},
    "complex": 1j,
    "tuple as a key": {(1, 2): 3},
}
NO_JSON_VALUE = {
    "nan": math.nan,
    "infinity": math.inf,
    "negative infinity": -math.inf,
    "nan inside": {"a": [math.nan]},
    "list in itself": CIRCULAR_LIST,
    "dict in itself": CIRCULAR_DICT,
}


@pytest.mark.parametrize("message", NO_JSON.values(), ids=NO_JSON)
def test_a_value_without_a_json_form_is_refused_at_once(message: Any) -> None:
    with pytest.raises(TypeError):
        encode(message)


@pytest.mark.parametrize("message", NO_JSON_VALUE.values(), ids=NO_JSON_VALUE)
def test_a_value_that_json_cannot_spell_is_refused_at_once(message: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|[Cc]ircular"):
        encode(message)


@pytest.mark.parametrize("message", [b"x", bytearray(b"x"), memoryview(b"x")], ids=type)
def test_the_refusal_of_bytes_says_what_to_do(message: Any) -> None:
    with pytest.raises(TypeError, match=rf"{type(message).__name__}.*decode it to str"):
        encode(message)


@pytest.mark.parametrize("message", [[b"x"], {"a": (1, [bytearray(b"x")])}], ids=repr)
def test_the_refusal_of_bytes_inside_says_what_to_do(message: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot send bytes inside .*; decode it to str first"):
        encode(message)


def test_the_refusal_of_another_value_names_its_type() -> None:
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        encode({"name": "event", "args": [object()]})


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\ud83db", "a\ufffdb"),
        ("c\ude00d", "c\ufffdd"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
        ("\ud83d😀", "\ufffd😀"),
    ],
    ids=["high", "low", "high at the end", "pair in reverse", "high and pair", "high and astral"],
)
def test_a_lone_surrogate_is_sent_as_the_replacement_character(text: str, sent: str) -> None:
    assert encode_text(text) == encode_text(sent)


def test_a_pair_of_surrogates_is_sent_as_its_character() -> None:
    assert encode_text("a\ud83d\ude00b") == encode_text("a😀b")


def test_surrogates_inside_json_are_repaired_too() -> None:
    assert encode({"\ud83d\ude00": "\ud83d"}) == encode({"😀": "\ufffd"})


BAD = {
    "no marker": "hello",
    "marker in capitals": "~M~1~m~a",
    "half a marker": "~m",
    "marker alone": "~m~",
    "length missing": "~m~~m~a",
    "second marker missing": "~m~1",
    "second marker misspelt": "~m~1~m_a",
    "letters": "~m~x~m~a",
    "fullwidth digit": "~m~\uff11~m~a",
    "Arabic digit": "~m~\u0661~m~a",
    "superscript digit": "~m~\xb9~m~a",
    "negative": "~m~-1~m~a",
    "plus": "~m~+1~m~a",
    "underscore": "~m~1_0~m~abcdefghij",
    "space before": "~m~ 1~m~a",
    "space after": "~m~1 ~m~a",
    "fraction": "~m~1.0~m~a",
    "hexadecimal": "~m~0x1~m~a",
    "too long": "~m~6~m~hello",
    "too long by a frame": "~m~12~m~a~m~1~m~b",
    "counted in bytes": "~m~2~m~é",
    "cuts a character at the end": "~m~1~m~😀",
    "cuts a character behind others": "~m~2~m~a😀",
    "counts the bytes of an astral character": "~m~4~m~😀",
    "more than any size": "~m~" + "9" * 20 + "~m~a",
    "a thousand digits": "~m~" + "9" * 1_000 + "~m~a",
    "more digits than int() takes": "~m~" + "9" * 100_000 + "~m~a",
    "endless digits": "~m~" + "1" * 100_000,
}
BEFORE: dict[str, list[str]] = {"alone": [], "after ascii": ["a", "bc"], "after astral": ["😀", ""]}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_decoding_stops_after_the_last_good_message(bad: str, before: list[str]) -> None:
    messages, error = decode(b"".join(map(encode_text, before)).decode() + bad)
    assert messages == before
    assert error


def test_messages_after_bad_input_are_dropped() -> None:
    messages, error = decode("~m~1~m~a?~m~1~m~b")
    assert messages == ["a"]
    assert error


def test_an_empty_payload_is_an_error() -> None:
    messages, error = decode("")
    assert messages == []
    assert error


def test_a_packet_makes_its_websocket_frame_once() -> None:
    packet = Packet(encode("hé😀"))
    frame = packet.websocket_frame
    assert frame == encode_frame(TEXT, packet.payload)
    assert packet.websocket_frame is frame


@pytest.mark.parametrize("text", ["a", "é", "😀"], ids=ascii)
def test_a_payload_may_have_only_so_many_messages(text: str) -> None:
    payload = encode_text(text).decode()
    assert decode(payload * 3, 3) == ([text] * 3, "")
    messages, error = decode(payload * 4, 3)
    assert messages == [text] * 3
    assert error is TOO_MANY
    # A mistake that comes before the limit is reported as itself.
    assert decode(payload * 2 + "?", 3)[1] is not TOO_MANY
