"""Helpers of attackers: bare sockets, and requests that no library would make."""

from __future__ import annotations

import socket
from typing import Any

from .client_frames import frame
from .doors import head
from .raw import Raw
from .siege import Siege

_GREETING = len("~m~40~m~") + 40

CLOSE = 8


def request(method: str, place: str, *lines: str, body: bytes = b"", host: str = "x") -> bytes:
    """A request with exactly these header lines."""
    named = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {place} HTTP/1.1\r\nHost: {host}\r\n{named}\r\n".encode("latin-1") + body


def post(session_id: str, body: bytes, *lines: str, transport: str = "xhr-polling") -> bytes:
    """A POST of this body to a session."""
    place = f"/socket.io/{transport}/{session_id}/send"
    return request("POST", place, *lines, f"Content-Length: {len(body)}", body=body)


def open_websocket(siege: Siege, **headers: str) -> tuple[Raw, str]:
    """A socket after its handshake, and the id of its session."""
    raw = siege.connect(head("websocket", **headers))
    status, _ = raw.head()
    assert status == "HTTP/1.1 101 Switching Protocols", status
    greeting = raw.take(2 + _GREETING).decode("latin-1")
    return raw, greeting[-40:]


def open_poll(siege: Siege, transport: str = "xhr-polling", **headers: str) -> tuple[Raw, str]:
    """A keep-alive connection that has opened a session, and its id."""
    raw = siege.connect(head(transport, **headers))
    _, body = answer(raw)
    return raw, body.decode().partition("~m~40~m~")[2][:40]


def open_stream(siege: Siege, transport: str, **headers: str) -> tuple[Raw, str]:
    """A stream with its id, which it has sent."""
    raw = siege.connect(head(transport, **headers))
    raw.until(b"~m~40~m~")
    return raw, raw.take(40).decode()


def answer(raw: Raw) -> tuple[int, bytes]:
    """Wait for an answer of known length; its status and its body."""
    status, headers = raw.head()
    return int(status.split()[1]), raw.take(int(headers.get("Content-Length", "0")))


def ask(siege: Siege, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and wait for one answer: its status, headers and body."""
    raw = siege.connect(data)
    status, headers = raw.head()
    body = raw.take(int(headers.get("Content-Length", "0")))
    raw.close()
    return int(status.split()[1]), headers, body


def half_close(raw: Any) -> None:
    """End the sending direction; the other one can still be read."""
    raw.socket.shutdown(socket.SHUT_WR)


def until_closed(raw: Raw) -> int:
    """Read frames up to the close frame; answer it if asked to; return its code."""
    while True:
        opcode, size = raw.take(2)
        if size > 125:
            size = int.from_bytes(raw.take(2 if size == 126 else 8), "big")
        payload = raw.take(size)
        if opcode & 15 == CLOSE:
            break
    try:
        raw.send(frame(CLOSE, payload[:2]))
    except OSError:
        pass  # the server has ended the connection, as it may after a violation
    raw.end()
    return int.from_bytes(payload[:2], "big")
