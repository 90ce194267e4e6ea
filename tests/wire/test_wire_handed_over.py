"""What workers tell each other with a connection, and what is refused of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.handed_over import HandedOver, read_handed_over

texts = st.text(st.characters(max_codepoint=255))


@given(
    texts,
    st.one_of(st.tuples(texts, st.integers(0, 65535)), texts),
    texts,
    st.binary(),
)
def test_all_that_is_told_arrives(session_id, address, place, begun):
    told = HandedOver(session_id, address, place, begun)
    assert read_handed_over(told.encode()) == told


def test_an_address_of_ipv6_arrives():
    told = HandedOver("id", ("::1", 80, 0, 2), "::1:443", b"GET")
    assert read_handed_over(told.encode()) == told


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        [],
        ["id", ["1.1.1.1", 80]],
        ["id", ["1.1.1.1", 80], "place", 1],
        [1, ["1.1.1.1", 80], "place"],
        ["id", None, "place"],
        ["id", ["1.1.1.1"], "place"],
        ["id", ["1.1.1.1", None], "place"],
        ["id", ["1.1.1.1", 80], None],
    ],
    ids=repr,
)
def test_other_values_are_refused(values):
    with pytest.raises(ValueError, match=r"values|address|fact"):
        read_handed_over(json.dumps(values).encode() + b"\nGET / HTTP/1.1")


@pytest.mark.parametrize("data", [b"", b"[]", b"\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_line_of_json_is_refused(data):
    with pytest.raises(ValueError, match=r"JSON|line|Expecting|decode"):
        read_handed_over(data)
