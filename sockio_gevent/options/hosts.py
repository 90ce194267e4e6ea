"""The host names by which clients may address the server.

Any site can let its own name point to this server (DNS rebinding). Then the
browser takes this server for that site, and so takes the site's page for a page
of this server. But the page cannot change the name in the ``Host`` header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..wire.http_syntax import HOST, PORT

__all__ = ["Hosts"]

_HOST = re.compile(rf"({HOST})(?::({PORT}))?")
_ANY_PORT = "*"


class Hosts:
    """The host names of one listener.

    Args:
        rule: one or several of: a name (``'www.example.com'``), an address
            (``'192.0.2.7'``, ``'[2001:db8::7]'``), or all names below one
            (``'*.example.com'``). A port may follow; without one any port is right.

    Raises:
        TypeError: if the rule is none of these.
        ValueError: if a text in it is not a host.
    """

    def __init__(self, rule: str | Iterable[str]) -> None:
        self._exact: set[tuple[str, str]] = set()
        self._below: list[tuple[str, str]] = []
        texts: Any = (rule,) if isinstance(rule, str) else rule  # whatever is in there
        for text in texts:
            self._add(text)

    def _add(self, text: object) -> None:
        if not isinstance(text, str):
            raise TypeError(f"option 'hosts': {text!r} is not a string")
        match = _HOST.fullmatch(text.lower().removeprefix("*."))
        if match is None or not match[1].strip("."):
            raise ValueError(
                f"option 'hosts': {text!r} is not a host like 'example.com', "
                "'example.com:8080' or '*.example.com'"
            )
        name, port = match[1].rstrip("."), match[2] or _ANY_PORT
        if text.startswith("*."):
            self._below.append((f".{name}", port))
        else:
            self._exact.add((name, port))

    def include(self, environ: dict[str, Any]) -> bool:
        """Whether the ``Host`` of a request is one of them; a request without one is refused."""
        match = _HOST.fullmatch(environ.get("HTTP_HOST", "").lower())
        if match is None:
            return False
        # A dot at the end of a name changes nothing (RFC 1034 section 3.1).
        name = match[1].removesuffix(".")
        port = match[2] or ("443" if environ["wsgi.url_scheme"] == "https" else "80")
        return not self._exact.isdisjoint(((name, _ANY_PORT), (name, port))) or any(
            name.endswith(end) and wanted in (_ANY_PORT, port) for end, wanted in self._below
        )
