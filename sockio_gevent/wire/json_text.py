"""The JSON in messages of all dialects: read strictly and within limits, and written compactly.

Dialects decide which limits there are, and what a message that is over them means.
"""

from __future__ import annotations

import json
import json.encoder
import re
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import accumulate
from math import isinf
from typing import Any, Final
from uuid import UUID

from .utf16 import to_utf8

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

__all__ = [
    "TOO_DEEP",
    "decode_json",
    "encode_json",
    "encode_json_utf8",
    "json_cost",
    "json_encoder",
    "json_excess",
]

# The error of JSON that is nested too deep. Callers compare it by identity.
TOO_DEEP = "the JSON of a message is nested too deep"

_orjson_dumps: Final[Any] = getattr(orjson, "dumps", None)
_orjson_loads: Final[Any] = getattr(orjson, "loads", None)
# What only orjson would take is a mistake, whether it is installed or not.
_EXACT: Final[int] = (
    0
    if orjson is None
    else orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)

# JSON is refused that is nested so deep that a handler, which runs with a deeper stack, could
# not encode it again: it must be readable inside of so many arrays. And the number of brackets
# from which on this is checked.
_ROOM = 200
_OPENED, _CLOSED = "[" * _ROOM, "]" * _ROOM
_MANY: Final = 500

# Characters: there are other ways for longer texts. And how often a character is not rare in them.
_LONG: Final = 1024
_NOT_RARE: Final = 32

# What orjson writes for None, but for NaN and infinities, too; and the types of values that it
# writes otherwise. A pattern finds it in long text many times as fast as the operator ``in``, for
# which CPython makes a TypeError inside each time when bytes are searched in bytes.
_find_null: Final = re.compile(b"null").search
_NEVER_NULL: Final = frozenset((str, int, bool))

# orjson reads integers from here on as floats.
_TOO_LARGE: Final = 2.0**63

_ELEMENT: Final = 64  # bytes of memory that an element of decoded JSON takes, at least

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


def _known(value: Any) -> Any:
    """What to write in place of the values that orjson knows, too."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_encode_strictly: Final = json_encoder(_known)


def encode_json(value: Any) -> str:
    """Write a value as JSON; see :func:`json_encoder`.

    UUIDs are written, too, and values of enumerations. orjson does the work where it is
    installed. What it refuses or does not know is left to the module ``json``, and so is all
    that may have become ``null`` on the way.
    """
    data = _by_orjson(value)
    return _encode_strictly(value) if data is None else data.decode()


def encode_json_utf8(value: Any) -> bytes:
    """The same in UTF-8. Lone surrogates, which it cannot carry, become U+FFFD."""
    data = _by_orjson(value)
    return to_utf8(_encode_strictly(value)) if data is None else data


def _by_orjson(value: Any) -> bytes | None:
    """A value as JSON, if orjson can write it exactly as the module ``json`` does."""
    if _orjson_dumps is None:
        return None
    try:
        data: bytes = _orjson_dumps(value, None, _EXACT)
    except TypeError:
        return None
    return None if _may_be_null(value, data) else data


def _may_be_null(value: Any, data: bytes) -> bool:
    """Whether something in a value may have become ``null`` in its JSON."""
    if len(data) >= _LONG and type(value) is list and _NEVER_NULL.issuperset(map(type, value)):
        return False
    return _find_null(data) is not None


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
    size = len(text)
    if (most is None or size < most) and (deepest is None or size <= deepest):
        return ""
    opened = _count(text, "[") + _count(text, "{")
    few = most is None or size < most or opened + _count(text, ",") + _count(text, ":") < most
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


def _count(text: str, character: str) -> int:
    """Count a character.

    ``str.count`` goes from character to character. To find the next one is many times as fast
    where they are rare, as in a long string.
    """
    if len(text) < _LONG:
        return text.count(character)
    found = 0
    place = text.find(character)
    while place >= 0:
        found += 1
        if found == _NOT_RARE:
            return found + text.count(character, place + 1)
        place = text.find(character, place + 1)
    return found


def json_cost(text: str, width: int) -> int:
    """Estimate how many bytes of memory decoded JSON takes.

    Args:
        text: the JSON.
        width: how many bytes its widest character may take: 1 if all are ASCII, otherwise 4.
    """
    # An object takes twice as much as an array.
    elements = _count(text, ",") + _count(text, "[")
    if "{" in text:
        elements += 2 * _count(text, "{")
    # An escape may stand for a character of four bytes.
    # To look for the backslash alone is many times as fast.
    escapes = "\\" in text and "\\u" in text
    return (4 if escapes else width) * len(text) + _ELEMENT * elements


def decode_json(text: str) -> Any:
    """Decode JSON from a client.

    Raises:
        ValueError: if it is not JSON (RFC 8259), if it is nested too deep, or if a
            number is too large for a float and so could not be sent back.
    """
    deep = len(text) > _MANY and _count(text, "[") + _count(text, "{") > _MANY
    try:
        if deep:
            return _decode_inside(text)
        if len(text) > _LONG and _orjson_loads is not None:
            return _from_long_json(text)
        return _from_json(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _from_long_json(text: str) -> Any:
    """Decode with orjson, which reads long strings many times as fast.

    What it refuses is left to the module ``json``: it knows no half of a surrogate pair.
    """
    try:
        value = _orjson_loads(text)
    except ValueError:
        return _from_json(text)
    return _from_json(text) if _has_large_number((value,)) else value


def _has_large_number(values: Iterable[Any]) -> bool:
    """Whether there is a float among values, or inside them, that may have been an integer."""
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is float:
            if not -_TOO_LARGE < value < _TOO_LARGE:
                return True
        elif kind is list:
            if _has_large_number(value):
                return True
        elif kind is dict and _has_large_number(value.values()):
            return True
    return False


def _decode_inside(text: str) -> Any:
    """Decode JSON inside of other arrays, of which each must have it as its one element."""
    value = _from_json(f"{_OPENED}{text}{_CLOSED}")
    for _ in range(_ROOM):
        if len(value) != 1:
            raise ValueError("more than one value")
        [value] = value
    return value


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text:.20} is too large a number")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads would make a decoder for each text.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_scan: Final[Any] = _decoder.scan_once  # type: ignore[attr-defined]


def _from_json(text: str) -> Any:
    try:
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except StopIteration:
        pass
    # White space around it, or a mistake, which this explains.
    return _decoder.decode(text)
