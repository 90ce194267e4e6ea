"""The option ``hosts``: the names by which clients may address the server."""

from __future__ import annotations

from typing import Any

import pytest
from support.labels import label

from sockio_gevent.options.hosts import Hosts

OURS: list[tuple[Any, str]] = [
    ("example.com", "example.com"),
    ("example.com", "example.com:8080"),
    ("example.com", "EXAMPLE.com"),
    ("Example.Com", "example.com"),
    ("example.com", "example.com."),
    ("example.com.", "example.com"),
    ("example.com:8080", "example.com:8080"),
    ("example.com:80", "example.com"),
    ("*.example.com", "www.example.com"),
    ("*.example.com", "a.b.example.com:81"),
    ("*.example.com:81", "a.example.com:81"),
    ("192.0.2.7", "192.0.2.7:8080"),
    ("[2001:db8::7]", "[2001:DB8::7]:8080"),
    ("[2001:db8::7]:81", "[2001:db8::7]:81"),
    (["example.com", "*.example.org"], "x.example.org"),
    ({"localhost", "127.0.0.1"}, "localhost:8080"),
]
NOT_OURS: list[tuple[Any, str]] = [
    ("example.com", "evil.example"),
    ("example.com", "www.example.com"),
    ("example.com", "example.com.evil.example"),
    ("example.com", "evilexample.com"),
    ("example.com", "example.com.."),
    ("example.com:8080", "example.com"),
    ("example.com:8080", "example.com:80"),
    ("example.com:443", "example.com"),
    ("*.example.com", "example.com"),
    ("*.example.com", "evilexample.com"),
    ("*.example.com", ".example.com.evil.example"),
    ("*.example.com:81", "a.example.com"),
    ("a.b", "axb"),
    ("192.0.2.7", "192.0.2.70"),
    ("example.com", "example.com@evil.example"),
    ("example.com", "evil.example, example.com"),
    ("example.com", "example.com\nx"),
    ("example.com", "example.com:"),
    ("example.com", "example.com:80:80"),
    ("example.com", ""),
    ("example.com", "\xe9xample.com"),
    (["a.com", "b.com:1"], "b.com:2"),
]


def asked(host: str, scheme: str = "http") -> dict[str, Any]:
    return {"wsgi.url_scheme": scheme, "HTTP_HOST": host}


@pytest.mark.parametrize(("rule", "host"), OURS, ids=label)
def test_a_host_that_the_rule_names_is_accepted(rule: Any, host: str) -> None:
    assert Hosts(rule).include(asked(host))


@pytest.mark.parametrize(("rule", "host"), NOT_OURS, ids=label)
def test_a_host_that_the_rule_does_not_name_is_refused(rule: Any, host: str) -> None:
    assert not Hosts(rule).include(asked(host))


def test_a_host_without_a_port_has_the_default_port_of_the_scheme() -> None:
    assert Hosts("example.com:443").include(asked("example.com", "https"))
    assert not Hosts("example.com:80").include(asked("example.com", "https"))


def test_a_request_without_a_host_is_refused() -> None:
    environ = asked("")
    del environ["HTTP_HOST"]
    environ |= {"SERVER_NAME": "example.com", "SERVER_PORT": "80"}
    assert not Hosts("example.com").include(environ)


MALFORMED = [
    "",
    "*",
    "*.",
    "*.*.com",
    "a*.com",
    "https://a.com",
    "a.com/",
    "a.com:*",
    "a.com:x",
    ".",
]


@pytest.mark.parametrize("text", MALFORMED, ids=label)
def test_a_text_that_is_not_a_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="option 'hosts'"):
        Hosts(["good.com", text])


@pytest.mark.parametrize("rule", [[1], [None], [b"a.com"]], ids=label)
def test_a_rule_of_the_wrong_kind_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError, match="option 'hosts'"):
        Hosts(rule)
