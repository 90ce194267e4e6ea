"""Heads of HTTP: the code must read them like a slow and strict parser, or refuse them."""

from __future__ import annotations

import string
from typing import Any

from sockio_gevent.wire.http_chunks import chunk_size, is_trailer
from sockio_gevent.wire.http_head import answer_head, read_request_head
from sockio_gevent.wire.http_malformed import head_problem, line_problem, sound_head_lines
from sockio_gevent.wire.http_target import split_url

from ..supply import Supply

__all__ = ["SEEDS", "TOKENS", "check"]

PREFIXES = ("/socket.io/", "/a.b/")

TOKENS = (
    b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\n",
    b"POST /a.b/x?y HTTP/1.1\r\n",
    b"Host: example.com\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: +5\r\n",
    b"content-length:5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\n",
    b"Connection: keep-alive, Upgrade\r\n",
    b"Upgrade: websocket\r\n",
    b"Sec-WebSocket-Version: 13\r\n",
    b"Expect: 100-continue\r\n",
    b"X-A_B: 1\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xe9",
    b"%41",
    b": ",
    b"\t",
    b"200 OK\n",
    b"GET http://a/b HTTP/1.0\r\n",
    b"1f;a=b\r\n",
    b"\x7f",
    b"\xa0",
)
SEEDS = (
    b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"POST /socket.io/xhr-polling/1/send?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\ndata=",
    b"OPTIONS /a.b/ HTTP/1.1\r\nConnection: close\r\nX-Two: a  b\t\r\nX-Two: c\r\n\r\n",
    b"GET /a.b/x HTTP/1.1\r\n\r\nGET /a.b/y HTTP/1.1\r\n\r\n",
    b"GET /a.b/x HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n",
    b"GET /a.b/ HTTP/1.1\r\nX-Two: a\r\nx-two: b\r\n\r\n",
    b"POST /a.b/ HTTP/1.1\r\nContent-Length: +5\r\n\r\n12345",
    b"POST /a.b/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /a.b/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /a.b/ HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n\x81\x80AAAA",
    b"GET http://a:80/b?c HTTP/1.1\r\nHost: d\r\n\r\n",
    b"OPTIONS HTTP://a HTTP/1.0\r\n\r\n",
    b"1f;a=b\r\n0\r\nA: b\r\n\r\n",
    b"200 OK\nContent-Length\n5\nConnection\nclose",
    b"404 Not Found\nContent-Length\n0\nX\na\rb",
)
_NAME = string.ascii_letters + string.digits + "-"
_TOKEN = _NAME + "!#$%&'*+.^_`|~"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_UNUSUAL = ("HTTP_EXPECT", "HTTP_TRANSFER_ENCODING")


def check(data: bytes) -> None:
    """Read the data as a request that comes in pieces; and make an answer from it."""
    expected = _read(data)
    head = read_request_head(PREFIXES, data)
    assert head == expected
    assert read_request_head(PREFIXES, data) == expected, "another answer the second time"
    if head is not None:
        assert read_request_head(PREFIXES, data[: head[0]]) == head
        for size in (head[0] - 1, head[0] - 2, head[0] // 2):
            assert read_request_head(PREFIXES, data[:size]) is None
    _check_first_line(data)
    for each in data.split(b"\n"):
        _check_chunk_line(each + b"\n")
    _check_lines(data)
    _check_lines(data.partition(b"\n")[2])
    _answer(data.decode("latin-1").split("\n"))
    # And with other bytes in front, as an attacker may send them.
    place = Supply(data).number(200)
    strange = data[:place] + b"\r" + data[place:]
    assert read_request_head(PREFIXES, strange) == _read(strange)


def _read(data: bytes) -> tuple[Any, ...] | None:
    """A plain head, or ``None``."""
    head, found, _ = data.partition(b"\r\n\r\n")
    if not found or len(head) + 4 > 16 * 1024:
        return None
    line, *lines = head.decode("latin-1").split("\r\n")
    parts = line.split(" ")
    if len(line) + 2 > 4096 or len(parts) != 3 or parts[2] != "HTTP/1.1":
        return None
    method, target, _ = parts
    path, _, query = target.partition("?")
    if method not in ("GET", "POST", "OPTIONS") or not path.startswith(PREFIXES):
        return None
    if not _consists(path, _PRINTABLE) or not _consists(query, _PRINTABLE) or "%" in path:
        return None
    environ: dict[str, str] = {}
    for each in lines:
        name, found_colon, value = each.partition(":")
        value = value.strip(" \t")
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        if not found_colon or not name or not value or key in environ or each[-1] in " \t":
            return None
        if not _consists(name, _NAME) or not _consists(value, _PRINTABLE + " \t"):
            return None
        environ[key] = value
    if len(lines) > 64 or not environ.keys().isdisjoint(_UNUSUAL):
        return None
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    length = environ.get("CONTENT_LENGTH", "0")
    if not _consists(length, string.digits) or len(length) > 15:
        return None
    upgrade = environ.get("HTTP_UPGRADE")
    if upgrade is None:
        if connection not in ("keep-alive", "close", "upgrade"):
            return None
    elif (
        method != "GET"
        or upgrade.lower() != "websocket"
        or connection not in ("upgrade", "keep-alive, upgrade")
        or "HTTP_SEC_WEBSOCKET_VERSION" not in environ
        or "CONTENT_LENGTH" in environ
    ):
        return None
    body_size = int(length) if "CONTENT_LENGTH" in environ else None
    fields = (environ, body_size, connection == "close", upgrade is not None)
    return len(head) + 4, line, method, target, path, query, fields


def _check_first_line(data: bytes) -> None:
    """Compare the checks of the first line and its target with our own."""
    line, found, _ = data.decode("latin-1").partition("\n")
    parts = line.split(" ")
    sound = found and len(parts) == 3 and parts[2] in ("HTTP/1.0\r", "HTTP/1.1\r")
    sound = sound and all(parts) and _consists(parts[0], _TOKEN) and _consists(parts[1], _PRINTABLE)
    assert (line_problem(line + found) == "") == bool(sound)
    if not sound:
        return
    method, target = parts[:2]
    try:
        url = split_url(target, method)
    except ValueError:
        return
    if url is None:
        return
    assert not target.startswith("/")
    host, rest = url
    assert host
    assert not set(host) & set("@/?#\\")
    assert target.partition("://")[2].removeprefix(host) in (rest, rest[1:])
    assert rest.startswith("/") or (method, rest) == ("OPTIONS", "*")


def _check_chunk_line(line: bytes) -> None:
    """Compare the reading of a line of a chunked body with our own."""
    text = line.decode("latin-1")
    digits, _, extension = text.removesuffix("\r\n").partition(";")
    sound = text.endswith("\r\n") and 0 < len(digits) < 16 and _consists(digits, string.hexdigits)
    sound &= _is_value(extension)
    assert chunk_size(line) == (int(digits, 16) if sound else None)
    assert is_trailer(line) == (text.endswith("\r\n") and _is_field(text[:-2]))


def _check_lines(data: bytes) -> None:
    """Check header lines, and compare the result with our own check."""
    head, found, _ = data.partition(b"\r\n\r\n")
    lines = [line + b"\n" for line in (head + b"\r\n").split(b"\n")[:-1]]
    framing: dict[str, list[str]] = {"host": [], "content-length": [], "transfer-encoding": []}
    sound = True
    for line in lines:
        sound &= line.endswith(b"\r\n") and _is_field(line[:-2].decode("latin-1"))
        name, _, value = line[:-2].decode("latin-1").partition(":")
        if name.lower() in framing:
            framing[name.lower()].append(value.strip(" \t"))
    lengths, codings = framing["content-length"], framing["transfer-encoding"]
    sound &= max(map(len, framing.values())) <= 1 and not (lengths and codings)
    sound &= all(0 < len(each) <= 18 and _consists(each, string.digits) for each in lengths)
    for version in ("HTTP/1.0", "HTTP/1.1"):
        chunked = all(each.lower() == "chunked" and version == "HTTP/1.1" for each in codings)
        assert (head_problem(lines, version) == "") == (sound and chunked)
    count, size = sound_head_lines(data)
    if count:
        assert found
        assert sound
        assert not lengths + codings
        assert (count, size) == (len(lines), len(head) + 4)


def _answer(lines: list[str]) -> None:
    """Take lines as a status, and names and values in turn."""
    status, *rest = lines
    headers = tuple(zip(rest[::2], rest[1::2], strict=False))
    try:
        head = answer_head(status, headers)
    except (AttributeError, TypeError, ValueError):
        return
    if head is None:
        return
    first, *spelled = head.data.decode("latin-1").removesuffix("\r\n").split("\r\n")
    assert first == f"HTTP/1.1 {status}"
    assert spelled == [f"{name}: {value}" for name, value in headers]
    assert head.code == int(status[:3])
    names = [name.lower() for name, _ in headers]
    assert "content-length" in names
    assert head.closes == ("connection" in names)
    assert not {"date", "transfer-encoding"} & set(names)


def _is_field(text: str) -> bool:
    name, colon, value = text.partition(":")
    return bool(name and colon) and _consists(name, _TOKEN) and _is_value(value)


def _is_value(text: str) -> bool:
    return all(each == "\t" or (each >= " " and each != "\x7f") for each in text)


def _consists(text: str, characters: str) -> bool:
    return all(character in characters for character in text)
