"""Heads of HTTP/1.1 messages, as far as they are plain.

A request's head is read only if all who read HTTP read it alike: what has any
second reading, or asks for something special, is left to who knows all of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from re import Pattern
from typing import NamedTuple

__all__ = [
    "AnswerHead",
    "Fields",
    "RequestHead",
    "answer_head",
    "read_request_head",
    "request_line_pattern",
]

_LONGEST_LINE = 4096  # bytes
_LONGEST_HEAD = 16 * 1024
_MOST_LINES = 64

_MOST_KNOWN = 256  # heads that are remembered, of
_LONGEST_KNOWN = 1024  # bytes at most

# Neither percent escapes, which have to be decoded, nor whatever is no ASCII.
_PATH = r"[!-$&->@-~]*"
# Each line has a value, does not end in blanks, and continues no other.
_BLOCK = re.compile(rb"(?:[A-Za-z0-9-]+:[\t -~]*[!-~]\r\n){0,%d}" % _MOST_LINES)

# What changes how the body is read, or asks for more than an answer.
_UNUSUAL = frozenset(("HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE"))
_OWN_KEYS = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}
# What servers look at in an answer, in whatever case it is written.
_MEANINGFUL = frozenset(("content-length", "connection", "date", "transfer-encoding"))


class Fields(NamedTuple):
    """The headers of a request.

    Attributes:
        environ: all of them, named as in a WSGI environ; not to be changed.
        body_size: how many bytes the body takes, or ``None`` if they say nothing of one.
        closes: whether the client wants no other answer on the connection.
    """

    environ: dict[str, str]
    body_size: int | None
    closes: bool


# How many bytes the head takes, its first line, of that the method, the target,
# and of that the path, which has nothing to decode, and the query; its headers.
# A bare tuple, because one is made for every request.
RequestHead = tuple[int, str, str, str, str, str, Fields]


def request_line_pattern(prefixes: Iterable[str]) -> Pattern[str]:
    """What the first lines of plain heads look like.

    Args:
        prefixes: what paths begin with.
    """
    begins = "|".join(re.escape(prefix) for prefix in prefixes)
    return re.compile(
        rf"(GET|POST|OPTIONS) (((?:{begins}){_PATH})(?:\?([!-~]*))?) HTTP/1\.1", re.ASCII
    )


def read_request_head(pattern: Pattern[str], data: bytes) -> RequestHead | None:
    """Read the head that data begins with; ``None`` if it is not whole, or not plain.

    Args:
        pattern: what :func:`request_line_pattern` has made.
        data: what the client has sent so far.
    """
    line_end = data.find(b"\r\n", 0, _LONGEST_LINE)
    end = data.find(b"\r\n\r\n", line_end, _LONGEST_HEAD) + 2
    if line_end < 0 or end < 2:
        return None
    line = data[:line_end].decode("latin-1")
    match = pattern.fullmatch(line)
    if match is None:
        return None
    block = data[line_end + 2 : end]
    fields = _known_fields(block) if len(block) <= _LONGEST_KNOWN else _read_fields(block)
    if fields is None:
        return None
    method, target, path, query = match.groups("")
    return end + 2, line, method, target, path, query, fields


def _read_fields(block: bytes) -> Fields | None:
    """Read the lines of headers; ``None`` if they are not plain."""
    if not _BLOCK.fullmatch(block):
        return None
    environ: dict[str, str] = {}
    lines = block.decode("ascii").split("\r\n")
    del lines[-1]
    for each in lines:
        name, _, value = each.partition(":")
        environ[_key(name)] = value.lstrip("\t ")
    # Two of a kind would have to be joined, or contradict each other.
    if len(environ) < len(lines) or not _UNUSUAL.isdisjoint(environ):
        return None
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    # Without an Upgrade, "upgrade" asks for nothing, and many proxies add it.
    if connection not in ("keep-alive", "close", "upgrade"):
        return None
    body_size = None
    if (length := environ.get("CONTENT_LENGTH")) is not None:
        if not length.isdecimal() or len(length) > 15:
            return None
        body_size = int(length)
    return Fields(environ, body_size, connection == "close")


# From one request to the next of a client, and among clients, they hardly differ.
_known_fields = lru_cache(_MOST_KNOWN)(_read_fields)


def _key(name: str) -> str:
    """What a header is called in a WSGI environ."""
    key = "HTTP_" + name.upper().replace("-", "_")
    return _OWN_KEYS.get(key, key)


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


# From one answer to the next they hardly differ. A bare dict: who looks there
# must not measure them first, and mostly finds them.
_known_answers: dict[tuple[str, tuple[tuple[str, str], ...]], AnswerHead] = {}


def answer_head(status: str, headers: tuple[tuple[str, str], ...]) -> AnswerHead | None:
    """Spell a head out; ``None`` if it is not plain.

    Args:
        status: as WSGI has it.
        headers: as WSGI has them; the length of the body must be among them.

    Raises:
        AttributeError: like the others, if something is wrong.
        TypeError: if something in it is no text.
        ValueError: if some text cannot be sent.
    """
    known = _known_answers.get((status, headers))
    if known is not None:
        return known
    head = _answer_head(status, headers)
    if head is not None and len(head.data) <= _LONGEST_KNOWN:
        if len(_known_answers) >= _MOST_KNOWN:
            _known_answers.clear()
        _known_answers[status, headers] = head
    return head


def _answer_head(status: str, headers: tuple[tuple[str, str], ...]) -> AnswerHead | None:
    closes = sized = False
    for name, value in headers:
        if name == "Content-Length":
            if sized or not value.isdecimal():
                return None
            sized = True
        elif name == "Connection":
            if value != "close":
                return None
            closes = True
        elif name.lower() in _MEANINGFUL:
            return None
    # Joined, for that lets nothing pass but text.
    lines = [part for name, value in headers for part in (name, ": ", value, "\r\n")]
    text = "".join(["HTTP/1.1 ", status, "\r\n", *lines])
    code = int(status[:3])
    if not (sized and 200 <= code < 600 and code not in (204, 304) and status[3:4] == " "):
        return None
    # A line break within a header would begin another one, or the body.
    breaks = len(headers) + 1
    if text.count("\r") != breaks or text.count("\n") != breaks:
        return None
    return AnswerHead(text.encode("latin-1"), code, closes)
