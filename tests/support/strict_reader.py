"""A slow and strict parser for the bytes of one connection, to compare the server with.

It knows the grammar of RFC 9112 and how long the server keeps connections, and
shares no code with the server.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from urllib.parse import unquote

TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
SEEN = frozenset(map(chr, range(0x21, 0x7F)))
VALUE = frozenset({"\t", *map(chr, range(0x20, 0x7F)), *map(chr, range(0x80, 0x100))})
HEX = frozenset(string.hexdigits)
LONGEST_LINE = 8192


class Malformed(Exception):
    """Bytes whose meaning no reader may guess."""


@dataclass
class Reading:
    """The requests of one connection.

    Attributes:
        requests: method, path, query, host and body of each request.
        answers: the status of each answer.
        is_plain: whether pywsgi itself reads each request in the same way.
        upgrades: whether one of them asks for a WebSocket; what follows is not read then.
    """

    requests: list[tuple[str, str, str, str, bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    is_plain: list[bool] = field(default_factory=list)
    upgrades: bool = False


def read_stream(data: bytes) -> Reading:
    """Read all bytes of a connection."""
    reading = Reading()
    reader = _Reader(data.decode("latin-1"))
    try:
        while reader.text:
            if not _read_request(reader, reading):
                break
    except Malformed:
        reading.answers.append(400)
    return reading


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def line(self) -> str:
        """The next line, which ends with CR LF, without that."""
        line, end, self.text = self.text.partition("\n")
        if not end or not line.endswith("\r") or len(line) + 1 >= LONGEST_LINE:
            raise Malformed
        return line[:-1]

    def take(self, size: int) -> str:
        taken, self.text = self.text[:size], self.text[size:]
        if len(taken) < size:
            raise Malformed
        return taken


def _read_request(reader: _Reader, reading: Reading) -> bool:
    """Read a request; return false if no other request may follow."""
    method, target, version = _first_line(reader.line())
    headers = _header_lines(reader)

    def values(name: str) -> list[str]:
        return [value for found, value in headers if found.lower() == name]

    hosts, lengths, codings = map(values, ("host", "content-length", "transfer-encoding"))
    if max(len(hosts), len(lengths), len(codings)) > 1 or (lengths and codings):
        raise Malformed
    size = _size(lengths[0].strip("\t ")) if lengths else 0
    if codings and (codings[0].strip("\t ").lower() != "chunked" or version != "HTTP/1.1"):
        raise Malformed
    if size and method == "HEAD":
        raise Malformed
    host, path, query = _target(target, method, hosts[0].strip("\t ") if hosts else "")
    connection = (values("connection") or [""])[0].lstrip("\t ").lower()
    upgrade = ",".join(values("upgrade")).strip("\t ").lower()
    options = [each.strip("\t ") for each in ",".join(values("connection")).lower().split(",")]
    asks = upgrade == "websocket" and "upgrade" in options
    if asks and method == "GET" and version == "HTTP/1.1" and not (size or codings):
        reading.upgrades = True
        return False
    body = _chunks(reader) if codings else reader.take(size)
    reading.requests.append((method, path, query, host, body.encode("latin-1")))
    reading.answers.append(200)
    # pywsgi does not read the body of a request that asks for some upgrade, and
    # knows no targets that are URLs.
    is_odd = any("upgrade" in each.lower() for each in values("connection")) or values("upgrade")
    reading.is_plain.append(target.startswith("/") and not is_odd)
    return connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"


def _first_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not all(parts) or parts[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise Malformed
    if not TOKEN.issuperset(parts[0]) or not SEEN.issuperset(parts[1]):
        raise Malformed
    return parts[0], parts[1], parts[2]


def _header_lines(reader: _Reader) -> list[tuple[str, str]]:
    headers = []
    while line := reader.line():
        name, colon, value = line.partition(":")
        if not (name and colon and TOKEN.issuperset(name) and VALUE.issuperset(value)):
            raise Malformed
        headers.append((name, value))
    return headers


def _size(text: str) -> int:
    if not (0 < len(text) <= 18 and set(string.digits).issuperset(text)):
        raise Malformed
    return int(text)


def _target(target: str, method: str, host: str) -> tuple[str, str, str]:
    scheme, found, rest = target.partition("://")
    if found and scheme.lower() in ("http", "https") and "#" not in target:
        end = min((rest.find(each) for each in "/?" if each in rest), default=len(rest))
        host, target = rest[:end], rest[end:]
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not colon:
            name, port = host, ""
        inner = name[1:-1] if name[:1] + name[-1:] == "[]" else None
        if inner is not None:
            sound = bool(inner) and set(string.hexdigits + ":.").issuperset(inner)
        else:
            sound = bool(name) and not set(name) & set('/?#@:\\[]"<>^`{|}')
        if not sound or not set(string.digits).issuperset(port):
            raise Malformed
        if not target:
            target = "*" if method == "OPTIONS" else "/"
        target = target if target[0] in "/*" else f"/{target}"
    path, _, query = target.partition("?")
    return host, unquote(path, "latin-1"), query


def _chunks(reader: _Reader) -> str:
    body = ""
    while True:
        digits, _, extension = reader.line().partition(";")
        if not (0 < len(digits) < 16 and HEX.issuperset(digits) and VALUE.issuperset(extension)):
            raise Malformed
        size = int(digits, 16)
        if not size:
            _header_lines(reader)
            return body
        body += reader.take(size)
        if reader.take(2) != "\r\n":
            raise Malformed
