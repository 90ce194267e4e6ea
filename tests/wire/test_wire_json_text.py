"""JSON from clients: what is read, what is refused, and what can be written again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sockio_gevent.wire.json_text import decode_json, encode_json

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
