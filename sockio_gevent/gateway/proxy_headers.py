"""What proxies say of the client that they forward, where they are to be believed."""

from __future__ import annotations

import re
from typing import Any

from ..wire.http_syntax import HOST, PORT

__all__ = ["believe"]

_HOST = re.compile(rf"(?:{HOST})(?::{PORT})?")
# Some proxies add a port, which is another one for each connection.
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def believe(environ: dict[str, Any], proxies: int) -> None:
    """Put what trusted proxies say in place of what the server sees.

    Each proxy appends to these fields, so an entry counts only if no more
    than the trusted ones stand behind it: what a client has made up is
    further to the left.

    Args:
        environ: the WSGI environ, which is changed.
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
    # It is logged, and what is not printable could act on a terminal.
    if address and address.isascii() and address.isprintable():
        environ["REMOTE_ADDR"] = address[:64]


def _entry(field: str, proxies: int) -> str:
    entries = [entry.strip() for entry in field.split(",")]
    # Some proxies replace the scheme instead of appending to it.
    return entries[-proxies] if proxies <= len(entries) else entries[0]
