"""Request targets that are a whole URL, as clients send them to proxies (RFC 9112, 3.2.2)."""

from __future__ import annotations

import re

__all__ = ["split_url"]

_URL = re.compile(r"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::[0-9]*)?", re.ASCII)


def split_url(target: str, method: str) -> tuple[str, str] | None:
    """Split a URL.

    Args:
        target: the target of a request.
        method: its method.

    Returns:
        The host with its port, which takes precedence over the header ``Host``, and
        the target without them; ``None`` if the target is not an HTTP URL.

    Raises:
        ValueError: if its host is malformed.
    """
    match = _URL.fullmatch(target)
    if match is None:
        return None
    host, rest = match.groups()
    # That includes a user name in front of the host (RFC 9110, section 4.2.4).
    if not _AUTHORITY.fullmatch(host):
        raise ValueError("the target is a URL whose host is malformed")
    if not rest and method == "OPTIONS":
        return host, "*"
    return host, rest if rest.startswith("/") else f"/{rest}"
