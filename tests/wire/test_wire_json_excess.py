"""The elements and the depth of JSON are counted before it is decoded, and never too low."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.json_text import TOO_DEEP, json_excess

TEXTS = st.text(st.sampled_from('"\\\\[]{},:ab\n\u2028😀'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def elements(value: Any) -> int:
    """The number of values and names."""
    if isinstance(value, list):
        return 1 + sum(map(elements, value))
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(elements, value.values()))
    return 1


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.booleans())
def test_too_many_elements_are_found(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    count = elements(value)
    for most in range(1, count):
        assert json_excess(text, most, None)


@given(VALUES, st.booleans())
def test_exactly_as_many_elements_as_allowed_are_accepted(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json_excess(text, elements(value), None) == ""


@given(VALUES, st.booleans(), st.booleans())
def test_the_depth_is_exact(value: Any, ascii_only: bool, indented: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1 if indented else None)
    deepest = depth(value)
    assert json_excess(text, None, max(deepest, 1)) == ""
    if deepest > 1:
        assert json_excess(text, None, deepest - 1) is TOO_DEEP


@given(VALUES)
def test_each_limit_is_checked_whatever_the_other_one(value: Any) -> None:
    text = json.dumps(value)
    if depth(value) > 1:
        assert json_excess(text, 1000, depth(value) - 1) is TOO_DEEP
    if elements(value) > 1:
        assert json_excess(text, elements(value) - 1, 100)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"\\',
        '[["',
        "]]]]",
        "]][[",
        "{]",
        '"]"]"]"',
        "\\[",
        '\\"[',
        "",
        "[[[[",
        '["\\\\\\"[["]',
    ],
)
def test_text_that_is_not_json_raises_nothing(text: str) -> None:
    json_excess(text, 2, 1)
    json_excess(text, None, 1)
    json_excess(text, 2, None)
