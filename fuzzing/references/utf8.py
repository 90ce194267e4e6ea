"""UTF-8 after RFC 3629 section 4, one character after the other."""

from __future__ import annotations

__all__ = ["decode"]

# For a first byte: how many follow, which bits of it count, and the least
# character that may be written so.
_LEADS = (
    (0x80, 0x00, 0, 0x7F, 0x0),
    (0xE0, 0xC0, 1, 0x1F, 0x80),
    (0xF0, 0xE0, 2, 0x0F, 0x800),
    (0xF8, 0xF0, 3, 0x07, 0x10000),
)


def decode(data: bytes) -> str | None:
    """The text, or ``None`` if these bytes are none."""
    text = ""
    position = 0
    while position < len(data):
        first = data[position]
        leads = [lead for lead in _LEADS if first & lead[0] == lead[1]]
        if not leads:
            return None
        _, _, following, bits, least = leads[0]
        tail = data[position + 1 : position + 1 + following]
        if len(tail) < following or any(byte & 0xC0 != 0x80 for byte in tail):
            return None
        value = first & bits
        for byte in tail:
            value = value << 6 | byte & 0x3F
        if value < least or value > 0x10FFFF or 0xD800 <= value < 0xE000:
            return None
        text += chr(value)
        position += 1 + following
    return text
