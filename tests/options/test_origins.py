"""The option ``origins``: which pages may connect."""

from __future__ import annotations

from typing import Any

import pytest
from support.labels import label

from sockio_gevent.options.origins import Environ, Origins, origin_of


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


# A page that asks for a script shows where it is, or hides it.
SCRIPTS: dict[str, tuple[Environ, str]] = {
    "nothing is told": ({}, "null"),
    "a page of no origin": ({"HTTP_REFERER": "about:blank"}, "null"),
    "an empty Referer": ({"HTTP_REFERER": ""}, "null"),
    "the user": ({"HTTP_SEC_FETCH_SITE": "none"}, "null"),
    "a foreign page that hides itself": ({"HTTP_SEC_FETCH_SITE": "cross-site"}, "null"),
    "a foreign page": ({"HTTP_REFERER": "http://evil.com/page"}, "http://evil.com"),
    "its own page": ({"HTTP_REFERER": "http://example.com/page"}, "http://example.com"),
    "its own page that hides itself": (
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        "http://example.com",
    ),
}


@pytest.mark.parametrize(("headers", "origin"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_request_without_an_origin_has_the_origin_null(
    headers: Environ, origin: str
) -> None:
    environ = asked(**headers)
    assert origin_of(environ, scripted=True) == origin
    assert Origins().allows(environ, scripted=True) is (origin == "http://example.com")
    assert Origins("null").allows(environ, scripted=True) is (origin == "null")
    assert Origins("*:*").allows(environ, scripted=True)
    told: list[str | None] = []
    Origins(lambda origin, environ: bool(told.append(origin))).allows(environ, scripted=True)
    assert told == [origin]


@pytest.mark.parametrize("host", ["example.com", "example.com:8443"])
def test_behind_a_proxy_that_ends_tls_a_page_s_own_scheme_counts(host: str) -> None:
    environ = sent("same-origin", f"https://{host}/page", f"http://{host}")
    assert origin_of(environ) == f"https://{host}"
    assert Origins(f"https://{host}").allows(environ)
    # The same rule as for requests that have an Origin.
    assert not Origins().allows(environ)
    assert not Origins().allows(asked(f"https://{host}", f"http://{host}"))


def test_a_function_is_called_by_the_caller_s_own_means() -> None:
    def rule(origin: str | None, environ: Environ) -> bool:
        raise AssertionError

    asked_for: list[object] = []

    def ask(*arguments: object) -> str:
        asked_for.append(arguments)
        return "yes"

    environ = asked("http://evil.com")
    assert Origins(rule).allows(environ, ask=ask) is True
    assert asked_for == [(rule, "http://evil.com", environ)]


def test_without_a_host_header_the_servers_name_counts() -> None:
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
    ("file://", "file://"),
    ("FILE://", "file://"),
    (["self", "file://", "null"], "file://"),
    ("app://", "app://"),
    ("*:*", "file://"),
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
    ("file://", "null"),
    ("file://", "app://"),
    ("file://", "http://"),
    ("file://", "file:///etc/passwd"),
    ("self", "file://"),
    ("a.com:*", "file://"),
    ("*:80", "file://"),
    (["https://a.com", "b.com:1"], "http://b.com:2"),
    ([], "http://example.com"),
]


@pytest.mark.parametrize(("rule", "origin"), ALLOWED, ids=label)
def test_an_origin_that_the_rule_names_may_connect(rule: Any, origin: str) -> None:
    assert Origins(rule).allows(asked(origin))


@pytest.mark.parametrize(("rule", "origin"), REFUSED, ids=label)
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
def test_old_websockets_name_their_origin_in_another_header(allowed: str | None) -> None:
    environ = asked(HTTP_SEC_WEBSOCKET_ORIGIN=allowed or "http://evil.com")
    assert origin_of(environ) == (allowed or "http://evil.com")
    assert Origins().allows(environ) is bool(allowed)


def test_the_origin_header_goes_before_the_old_one() -> None:
    environ = asked("http://evil.com", HTTP_SEC_WEBSOCKET_ORIGIN="http://example.com")
    assert origin_of(environ) == "http://evil.com"


OTHER = "http://other.com/page?a=http://example.com#b"
OWN_PAGE = "http://example.com/page"
# Sec-Fetch-Site and Referer of a request without an Origin, and where it comes from.
SENT_FROM: dict[str, tuple[str | None, str | None, str | None]] = {
    "neither": (None, None, None),
    "the own page": ("same-origin", OWN_PAGE, "http://example.com"),
    "the own page without a Referer": ("same-origin", None, "http://example.com"),
    "the own page behind a redirect": ("same-origin", OTHER, "http://example.com"),
    "the user": ("none", None, None),
    "the user, from a link": ("none", OTHER, None),
    "a foreign page": ("cross-site", OTHER, "http://other.com"),
    "a foreign page without a Referer": ("cross-site", None, "null"),
    "a sister": ("same-site", "http://a.example.com/", "http://a.example.com"),
    "a sister without a Referer": ("same-site", None, "null"),
    "a foreign page, no metadata": (None, OTHER, "http://other.com"),
    "the own page, no metadata": (None, OWN_PAGE, "http://example.com"),
    "a port": (None, "https://other.com:8443/", "https://other.com:8443"),
    "no path": (None, "http://other.com", "http://other.com"),
    "no path but a query": (None, "http://other.com?http://example.com/", "http://other.com"),
    "the host as the user": (None, "http://example.com@other.com/", "http://example.com@other.com"),
    "an empty Referer": (None, "", None),
    "an empty Referer of a foreign page": ("cross-site", "", "null"),
    "a page of no origin": (None, "about:blank", None),
    "a foreign page of no origin": ("cross-site", "about:blank", "null"),
    "no host": ("cross-site", "http:///", "null"),
}


def sent(site: str | None, referer: str | None, url: str = "http://example.com") -> Environ:
    headers = {"HTTP_SEC_FETCH_SITE": site, "HTTP_REFERER": referer}
    given = {name: value for name, value in headers.items() if value is not None}
    return asked(url=url, **given)


@pytest.mark.parametrize(("site", "referer", "origin"), SENT_FROM.values(), ids=SENT_FROM)
def test_without_an_origin_header_referer_and_site_count(
    site: str | None, referer: str | None, origin: str | None
) -> None:
    environ = sent(site, referer)
    found = origin_of(environ)
    assert (found and found.removesuffix(":80")) == origin
    own = "http://example.com"
    assert Origins().allows(environ) is (origin in (None, own))
    assert Origins("http://other.com").allows(environ) is (origin in (None, "http://other.com"))
    assert Origins("*:*").allows(environ)
    assert Origins(["self", "null"]).allows(environ) is (origin in (None, "null", own))


@pytest.mark.parametrize("url", ["http://example.com", "https://example.com", "http://[::1]:8080"])
def test_a_function_gets_the_own_origin_as_browsers_spell_it(url: str) -> None:
    told: list[str | None] = []
    origins = Origins(lambda origin, environ: bool(told.append(origin)))
    for environ in (sent("same-origin", None, url), asked(url, url)):
        origins.allows(environ)
    assert told == [url, url]


def test_an_origin_header_goes_before_referer_and_site() -> None:
    for site in ("same-origin", "none", None):
        environ = {**sent(site, OWN_PAGE), "HTTP_ORIGIN": "http://evil.com"}
        assert origin_of(environ) == "http://evil.com"
        assert not Origins().allows(environ)


def test_the_own_origin_follows_the_address_of_the_request() -> None:
    environ = sent("same-origin", None, "https://example.com:8443")
    assert Origins().allows(environ)
    assert not Origins("https://example.com").allows(environ)
    assert Origins("example.com:8443").allows(environ)


LISTED: list[tuple[Any, list[tuple[str, str]]]] = [
    (None, [("10.0.0.1", "*")]),
    ("self", [("10.0.0.1", "*")]),
    ([], []),
    ("null", []),
    ("*:*", [("*", "*")]),
    ("Example.com:*", [("example.com", "*")]),
    ("*:80", [("*", "80")]),
    ("http://a.com", [("a.com", "80")]),
    ("https://A.com", [("a.com", "443")]),
    ("https://[::1]:8443", [("[::1]", "8443")]),
    (["http://a.com", "a.com:80"], [("a.com", "80")]),
    # Flash knows no such pages.
    (["file://", "chrome-extension://abcdef"], []),
    (["b.com:*", "self", "https://a.com"], [("10.0.0.1", "*"), ("a.com", "443"), ("b.com", "*")]),
    (lambda origin, environ: True, []),
]


@pytest.mark.parametrize(("rule", "listed"), LISTED, ids=label)
def test_the_allowed_origins_can_be_listed(rule: Any, listed: list[tuple[str, str]]) -> None:
    assert Origins(rule).allowed("10.0.0.1") == listed


MALFORMED = [
    "",
    "*",
    "example.com",
    "https://",
    "ws://",
    "://",
    "file:",
    "file:///",
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
def test_a_text_that_is_neither_an_origin_nor_a_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="option 'origins'"):
        Origins(["https://good.com", text])


@pytest.mark.parametrize("rule", [[1], [None], [b"https://a.com"], 1], ids=repr)
def test_a_rule_of_the_wrong_kind_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError):
        Origins(rule)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("ws://example.com", True),
        ("ws://example.com:80", True),
        ("wss://example.com", False),
        ("ws://example.com:8080", False),
        ("ws://other.example.com", False),
    ],
)
def test_the_own_address_of_a_websocket_counts_as_the_own_origin(
    origin: str, allowed: bool
) -> None:
    environ = {
        "HTTP_HOST": "example.com",
        "HTTP_ORIGIN": origin,
        "wsgi.url_scheme": "http",
    }
    assert Origins().allows(environ) is allowed
    assert Origins("https://else.example").allows(environ) is False
