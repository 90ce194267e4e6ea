"""Heads of plain HTTP/1.1 messages, for the fast path.

The head of a request is read here only if every HTTP parser reads it alike. If
it could be read in two ways, or asks for something special, it is left to
pywsgi.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = [
    "AnswerHead",
    "Fields",
    "RequestHead",
    "answer_head",
    "read_request_head",
]

_LONGEST_LINE: Final = 4096  # bytes
_LONGEST_HEAD: Final = 16 * 1024
_MOST_LINES = 64

# The cache of heads that were read or written before: how many, and how long each may be.
_MOST_KNOWN = 256
_LONGEST_KNOWN: Final = 1024  # bytes

_METHODS: Final = frozenset(("GET", "POST", "OPTIONS"))
# Each line has a value, does not end in blanks, and does not continue the line before.
_BLOCK = re.compile(rb"(?:[A-Za-z0-9-]+:[\t -~]*[!-~]\r\n){0,%d}" % _MOST_LINES)

# Headers that change how the body is read, or ask for more than an answer.
_UNUSUAL = frozenset(("HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"))
_OWN_KEYS = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}
# Headers of an answer that a server acts on, whatever the case of their letters.
_MEANINGFUL = frozenset(("content-length", "connection", "date", "transfer-encoding"))


class Fields(NamedTuple):
    """The headers of a request.

    Attributes:
        environ: all of them, named as in a WSGI environ; do not change it.
        body_size: how many bytes the body has, or ``None`` if the headers name no body.
        closes: whether the client wants no further answer on the connection.
        upgrades: whether the request asks for a WebSocket (RFC 6455 section 4.1).
    """

    environ: dict[str, str]
    body_size: int | None
    closes: bool
    upgrades: bool


# The size of the head in bytes; its first line; from that the method and the target; from
# the target the path, in which nothing has to be decoded, and the query; the headers.
# A bare tuple, because one is made for every request.
RequestHead = tuple[int, str, str, str, str, str, Fields]


def read_request_head(prefixes: tuple[str, ...], data: bytes) -> RequestHead | None:
    """Read the head at the beginning of data; ``None`` if it is incomplete, or not plain.

    Args:
        prefixes: the beginnings of the paths of plain requests.
        data: the bytes that the client has sent so far.
    """
    line_end = data.find(b"\r\n", 0, _LONGEST_LINE)
    end = data.find(b"\r\n\r\n", line_end, _LONGEST_HEAD) + 2
    if line_end < 0 or end < 2:
        return None
    line = data[:line_end].decode("latin-1")
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] != "HTTP/1.1" or parts[0] not in _METHODS:
        return None
    method, target = parts[0], parts[1]
    path, _, query = target.partition("?")
    # A percent escape would have to be decoded.
    if not path.startswith(prefixes) or "%" in path:
        return None
    if not (line.isascii() and line.isprintable()):
        return None
    fields = _fields(data[line_end + 2 : end])
    if fields is None or (fields.upgrades and method != "GET"):
        return None
    return end + 2, line, method, target, path, query, fields


# The heads of a client's requests hardly differ, and neither do those of different clients.
_known_fields: Final[dict[bytes, Fields]] = {}


def _fields(block: bytes) -> Fields | None:
    """The headers in lines of them, which may be known; ``None`` if they are not plain."""
    fields = _known_fields.get(block)
    if fields is None:
        fields = _read_fields(block)
        # Each handshake has a key of its own, so it is not worth keeping.
        if fields is not None and not fields.upgrades and len(block) <= _LONGEST_KNOWN:
            if len(_known_fields) >= _MOST_KNOWN:
                _known_fields.clear()
            _known_fields[block] = fields
    return fields


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
    # Two headers with one name would have to be joined, or contradict each other.
    if len(environ) < len(lines) or not _UNUSUAL.isdisjoint(environ):
        return None
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    upgrades = "HTTP_UPGRADE" in environ
    if upgrades:
        if not _is_handshake(environ, connection):
            return None
    # Without an Upgrade header, "upgrade" asks for nothing, and many proxies add it.
    elif connection not in ("keep-alive", "close", "upgrade"):
        return None
    body_size = None
    if (length := environ.get("CONTENT_LENGTH")) is not None:
        if not length.isdecimal() or len(length) > 15:
            return None
        body_size = int(length)
    return Fields(environ, body_size, connection == "close", upgrades)


def _is_handshake(environ: dict[str, str], connection: str) -> bool:
    """Whether a request with an Upgrade header asks for a WebSocket, and for nothing else."""
    return (
        environ["HTTP_UPGRADE"].lower() == "websocket"
        # Without a version it is one of the drafts before RFC 6455.
        and "HTTP_SEC_WEBSOCKET_VERSION" in environ
        and "CONTENT_LENGTH" not in environ
        and connection in ("upgrade", "keep-alive, upgrade")
    )


def _key(name: str) -> str:
    """The name of a header in a WSGI environ."""
    key = "HTTP_" + name.upper().replace("-", "_")
    return _OWN_KEYS.get(key, key)


class AnswerHead(NamedTuple):
    """The head of an answer, without its date and without its last line end.

    Attributes:
        data: its bytes.
        code: the number of the status.
        closes: whether it says that no further answer follows on the connection.
    """

    data: bytes
    code: int
    closes: bool


# The heads of answers hardly differ, so most are found here. Only short ones are kept.
_known_answers: dict[tuple[str, tuple[tuple[str, str], ...]], AnswerHead] = {}


def answer_head(status: str, headers: tuple[tuple[str, str], ...]) -> AnswerHead | None:
    """Make the head of an answer; ``None`` if it is not plain.

    Args:
        status: the status, as in WSGI.
        headers: the headers, as in WSGI; the length of the body must be among them.

    Raises:
        AttributeError: if a value is not a string.
        TypeError: the same.
        ValueError: if a text cannot be sent.
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
    # join() accepts nothing but strings.
    lines = [part for name, value in headers for part in (name, ": ", value, "\r\n")]
    text = "".join(["HTTP/1.1 ", status, "\r\n", *lines])
    code = int(status[:3])
    if not (sized and 200 <= code < 600 and code not in (204, 304) and status[3:4] == " "):
        return None
    # A line break inside a header would begin another header, or the body.
    breaks = len(headers) + 1
    if text.count("\r") != breaks or text.count("\n") != breaks:
        return None
    return AnswerHead(text.encode("latin-1"), code, closes)
