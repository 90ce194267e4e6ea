"""How much there is in JSON is found out before it is decoded, and never too little."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.classic import TOO_DEEP, json_excess

TEXTS = st.text(st.sampled_from('"\\\\[]{},:ab\n\u2028😀'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def elements(value: Any) -> int:
    """How many values and names there are."""
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
def test_what_has_too_many_elements_is_found(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    count = elements(value)
    for most in range(1, count):
        assert json_excess(text, most, None)


@given(VALUES, st.booleans())
def test_what_has_as_many_elements_as_it_may_have_is_let_pass(value: Any, ascii_only: bool) -> None:
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
def test_both_are_found_whichever_other_bound_there_is(value: Any) -> None:
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
def test_what_is_no_json_is_looked_at_without_a_failure(text: str) -> None:
    json_excess(text, 2, 1)
    json_excess(text, None, 1)
    json_excess(text, 2, None)
