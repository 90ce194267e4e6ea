"""The rules of ``same_peer``: which value identifies the peer of a request."""

from __future__ import annotations

from typing import Any

import pytest

from sockio_gevent.options.same_peer import are_same, peer_rule


def test_an_address_is_that_of_the_environ() -> None:
    assert peer_rule("address")({"REMOTE_ADDR": "192.0.2.7"}) == "192.0.2.7"


@pytest.mark.parametrize("environ", [{}, {"REMOTE_ADDR": ""}], ids=repr)
def test_an_environ_without_an_address_gives_none(environ: dict[str, Any]) -> None:
    assert peer_rule("address")(environ) is None


@pytest.mark.parametrize(
    ("cookies", "value"),
    [
        ("sid=a", "a"),
        ("x=1; sid=a; y=2", "a"),
        ("x=1;sid=a;y", "a"),
        (" sid = a ", "a"),
        ('sid="a b"', '"a b"'),
        ("sid=a=b", "a=b"),
        ("sid=a; sid=b", "a"),
        # Characters at which some parsers stop do not hide the text after them.
        ("[1]=x; {}; sid=a", "a"),
        ("sid=", None),
        ("sid", None),
        ("SID=a", None),
        ("xsid=a; sidx=b", None),
        ("x=sid=a", None),
        ("", None),
    ],
)
def test_a_cookie_is_compared_as_it_was_sent(cookies: str, value: str | None) -> None:
    assert peer_rule("cookie:sid")({"HTTP_COOKIE": cookies}) == value


def test_an_environ_without_the_cookie_gives_none() -> None:
    assert peer_rule("cookie:sid")({}) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", "ab", False),
        ("é\ud800", "é\ud800", True),
        (b"a", b"a", True),
        (b"a", b"b", False),
        ("a", b"a", False),
        ("1", 1, False),
        (("a", 1), ("a", 1), True),
        (("a", 1), ("a", 2), False),
        (None, "a", False),
    ],
)
def test_values_of_any_kind_are_compared(one: Any, other: Any, same: bool) -> None:
    assert are_same(one, other) is same
