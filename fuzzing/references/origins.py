"""Origins, RFC 6454 section 6.2, read from left to right without a pattern."""

from __future__ import annotations

import string

__all__ = ["pattern", "split"]

_SCHEME = string.ascii_lowercase + string.digits + "+.-"
_NAME = string.ascii_lowercase + string.digits + "_.-"
_ADDRESS = string.digits + "abcdef:."
_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def split(origin: str) -> tuple[str, str, str] | None:
    """Scheme, host and port; a missing port is the default one of the scheme."""
    scheme, found, rest = origin.lower().partition("://")
    if not found or not _consists(scheme, _SCHEME) or scheme[0] not in string.ascii_lowercase:
        return None
    if not rest and scheme not in _PORTS:
        return scheme, "", ""
    host, port = _host_and_port(rest)
    if host is None or (port is not None and not _is_port(port)):
        return None
    return scheme, host, _PORTS.get(scheme, "") if port is None else port


def pattern(text: str) -> tuple[str, str] | None:
    """Host and port of a rule, where either may be a star."""
    text = text.lower()
    host, port = ("*", text[2:]) if text.startswith("*:") else _host_and_port(text)
    if host is None or port is None or not (port == "*" or _is_port(port)):
        return None
    return host, port


def _host_and_port(text: str) -> tuple[str | None, str | None]:
    if text.startswith("["):
        address, found, rest = text[1:].partition("]")
        if not found or not _consists(address, _ADDRESS):
            return None, None
        host = f"[{address}]"
    else:
        host, colon, rest = text.partition(":")
        rest = colon + rest
        if not _consists(host, _NAME):
            return None, None
    if not rest:
        return host, None
    return (host, rest[1:]) if rest[0] == ":" else (None, None)


def _is_port(text: str) -> bool:
    return _consists(text, string.digits) and len(text) <= 5


def _consists(text: str, characters: str) -> bool:
    return bool(text) and all(character in characters for character in text)
