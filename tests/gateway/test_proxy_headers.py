"""Headers of proxies about a client: which of them are used."""

from __future__ import annotations

from typing import Any

import pytest

from sockio_gevent.gateway.proxy_headers import believe


def told(proxies: int, **fields: str) -> tuple[str, str]:
    """The address and the scheme that result from these headers."""
    environ: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"}
    environ.update({f"HTTP_X_FORWARDED_{name.upper()}": text for name, text in fields.items()})
    believe(environ, proxies)
    return environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("proxies", "field", "address"),
    [
        (1, "192.0.2.7", "192.0.2.7"),
        (1, "203.0.113.9, 192.0.2.7", "192.0.2.7"),
        (2, "203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (2, "6.6.6.6,203.0.113.9 ,\t192.0.2.7", "203.0.113.9"),
        # There are fewer proxies than the option says: the first entry is used.
        (3, "203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "192.0.2.7:1001", "192.0.2.7"),
        (1, "[2001:db8::1]:1001", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "", "127.0.0.1"),
        (1, "192.0.2.7,", "127.0.0.1"),
    ],
)
def test_the_address_is_the_one_that_the_outermost_trusted_proxy_has_seen(
    proxies: int, field: str, address: str
) -> None:
    assert told(proxies, **{"for": field})[0] == address


@pytest.mark.parametrize(
    "strange", ["192.0.2.7\x1b[2J", "a\x7f", "a\x9b2J", "a\tb", "\xe9", "a\u2028b"]
)
def test_characters_that_could_control_a_terminal_are_not_in_an_address(strange: str) -> None:
    assert told(1, **{"for": strange})[0] == "127.0.0.1"


def test_a_very_long_address_is_cut() -> None:
    assert told(1, **{"for": "a" * 1000})[0] == "a" * 64


@pytest.mark.parametrize(
    ("proxies", "field", "host"),
    [
        (1, "example.com", "example.com"),
        (1, "example.com:8443", "example.com:8443"),
        (1, "[2001:db8::7]:8443", "[2001:db8::7]:8443"),
        (1, "evil.example, example.com", "example.com"),
        (2, "example.com, inner.example", "example.com"),
        (2, "evil.example,example.com ,\tinner.example", "example.com"),
        (2, "example.com", "example.com"),
        (1, "", "127.0.0.1:8001"),
        (1, "example.com,", "127.0.0.1:8001"),
        (1, "http://example.com", "127.0.0.1:8001"),
        (1, "a@example.com", "127.0.0.1:8001"),
        (1, "a b", "127.0.0.1:8001"),
        (1, "example.com\x1b[2J", "127.0.0.1:8001"),
    ],
)
def test_the_host_is_the_one_that_the_outermost_trusted_proxy_was_asked_for(
    proxies: int, field: str, host: str
) -> None:
    environ: dict[str, Any] = {"HTTP_HOST": "127.0.0.1:8001", "HTTP_X_FORWARDED_HOST": field}
    believe(environ, proxies)
    assert environ["HTTP_HOST"] == host


@pytest.mark.parametrize(
    ("field", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("wss", "https"), ("ws", "http"), ("ftp", "http")],
)
def test_the_scheme_is_always_a_known_one(field: str, scheme: str) -> None:
    assert told(1, proto=field)[1] == scheme
