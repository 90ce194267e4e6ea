"""Session ids in addresses, whole and shortened."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockio_gevent.dialects import classic_addresses
from sockio_gevent.options.listener_options import KNOWN_TRANSPORTS
from sockio_gevent.wire.redact import printable, session_id_pattern, shorten_ids

PATTERN = session_id_pattern(["socket.io", "app/chat"])
ID = "0123456789abcdef0123456789abcdef01234567"


def shown(text: str) -> str:
    return shorten_ids(PATTERN, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"/socket.io/websocket/{ID}", "/socket.io/websocket/01234567..."),
        (f"/app/chat/htmlfile/{ID}/1?a=b", "/app/chat/htmlfile/01234567.../1?a=b"),
        (f"/socket.io/htmlfile/{ID}?a=b", "/socket.io/htmlfile/01234567...?a=b"),
        (f"/socket.io/htmlfile/{ID}%2F1", "/socket.io/htmlfile/01234567...%2F1"),
        (f"/socket%2eio/htmlfile/%30{ID[1:]}", "/socket%2eio/htmlfile/%301234567..."),
        (f"GET /socket.io/htmlfile/{ID} HTTP/1.1", "GET /socket.io/htmlfile/01234567... HTTP/1.1"),
        (repr(f"/socket.io/htmlfile/{ID}\r\n"), r"'/socket.io/htmlfile/01234567...\r\n'"),
        ("/socket.io/htmlfile/01234567", "/socket.io/htmlfile/01234567"),
        ("/socket.io/htmlfile//1290000000000/1", "/socket.io/htmlfile//1290000000000/1"),
        (f"/page/{ID}/socket.io/x", f"/page/{ID}/socket.io/x"),
        (f"/chat/htmlfile/{ID}", f"/chat/htmlfile/{ID}"),
    ],
)
def test_eight_characters_are_left(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(
    some.sampled_from(["", "http://example.com", "/app", "/"]),
    some.sampled_from(KNOWN_TRANSPORTS),
    some.text("0123456789abcdef", min_size=40, max_size=40),
    some.sampled_from(["", "/", "/1", "?a", "/send?b"]),
    some.sets(some.integers(0, 120)),
    some.booleans(),
)
def test_no_spelling_of_an_address_shows_more(
    before: str, transport: str, session_id: str, tail: str, escaped: set[int], upper: bool
) -> None:
    place = f"/socket.io/{transport}/{session_id}"
    spelled = "".join(
        (f"%{ord(x):02X}" if upper else f"%{ord(x):02x}") if i in escaped else x
        for i, x in enumerate(place)
    )
    route = classic_addresses.match("socket.io", unquote(spelled + tail.partition("?")[0]))
    assert route is not None
    assert route.session_id == session_id
    read = unquote(shown(f"GET {before}{spelled}{tail} HTTP/1.1"))
    assert read == f"GET {before}/socket.io/{transport}/{session_id[:8]}...{tail} HTTP/1.1"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("/socket.io/a" * 20_000, "/socket.io/a/socket.i.../a" * 10_000),
        ("/socket.io/" + "%61" * 60_000, "/socket.io/" + "%61" * 60_000),
        ("/socket.io/a/" + "%" * 100_000, "/socket.io/a/%%%%%%%%..."),
    ],
    ids=["places", "escapes", "signs"],
)
def test_long_lines_are_matched_in_linear_time(text: str, short: str) -> None:
    """A pattern that tries many ways would take too long."""
    assert shown(text) == short


@given(some.text())
def test_printable_text_cannot_control_a_terminal_or_break_a_line(text: str) -> None:
    made = printable(text)
    controls = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"}
    assert controls.isdisjoint(made)
    assert len(made.splitlines()) <= 1
    if controls.isdisjoint(text):
        assert made == text


def test_control_characters_can_be_read_again() -> None:
    assert printable("a\x1b[2J\x00\r\n\x85\u2028é\xa0") == (
        "a\\x1b[2J\\x00\\x0d\\x0a\\x85\\u2028é\xa0"
    )


MISSPELLED = [
    "/socket.io//xhr-polling//{}/1",
    "/socket.io/./xhr-polling/{}/1",
    "/SOCKET.IO/xhr-polling/{}",
    "//socket.io/xhr-polling///{}/send",
    "/Socket%2EIO/x/../y/{}",
]


@pytest.mark.parametrize("address", MISSPELLED)
def test_ids_in_similar_addresses_are_shortened_too(address: str) -> None:
    secret = "0123456789abcdef" * 2 + "01234567"
    pattern = session_id_pattern(["socket.io"])
    assert shorten_ids(pattern, address.format(secret)) == address.format("01234567...")


def test_a_text_elsewhere_that_looks_like_an_id_is_kept() -> None:
    address = "/commit/" + "0123456789abcdef" * 2 + "01234567"
    assert shorten_ids(session_id_pattern(["socket.io"]), address) == address
