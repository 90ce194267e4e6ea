"""What a classic client shows when it connects: ``auth=<JSON>`` in the query of its first request.

Classic clients have no other place for it. Released clients send no query, and released
servers read none.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from re import Pattern
from typing import Any
from urllib.parse import unquote_plus

from .json_text import decode_json, json_excess
from .redact import Shortener

__all__ = ["auth_in_addresses", "auth_in_query"]

_FIELD = "auth="


def auth_in_query(query: str, most: int | None, deepest: int | None) -> Any:
    """Read what a client shows; ``None`` if there is nothing, or nothing that can be read.

    Args:
        query: the query of the request.
        most: how many elements the JSON may have; ``None`` for any number.
        deepest: how deep it may be nested; ``None`` for any depth.
    """
    if _FIELD not in query:
        return None
    for field in query.split("&"):
        if field.startswith(_FIELD):
            try:
                text = unquote_plus(field[len(_FIELD) :], errors="strict")
                return None if json_excess(text, most, deepest) else decode_json(text)
            except ValueError:
                return None
    return None


@lru_cache
def auth_in_addresses(resource: str) -> Shortener:
    """Make a shortener that takes the value out of addresses below ``/<resource>/``, for logs.

    Args:
        resource: the option of that name.
    """
    value = re.compile(rf"""([?&]{_FIELD})[^\s&#"'\\]+""")
    return partial(_without_value, f"/{resource}/", value)


def _without_value(place: str, value: Pattern[str], text: str) -> str:
    if _FIELD not in text or place not in text:
        return text
    return value.sub(r"\1...", text)
