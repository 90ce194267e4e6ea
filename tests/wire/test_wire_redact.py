"""Session ids in addresses, whole and shortened."""

from __future__ import annotations

from time import process_time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockio_gevent.dialects import classic_addresses, engineio_addresses
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.wire.redact import ids_in_paths, ids_in_queries, printable
from sockio_gevent.wire.redact import shown as shown_by

RESOURCES = ["socket.io", "app/chat"]
ALL = [ids_in_paths(each) for each in RESOURCES]
ALL += [ids_in_queries(each, "sid") for each in RESOURCES]
ID = "0123456789abcdef0123456789abcdef01234567"


def shown(text: str) -> str:
    return shown_by(ALL, text)


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
    assert shown(address.format(ID)) == address.format("01234567...")


def test_a_text_elsewhere_that_looks_like_an_id_is_kept() -> None:
    for address in (f"/commit/{ID}", f"/page?id={ID}", f"/page?sid={ID[:30]}", f"sid={ID}"):
        assert shown(address) == address


# Ids in queries.


@pytest.mark.parametrize(
    "text",
    [
        "/socket.io/?EIO=4&transport=polling&sid={}",
        "/socket.io?sid={}&EIO=4",
        "GET /app/chat/?EIO=3&transport=websocket&sid={}&t=Oabc HTTP/1.1",
        "/%73ocket%2Eio/?EIO=4&sid={}",
        "%2Fsocket.io%2f?sid={}",
        "http://ann@example.com:80/app/socket.io/?sid={}#top",
        "//socket.io/?EIO=4&&&sid={}&",
        "/socket.io/?a='\"\\&sid={}",
        "/socket.io/?a=\xa0&sid={}",
        "/socket.io/?a=?&sid={}&sid={}",
        "'/socket.io/?EIO=4&sid={}\\r\\n'",
        '"GET /socket.io/?sid={} HTTP/1.1" 200 "http://a/socket.io/?x&sid={}" ',
    ],
)
@pytest.mark.parametrize(
    "session_id", [ID, ID.upper(), "zhTUm2uZ0hj_AAAA", "%30" * 40, "x" * 5000], ids=len
)
def test_the_field_of_a_query_is_cut(text: str, session_id: str) -> None:
    cut = text.replace("{}", f"{session_id[:8]}...")
    assert shown(text.replace("{}", session_id)) == cut


@pytest.mark.parametrize(
    "text",
    [
        "/SOCKET.IO/?EIO=4&sid={}",
        "/socket.io//?sid={}",
        "/elsewhere/?EIO=4&transport=polling&sid={}",
        "/page?from=%2Fsocket.io%2F%3FEIO%3D4%26sid%3D{}%26t%3D1",
        "?EIO=4&sid={}",
    ],
)
def test_an_id_in_the_query_of_a_similar_address_is_cut(text: str) -> None:
    assert shown(text.format(ID)) == text.format("01234567...")


@pytest.mark.parametrize(
    "text",
    ["/socket.io/?EIO=4&sid=01234567", "/socket.io/?asid=0123456789", "/page?sid=0123456789&a"],
)
def test_what_is_no_id_in_a_query_stays(text: str) -> None:
    assert shown(text) == text


@given(
    some.text("0123456789abcdef", min_size=40, max_size=40),
    some.lists(
        some.text(some.characters(max_codepoint=0xFF, exclude_characters="& \r\n\0"), max_size=12)
    ),
    some.integers(0, 9),
    some.sets(some.integers(0, 10)),
)
def test_no_query_that_is_read_shows_more(
    session_id: str, fields: list[str], place: int, escaped: set[int]
) -> None:
    """Whatever an address has besides its id: if that is found, it is cut."""
    path = "/socket.io/"
    spelled = "".join(f"%{ord(x):02x}" if i in escaped else x for i, x in enumerate(path))
    fields.insert(place, f"sid={session_id}")
    query = "&".join(["EIO=4", "transport=polling", *fields])
    route = engineio_addresses.match("socket.io", 4, path, query)
    assert route is not None
    line = shown(f"GET {spelled}?{query} HTTP/1.1")
    if route.session_id == session_id:
        assert session_id[:9] not in line.replace(f"{session_id[:8]}...", "")


@pytest.mark.parametrize(
    "part",
    [
        "/socket.io/?",
        "/socket.io/?sid=",
        "?sid=",
        "&sid=012345678",
        "%26sid%3D01234567",
        "/socket.io/a?",
        "%2fsocket.io%2f",
        "/socket.io",
        "%",
        "?",
    ],
)
def test_hostile_addresses_take_no_time(part: str) -> None:
    """So long that a pattern which tries many ways would take minutes."""
    text = part * (1_000_000 // len(part))
    began = process_time()
    shown(text)
    assert process_time() - began < 20
