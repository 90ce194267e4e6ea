"""The ``~m~`` framing: how messages are encoded in a payload.

A payload is one or more messages, each ``~m~<length>~m~<text>``. The length
counts UTF-16 code units, as JavaScript's ``.length`` does. A text that begins with
``~h~`` is a heartbeat, and one that begins with ``~j~`` is JSON. Any other text is
a string of the application.

Sessions and dialects decide what to do with a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from . import utf16
from .attachments import without_binary
from .json_text import encode_json

__all__ = [
    "HEARTBEAT",
    "JSON",
    "TOO_MANY",
    "Decoded",
    "decode",
    "encode",
    "encode_heartbeat",
    "encode_text",
    "only_text",
]

# The error of a payload with too many messages. Callers compare it by identity.
TOO_MANY: Final = utf16.PAST_MOST

HEARTBEAT: Final = "~h~"
JSON: Final = "~j~"
_MARKS: Final = (HEARTBEAT, JSON)

# No payload has so many characters that its length needs more digits, and the conversion
# of fifteen digits costs little.
_HEADER: Final = re.compile(r"~m~([0-9]{1,15})~m~")

# The messages and the error.
Decoded = utf16.Cut


def encode_text(text: str) -> bytes:
    """Frame one text.

    Args:
        text: any string. Lone surrogates, which UTF-8 cannot carry, become
            U+FFFD, as they do in a browser's ``WebSocket.send``; a surrogate
            pair becomes the character that it stands for.
    """
    if text.isascii():
        return f"~m~{len(text)}~m~{text}".encode()
    data = utf16.to_utf8(text)
    return b"~m~%d~m~%b" % (utf16.code_units(data), data)


def encode(message: Any, dumps: Callable[[Any], str] = encode_json) -> bytes:
    """Frame one message of the public API.

    Args:
        message: a ``str`` is sent as it is. If it begins with the mark of a heartbeat
            or of JSON, it is sent as JSON. So is a ``dict``, ``list``, ``tuple``,
            ``int``, ``float``, ``bool`` or ``None``, and whatever else ``dumps`` takes.
        dumps: encodes JSON.

    Raises:
        TypeError: if the message, or something inside it, has no JSON form.
        ValueError: if it holds NaN, an infinity or itself, or is nested too deep.
    """
    if isinstance(message, str) and not message.startswith(_MARKS):
        if message.isascii():  # the same as encode_text, without its call
            return f"~m~{len(message)}~m~{message}".encode()
        return encode_text(message)
    if isinstance(message, (bytes, bytearray, memoryview)):
        raise _no_form(type(message).__name__)
    try:
        text = dumps(message)
    except TypeError as error:
        if _has_binary(message):
            raise _no_form("bytes inside of a message or an event") from error
        raise
    return encode_text(JSON + text)


def _no_form(what: str) -> TypeError:
    return TypeError(
        f"cannot send {what}: messages are text or JSON; "
        "decode it to str first (base64 for binary data)"
    )


def _has_binary(message: Any) -> bool:
    found: list[bytes] = []
    try:
        without_binary(message, found)
    except RecursionError:
        return False
    return bool(found)


def encode_heartbeat(number: int) -> bytes:
    """Frame the heartbeat with this number."""
    return encode_text(f"{HEARTBEAT}{number}")


def only_text(payload: str) -> str | None:
    """The text of a payload that is one message in ASCII; ``None`` for any other payload.

    Most payloads are, and :func:`decode` takes several times as long for them.
    """
    if payload.isascii():
        parts = payload.split("~m~", 2)
        if len(parts) == 3 and parts[1] == str(len(parts[2])) and not parts[0]:
            return parts[2]
    return None


def decode(payload: str, most: int | None = None) -> Decoded:
    """Cut a payload into its messages.

    It never raises. The first mistake ends the decoding, and the messages before it
    are kept.

    Args:
        payload: the payload.
        most: how many messages it may have; more are a mistake, :data:`TOO_MANY`.

    Returns:
        The texts before the first mistake, in order; and the mistake with its
        place, or an empty string.
    """
    return utf16.cut(payload, _HEADER, "~m~<length>~m~", most)
