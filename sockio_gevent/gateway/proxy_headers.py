"""Headers in which trusted proxies tell the address, host and scheme of a client."""

from __future__ import annotations

import re
from typing import Any

from ..wire.http_syntax import HOST, PORT

__all__ = ["believe"]

_HOST = re.compile(rf"(?:{HOST})(?::{PORT})?")
# Some proxies add a port, which differs for each connection.
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def believe(environ: dict[str, Any], proxies: int) -> None:
    """Replace the address, host and scheme in an environ by those that trusted proxies tell.

    Each proxy appends an entry to these headers. Entries that a client has made up are
    further to the left than those of the trusted proxies, and are not used.

    Args:
        environ: the WSGI environ. It is changed.
        proxies: how many proxies are trusted.
    """
    scheme = _entry(environ.get("HTTP_X_FORWARDED_PROTO", ""), proxies).lower()
    if scheme in ("http", "https", "ws", "wss"):
        environ["wsgi.url_scheme"] = "https" if scheme in ("https", "wss") else "http"
    host = _entry(environ.get("HTTP_X_FORWARDED_HOST", ""), proxies)
    if _HOST.fullmatch(host):
        environ["HTTP_HOST"] = host
    address = _entry(environ.get("HTTP_X_FORWARDED_FOR", ""), proxies)
    if match := _WITH_PORT.fullmatch(address):
        address = match[1] or match[2]
    # It is logged, and characters that are not printable could control a terminal.
    if address and address.isascii() and address.isprintable():
        environ["REMOTE_ADDR"] = address[:64]


def _entry(field: str, proxies: int) -> str:
    entries = [entry.strip() for entry in field.split(",")]
    # Some proxies replace the scheme instead of appending to it.
    return entries[-proxies] if proxies <= len(entries) else entries[0]
