"""The addresses of Engine.IO: everything stands in the query."""

from __future__ import annotations

import re
from typing import Final

from .base import Route
from .engineio_errors import UNKNOWN_TRANSPORT, UNSUPPORTED_VERSION

__all__ = ["is_misplaced", "is_of_a_client", "match"]

_TRANSPORTS = {"polling": "xhr-polling", "websocket": "websocket"}
_LONGEST_INDEX = 9  # digits
# Nearly all requests of sessions have one. What follows says the same of any query.
_USUAL_QUERY: Final = re.compile(
    r"EIO=([34])&transport=(polling|websocket)(?:&t=[^&]*)?&sid=([^&]*)"
)
# What clients ask for if nobody tells them another address.
_USUAL = ("/socket.io", "/engine.io")


def match(resource: str, version: int, path: str, query: str) -> Route | None:
    """Read an address; ``None`` if it is not one of this version of Engine.IO.

    Args:
        resource: the option ``resource``.
        version: 3, or 4, which takes the addresses without a good version, too.
        path: the path of the request, without the prefix at which the application is mounted.
        query: its query. Names and values that mean something here need no escapes, so
            none are undone.

    Returns:
        The route. Its tail is the index of the page's function for JSONP, ``b64`` for a
        client that takes no binary payload, or empty.
    """
    if path != f"/{resource}/" and path != f"/{resource}":
        return None
    usual = _USUAL_QUERY.fullmatch(query)
    if usual is not None:
        asked, transport, session_id = usual.groups()
        if (asked == "3") != (version == 3):
            return None
        return Route(_TRANSPORTS[transport], session_id, "")
    fields = _fields(query)
    transport = fields.get("transport")
    if transport is None and "EIO" not in fields:
        return None
    if (fields.get("EIO") == "3") != (version == 3):
        return None
    name = _TRANSPORTS.get(transport or "", "")
    error = None
    if fields.get("EIO") not in ("3", "4"):
        error = UNSUPPORTED_VERSION
    elif not name:
        error = UNKNOWN_TRANSPORT
    tail = "b64" if fields.get("b64") == "1" else ""
    index = fields.get("j")
    if index is not None and name == "xhr-polling":
        name = "jsonp-polling"
        tail = index if index.isascii() and index.isdigit() else ""
        tail = tail if len(tail) <= _LONGEST_INDEX else ""
    return Route(name, fields.get("sid", ""), tail, error)


def is_of_a_client(query: str) -> bool:
    """Whether a query is that of a client of this dialect."""
    fields = _fields(query)
    return fields.get("EIO") in ("3", "4") and fields.get("transport") in _TRANSPORTS


def is_misplaced(resource: str, path: str) -> bool:
    """Whether a client that asks for this path may mean this resource.

    It has a prefix before the resource, or it is what clients ask for by themselves.
    """
    place = path.removesuffix("/")
    return place.endswith(f"/{resource}") or place in _USUAL


def _fields(query: str) -> dict[str, str]:
    """The fields of a query; of those with one name the first counts."""
    fields: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        fields.setdefault(name, value)
    return fields
