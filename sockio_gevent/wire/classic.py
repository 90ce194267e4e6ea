"""The ``~m~`` framing: how messages are spelled inside a payload.

A payload is one or more messages, each ``~m~<length>~m~<text>``, where the
length counts UTF-16 code units because that is what JavaScript's ``.length``
counts. A text that begins with ``~h~`` is a heartbeat, one that begins with
``~j~`` is JSON, any other is the user's own string.

What a session does with a message is not decided here.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import accumulate
from math import isinf
from typing import Any

__all__ = [
    "HEARTBEAT",
    "JSON",
    "TOO_DEEP",
    "TOO_MANY",
    "Decoded",
    "decode",
    "decode_json",
    "encode",
    "encode_heartbeat",
    "encode_text",
    "json_excess",
]

# What is wrong with a payload that is over the number, and with JSON that is nested
# too deep; compared by identity.
TOO_MANY = "too many messages"
TOO_DEEP = "the JSON of a message is nested too deep"

# How much of the stack is left to handlers, deep in which a message is written as it
# was read; and from how many brackets on that may matter.
_ROOM = 200
_MANY = 500

HEARTBEAT = "~h~"
JSON = "~j~"
_MARKS = (HEARTBEAT, JSON)

# Fifteen digits are more than any payload has characters, and few enough to
# be converted without a thought about the cost.
_HEADER = re.compile(r"~m~([0-9]{1,15})~m~")
_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = [1 if byte in b"[{" else -1 for byte in range(256)]
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


# The messages and the error; a class of its own would show in the time of each payload.
Decoded = tuple[list[str], str]


def encode_text(text: str) -> bytes:
    """Frame one text.

    Args:
        text: any string. Lone surrogates, which UTF-8 cannot carry, become
            U+FFFD, as they do in a browser's ``WebSocket.send``; a surrogate
            pair becomes the character that it stands for.
    """
    if text.isascii():
        return f"~m~{len(text)}~m~{text}".encode()
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        data = text.encode()
    units = len(text)
    if max(text) > "\uffff":
        units = len(text.encode("utf-16-le")) // 2
    return b"~m~%d~m~%b" % (units, data)


def encode(message: Any) -> bytes:
    """Frame one message of the public API.

    Args:
        message: a ``str`` goes as it is, unless it begins like a heartbeat or
            like JSON and would be taken for it; that, and a ``dict``, ``list``,
            ``tuple``, ``int``, ``float``, ``bool`` or ``None``, goes as JSON.

    Raises:
        TypeError: if the message, or something inside it, has no JSON form.
        ValueError: if it holds NaN, an infinity or itself, or is nested too deep.
    """
    if isinstance(message, str) and not message.startswith(_MARKS):
        return encode_text(message)
    if isinstance(message, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"cannot send {type(message).__name__}: messages are text or JSON; "
            "decode it to str first (base64 for binary data)"
        )
    try:
        return encode_text(JSON + _to_json(message))
    except RecursionError:
        raise ValueError("cannot send a message that is nested so deep") from None


def encode_heartbeat(number: int) -> bytes:
    """Frame the heartbeat with this number."""
    return encode_text(f"{HEARTBEAT}{number}")


def decode(payload: str, most: int | None = None) -> Decoded:
    """Cut a payload into its messages.

    It never raises: the first mistake ends the decoding, and what came before
    it is kept.

    Args:
        payload: what has come.
        most: how many messages it may have; one more is a mistake, :data:`TOO_MANY`.

    Returns:
        The texts up to the first mistake, in order; and what was wrong and
        where, or an empty string.
    """
    if most is None:
        most = sys.maxsize
    if payload.isascii() or max(payload) <= "\uffff":
        return _cut(payload, most)
    return _cut_astral(payload, most)


def _cut(payload: str, most: int) -> Decoded:
    """Decode a payload in which every character is one UTF-16 code unit."""
    messages: list[str] = []
    match_header = _HEADER.match
    position, end = 0, len(payload)
    while position < end:
        header = match_header(payload, position)
        if header is None:
            return messages, f"no ~m~<length>~m~ at {position}"
        start = header.end()
        if len(messages) == most:
            return messages, TOO_MANY
        position = start + int(header[1])
        if position > end:
            return messages, f"the length {header[1]} is past the end, at {start}"
        messages.append(payload[start:position])
    return messages, "" if end else "the payload is empty"


def _cut_astral(payload: str, most: int) -> Decoded:
    """Decode a payload with characters that are two UTF-16 code units."""
    units = payload.encode("utf-16-le", "surrogatepass")
    messages: list[str] = []
    # Headers are ASCII; the index of a character and the index of its first
    # code unit are kept side by side, so that neither is ever searched for.
    character, unit, end = 0, 0, len(units) // 2
    while unit < end:
        header = _HEADER.match(payload, character)
        if header is None:
            return messages, f"no ~m~<length>~m~ at {unit}"
        start = unit + header.end() - character
        if len(messages) == most:
            return messages, TOO_MANY
        unit = start + int(header[1])
        if unit > end:
            return messages, f"the length {header[1]} is past the end, at {start}"
        try:
            text = units[2 * start : 2 * unit].decode("utf-16-le")
        except UnicodeDecodeError:
            return messages, f"the length {header[1]} cuts a character, at {start}"
        messages.append(text)
        character = header.end() + len(text)
    return messages, ""


def json_excess(text: str, most: int | None, deepest: int | None) -> str:
    """Check how much there is in JSON before it is decoded.

    Decoding takes about as long as there are elements, and memory too, however
    short each of them is. For text that is no JSON, and for empty arrays and
    objects with space in them, the check may find too much; it never finds too
    little in what comes before the first mistake.

    Args:
        text: the JSON.
        most: how many elements it may have, values and names; ``None`` for any number.
        deepest: how deep arrays and objects may be nested; ``None`` for any depth.

    Returns:
        What there is too much of; empty if nothing is.
    """
    opened = text.count("[") + text.count("{")
    few = most is None or opened + text.count(",") + text.count(":") < most
    if few and (deepest is None or opened <= deepest):
        return ""
    # Strings may have anything in them, and are one element each. No more of them are
    # cut out than there may be.
    pieces = -1 if most is None else 2 * most + 1
    parts = text.replace("\\\\", "").replace('\\"', "").split('"', pieces)
    bare = '"'.join(parts[::2])
    opened = bare.count("[") + bare.count("{")
    if most is not None:
        # Each bracket and each comma stands before an element, but for empty ones.
        empty = bare.count("[]") + bare.count("{}")
        before = opened + bare.count(",") + bare.count(":") - empty
        if before >= most or len(parts) > 2 * most + 1:
            return f"the JSON of a message has over {most} elements"
    if deepest is not None and opened > deepest:
        brackets = bare.encode("utf-8", "replace").translate(None, _NO_BRACKETS)
        if max(accumulate([_STEPS[byte] for byte in brackets])) > deepest:
            return TOO_DEEP
    return ""


def decode_json(text: str) -> Any:
    """Decode the text behind ``~j~``.

    Raises:
        ValueError: if it is not JSON (RFC 8259), nested too deep to read, or
            has a number that is too large for a float, and could not be sent back.
    """
    deep = text.count("[") + text.count("{") > _MANY
    try:
        return _load(text, _ROOM if deep else 0)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _load(text: str, room: int) -> Any:
    """Read JSON as if the stack were deeper: calls of Python and of C each have a limit."""
    if room:
        return next(map(_load, (text,), (room - 1,)))
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text:.20} is too large a number")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
