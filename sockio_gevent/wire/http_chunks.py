"""The lines before the chunks of a body, and its trailers (RFC 9112, section 7.1)."""

from __future__ import annotations

import re

from .http_syntax import FIELD_VALUE, TOKEN

__all__ = ["LONGEST_LINE", "chunk_size", "is_trailer"]

# Bytes. No extensions are in use, and long ones before tiny chunks take long to read.
LONGEST_LINE = 256

# Extensions may follow the size. None are in use, so their grammar is not checked. But
# they may hold no character that another program could take for the end of the line.
_SIZE = re.compile(rf"([0-9A-Fa-f]{{1,15}})(?:;{FIELD_VALUE})?\r\n".encode())
_TRAILER = re.compile(rf"{TOKEN}:{FIELD_VALUE}\r\n".encode())


def chunk_size(line: bytes) -> int | None:
    """How many bytes the chunk after this line has; ``None`` if the line is malformed."""
    match = _SIZE.fullmatch(line)
    return None if match is None else int(match[1], 16)


def is_trailer(line: bytes) -> bool:
    """Whether a line is a well-formed trailer."""
    return _TRAILER.fullmatch(line) is not None
