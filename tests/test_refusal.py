"""The refusals that an application may raise."""

from __future__ import annotations

from typing import Any

import pytest

import sockio_gevent as io
from sockio_gevent.refusal import Reason


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("401 Unauthorized", "401 Unauthorized"),
        ("420 Enhance Your Calm", "420 Enhance Your Calm"),
        (401, "401 Unauthorized"),
        (503, "503 Service Unavailable"),
    ],
)
def test_a_status_is_a_line_or_a_number(status: Any, line: str) -> None:
    assert io.Refusal(status, "no").status == line


@pytest.mark.parametrize(
    "status",
    [200, "200 OK", 302, "302 Found", 499, 600, "403", "403 ", "x403 No", "403 No\r\nA: b", None],
)
def test_a_status_that_is_not_an_error_is_refused(status: Any) -> None:
    with pytest.raises(ValueError, match="is no status of an error like 403 or '403 Forbidden'"):
        io.Refusal(status, "no")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("log in first", "log in first"),
        ("one\r\ntwo\n", "one two "),
        ("\x1b[31mred", " [31mred"),
        ("a\u2028b\x85c", "a b c"),
        ("\ud800", " "),
        ("é😀", "é😀"),
    ],
)
def test_a_text_is_one_line_that_can_be_sent(text: str, line: str) -> None:
    refusal = io.Refusal(403, text)
    assert refusal.text == refusal.log_text == line
    assert refusal.text.encode()


def test_a_text_is_a_string() -> None:
    with pytest.raises(TypeError, match="the text of a refusal is a str, not b'no'"):
        io.Refusal(403, b"no")  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["A: b", ("A", 1), (b"A", b"b"), ("A",), ("A", "b", "c"), None])
def test_a_header_is_a_pair_of_strings(header: Any) -> None:
    with pytest.raises(TypeError, match=r"a header of a refusal is a pair of str, .*, not "):
        io.Refusal(403, "no", header)


def test_a_header_may_be_a_list_of_two() -> None:
    header: Any = ["Retry-After", "1"]
    assert io.Refusal(503, "later", header).headers == (("Retry-After", "1"),)


@pytest.mark.parametrize("text", [5, None, b"no", ValueError("no"), {"code": 1}], ids=repr)
def test_the_text_of_a_refusal_by_middleware_is_a_string(text: Any) -> None:
    with pytest.raises(TypeError, match="the text of a refusal is a str for the client, not "):
        io.Refused(text)
    assert io.Refused("no", text).data is text


@pytest.mark.parametrize("header", [("A b", "c"), ("A:", "c"), ("", "c"), ("A", "b\r\nC: d")])
def test_a_header_that_cannot_be_sent_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no header"):
        io.Refusal(403, "no", header)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Content-Type", "Date"])
def test_a_header_that_says_where_the_answer_ends_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not one that a refusal may have"):
        io.Refusal(403, "no", (name, "0"))


def test_a_status_has_ascii_digits() -> None:
    with pytest.raises(ValueError, match="is no status"):
        io.Refusal("4\u0660\u0663 no", "no")


def test_a_refusal_as_text_has_its_status_and_its_text() -> None:
    refusal = io.Refusal(401, "log in first", ("WWW-Authenticate", "Basic"))
    assert str(refusal) == "401 Unauthorized: log in first"
    assert refusal.headers == (("WWW-Authenticate", "Basic"),)


def test_the_reason_follows_from_the_status_until_it_is_set() -> None:
    assert io.Refusal(503, "later").reason is Reason.UNAVAILABLE
    refusal = io.Refusal(404, "not here")
    assert refusal.reason is Reason.REQUEST
    assert refusal.counted_as(Reason.PEER, "somebody else") is refusal
    assert (refusal.reason, refusal.log_text, refusal.text) == (
        Reason.PEER,
        "somebody else",
        "not here",
    )
