"""Small clients over gevent sockets, one for each transport, written after the protocol page."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gevent
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from sockio_gevent.client import session_of

from . import framing
from .http import DEADLINE, HTTP, Answer, Ended, connect
from .waiting import wait_until


class Client:
    """The base of the clients."""

    transport: str
    # Where the application is mounted.
    prefix = ""
    # Whether nginx stands between.
    proxied = False
    # The headers of every request.
    headers: Mapping[str, str] = MappingProxyType({})
    # Whether the client can wait for messages at any time.
    streams = True

    def __init__(self, port: int, session_id: str = "", wrap: Any = None) -> None:
        self.port = port
        self.session_id = session_id
        self.wrap = wrap
        self.messages: deque[str] = deque()

    def more(self) -> list[str]:
        """Wait for the next messages; raises Ended at the end."""
        raise NotImplementedError

    def open(self) -> Any:
        """Wait for the session id."""
        self.session_id = self.receive()
        return self

    def receive(self) -> str:
        while not self.messages:
            self.messages.extend(self.more())
        return self.messages.popleft()

    def resume(self) -> Any:
        """Another client with the same session."""
        return type(self)(self.port, self.session_id, wrap=self.wrap)

    def listen(self, session: Any) -> None:
        """Be ready for the next message of the application."""


class HTTPClient(Client):
    """One connection for GETs, one for POSTs."""

    def __init__(self, port: int, session_id: str = "", wrap: Any = None) -> None:
        super().__init__(port, session_id, wrap)
        self.get = HTTP(port, wrap, self.headers)
        self.post = HTTP(port, wrap, self.headers)

    def path(self, tail: str) -> str:
        return f"{self.prefix}/socket.io/{self.transport}/{self.session_id}/{tail}"

    def send(self, *messages: str) -> Answer:
        return self.send_payload(framing.encode(*messages))

    def send_payload(self, payload: str) -> Answer:
        data = "data=" + "".join(f"%{byte:02X}" for byte in payload.encode())
        return self.post.request("POST", self.path("send"), data)

    def begin_send(self, *messages: str) -> None:
        """Send without waiting for the answer."""
        data = "data=" + "".join(f"%{byte:02X}" for byte in framing.encode(*messages).encode())
        self.post.begin("POST", self.path("send"), data)

    def vanish(self) -> None:
        self.get.close()
        self.post.close()

    close = vanish


class Polling(HTTPClient):
    transport = "xhr-polling"
    streams = False
    content_type = "text/plain; charset=UTF-8"

    def begin_poll(self) -> None:
        self.get.begin("GET", self.path("1"))

    def finish_poll(self) -> list[str]:
        answer = self.get.finish()
        if answer.status != 200:
            raise Ended(answer.status)
        assert answer.headers["content-type"] == self.content_type
        return framing.decode(self.payload(answer.text))

    def payload(self, body: str) -> str:
        return body

    def poll(self) -> list[str]:
        self.begin_poll()
        return self.finish_poll()

    more = poll

    def listen(self, session: Any) -> None:
        self.begin_poll()
        wait_until(lambda: session_of(session).downlink is not None)
        self.more = self._finish_first  # type: ignore[method-assign]

    def _finish_first(self) -> list[str]:
        self.more = self.poll  # type: ignore[method-assign]
        return self.finish_poll()


class JSONP(Polling):
    """JSONP like a page of the server: without an Origin, and with a form."""

    transport = "jsonp-polling"
    content_type = "text/javascript; charset=UTF-8"

    def begin_poll(self) -> None:
        self.get.begin("GET", self.path("1290000000000/3"), Sec_Fetch_Site="same-origin")

    def payload(self, body: str) -> str:
        match = re.fullmatch(r"io\.JSONP\[3\]\._\((.*)\);", body)
        assert match is not None, body
        assert not set(match[1]) & set("<>\u2028\u2029\r\n")
        return str(json.loads(match[1]))

    def send(self, *messages: str) -> Answer:
        # Forms turn every line break into CRLF: what has a CR goes as JSON.
        return super().send(
            *("~j~" + json.dumps(text) if "\r" in text else text for text in messages)
        )

    def send_payload(self, payload: str) -> Answer:
        payload = payload.replace("\n", "\r\n")
        data = "data=" + "".join(f"%{byte:02X}" for byte in payload.encode())
        return self.post.request("POST", self.path("1290000000000/3"), data)


class Streaming(HTTPClient):
    content_type: str
    preamble = b""

    def __init__(self, port: int, session_id: str = "", wrap: Any = None) -> None:
        super().__init__(port, session_id, wrap)
        self.get.begin("GET", self.path("1"))
        self._response = self.get.head()
        self._buffer = b""
        if self._response.status != 200:
            raise Ended(self._response.status)
        self._check_type(self._response.getheader("Content-Type"))
        # Meant for nginx, which keeps it.
        buffering = None if self.proxied else "no"
        assert self._response.getheader("X-Accel-Buffering") == buffering
        assert "no-transform" in self._response.getheader("Cache-Control")
        while len(self._buffer) < len(self.preamble):
            self._read()
        assert self._buffer.startswith(self.preamble)
        self._buffer = self._buffer[len(self.preamble) :]

    def _check_type(self, found: str) -> None:
        assert found == self.content_type

    def _read(self, deadline: float = DEADLINE) -> None:
        with gevent.Timeout(deadline):
            data = self._response.read1(65536)
        if not data:
            raise Ended("the stream")
        self._buffer += data

    def cut(self) -> str | None:
        """Take the next payload off the buffer, if there is all of one."""
        raise NotImplementedError

    def more(self) -> list[str]:
        while (payload := self.cut()) is None:
            self._read()
        return framing.decode(payload)

    def wait_closed(self) -> None:
        """Wait for the end of the stream."""
        try:
            while True:
                self.more()
        except Ended:
            assert self._buffer == b""

    def _cut(self, pattern: bytes) -> bytes | None:
        match = re.match(pattern, self._buffer, re.DOTALL)
        if match is None:
            return None
        self._buffer = self._buffer[match.end() :]
        return match[1]


class ServerEvents(Streaming):
    transport = "server-events"
    content_type = "text/event-stream"

    def cut(self) -> str | None:
        event = self._cut(rb"data: ([^\r\n]*)\n\n")
        return None if event is None else json.loads(event)


class HTMLFile(Streaming):
    transport = "htmlfile"
    content_type = "text/html; charset=utf-8"
    preamble = b"<html><body>" + b" " * 244

    def cut(self) -> str | None:
        script = self._cut(rb"<script>parent\.s\._\(([^<>]*), document\);</script>")
        return None if script is None else json.loads(script)


class XHRMultipart(Streaming):
    transport = "xhr-multipart"

    def _check_type(self, found: str) -> None:
        match = re.fullmatch(r'multipart/x-mixed-replace;boundary="([0-9a-f]{48})"', found)
        assert match is not None, found
        self._boundary = match[1].encode()
        self.preamble = b"--%b\n" % self._boundary

    def cut(self) -> str | None:
        part = self._cut(rb"Content-Type: text/plain\n\n(.*?)\n--%b\n" % self._boundary)
        return None if part is None else part.decode()


class WebSocket(Client):
    """A WebSocket client: the protocol is the websockets library's, the socket is gevent's."""

    transport = "websocket"

    def __init__(
        self,
        port: int,
        session_id: str = "",
        path: str = "",
        wrap: Any = None,
        headers: dict[str, str] | None = None,
        version: str = "13",
        subprotocols: list[str] | None = None,
        extensions: list[Any] | None = None,
    ) -> None:
        super().__init__(port, session_id, wrap)
        path = path or f"{self.prefix}/socket.io/{self.transport}/{session_id}"
        self.socket = connect(port, wrap)
        self.protocol = ClientProtocol(
            parse_uri(f"ws://127.0.0.1:{port}{path}"),
            max_size=None,
            subprotocols=subprotocols,
            extensions=extensions,
        )
        self.frames: deque[Frame] = deque()
        self.eof = False
        request = self.protocol.connect()
        for name, value in {**self.headers, **(headers or {})}.items():
            if name == "Host":
                del request.headers[name]
            request.headers[name] = value
        del request.headers["Sec-WebSocket-Version"]
        request.headers["Sec-WebSocket-Version"] = version
        self.protocol.send_request(request)
        self._flush()
        self._read_until(lambda: self.protocol.handshake_exc or self.protocol.state.name == "OPEN")
        if self.protocol.handshake_exc is not None:
            self.socket.close()
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

    def more(self) -> list[str]:
        frame = self.frame()
        if frame.opcode is Opcode.CLOSE:
            raise Ended(self.close_code)
        return framing.decode(frame.data.decode()) if frame.opcode is Opcode.TEXT else []

    def send(self, *messages: str) -> None:
        self.send_payload(framing.encode(*messages))

    def send_payload(self, payload: str) -> None:
        self.protocol.send_text(payload.encode())
        self._flush()

    begin_send = send

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


class FlashSocket(WebSocket):
    transport = "flashsocket"


# The clients of the default transports, and those of all transports.
DEFAULT = [WebSocket, ServerEvents, FlashSocket, HTMLFile, XHRMultipart, Polling]
ALL = [*DEFAULT, JSONP]


def as_json(text: str) -> Any:
    assert text.startswith("~j~"), text
    return json.loads(text[3:])
