"""Clients of Socket.IO over raw WebSockets: a test sees each packet, and writes each packet."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from websockets.frames import Opcode

from .clients import WebSocket
from .http import Ended

__all__ = ["SocketIO", "open_client"]


class SocketIO(WebSocket):
    """A client of Socket.IO 3 and 4, or with ``version=3`` one of 1 and 2.

    It answers pings by itself.
    """

    def __init__(self, port: int, version: int = 4, headers: dict[str, str] | None = None) -> None:
        path = f"/socket.io/?EIO={version}&transport=websocket"
        super().__init__(port, path=path, headers=headers)
        self.version = version
        self.packets: deque[str | bytes] = deque()
        greeting = self.packet()
        assert isinstance(greeting, str)
        self.opening: dict[str, Any] = json.loads(greeting)
        self.session_id = self.opening["sid"]

    def packet(self) -> str | bytes:
        """The next packet: the data of a message or of the open packet; raises Ended at the end."""
        while True:
            frame = self.frame()
            if frame.opcode is Opcode.CLOSE:
                raise Ended(self.close_code)
            if frame.opcode is Opcode.BINARY:
                return bytes(frame.data) if self.version == 4 else bytes(frame.data[1:])
            if frame.opcode is Opcode.TEXT:
                text = bytes(frame.data).decode()
                if text[0] == "2":
                    self.send_payload("3")
                else:
                    assert text[0] in "04", text
                    return text[1:]

    def expect(self, *packets: str | bytes) -> None:
        """Check what comes next."""
        found = [self.packet() for _ in packets]
        assert found == list(packets), found

    def tell(self, *packets: str | bytes) -> None:
        """Send messages."""
        for packet in packets:
            if isinstance(packet, str):
                self.protocol.send_text(f"4{packet}".encode())
            else:
                self.protocol.send_binary(packet if self.version == 4 else b"\x04" + packet)
        self._flush()

    def connect(self, namespace: str = "/", auth: Any = None) -> str:
        """Connect to a namespace; return the id of the client."""
        prefix = "" if namespace == "/" else f"{namespace},"
        self.tell(f"0{prefix}{'' if auth is None else json.dumps(auth)}")
        answer = self.packet()
        assert isinstance(answer, str)
        assert answer.startswith(f"0{prefix}{{"), answer
        client_id: str = json.loads(answer[1 + len(prefix) :])["sid"]
        return client_id


def open_client(served: Any, kind: Any) -> Any:
    """Open a client of a kind of :mod:`.engineio`, and wait until it is in the main namespace."""
    opened = kind(served.port).open()
    if kind.version == 4:
        opened.put("40")
    assert opened.packet().startswith("40")
    served.wait("connection")
    return opened
