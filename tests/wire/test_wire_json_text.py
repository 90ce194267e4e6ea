"""JSON from clients: what is read, what is refused, and what can be written again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sockio_gevent.wire.json_text import decode_json, encode_json, encode_json_utf8

BROKEN_JSON = {
    "nothing": "",
    "unfinished": '{"a":',
    "single quotes": "{'a':1}",
    "trailing comma": "[1,]",
    "leading zero": "01",
    "two values": "1 2",
    "nan": "NaN",
    "nan inside": '{"a":[NaN]}',
    "too large a float": "1e999",
    "too large a float inside": "[-1.5E+400]",
    "infinity": "Infinity",
    "negative infinity": "-Infinity",
    "raw line break in a string": '"a\nb"',
    "too many digits": "1" * 10_000,
    "nested too deep": "[" * 200_000,
    "quotes without end": "[" * 501 + '\\"' * 500_000,
}

# What stands in long texts beside a string: other code reads and writes them.
LONG = "x" * 2000
STRANGE_JSON = [
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1" * 300,
    "[" + "9" * 30 + "]",
    '{"a":{"b":[100000000000000000000]}}',
    "1e19",
    "1e300",
    "1E5",
    "0.1",
    "-0",
    "-0.0",
    "1e-400",
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\ud800"',
    '"\\u0000\\"\\\\"',
    '{"a":1,"a":2}',
    " [ 1 , null , true ] ",
    '"null"',
]


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"":', "}")])
def test_the_deepest_json_that_is_read_can_be_written_from_a_deeper_stack(
    begin: str, end: str
) -> None:
    def read(depth: int) -> Any:
        return decode_json(begin * depth + "[]" + end * depth)

    readable, too_deep = 400, 100_000
    read(readable)
    while too_deep - readable > 1:
        depth = (readable + too_deep) // 2
        try:
            read(depth)
        except ValueError:
            too_deep = depth
        else:
            readable = depth
    value = read(readable)
    assert after_calls(150, lambda: encode_json(value)) == encode_json(value)


def after_calls(count: int, function: Callable[[], str]) -> str:
    return after_calls(count - 1, function) if count else function()


@pytest.mark.parametrize("text", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_broken_json_raises_nothing_but_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode_json(text)


@pytest.mark.parametrize("text", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_broken_json_beside_a_long_string_raises_nothing_but_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode_json(f'["{LONG}",{text}]')


@pytest.mark.parametrize("text", STRANGE_JSON, ids=ascii)
def test_json_beside_a_long_string_is_read_like_short_json(text: str) -> None:
    [string, value] = decode_json(f'["{LONG}",{text}]')
    assert string == LONG
    # Not only equal: an integer stays one, however large it is.
    assert repr(value) == repr(decode_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize("string", ["", LONG], ids=["alone", "beside a long string"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        [None],
        {"a": None},
        "null",
        ["null", 1.5],
        2**70,
        {"a": [True, None]},
        "\xe9\u20ac\U0001f600",
    ],
    ids=ascii,
)
def test_what_is_written_means_the_same(value: Any, string: str) -> None:
    text = encode_json([string, value])
    assert json.loads(text) == [string, value]
    assert encode_json_utf8([string, value]) == text.encode()


@pytest.mark.parametrize("string", ["", LONG], ids=["alone", "beside a long string"])
@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": [-float("inf")]}], ids=ascii)
def test_no_number_that_json_cannot_have_is_written(value: Any, string: str) -> None:
    for encode in (encode_json, encode_json_utf8):
        with pytest.raises(ValueError, match="JSON compliant"):
            encode([string, value])


@pytest.mark.parametrize("string", ["", LONG], ids=["alone", "beside a long string"])
def test_lone_surrogates_have_no_utf8(string: str) -> None:
    assert encode_json_utf8([string, "a\ud800b"]) == f'["{string}","a\ufffdb"]'.encode()
    assert encode_json([string, "a\ud800b"]) == f'["{string}","a\ud800b"]'
