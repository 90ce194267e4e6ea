"""By which names the server may be addressed.

A page of any site can have the name of that site lead to this server (DNS
rebinding). The browser takes the server for the site then, and the page for
one of the server's own. What it cannot change is the name in ``Host``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["Hosts"]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_ANY_PORT = "*"


class Hosts:
    """The names of one listener.

    Args:
        rule: one or several of: a name (``'www.example.com'``), an address
            (``'192.0.2.7'``, ``'[2001:db8::7]'``), or all names below one
            (``'*.example.com'``). A port may follow; without one any port will do.

    Raises:
        TypeError: if the rule is none of these.
        ValueError: if a text in it is no host.
    """

    def __init__(self, rule: str | Iterable[str]) -> None:
        self._exact: set[tuple[str, str]] = set()
        self._below: list[tuple[str, str]] = []
        for text in (rule,) if isinstance(rule, str) else rule:
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
        """Whether a request is for one of them; without a ``Host`` it is for none."""
        match = _HOST.fullmatch(environ.get("HTTP_HOST", "").lower())
        if match is None:
            return False
        # A name may end in a dot, which changes nothing (RFC 1034 section 3.1).
        name = match[1].removesuffix(".")
        port = match[2] or ("443" if environ["wsgi.url_scheme"] == "https" else "80")
        return not self._exact.isdisjoint(((name, _ANY_PORT), (name, port))) or any(
            name.endswith(end) and wanted in (_ANY_PORT, port) for end, wanted in self._below
        )
