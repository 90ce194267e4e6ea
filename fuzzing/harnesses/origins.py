"""Origins: rules and requests of all kinds, compared with a slow implementation."""

from __future__ import annotations

from typing import Any

from sockio_gevent.options.origins import Origins, origin_of

from ..references.origins import pattern, split

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (
    b"\n",
    b"http://",
    b"https://",
    b"example.com",
    b"a.example.com",
    b":80",
    b":443",
    b":*",
    b"*",
    b"*:*",
    b"[::1]",
    b"null",
    b"self",
    b"same-origin",
    b"cross-site",
    b"none",
    b"/path?query#part",
    b"@",
    b"\xe9",
)
# Lines: the rule, Host, Origin, Referer, Sec-Fetch-Site, the scheme.
SEEDS = (
    b"self\nexample.com\nhttp://example.com",
    b"\nexample.com:8080\nhttp://example.com:8080",
    b"https://example.com\nother.example\nhttps://EXAMPLE.com:443",
    b"example.com:*\nx\nhttp://example.com:81",
    b"*:*\nx\nnonsense",
    b"null\nx\nnull",
    b"file://\nx\nfile://",
    b"[::1]:80\nx\nhttp://[::1]",
    b"\nexample.com\n\nhttps://example.com/page?x#y\nsame-site\nhttps",
    b"\nexample.com\n\n\nsame-origin\nhttps",
    b"\nexample.com\n\nhttps://example.com/page\nsame-origin\nhttp",
    b"\nexample.com\n\n\ncross-site",
    b"a@b:1\nexample.com\nhttp://example.com@evil.com",
)


def check(data: bytes) -> None:
    """Check one request."""
    fields = data.decode("latin-1").split("\n")
    rule, host, origin, referer, site, scheme = [*fields, *[""] * 6][:6]
    environ: dict[str, Any] = {
        "SERVER_NAME": "server.example",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "https" if scheme == "https" else "http",
    }
    for name, value in (
        ("HTTP_HOST", host),
        ("HTTP_ORIGIN", origin),
        ("HTTP_REFERER", referer),
        ("HTTP_SEC_FETCH_SITE", site),
    ):
        if value:
            environ[name] = value

    own = split(f"{environ['wsgi.url_scheme']}://{host or 'server.example:8000'}")
    told = origin_of(environ)
    _check_told(told, environ, own)

    assert Origins(None).allows(environ) == _allowed(told, None, own)
    assert Origins(lambda *arguments: True).allows(environ) == _is_printable(told)
    assert not Origins(lambda *arguments: False).allows(environ)
    known = rule in ("self", "null") or pattern(rule) is not None or split(rule) is not None
    try:
        origins = Origins(rule)
    except ValueError:
        assert not known
        return
    assert known
    assert origins.allows(environ) == _allowed(told, rule, own)
    for domain, port in origins.allowed("127.0.0.1"):
        assert domain
        assert port == "*" or (port.isascii() and port.isdigit())


def _check_told(told: str | None, environ: dict[str, Any], own: object) -> None:
    """Check that a page of another site never counts as no page or as the server's own."""
    if "HTTP_ORIGIN" in environ:
        assert told == environ["HTTP_ORIGIN"]
        return
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site in ("same-site", "cross-site"):
        assert told is not None
    elif site == "same-origin" and told is not None and told == _of_referer(environ):
        assert told.partition("://")[2].lower() == environ["HTTP_HOST"].lower()
    elif site == "same-origin":
        assert told is None if own is None else told is not None and split(told) == own
    elif told is not None:
        assert site != "none"
        assert environ["HTTP_REFERER"].startswith(told)


def _of_referer(environ: dict[str, Any]) -> str:
    scheme, found, rest = environ.get("HTTP_REFERER", "").partition("://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    return f"{scheme}{found}{rest}"


def _is_printable(text: str | None) -> bool:
    return text is None or all("!" <= character <= "~" for character in text)


def _allowed(told: str | None, rule: str | None, own: tuple[str, str, str] | None) -> bool:
    if told is None:
        return True
    if not _is_printable(told):
        return False
    hosts = None if rule in (None, "self", "null") else pattern(rule or "")
    if hosts == ("*", "*"):
        return True
    parts = split(told)
    if parts is None:
        return rule == "null" and told == "null"
    if rule is None or rule == "self":
        return parts == own
    if hosts is not None:
        return hosts[0] in ("*", parts[1]) and hosts[1] in ("*", parts[2])
    return rule != "null" and parts == split(rule)
