"""Targets that are a whole URL."""

from __future__ import annotations

import pytest

from sockio_gevent.wire.http_target import split_url


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("http://a/b?c", ("a", "/b?c")),
        ("HTTPS://a.b:8080/%41//c", ("a.b:8080", "/%41//c")),
        ("http://a", ("a", "/")),
        ("http://a?b", ("a", "/?b")),
        ("http://[::1]:80/b?c?d", ("[::1]:80", "/b?c?d")),
        ("http://a/http://b/c", ("a", "/http://b/c")),
    ],
)
def test_a_url_is_split(target: str, parts: tuple[str, str]) -> None:
    assert split_url(target, "GET") == parts


def test_options_of_a_whole_server_have_a_star_for_a_path() -> None:
    assert split_url("http://a", "OPTIONS") == ("a", "*")
    assert split_url("http://a/", "OPTIONS") == ("a", "/")
    assert split_url("http://a?b", "OPTIONS") == ("a", "/?b")


@pytest.mark.parametrize(
    "target", ["/", "/http://a/b", "*", "a:80", "ftp://a/b", "http:/a", "//a/b", "http://a/b#c"]
)
def test_a_target_that_is_not_an_http_url_is_left_as_it_is(target: str) -> None:
    assert split_url(target, "GET") is None


@pytest.mark.parametrize(
    "host", ["", "user@a", "user:word@a", "a:b", "a:1:2", "a\\b", "[::1", "a]", '"a"', "a<b>"]
)
def test_a_malformed_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="the target is a URL whose host is malformed"):
        split_url(f"http://{host}/b", "GET")
