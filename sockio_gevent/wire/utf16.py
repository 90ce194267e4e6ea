"""Text as JavaScript has it: strings of UTF-16 code units, whose number is their length.

Dialects frame texts by this length. Here they are cut and measured, and made well formed.
"""

from __future__ import annotations

import re
import sys
from typing import Final

__all__ = ["PAST_MOST", "Cut", "code_units", "cut", "to_utf8"]

# The mistake of a payload with too many texts. Callers compare it by identity.
PAST_MOST: Final = "too many texts"

# The texts and the mistake. A tuple, because a class would make each payload slower.
Cut = tuple[list[str], str]

# In UTF-8, these bytes begin no character, and those begin one that is two code units.
_CONTINUATION = bytes(range(0x80, 0xC0))
_ASTRAL = bytes(range(0xF0, 0x100))


def to_utf8(text: str) -> bytes:
    """Encode any string.

    Lone surrogates, which UTF-8 cannot carry, become U+FFFD, as they do in a browser's
    ``WebSocket.send``. A surrogate pair becomes the character that it stands for.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        units = text.encode("utf-16-le", "surrogatepass")
        return units.decode("utf-16-le", "replace").encode()


def code_units(data: bytes) -> int:
    """Count the code units of a text in UTF-8."""
    if data.isascii():
        return len(data)
    characters = len(data.translate(None, _CONTINUATION))
    return characters + len(data) - len(data.translate(None, _ASTRAL))


def cut(payload: str, header: re.Pattern[str], form: str, most: int | None) -> Cut:
    """Cut a payload into texts, each with its length before it.

    It never raises. The first mistake ends the cutting, and the texts before it are kept.

    Args:
        payload: the payload.
        header: what stands before a text. It matches ASCII only, and its first group
            is the length, of few digits.
        form: how mistakes call the header.
        most: how many texts there may be; more are a mistake, :data:`PAST_MOST`.
            ``None`` for any number.

    Returns:
        The texts before the first mistake, in order; and the mistake with its
        place in code units, or an empty string.
    """
    if most is None:
        most = sys.maxsize
    if not payload.isascii():
        # Faster than a search for characters that are two code units.
        units = payload.encode("utf-16-le", "surrogatepass")
        if len(units) != 2 * len(payload):
            return _cut_astral(payload, units, header, form, most)
    texts: list[str] = []
    match_header = header.match
    position, end = 0, len(payload)
    while position < end:
        found = match_header(payload, position)
        if found is None:
            return texts, f"no {form} at {position}"
        start = found.end()
        if len(texts) == most:
            return texts, PAST_MOST
        position = start + int(found[1])
        if position > end:
            return texts, f"the length {found[1]} is past the end, at {start}"
        texts.append(payload[start:position])
    return texts, "" if end else "the payload is empty"


def _cut_astral(payload: str, units: bytes, header: re.Pattern[str], form: str, most: int) -> Cut:
    """Cut a payload with characters that are two code units."""
    texts: list[str] = []
    # Both the index of a character and the index of its code unit are counted, so
    # that neither must be searched for. Headers are ASCII: one unit a character.
    character, unit, end = 0, 0, len(units) // 2
    while unit < end:
        found = header.match(payload, character)
        if found is None:
            return texts, f"no {form} at {unit}"
        start = unit + found.end() - character
        if len(texts) == most:
            return texts, PAST_MOST
        unit = start + int(found[1])
        if unit > end:
            return texts, f"the length {found[1]} is past the end, at {start}"
        try:
            text = units[2 * start : 2 * unit].decode("utf-16-le")
        except UnicodeDecodeError:
            return texts, f"the length {found[1]} cuts a character, at {start}"
        texts.append(text)
        character = found.end() + len(text)
    return texts, ""
