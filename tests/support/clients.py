"""Small clients over gevent sockets: the server under test runs in the same process."""

from __future__ import annotations

import json
from collections import deque
from http.client import HTTPConnection
from typing import Any

import gevent
from gevent import socket
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from . import framing

DEADLINE = 10.0


class Ended(Exception):
    """The server has ended the connection."""


def connect(port: int, wrap: Any = None) -> Any:
    """A socket to the server, without Nagle's delays; wrap may put TLS round it."""
    connected = socket.create_connection(("127.0.0.1", port))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected if wrap is None else wrap(connected)


class Answer:
    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()


class HTTP:
    """One keep-alive connection."""

    def __init__(self, port: int, wrap: Any = None) -> None:
        self.socket = connect(port, wrap)
        self._connection = HTTPConnection("127.0.0.1", port)
        self._connection.sock = self.socket

    def begin(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, named)

    def finish(self, deadline: float = DEADLINE) -> Answer:
        with gevent.Timeout(deadline):
            return Answer(self._connection.getresponse())

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        self.begin(method, path, body, **headers)
        return self.finish()

    def close(self) -> None:
        self._connection.close()
        self.socket.close()


class Polling:
    """A client of xhr-polling: one connection for polls, one for POSTs."""

    transport = "xhr-polling"

    def __init__(self, port: int, session_id: str = "", wrap: Any = None) -> None:
        self.port = port
        self.wrap = wrap
        self.get = HTTP(port, wrap)
        self.post = HTTP(port, wrap)
        self.session_id = session_id
        self._messages: deque[str] = deque()

    def open(self) -> Polling:
        self._messages.extend(self.poll())
        self.session_id = self._messages.popleft()
        return self

    def begin_poll(self) -> None:
        self.get.begin("GET", f"/socket.io/xhr-polling/{self.session_id}/1")

    def finish_poll(self) -> list[str]:
        answer = self.get.finish()
        if answer.status != 200:
            raise Ended(answer.status)
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        return framing.decode(answer.text)

    def poll(self) -> list[str]:
        self.begin_poll()
        return self.finish_poll()

    def receive(self) -> str:
        while not self._messages:
            self._messages.extend(self.poll())
        return self._messages.popleft()

    def send(self, *messages: str) -> Answer:
        return self.send_payload(framing.encode(*messages))

    def send_payload(self, payload: str) -> Answer:
        data = "data=" + "".join(f"%{byte:02X}" for byte in payload.encode())
        path = f"/socket.io/xhr-polling/{self.session_id}/send"
        return self.post.request("POST", path, data)

    def vanish(self) -> None:
        self.get.close()
        self.post.close()

    def resume(self) -> Polling:
        return Polling(self.port, self.session_id, self.wrap)

    close = vanish


class WebSocket:
    """A WebSocket client: the protocol is the websockets library's, the socket is gevent's."""

    transport = "websocket"

    def __init__(
        self,
        port: int,
        path: str = "/socket.io/websocket",
        wrap: Any = None,
        headers: dict[str, str] | None = None,
        version: str = "13",
        subprotocols: list[str] | None = None,
    ) -> None:
        self.port = port
        self.wrap = wrap
        self.socket = connect(port, wrap)
        self.protocol = ClientProtocol(
            parse_uri(f"ws://127.0.0.1:{port}{path}"), max_size=None, subprotocols=subprotocols
        )
        self.session_id = ""
        self.frames: deque[Frame] = deque()
        self._messages: deque[str] = deque()
        self.eof = False
        request = self.protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        del request.headers["Sec-WebSocket-Version"]
        request.headers["Sec-WebSocket-Version"] = version
        self.protocol.send_request(request)
        self._flush()
        self._read_until(lambda: self.protocol.handshake_exc or self.protocol.state.name == "OPEN")
        if self.protocol.handshake_exc is not None:
            raise self.protocol.handshake_exc

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)

    def _read_until(self, done: Any, deadline: float = DEADLINE) -> None:
        with gevent.Timeout(deadline):
            while not done() and not self.eof:
                try:
                    data = self.socket.recv(65536)
                except OSError:
                    data = b""
                if data:
                    self.protocol.receive_data(data)
                else:
                    self.eof = True
                    self.protocol.receive_eof()
                self.frames.extend(
                    event for event in self.protocol.events_received() if isinstance(event, Frame)
                )
                try:
                    self._flush()
                except OSError:
                    pass

    def frame(self) -> Frame:
        """The next frame; raises Ended at the end."""
        self._read_until(lambda: self.frames)
        if not self.frames:
            raise Ended(self.close_code)
        return self.frames.popleft()

    def open(self) -> WebSocket:
        self.session_id = self.receive()
        return self

    def receive(self) -> str:
        while not self._messages:
            frame = self.frame()
            if frame.opcode is Opcode.TEXT:
                self._messages.extend(framing.decode(frame.data.decode()))
            elif frame.opcode is Opcode.CLOSE:
                raise Ended(self.close_code)
        return self._messages.popleft()

    def send(self, *messages: str) -> None:
        self.send_payload(framing.encode(*messages))

    def send_payload(self, payload: str) -> None:
        self.protocol.send_text(payload.encode())
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Raw bytes, for what no library would send."""
        self.socket.sendall(data)

    def close(self) -> None:
        self.protocol.send_close(1000)
        self._flush()
        self.wait_closed()
        self.socket.close()

    def wait_closed(self, deadline: float = DEADLINE) -> int | None:
        """Wait for the end; the server's close code, or None if it sent none."""
        self._read_until(lambda: False, deadline)
        return self.close_code

    @property
    def close_code(self) -> int | None:
        received = self.protocol.close_rcvd
        return None if received is None else received.code

    def vanish(self) -> None:
        self.socket.close()

    def resume(self) -> WebSocket:
        path = f"/socket.io/websocket/{self.session_id}"
        again = WebSocket(self.port, path, self.wrap)
        again.session_id = self.session_id
        return again


def as_json(text: str) -> Any:
    assert text.startswith("~j~"), text
    return json.loads(text[3:])


def wait_for(condition: Any, deadline: float = DEADLINE) -> None:
    """Let the server run until a condition holds that nothing signals."""
    with gevent.Timeout(deadline, AssertionError(f"not true within {deadline} s")):
        while not condition():
            gevent.sleep(0)
