"""Finds what is malformed in the head of a request.

If a server and the proxy in front of it read the same bytes differently, they do
not agree where a request begins. Then a request that the proxy forbids reaches
the server. So every head that RFC 9112 calls malformed is refused, even where a
server may be lenient.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .http_syntax import FIELD_VALUE, TOKEN

__all__ = ["head_problem", "line_problem", "sound_head_lines"]

_LONGEST_LENGTH = 18  # digits; no body is as long as that

_REQUEST_LINE = re.compile(rf"{TOKEN} [!-~]+ HTTP/1\.[01]\r\n")
_LINE = re.compile(rf"({TOKEN}):({FIELD_VALUE})\r\n".encode("latin-1"))
_LINES = re.compile(rf"(?:{TOKEN}:{FIELD_VALUE}\r\n)+\r\n".encode("latin-1"))
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"host"))
_FRAMING_LINE = re.compile(rb"^(?:%b):" % b"|".join(_FRAMING), re.IGNORECASE | re.MULTILINE)


def line_problem(line: str) -> str:
    """Find what is malformed in the first line of a request (RFC 9112, section 3).

    The line must have two spaces and otherwise only visible ASCII: programs do
    not agree which other characters count as a space.

    Args:
        line: the line with its end, one character for each byte.

    Returns:
        What is wrong; empty if the line is well formed.
    """
    return "" if _REQUEST_LINE.fullmatch(line) else "the first line is malformed"


def sound_head_lines(data: bytes) -> tuple[int, int]:
    """Measure the header lines at the beginning of data, if they are surely well formed.

    This is the quick check that most heads pass. It does not recognise all heads that
    :func:`head_problem` finds nothing wrong with.

    Args:
        data: what has come after the first line of a request.

    Returns:
        The number of lines, and of bytes up to the end of the empty line; or zeros.
    """
    match = _LINES.match(data)
    if match is None:
        return 0, 0
    size = match.end()
    # Headers that say how long the body is need the slow check.
    if len(framing := _FRAMING_LINE.findall(data, 0, size)) > 1 or (
        framing and framing[0].lower() != b"host:"
    ):
        return 0, 0
    return data.count(b"\n", 0, size) - 1, size


def head_problem(lines: Iterable[bytes], version: str) -> str:
    """Find what is malformed in header lines, or says twice how long the body is.

    Args:
        lines: the lines of a request's head after the first one, with their ends.
        version: the version of HTTP in the first line.

    Returns:
        What is wrong (RFC 9112, sections 2.2, 3.2, 5, 6.1, 6.3); empty if nothing is.
    """
    found: dict[bytes, bytes] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            return "a header line is malformed"
        name = match[1].lower()
        if name in _FRAMING:
            if name in found:
                return f"there are two headers {name.decode()}"
            found[name] = match[2].strip(b"\t ")
    coding, length = found.get(b"transfer-encoding"), found.get(b"content-length")
    if coding is not None:
        if length is not None:
            return "there are both Transfer-Encoding and Content-Length"
        if coding.lower() != b"chunked" or version != "HTTP/1.1":
            return "the Transfer-Encoding is not chunked, or not for this version of HTTP"
    if length is not None and not (length.isdigit() and len(length) <= _LONGEST_LENGTH):
        return "Content-Length is not a number, or has too many digits"
    return ""
