"""Which origins may connect: the one place that decides, for every transport."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from ..wire.http_syntax import HOST, PORT

__all__ = ["Environ", "OriginCheck", "Origins", "origin_of"]

Environ = dict[str, Any]
# What it returns counts as true or false. The compiled form would refuse all but a bool.
OriginCheck = Callable[[str | None, Environ], Any]

_Ask = Callable[[OriginCheck, "str | None", Environ], Any]

_ORIGIN = re.compile(rf"([a-z][a-z0-9+.-]*)://({HOST})(?::({PORT}))?")
# Pages from files, and pages that an application on the device serves itself, may have no host.
_HOSTLESS = re.compile(r"(?!https?:|wss?:)([a-z][a-z0-9+.-]*)://")
_PRINTABLE: Final = re.compile(r"[!-~]+")
_REFERER: Final = re.compile(r"https?://([^/?#]+)")
_PATTERN = re.compile(rf"(\*|{HOST}):(\*|{PORT})")
_REMEMBERED = 256  # origins that are kept split: nearly all requests have one of a few
_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
# Some programs, such as clients in Swift, name the address of their WebSocket as their origin.
# No page has such an origin.
_SCHEMES_OF_PAGES = {"ws": "http", "wss": "https"}


def origin_of(environ: Environ, scripted: bool = False) -> str | None:
    """The origin that a request comes from, or ``None`` if the request names none.

    Versions 7 and 8 of WebSocket send it as ``Sec-WebSocket-Origin``
    (draft-ietf-hybi-thewebsocketprotocol-10, section 11.4). Browsers fetch
    scripts, images and frames without an ``Origin``: then it is taken from
    ``Referer``. Where a page withholds that too, ``Sec-Fetch-Site`` (Fetch
    Metadata, section 2.3) still tells whether the page is the server's own; the
    origin of a foreign page is ``'null'`` then. Browsers send
    ``Sec-Fetch-Site`` over TLS and to the machine itself, but not over plain HTTP.

    Args:
        environ: the WSGI environ.
        scripted: whether the answer will be a script. Only pages fetch scripts, so a
            request for one that does not show its origin hides it, and is ``'null'``.
    """
    origin = environ.get("HTTP_ORIGIN") or environ.get("HTTP_SEC_WEBSOCKET_ORIGIN")
    if origin:
        return str(origin)
    site, referer = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_REFERER")
    match = None if site == "none" or not referer else _REFERER.match(referer)
    if site == "same-origin":
        if match is not None and match[1].lower() == environ.get("HTTP_HOST", "").lower():
            # Behind a proxy that ends TLS, only the page knows the scheme.
            return match[0]
        own = _own_origin(environ)
        return None if own is None else _spell(*own)
    if match is not None:
        return match[0]
    return "null" if scripted or site in ("same-site", "cross-site") else None


@lru_cache(_REMEMBERED)
def _split(origin: str) -> tuple[str, str, str] | None:
    """Scheme, host and port of an origin, or ``None`` if it is opaque or malformed."""
    origin = origin.lower()
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        hostless = _HOSTLESS.fullmatch(origin)
        return None if hostless is None else (hostless[1], "", "")
    scheme, host, port = match.groups()
    return scheme, host, port or _DEFAULT_PORTS.get(scheme, "")


def _spell(scheme: str, host: str, port: str) -> str:
    """An origin as browsers spell it: without the default port of its scheme."""
    return f"{scheme}://{host}" + (f":{port}" if port != _DEFAULT_PORTS.get(scheme) else "")


def _call(check: OriginCheck, origin: str | None, environ: Environ) -> Any:
    return check(origin, environ)


class Origins:
    """The rule of one listener for origins.

    Args:
        rule: ``None`` for the page's own origin, and programs that send no
            ``Origin``. Or one or several of: an exact origin
            (``'https://example.com'``), a host and port where either may be
            ``*`` (``'example.com:*'``, ``'*:*'``), ``'file://'`` for files,
            ``'self'`` for the page's own, ``'null'`` for opaque ones; programs
            that send no ``Origin`` may connect here too. Or a function, which
            alone decides; it is called with the origin (``None`` if none was
            sent) and the WSGI environ.

    Raises:
        TypeError: if the rule is none of these.
        ValueError: if a text in it is not an origin or a pattern.
    """

    def __init__(self, rule: str | Iterable[str] | OriginCheck | None = None) -> None:
        self._check: OriginCheck | None = None
        self._own = rule is None
        self._opaque = False
        self._exact: set[tuple[str, str, str]] = set()
        self._patterns: set[tuple[str, str]] = set()
        if callable(rule):
            self._check = rule
        elif isinstance(rule, str):
            self._add(rule)
        elif rule is not None:
            texts: Any = rule  # whatever is in there
            for text in texts:
                self._add(text)

    def _add(self, text: object) -> None:
        if not isinstance(text, str):
            raise TypeError(f"option 'origins': {text!r} is not a string")
        pattern = _PATTERN.fullmatch(text.lower())
        exact = _split(text)
        if text == "self":
            self._own = True
        elif text == "null":
            self._opaque = True
        elif pattern is not None:
            self._patterns.add((pattern[1], pattern[2]))
        elif exact is not None:
            self._exact.add(exact)
        else:
            raise ValueError(
                f"option 'origins': {text!r} is neither an origin like 'https://example.com' "
                "nor a host and port like 'example.com:*'; '*:*' lets all pages in"
            )

    def allows(self, environ: Environ, scripted: bool = False, ask: _Ask = _call) -> bool:
        """Whether the sender of this request may connect.

        Args:
            environ: the WSGI environ.
            scripted: see :func:`origin_of`.
            ask: calls the function that decides, if the rule is one.
        """
        origin = origin_of(environ, scripted)
        if origin is not None and not _PRINTABLE.fullmatch(origin):
            return False
        if self._check is not None:
            return bool(ask(self._check, origin, environ))
        if origin is None or ("*", "*") in self._patterns:
            return True
        parts = _split(origin)
        if parts is None:
            return self._opaque and origin == "null"
        scheme, host, port = parts
        page = _SCHEMES_OF_PAGES.get(scheme, scheme), host, port
        return (
            parts in self._exact
            or not self._patterns.isdisjoint(((host, port), (host, "*"), ("*", port)))
            or (self._own and page == _own_origin(environ))
        )

    def allowed(self, own_host: str) -> list[tuple[str, str]]:
        """The hosts and ports that may connect, for a policy file.

        What a function would decide cannot be listed.

        Args:
            own_host: the server's own address. It stands for the page's own origin,
                which nobody knows where there is no request.
        """
        listed = {(host, port) for _, host, port in self._exact if port} | self._patterns
        if self._own:
            listed.add((own_host, "*"))
        return sorted(listed)


def _own_origin(environ: Environ) -> tuple[str, str, str] | None:
    """The origin of the server as the client addressed it."""
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return _split(f"{environ['wsgi.url_scheme']}://{host}")
