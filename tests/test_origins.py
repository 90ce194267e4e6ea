"""Who may connect."""

from __future__ import annotations

from typing import Any

import pytest

from sockio_gevent.origins import Environ, Origins, origin_of


def asked(origin: str | None = None, url: str = "http://example.com", **more: Any) -> Environ:
    """The environ of a request to a server at this address, sent by a page of this origin."""
    scheme, _, host = url.partition("://")
    environ = {
        "wsgi.url_scheme": scheme,
        "HTTP_HOST": host,
        "SERVER_NAME": "internal.name",
        "SERVER_PORT": "8000",
        **more,
    }
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    return environ


OWN = {
    "the same": ("http://example.com", "http://example.com"),
    "with a port": ("http://example.com:8080", "http://example.com:8080"),
    "its default port said by the page": ("http://example.com:80", "http://example.com"),
    "its default port said by the request": ("http://example.com", "http://example.com:80"),
    "under TLS": ("https://example.com", "https://example.com"),
    "the default port of TLS": ("https://example.com:443", "https://example.com"),
    "in capitals": ("HTTP://Example.COM", "http://example.com"),
    "addressed in capitals": ("http://example.com", "http://EXAMPLE.com"),
    "an IPv4 address": ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    "an IPv6 address": ("http://[::1]:8000", "http://[::1]:8000"),
}
FOREIGN = {
    "another host": ("http://evil.com", "http://example.com"),
    "another port": ("http://example.com:8080", "http://example.com"),
    "no port against one": ("http://example.com", "http://example.com:8080"),
    "another scheme": ("https://example.com", "http://example.com"),
    "plain against TLS": ("http://example.com", "https://example.com"),
    "the other scheme's port": ("http://example.com:443", "https://example.com"),
    "a subdomain": ("http://a.example.com", "http://example.com"),
    "the domain above": ("http://example.com", "http://a.example.com"),
    "a name that begins like it": ("http://example.com.evil.com", "http://example.com"),
    "a name that ends like it": ("http://evilexample.com", "http://example.com"),
    "user and password": ("http://example.com@evil.com", "http://example.com"),
    "two origins": ("http://example.com, http://evil.com", "http://example.com"),
    "two origins, a blank between": ("http://example.com http://evil.com", "http://example.com"),
    "a path": ("http://example.com/", "http://example.com"),
    "a bare host": ("example.com", "http://example.com"),
    "no host": ("http://", "http://example.com"),
    "a file": ("file://", "http://example.com"),
    "opaque": ("null", "http://example.com"),
    "a host of that name": ("null", "http://null"),
    "a line break": ("http://example.com\n", "http://example.com"),
    "an empty port": ("http://example.com:", "http://example.com"),
    "both malformed": ("http://a/b", "http://a/b"),
}


@pytest.mark.parametrize("rule", [None, "self", ["self"]], ids=repr)
@pytest.mark.parametrize(("origin", "url"), OWN.values(), ids=OWN)
def test_the_pages_own_origin_may_connect(rule: Any, origin: str, url: str) -> None:
    assert Origins(rule).allows(asked(origin, url))


@pytest.mark.parametrize("rule", [None, "self"], ids=repr)
@pytest.mark.parametrize(("origin", "url"), FOREIGN.values(), ids=FOREIGN)
def test_by_default_no_other_origin_may_connect(rule: Any, origin: str, url: str) -> None:
    assert not Origins(rule).allows(asked(origin, url))


RULES: list[Any] = [None, "self", "null", "https://a.com", "a.com:*", "*:*", [], {"self"}]


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("origin", [None, ""], ids=["none", "empty"])
def test_a_program_that_sends_no_origin_may_connect(rule: Any, origin: str | None) -> None:
    assert Origins(rule).allows(asked(origin))


def test_without_a_host_header_the_servers_name_is_its_own() -> None:
    environ = asked("http://internal.name:8000")
    del environ["HTTP_HOST"]
    assert Origins().allows(environ)
    environ["HTTP_ORIGIN"] = "http://example.com"
    assert not Origins().allows(environ)


ALLOWED = [
    ("https://a.com", "https://a.com"),
    ("https://a.com", "https://a.com:443"),
    ("https://a.com:443", "https://a.com"),
    ("HTTPS://A.com", "https://a.COM"),
    ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ("a.com:*", "https://a.com"),
    ("a.com:*", "http://a.com:8080"),
    ("A.com:*", "http://a.com"),
    ("a.com:443", "https://a.com"),
    ("a.com:80", "http://a.com"),
    ("*:8080", "http://b.com:8080"),
    ("*:443", "https://b.com"),
    ("[::1]:*", "http://[::1]:8080"),
    ("*:*", "https://anything.at:1"),
    ("*:*", "null"),
    ("null", "null"),
    (["https://a.com", "b.com:*"], "https://a.com"),
    (("https://a.com", "b.com:*"), "http://b.com:1"),
    ({"self", "https://a.com"}, "http://example.com"),
    (["self", "null"], "null"),
]
REFUSED = [
    ("https://a.com", "http://a.com"),
    ("https://a.com", "https://a.com:8443"),
    ("https://a.com", "https://b.a.com"),
    ("https://a.com", "https://a.com.evil.com"),
    ("https://a.com", "http://example.com"),
    ("a.com:*", "http://ba.com"),
    ("a.com:*", "http://a.com.evil.com"),
    ("a.com:*", "http://b.a.com"),
    ("a.com:*", "null"),
    ("a.com:443", "http://a.com"),
    ("*:8080", "http://b.com"),
    ("*:80", "null"),
    ("a.b:*", "http://axb"),
    ("null", "http://example.com"),
    ("null", "file://"),
    ("null", "NULL"),
    (["https://a.com", "b.com:1"], "http://b.com:2"),
    ([], "http://example.com"),
]


@pytest.mark.parametrize(("rule", "origin"), ALLOWED, ids=repr)
def test_an_origin_that_the_rule_names_may_connect(rule: Any, origin: str) -> None:
    assert Origins(rule).allows(asked(origin))


@pytest.mark.parametrize(("rule", "origin"), REFUSED, ids=repr)
def test_an_origin_that_the_rule_does_not_name_may_not(rule: Any, origin: str) -> None:
    assert not Origins(rule).allows(asked(origin))


@pytest.mark.parametrize("origin", [None, "null", "http://example.com", "garbage"])
@pytest.mark.parametrize("answer", [True, False, "", "yes"], ids=repr)
def test_a_function_decides_alone(origin: str | None, answer: Any) -> None:
    seen: list[tuple[str | None, Environ]] = []

    def rule(origin: str | None, environ: Environ) -> Any:
        seen.append((origin, environ))
        return answer

    environ = asked(origin)
    assert Origins(rule).allows(environ) is bool(answer)
    assert seen == [(origin, environ)]


@pytest.mark.parametrize("allowed", ["http://example.com", None], ids=repr)
def test_old_websockets_name_their_origin_elsewhere(allowed: str | None) -> None:
    environ = asked(HTTP_SEC_WEBSOCKET_ORIGIN=allowed or "http://evil.com")
    assert origin_of(environ) == (allowed or "http://evil.com")
    assert Origins().allows(environ) is bool(allowed)


def test_the_origin_header_goes_before_the_old_one() -> None:
    environ = asked("http://evil.com", HTTP_SEC_WEBSOCKET_ORIGIN="http://example.com")
    assert origin_of(environ) == "http://evil.com"


MALFORMED = [
    "",
    "*",
    "example.com",
    "https://",
    "https://example.com/",
    "https://example.com/path",
    "https://*.example.com",
    "https://*",
    "https://example.com?x",
    "https://a@example.com",
    "example.com:http",
    "example.com:123456",
    "*.example.com:*",
    "example.com: *",
    "Self",
    "https://a.com, https://b.com",
]


@pytest.mark.parametrize("text", MALFORMED, ids=repr)
def test_a_text_that_is_no_origin_and_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="option 'origins'"):
        Origins(["https://good.com", text])


@pytest.mark.parametrize("rule", [[1], [None], [b"https://a.com"], 1], ids=repr)
def test_a_rule_of_the_wrong_kind_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError):
        Origins(rule)
