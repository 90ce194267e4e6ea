"""How the doctor prints what it has found."""

from __future__ import annotations

import json

import pytest

from sockio_gevent.command.doctor import advice
from sockio_gevent.command.doctor.balancers import sticky_cookies
from sockio_gevent.command.doctor.findings import as_json, as_text, bad, good, is_good, skipped
from sockio_gevent.command.doctor.http import Answer, Place


def test_a_finding_is_one_line_or_has_its_remedy_below() -> None:
    assert as_text(good("a stream", "it came"), colored=False) == (
        "ok  a stream                  it came\n"
    )
    lines = as_text(bad("a stream", "nothing came", "Do it:", "gzip off;"), colored=False)
    assert lines.splitlines() == [
        "BAD a stream                  nothing came",
        " " * 30 + "Do it:",
        " " * 34 + "gzip off;",
    ]


def test_colors_are_for_terminals() -> None:
    assert "\x1b[31mBAD" in as_text(bad("a stream", "no"), colored=True)
    assert "\x1b" not in as_text(bad("a stream", "no"), colored=False)


def test_what_a_server_says_cannot_control_the_terminal() -> None:
    text = as_text(bad("a stream", "it said \x1b[2J\u202e"), colored=False)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("remedy", [advice.ORIGIN, advice.SEVERAL, advice.PATH])
def test_no_line_is_wider_than_a_terminal(remedy: advice.Advice) -> None:
    text = as_text(bad("a stream", "nothing came " * 20, *remedy), colored=False)
    assert max(map(len, text.splitlines())) <= 100


def test_only_what_has_to_be_done_is_bad() -> None:
    assert is_good([good("a", "b"), skipped("c", "d")])
    assert not is_good([good("a", "b"), bad("c", "d")])
    report = json.loads(as_json("http://a/", [bad("c", "d", "e", "f")]))
    assert report["findings"] == [
        {"name": "c", "state": "bad", "text": "d", "remedy": "e", "lines": ["f"]}
    ]


@pytest.mark.parametrize(
    ("url", "place", "origin"),
    [
        ("http://a.org", Place(False, "a.org", 80, ""), "http://a.org"),
        ("https://a.org/", Place(True, "a.org", 443, ""), "https://a.org"),
        ("http://a.org:81/live/", Place(False, "a.org", 81, "/live"), "http://a.org:81"),
        ("https://[::1]:8443/a/b", Place(True, "::1", 8443, "/a/b"), "https://[::1]:8443"),
    ],
)
def test_an_address_says_where_the_server_is(url: str, place: Place, origin: str) -> None:
    assert Place.parse(url) == place
    assert place.origin == origin


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["AWSALB=x; Path=/", "AWSALBCORS=x; Path=/; SameSite=None"], {"AWSALB", "AWSALBCORS"}),
        (["BIGipServerchat_pool=1677.20480.0000"], {"BIGipServerchat_pool"}),
        (["INGRESSCOOKIE=1|2; HttpOnly"], {"INGRESSCOOKIE"}),
        (["nginx-session-affinity=x"], {"nginx-session-affinity"}),
        (["session=AWSALB=1", "theme=dark; Path=/route=1"], set()),
        ([], set()),
    ],
)
def test_cookies_of_balancers_are_told_from_others(lines: list[str], names: set[str]) -> None:
    headers = {"set-cookie": "\n".join(lines)}
    assert sticky_cookies(Answer(200, headers, "", 0)) == names
