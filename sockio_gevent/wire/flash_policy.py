"""The policy file that the Flash player requests before it opens a socket."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["REQUEST", "policy_file"]

REQUEST = b"<policy-file-request/>\0"

_HEAD = (
    '<?xml version="1.0"?>\n'
    "<!DOCTYPE cross-domain-policy SYSTEM"
    ' "http://www.macromedia.com/xml/dtds/cross-domain-policy.dtd">\n'
    "<cross-domain-policy>\n"
)


def policy_file(allowed: Iterable[tuple[str, str]]) -> bytes:
    """Make a policy file.

    Args:
        allowed: the domains whose pages may connect, each with a port; either may be ``*``.
    """
    lines = [
        f'<allow-access-from domain="{escape(domain)}" to-ports="{escape(port)}"/>\n'
        for domain, port in allowed
    ]
    return (_HEAD + "".join(lines) + "</cross-domain-policy>\n").encode() + b"\0"
