"""The streaming transports on the wire, after section 4 of the protocol page."""

from __future__ import annotations

import re
from typing import Any

from .raw import Raw

STREAMS = ("server-events", "htmlfile", "xhr-multipart")
_TYPES = {"server-events": "text/event-stream", "htmlfile": "text/html; charset=utf-8"}
_MULTIPART = re.compile(r'multipart/x-mixed-replace;boundary="([0-9a-f]{48})"')


def boundary_of(headers: Any) -> str:
    """The boundary that the head of a multipart answer names."""
    match = _MULTIPART.fullmatch(headers["Content-Type"])
    assert match is not None, headers["Content-Type"]
    return match[1]


class Stream(Raw):
    """A GET of a streaming transport, and its answer byte for byte.

    Attributes:
        name: the name of the transport.
        preamble: what the body begins with; known with the head, as all that follows.
    """

    def __init__(
        self, port: int, name: str, tail: str = "", version: str = "1.1", **more: str
    ) -> None:
        super().__init__(port, get(name, tail, version, **more))
        self.name = name

    def head(self) -> tuple[str, dict[str, str]]:
        """Wait for the head of the answer; its status line and its headers."""
        status, headers = super().head()
        if "200" not in status:
            return status, headers
        self.preamble = b"<html><body>" + b" " * 244 if self.name == "htmlfile" else b""
        if self.name == "xhr-multipart":
            self.boundary = boundary_of(headers)
            self.preamble = f"--{self.boundary}\n".encode()
        else:
            assert headers["Content-Type"] == _TYPES[self.name]
        return status, headers

    def carried(self, payload: str) -> bytes:
        """The bytes that carry a payload of plain ASCII."""
        if self.name == "server-events":
            return f'data: "{payload}"\n\n'.encode()
        if self.name == "htmlfile":
            return f'<script>parent.s._("{payload}", document);</script>'.encode()
        return f"Content-Type: text/plain\n\n{payload}\n--{self.boundary}\n".encode()


def chunk(data: bytes) -> bytes:
    """A chunk of HTTP/1.1; no data needs no chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def get(name: str, tail: str = "", version: str = "1.1", **more: str) -> bytes:
    """A GET of a transport; headers are named with underscores."""
    headers = {"Host": "example.com", **{key.replace("_", "-"): more[key] for key in more}}
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"GET /socket.io/{name}/{tail} HTTP/{version}\r\n{lines}\r\n".encode()


def times(name: str, **seconds: float) -> dict[str, Any]:
    """The option that gives a transport these times."""
    return {"transport_options": {name: seconds}}
