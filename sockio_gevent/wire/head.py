"""Heads of HTTP/1.1 messages, as far as they are plain.

A request's head is read only if all who read HTTP read it alike: what has any
second reading, or asks for something special, is left to who knows all of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from re import Pattern
from typing import NamedTuple

__all__ = ["AnswerHead", "RequestHead", "answer_head", "read_request_head", "request_pattern"]

_MOST_LINES = 64
_LONGEST_LINE = 4096  # characters

# Neither percent escapes, which have to be decoded, nor whatever is no ASCII.
_PATH = r"[!-$&->@-~]*"
# A line has a value, does not end in blanks, and continues no other.
_LINE = r"[A-Za-z0-9-]+:[\t -~]*[!-~]\r\n"

# What servers look at in an answer, in whatever case it is written.
_MEANINGFUL = frozenset(("content-length", "connection", "date", "transfer-encoding"))
# Nearly all the rest, so that these need not be compared in lower case each time.
_HARMLESS = frozenset(
    (
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Origin",
        "Cache-Control",
        "Content-Type",
        "Vary",
        "X-Accel-Buffering",
        "X-Content-Type-Options",
    )
)

# What changes how the body is read, or asks for more than an answer.
_UNUSUAL = frozenset(("HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE"))

_OWN_KEYS = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}


def _key(name: str) -> str:
    """What a header is called in a WSGI environ."""
    key = "HTTP_" + name.upper().replace("-", "_")
    return _OWN_KEYS.get(key, key)


# The names that nearly all requests have, so that these need not be spelled out each time.
_KEYS = {
    spelled: _key(name)
    for name in (
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Cache-Control",
        "Connection",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "Host",
        "Origin",
        "Pragma",
        "Referer",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "User-Agent",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
    )
    for spelled in (name, name.lower())
}


class RequestHead(NamedTuple):
    """The head of a request.

    Attributes:
        size: how many bytes it takes.
        line: its first line.
        method: the HTTP method.
        target: path and query, as they were sent.
        path: the path, which has nothing to decode.
        query: what follows it, without the question mark.
        fields: the headers, named as in a WSGI environ.
        body_size: how many bytes its body takes, or ``None`` if it says nothing of one.
        closes: whether the client wants no other answer on the connection.
    """

    size: int
    line: str
    method: str
    target: str
    path: str
    query: str
    fields: dict[str, str]
    body_size: int | None
    closes: bool


def request_pattern(prefixes: Iterable[str]) -> Pattern[str]:
    """What plain heads of requests look like.

    Args:
        prefixes: what paths begin with.
    """
    begins = "|".join(re.escape(prefix) for prefix in prefixes)
    target = rf"((?:{begins}){_PATH})(?:\?([!-~]*))?"
    return re.compile(
        rf"((GET|POST|OPTIONS) ({target}) HTTP/1\.1)\r\n((?:{_LINE}){{0,{_MOST_LINES}}})\r\n"
    )


def read_request_head(pattern: Pattern[str], data: bytes) -> RequestHead | None:
    """Read the head that data begins with; ``None`` if it is not whole, or not plain.

    Args:
        pattern: what :func:`request_pattern` has made.
        data: what the client has sent so far.
    """
    match = pattern.match(data.decode("latin-1"))
    if match is None:
        return None
    line, method, target, path, query, block = match.groups("")
    if len(line) > _LONGEST_LINE:
        return None
    fields: dict[str, str] = {}
    lines = block.split("\r\n")
    del lines[-1]
    for each in lines:
        name, _, value = each.partition(":")
        fields[_KEYS.get(name) or _key(name)] = value.lstrip("\t ")
    # Two of a kind would have to be joined, or contradict each other.
    if len(fields) < len(lines) or not _UNUSUAL.isdisjoint(fields):
        return None
    closes = False
    if (connection := fields.get("HTTP_CONNECTION")) is not None:
        connection = connection.lower()
        closes = connection == "close"
        if not closes and connection != "keep-alive":
            return None
    body_size = None
    if (length := fields.get("CONTENT_LENGTH")) is not None:
        if not length.isdecimal() or len(length) > 15:
            return None
        body_size = int(length)
    return RequestHead(match.end(), line, method, target, path, query, fields, body_size, closes)


class AnswerHead(NamedTuple):
    """The head of an answer, without its date and its last line end.

    Attributes:
        data: its bytes.
        code: the number of the status.
        closes: whether it says that no other answer follows on the connection.
    """

    data: bytes
    code: int
    closes: bool


def answer_head(status: str, headers: Sequence[tuple[str, str]]) -> AnswerHead | None:
    """Spell a head out; ``None`` if it is wrong, or not plain.

    Args:
        status: as WSGI has it.
        headers: as WSGI has them; the length of the body must be among them.
    """
    closes = sized = False
    try:
        for name, value in headers:
            if name == "Content-Length":
                if sized or not value.isdecimal():
                    return None
                sized = True
            elif name == "Connection":
                if value != "close":
                    return None
                closes = True
            elif name not in _HARMLESS and name.lower() in _MEANINGFUL:
                return None
        lines = "\r\n".join([f"{name}: {value}" for name, value in headers])
        text = f"HTTP/1.1 {status}\r\n{lines}\r\n"
        data = text.encode("latin-1")
        code = int(status[:3])
    except (AttributeError, TypeError, ValueError):
        return None
    if not (sized and 200 <= code < 600 and code not in (204, 304) and status[3:4] == " "):
        return None
    # A line break within a header would begin another one, or the body.
    breaks = len(headers) + 1
    if text.count("\r") != breaks or text.count("\n") != breaks:
        return None
    return AnswerHead(data, code, closes)
