"""The rule that binds a session to the peer that opened it."""

from __future__ import annotations

import re
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from ..monitoring.throttled_log import ThrottledLog
from ..wire.http_syntax import TOKEN

__all__ = ["are_same", "are_same_peer", "peer_rule"]

_COOKIE_NAME = re.compile(TOKEN)  # RFC 6265 section 4.1.1


def peer_rule(rule: str) -> Callable[[dict[str, Any]], str | None]:
    """Make a function that names the peer of a request, or returns ``None`` for an unknown one.

    Args:
        rule: ``'address'`` or ``'cookie:NAME'``.

    Raises:
        ValueError: if it is neither.
    """
    if rule == "address":
        return lambda environ: environ.get("REMOTE_ADDR") or None
    kind, _, name = rule.partition(":")
    if kind != "cookie" or not _COOKIE_NAME.fullmatch(name):
        raise ValueError(f"{rule!r} is neither 'address' nor 'cookie:' with the name of a cookie")
    return lambda environ: _cookie(environ.get("HTTP_COOKIE", ""), name)


def _cookie(cookies: str, wanted: str) -> str | None:
    """The value of a cookie as it was sent, RFC 6265 section 4.2; ``None`` if it is empty.

    Of several cookies with this name the first one counts: it is the most specific.
    """
    for pair in cookies.split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == wanted:
            return value.strip() or None
    return None


def are_same(one: Any, other: Any) -> bool:
    """Whether two requests come from the same peer, given what the rule has returned for each."""
    if isinstance(one, str) and isinstance(other, str):
        # The time of a comparison must not show how much of a secret was guessed.
        return compare_digest(_bytes(one), _bytes(other))
    if isinstance(one, bytes) and isinstance(other, bytes):
        return compare_digest(one, other)
    return bool(one == other)


def are_same_peer(log: ThrottledLog, one: Any, other: Any) -> bool:
    """The same, where the results are those of an application, whose mistakes are logged.

    Args:
        log: the log.
        one: the result for the request that opened the session.
        other: that for another request; nobody is the same as an unknown peer.
    """
    try:
        return bool(other) and are_same(one, other)
    except Exception:
        line = "the option 'same_peer' returned a value that cannot be compared"
        log.exception("comparison", line)
        return False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
