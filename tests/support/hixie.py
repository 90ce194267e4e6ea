"""Clients of the WebSocket drafts hixie-75 and hixie-76, after their texts."""

from __future__ import annotations

from typing import Any

from . import framing
from .clients import Client
from .http import Ended
from .raw import Raw

# The example of hixie-76, section 1.2.
KEYS = {
    "Sec-WebSocket-Key1": "4 @1  46546xW%0l 1 5",
    "Sec-WebSocket-Key2": "12998 5 Y3 1  .P00",
}
CHALLENGE = b"^n:ds[4U"
ANSWER = b"8jKS'y:G*Co,Wxa-"

CLOSE = b"\xff\x00"


def request(path: str, draft: int, **more: str) -> bytes:
    """The head of a handshake; headers are named with underscores, empty ones are left out."""
    headers = {
        "Upgrade": "WebSocket",
        "Connection": "Upgrade",
        "Host": "example.com",
        "Origin": "http://example.com",
        **(KEYS if draft == 76 else {}),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def frame(*messages: str) -> bytes:
    """A frame as both sides send it."""
    return b"\x00" + framing.encode(*messages).encode() + b"\xff"


class Hixie(Client):
    """A client of either draft, under either name."""

    def __init__(
        self,
        port: int,
        session_id: str = "",
        wrap: Any = None,
        draft: int = 76,
        transport: str = "websocket",
        **headers: str,
    ) -> None:
        super().__init__(port, session_id, wrap)
        self.draft = draft
        self.transport = transport
        self.raw = Raw(port, wrap=wrap)
        path = f"{self.prefix}/socket.io/{transport}/{session_id}"
        self.raw.send(request(path, draft, **headers) + (CHALLENGE if draft == 76 else b""))
        self.status, self.headers = self.raw.head()
        if draft == 76 and " 101 " in self.status:
            assert self.raw.take(16) == ANSWER

    def more(self) -> list[str]:
        first = self.raw.take(1)
        if first == b"\xff":
            assert self.draft == 76
            assert self.raw.take(1) == b"\x00"
            raise Ended("closed")
        assert first == b"\x00"
        return framing.decode(self.raw.until(b"\xff")[:-1].decode())

    def send(self, *messages: str) -> None:
        self.raw.send(frame(*messages))

    def resume(self) -> Hixie:
        return Hixie(self.port, self.session_id, self.wrap, self.draft, self.transport)

    def vanish(self) -> None:
        self.raw.close()
