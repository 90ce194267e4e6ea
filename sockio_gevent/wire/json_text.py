"""The JSON in messages of all dialects: read strictly and within limits, and written compactly.

Dialects decide which limits there are, and what a message that is over them means.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import accumulate
from math import isinf
from typing import Any

__all__ = ["TOO_DEEP", "decode_json", "encode_json", "json_cost", "json_encoder", "json_excess"]

# The error of JSON that is nested too deep. Callers compare it by identity.
TOO_DEEP = "the JSON of a message is nested too deep"

# Calls: JSON is refused that is nested so deep that a handler, which runs with a deeper stack,
# could not encode it again. And the number of brackets from which on this is checked.
_ROOM = 200
_MANY = 500

_ELEMENT = 64  # bytes of memory that an element of decoded JSON takes, at least

_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = [1 if byte in b"[{" else -1 for byte in range(256)]


def json_encoder(default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Make a function that writes a value as JSON, without spaces.

    Lone surrogates stay as they are. The function raises ``TypeError`` if the value, or
    something inside it, has no JSON form, and ``ValueError`` if it holds NaN, an infinity or
    itself, or is nested too deep.

    Args:
        default: returns what to write in place of a value that has no JSON form, or raises
            an error.
    """
    to_json = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default
    ).encode

    def encode(value: Any) -> str:
        try:
            return to_json(value)
        except RecursionError:
            raise ValueError("cannot send a message that is nested so deep") from None

    return encode


#: Writes a value as JSON; see :func:`json_encoder`.
encode_json = json_encoder()


def json_excess(text: str, most: int | None, deepest: int | None) -> str:
    """Check JSON against limits before it is decoded.

    The time and the memory for decoding depend on the number of elements, however
    short they are. The check may count too many elements in text that is not JSON,
    and for empty arrays and objects with space in them. It never counts too few
    before the first mistake.

    Args:
        text: the JSON.
        most: how many elements it may have, values and names; ``None`` for any number.
        deepest: how deep arrays and objects may be nested; ``None`` for any depth.

    Returns:
        An error; empty if the JSON is within the limits.
    """
    opened = text.count("[") + text.count("{")
    few = most is None or opened + text.count(",") + text.count(":") < most
    if few and (deepest is None or opened <= deepest):
        return ""
    # Strings may contain anything, and each is one element. Cutting ends when there are
    # too many of them.
    pieces = -1 if most is None else 2 * most + 1
    parts = text.replace("\\\\", "").replace('\\"', "").split('"', pieces)
    bare = '"'.join(parts[::2])
    opened = bare.count("[") + bare.count("{")
    if most is not None:
        # An element follows each opening bracket, comma and colon, except in empty brackets.
        empty = bare.count("[]") + bare.count("{}")
        before = opened + bare.count(",") + bare.count(":") - empty
        if before >= most or len(parts) > 2 * most + 1:
            return f"the JSON of a message has over {most} elements"
    if deepest is not None and opened > deepest:
        brackets = bare.encode("utf-8", "replace").translate(None, _NO_BRACKETS)
        if max(accumulate([_STEPS[byte] for byte in brackets])) > deepest:
            return TOO_DEEP
    return ""


def json_cost(text: str, width: int) -> int:
    """Estimate how many bytes of memory decoded JSON takes.

    Args:
        text: the JSON.
        width: how many bytes its widest character may take: 1 if all are ASCII, otherwise 4.
    """
    # An object takes twice as much as an array.
    elements = text.count(",") + text.count("[") + 2 * text.count("{")
    # An escape may stand for a character of four bytes.
    return (4 if "\\u" in text else width) * len(text) + _ELEMENT * elements


def decode_json(text: str) -> Any:
    """Decode JSON from a client.

    Raises:
        ValueError: if it is not JSON (RFC 8259), if it is nested too deep, or if a
            number is too large for a float and so could not be sent back.
    """
    deep = text.count("[") + text.count("{") > _MANY
    try:
        return _load(text, _ROOM if deep else 0)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _load(text: str, room: int) -> Any:
    """Decode JSON on a stack that is deeper by ``room`` calls: Python and C both limit calls."""
    if room:
        return next(map(_load, (text,), (room - 1,)))
    return _from_json(text)


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text:.20} is too large a number")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads would make a decoder for each text.
_from_json = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode
