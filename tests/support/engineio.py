"""Clients of Engine.IO over gevent sockets, for both versions and each transport."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from websockets.frames import Frame, Opcode

from sockio_gevent.client import session_of

from . import clients
from .engineio_wire import Packet, decode, encode, encode_binary, frame, unframe
from .http import HTTP, LONG, Answer, Ended
from .waiting import wait_until

__all__ = [
    "ALL",
    "BARE",
    "JSONP",
    "POLLING",
    "SOCKETS",
    "Kind",
    "Polling",
    "WebSocket",
    "address",
    "open_session",
    "refused",
    "wait_polling",
]

#: Options of a listener without Socket.IO, on which nothing is due while a test runs.
BARE: Mapping[str, Any] = {
    "dialects": ("classic", "engine.io"),
    "ping_interval": LONG,
    "ping_timeout": LONG,
    "upgrade_timeout": LONG,
}


def address(
    transport: str = "polling",
    session_id: str = "",
    version: Any = 4,
    more: str = "",
    path: str = "/socket.io/",
) -> str:
    """The address of a request."""
    named = f"&sid={session_id}" if session_id else ""
    return f"{path}?EIO={version}&transport={transport}{named}{more}"


class _Client:
    """What all clients can do: messages, and the handshake.

    Attributes:
        name: the transport as the server names it.
        handshake: what the open packet says.
        packets: those that have come and were not asked for.
        pongs: how many pings were answered.
    """

    name: str
    more_query = ""
    handshake: dict[str, Any]
    session_id: str
    version: int

    def __init__(self) -> None:
        self.packets: deque[Packet] = deque()
        self.pongs = 0

    def packet(self) -> Packet:
        """Wait for the next packet; raises Ended at the end."""
        while not self.packets:
            self.packets.extend(self.more())
        return self.packets.popleft()

    def more(self) -> list[Packet]:
        """Wait for the next packets."""
        raise NotImplementedError

    def put(self, *packets: Packet) -> Any:
        """Send packets."""
        raise NotImplementedError

    def open(self) -> Any:
        """Wait for the open packet."""
        packet = self.packet()
        assert isinstance(packet, str)
        assert packet[0] == "0", packet
        self.handshake = json.loads(packet[1:])
        self.session_id = self.handshake["sid"]
        return self

    def send(self, *messages: Packet) -> Any:
        """Send messages."""
        return self.put(*("4" + each if isinstance(each, str) else each for each in messages))

    def receive(self) -> Packet:
        """Wait for the next message; answer pings, and pass noops over."""
        while True:
            packet = self.packet()
            if isinstance(packet, bytes):
                return packet
            if packet[0] == "4":
                return packet[1:]
            if packet == "2":
                self.pongs += 1
                self.put("3")
            elif packet == "1":
                raise Ended("a close packet")
            else:
                assert packet == "6", packet


class Polling(_Client):
    """Polls over one connection, and POSTs over another.

    Args:
        port: the port of the server.
        version: 3 or 4.
        session_id: the session; empty for a new one.
        wrap: puts TLS round a socket.
        headers: the headers of every request.
        path: the path of every request.
    """

    name = "xhr-polling"

    def __init__(
        self,
        port: int,
        version: int = 4,
        session_id: str = "",
        wrap: Any = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/socket.io/",
    ) -> None:
        super().__init__()
        self.version = version
        self.session_id = session_id
        self._path = path
        self.get = HTTP(port, wrap, headers)
        self.post = HTTP(port, wrap, headers)
        self._waiting = False

    @property
    def address(self) -> str:
        return address("polling", self.session_id, self.version, self.more_query, self._path)

    def begin_poll(self) -> None:
        self._waiting = True
        self.get.begin("GET", self.address)

    def finish_poll(self) -> list[Packet]:
        self._waiting = False
        answer = self.get.finish()
        if answer.status != 200:
            raise Ended(answer.status)
        return self.decode(answer)

    def more(self) -> list[Packet]:
        if not self._waiting:
            self.begin_poll()
        return self.finish_poll()

    def decode(self, answer: Answer) -> list[Packet]:
        """The packets in the answer to a poll."""
        kind = answer.headers["content-type"]
        if self.version == 4:
            assert kind == "text/plain; charset=UTF-8"
        else:
            assert kind in ("text/plain; charset=UTF-8", "application/octet-stream")
        return decode(self.version, answer.body, kind == "application/octet-stream")

    def put(self, *packets: Packet) -> Answer:
        if self.version == 3 and any(isinstance(each, bytes) for each in packets):
            return self.put_body(encode_binary(*packets), "application/octet-stream")
        return self.put_body(encode(self.version, *packets).encode())

    def put_body(self, body: bytes, kind: str = "text/plain;charset=UTF-8") -> Answer:
        """POST any body."""
        return self.post.request("POST", self.address, body, Content_Type=kind)

    def begin_put(self, *packets: Packet) -> None:
        """POST packets without waiting for the answer."""
        body = encode(self.version, *packets).encode()
        self.post.begin("POST", self.address, body, Content_Type="text/plain;charset=UTF-8")

    def leave(self) -> None:
        """Close the session."""
        self.put("1")
        self.vanish()

    def vanish(self) -> None:
        self.get.close()
        self.post.close()


class Base64(Polling):
    """A client that takes no binary payloads; versions 3 says so with ``b64=1``."""

    more_query = "&b64=1"

    def decode(self, answer: Answer) -> list[Packet]:
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        return super().decode(answer)

    def put(self, *packets: Packet) -> Answer:
        return self.put_body(encode(self.version, *packets).encode())


class JSONP(Polling):
    """Scripts and forms, as a page of the server's own origin asks for them."""

    name = "jsonp-polling"
    more_query = "&j=7"

    def begin_poll(self) -> None:
        self._waiting = True
        self.get.begin("GET", self.address, Sec_Fetch_Site="same-origin")

    def decode(self, answer: Answer) -> list[Packet]:
        assert answer.headers["content-type"] == "text/javascript; charset=UTF-8"
        match = re.fullmatch(r"___eio\[7\]\((.*)\);", answer.text)
        assert match is not None, answer.text
        assert not set(match[1]) & set("<>\u2028\u2029\r\n")
        return decode(self.version, json.loads(match[1]).encode())

    def put(self, *packets: Packet) -> Answer:
        payload = encode(self.version, *packets)
        # As the released clients do: a form would change line breaks.
        escaped = payload.replace("\\n", "\\\\n").replace("\n", "\\n")
        body = f"d={quote(escaped, safe='')}".encode()
        return self.put_body(body, "application/x-www-form-urlencoded")


class WebSocket(_Client):
    """Packets both ways over one WebSocket; with a session id it is one beside polls."""

    name = "websocket"

    def __init__(
        self,
        port: int,
        version: int = 4,
        session_id: str = "",
        wrap: Any = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/socket.io/",
    ) -> None:
        super().__init__()
        self.version = version
        self.session_id = session_id
        where = address("websocket", session_id, version, path=path)
        self.link = clients.WebSocket(port, path=where, wrap=wrap, headers=dict(headers or {}))

    def more(self) -> list[Packet]:
        return [self._unframe(self.link.frame())]

    def _unframe(self, received: Frame) -> Packet:
        if received.opcode is Opcode.CLOSE:
            raise Ended(self.link.close_code)
        if received.opcode is Opcode.TEXT:
            return received.data.decode()
        assert received.opcode is Opcode.BINARY
        return unframe(self.version, bytes(received.data))

    def put(self, *packets: Packet) -> None:
        for packet in packets:
            if isinstance(packet, str):
                self.link.protocol.send_text(packet.encode())
            else:
                self.link.protocol.send_binary(frame(self.version, packet))
        self.link._flush()

    def wait_closed(self) -> int | None:
        """Wait for the end; the close code of the server, or ``None`` if it sent none."""
        return self.link.wait_closed()

    def leave(self) -> None:
        """Close the session."""
        self.link.close()

    def vanish(self) -> None:
        self.link.vanish()


class Kind(NamedTuple):
    """A kind of clients: ``Kind(Polling, 3)(port)`` makes one."""

    client: Any
    version: int

    def __call__(self, port: int, **more: Any) -> Any:
        return self.client(port, self.version, **more)

    def __repr__(self) -> str:
        return f"{self.client.__name__} {self.version}"


POLLING = [Kind(kind, version) for version in (4, 3) for kind in (Polling, Base64, JSONP)]
SOCKETS = [Kind(WebSocket, version) for version in (4, 3)]
ALL = [*POLLING, *SOCKETS]


def open_session(served: Any, kind: Callable[..., Any], **more: Any) -> tuple[Any, Any]:
    """Open a session; return the client and what the application has of it."""
    opened = kind(served.port, **more).open()
    wait_until(lambda: opened.session_id in served.listener.clients)
    return opened, served.listener.clients[opened.session_id]


def wait_polling(client: Any) -> None:
    """Wait until a poll of this client of the application waits."""
    wait_until(lambda: session_of(client).downlink is not None)


def refused(answer: Answer, status: int, code: int, message: str) -> None:
    """Check the answer to a refused request."""
    assert answer.headers["content-type"] == "application/json"
    assert (answer.status, json.loads(answer.body)) == (status, {"code": code, "message": message})
