"""The streaming transports on the wire, after section 4 of the protocol page."""

from __future__ import annotations

from typing import Any

CONTENT_TYPES = {
    "server-events": "text/event-stream",
    "htmlfile": "text/html; charset=utf-8",
    "xhr-multipart": 'multipart/x-mixed-replace;boundary="socketio"',
}
PREAMBLES = {
    "server-events": b"",
    "htmlfile": b"<html><body>" + b" " * 244,
    "xhr-multipart": b"--socketio\n",
}


def carried(name: str, payload: str) -> bytes:
    """What carries a payload of plain ASCII."""
    if name == "server-events":
        return f'data: "{payload}"\n\n'.encode()
    if name == "htmlfile":
        return f'<script>parent.s._("{payload}", document);</script>'.encode()
    return f"Content-Type: text/plain\n\n{payload}\n--socketio\n".encode()


def chunk(data: bytes) -> bytes:
    """A chunk of HTTP/1.1; nothing needs none."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def get(name: str, tail: str = "", version: str = "1.1", **more: str) -> bytes:
    """A GET of a transport; headers are named with underscores."""
    headers = {"Host": "example.com", **{key.replace("_", "-"): more[key] for key in more}}
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"GET /socket.io/{name}/{tail} HTTP/{version}\r\n{lines}\r\n".encode()


def times(name: str, **seconds: float) -> dict[str, Any]:
    """The option that gives a transport these times."""
    return {"transport_options": {name: seconds}}
