"""What the admin page is told of a client, and in which form.

All of it is short, whatever a client or the application has put there, and has no secrets that
this package knows of: no cookies, no ``auth``, no session ids.
"""

from __future__ import annotations

from datetime import datetime, timezone
from hashlib import sha256
from time import time
from typing import Any
from urllib.parse import parse_qsl

from ..client import Client
from ..client_facts import peek

__all__ = ["data_of", "iso", "room_of", "shortened", "socket_of", "time_of_day", "transport_of"]

_SECRET_HEADERS = frozenset(("cookie", "authorization", "proxy-authorization"))
_SECRET_FIELDS = frozenset(("auth", "sid"))
_MOST_FACTS = 30  # headers, and fields of the query
_LONGEST_FACT = 300  # characters
_MOST_ROOMS = 100
_MOST_VALUE = 1000  # characters, about, of arguments and of data
_DEEPEST = 10
_LARGEST_NUMBER = 2**63
_CUT = "\N{HORIZONTAL ELLIPSIS}"

_ON_WEBSOCKETS = frozenset(("websocket", "flashsocket"))


def time_of_day() -> float:
    """The time in seconds since the epoch. It is only shown, because it can jump."""
    return time()


def iso(seconds: float | None = None) -> str:
    """A time as the page reads it; now without an argument."""
    when = datetime.fromtimestamp(time_of_day() if seconds is None else seconds, timezone.utc)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def transport_of(name: str) -> str:
    """The name that the page has for a transport: it knows two."""
    return "websocket" if name in _ON_WEBSOCKETS else "polling"


def socket_of(client: Client, since: float) -> dict[str, Any]:
    """A client, as the page is told of it.

    Args:
        client: the client.
        since: when it has connected, in seconds since the epoch.
    """
    environ = client.environ
    headers = {
        name: _cut(str(value), _LONGEST_FACT)
        for key, value in environ.items()
        if key.startswith("HTTP_")
        and (name := key[5:].replace("_", "-").lower()) not in _SECRET_HEADERS
    }
    fields = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace")
    query = {
        _cut(name, _LONGEST_FACT): _cut(value, _LONGEST_FACT)
        for name, value in fields
        if name not in _SECRET_FIELDS
    }
    return {
        "id": client.id,
        # Which clients are one peer, without the id of its session, which is a secret.
        "clientId": sha256(client.session_id.encode()).hexdigest()[:12],
        "transport": transport_of(client.transport),
        "nsp": client.namespace.name,
        "data": data_of(client),
        "handshake": {
            "address": str(environ.get("REMOTE_ADDR", "")),
            "headers": _first(headers),
            "query": _first(query),
            "issued": int(since * 1000),
            "secure": environ.get("wsgi.url_scheme") == "https",
            "time": iso(since),
            "url": _cut(environ.get("PATH_INFO", ""), _LONGEST_FACT),
            "xdomain": "HTTP_ORIGIN" in environ,
        },
        "rooms": [room_of(name) for name in sorted(client.rooms)[:_MOST_ROOMS]],
    }


def room_of(name: str) -> str:
    """The name of a room, as the page is told of it."""
    return _cut(name, _LONGEST_FACT)


def data_of(client: Client) -> Any:
    """The application's ``data`` of a client, shortened."""
    own = peek(client)
    return {} if own is None or own.data is None else shortened(own.data)


def shortened(value: Any) -> Any:
    """A copy of a value with a JSON form, and no longer than a page can show."""
    return _Shortening().of(value, 0)


class _Shortening:
    """Copies one value, until the copy is long enough."""

    def __init__(self) -> None:
        self._left = _MOST_VALUE

    def of(self, value: Any, depth: int) -> Any:
        """The copy of a value."""
        self._left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        if isinstance(value, int):
            return int(value) if abs(value) < _LARGEST_NUMBER else "<a large number>"
        if isinstance(value, float):
            return value if value - value == 0 else str(value)
        if depth >= _DEEPEST or self._left <= 0:
            return _CUT
        if isinstance(value, dict):
            return self._dict(value, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return self._list(value, depth + 1)
        return f"<{type(value).__name__}>"

    def _text(self, text: str) -> str:
        copy = _cut(text, max(self._left, 0))
        self._left -= len(copy)
        return copy

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        # From a copy: the application may change it in another thread.
        for key, each in value.copy().items():
            if self._left <= 0:
                copy[_CUT] = _CUT
                break
            copy[self._text(str(key))] = self.of(each, depth)
        return copy

    def _list(self, value: Any, depth: int) -> list[Any]:
        copy: list[Any] = []
        for each in tuple(value):
            if self._left <= 0:
                copy.append(_CUT)
                break
            copy.append(self.of(each, depth))
        return copy


def _cut(text: str, most: int) -> str:
    text = text if len(text) <= most else f"{text[:most]}{_CUT}"
    if text.isascii():
        return text
    # Half a surrogate pair has no form in JSON.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _first(facts: dict[str, str]) -> dict[str, str]:
    return dict(sorted(facts.items())[:_MOST_FACTS])
