"""NaN and the infinities are found in JSON text and in values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.json_nan import nan_in_text, refuse_nan

NUMBERS = (nan, inf, -inf)
# Strings that look like the words, with the characters that end a string or escape that end.
TEXTS = st.text() | st.lists(st.sampled_from(["NaN", "Infinity", '"', "\\", "a"])).map("".join)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | TEXTS
    | st.floats(allow_nan=False).filter(lambda number: number not in NUMBERS)
)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@dataclass
class Point:
    x: Any
    y: Any = 0


def check_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        refuse_nan(value)


@given(VALUES)
def test_nothing_is_found_where_there_is_none(value: Any) -> None:
    assert not nan_in_text(json.dumps(value))
    assert not nan_in_text(json.dumps(value, ensure_ascii=False))
    refuse_nan(value)


@given(VALUES, st.sampled_from(NUMBERS), VALUES)
def test_each_is_found_wherever_it_stands(before: Any, number: float, after: Any) -> None:
    for value in ([before, number, after], {"a": before, "b": [{"c": number}], "d": after}):
        assert nan_in_text(json.dumps(value))
        check_refused(value)


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_a_number_alone_is_found(number: float) -> None:
    assert nan_in_text(json.dumps(number))
    check_refused(number)


@pytest.mark.parametrize(
    "value",
    [(1, (nan,)), {"a": (inf,)}, Point(1, nan), [Point(Point(inf))], {1: nan}],
    ids=["tuple", "tuple in a dict", "dataclass", "dataclass in a dataclass", "number as name"],
)
def test_it_is_refused_in_values_of_other_types(value: Any) -> None:
    check_refused(value)


@pytest.mark.parametrize(
    "value",
    [Point(1, 2), Point, object(), b"NaN", {1: Point(None)}, {(1, 2): 3}],
    ids=["dataclass", "class", "object", "bytes", "number as name", "tuple as name"],
)
def test_other_values_are_passed_over(value: Any) -> None:
    refuse_nan(value)


def test_a_value_that_is_too_deep_to_check_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="too deep"):
        refuse_nan(value)
    while isinstance(value, list):  # freed bit by bit: C has a stack, too
        value = value[0]
