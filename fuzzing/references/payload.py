"""The ``~m~`` framing as JavaScript reads it, where a string is a list of code units."""

from __future__ import annotations

__all__ = ["joined", "read", "units", "write"]


def units(text: str) -> list[int]:
    """The UTF-16 code units of a text."""
    found = []
    for character in map(ord, text):
        if character < 0x10000:
            found.append(character)
        else:
            found += [0xD800 + (character - 0x10000) // 1024, 0xDC00 + character % 1024]
    return found


def joined(parts: list[int]) -> str | None:
    """The text of code units, or ``None`` if one of a pair is alone."""
    text, at = "", 0
    while at < len(parts):
        unit = parts[at]
        if 0xD800 <= unit < 0xE000:
            if unit >= 0xDC00 or at + 1 == len(parts) or not 0xDC00 <= parts[at + 1] < 0xE000:
                return None
            text += chr(0x10000 + (unit - 0xD800) * 1024 + parts[at + 1] - 0xDC00)
            at += 2
        else:
            text += chr(unit)
            at += 1
    return text


def read(payload: str) -> tuple[list[str], bool]:
    """The messages up to the first mistake, and whether there was none."""
    marker = [ord(character) for character in "~m~"]
    rest = units(payload)
    messages: list[str] = []
    if not rest:
        return [], False
    while rest:
        digits = 0
        while rest[3 + digits : 4 + digits] and chr(rest[3 + digits]) in "0123456789":
            digits += 1
        start = 6 + digits
        if rest[:3] != marker or rest[3 + digits : start] != marker or not 1 <= digits <= 15:
            return messages, False
        length = 0
        for unit in rest[3 : 3 + digits]:
            length = 10 * length + unit - ord("0")
        message = joined(rest[start : start + length])
        if len(rest) < start + length or message is None:
            return messages, False
        messages.append(message)
        rest = rest[start + length :]
    return messages, True


def write(text: str) -> bytes:
    """A message, framed."""
    return f"~m~{len(units(text))}~m~{text}".encode()
