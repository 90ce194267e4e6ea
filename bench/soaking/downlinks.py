"""How each transport carries messages to a client: one class for each way."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Sequence
from os import urandom

from ..load.dialects import Classic
from ..load.violation import Violation
from ..load.websocket import frame
from .connection import Connection, Gone

__all__ = ["CLOSE", "DOWNLINKS", "PING", "TEXT", "Downlink", "Poll", "Stream", "WebSocket"]

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
_DIALECT = Classic()


class Downlink(ABC):
    """Carries messages to the client of one session.

    Args:
        port: where the server listens on loopback.
        transport: its name.
        session_id: which session; empty for a new one.
        receive_buffer: see :class:`~bench.soaking.connection.Connection`.
    """

    def __init__(
        self, port: int, transport: str, session_id: str = "", receive_buffer: int | None = None
    ) -> None:
        self.transport = transport
        self.session_id = session_id
        self.connection = Connection(port, receive_buffer)
        try:
            self.begin()
        except BaseException:
            self.connection.close()
            raise

    def _get(self, headers: bytes = b"") -> None:
        tail = b"1"
        if self.transport == "jsonp-polling":
            tail = b"1/3"
            # Only scripts of pages are answered.
            headers += b"Sec-Fetch-Site: same-origin\r\n"
        path = b"/socket.io/%b/%b/%b" % (self.transport.encode(), self.session_id.encode(), tail)
        if self.transport in ("websocket", "flashsocket"):
            path = path.rpartition(b"/")[0]
        self.connection.send(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n" % (path, headers))

    @abstractmethod
    def begin(self) -> None:
        """Ask for messages.

        Raises:
            Gone: if the server does not give any.
        """

    @abstractmethod
    def payload(self) -> bytes:
        """Wait for messages.

        Raises:
            Gone: at the end of what carries them.
        """

    def messages(self) -> Sequence[bytes]:
        """Wait for messages, heartbeats included; see :meth:`payload`."""
        payload = self.payload()
        read = _DIALECT.read(payload)
        if not read.reply:
            return read.messages
        heartbeats = re.findall(rb"~h~\d+", read.reply)
        return [*read.messages, *heartbeats]


class WebSocket(Downlink):
    """A WebSocket."""

    def begin(self) -> None:
        """Shake hands."""
        key = b64encode(urandom(16))
        self._get(
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n" % key
        )
        answer = self.connection.answer()
        if answer.status != 101:
            raise Gone(f"no WebSocket: {answer.head[:200]!r} {answer.body[:200]!r}")

    def payload(self) -> bytes:
        """The next text; pings and the end are answered."""
        while True:
            kind, size = self.connection.take(2)
            if size > 125:
                size = int.from_bytes(self.connection.take(2 if size == 126 else 8), "big")
            payload = self.connection.take(size)
            if kind == TEXT:
                return payload
            if kind == PING:
                self.connection.send(frame(PONG, payload))
            elif kind == CLOSE:
                self.connection.send(frame(CLOSE, payload))
                self.connection.drain()
                raise Gone(f"closed with {payload!r}")
            elif kind != PONG:
                raise Violation(f"a frame of the kind {kind:#x}: {payload[:80]!r}")

    def send(self, payload: bytes) -> None:
        """Send a payload."""
        self.connection.send(frame(TEXT, payload))


class Poll(Downlink):
    """Polls, one after the other over the same connection.

    Attributes:
        waiting: whether a poll is under way.
    """

    def begin(self) -> None:
        """Begin a poll."""
        self._get()
        self.waiting = True

    def body(self) -> bytes:
        """The body of the answer of the poll that is under way, or of a new one.

        Raises:
            Gone: if it is refused.
        """
        if not self.waiting:
            self.begin()
        answer = self.connection.answer()
        self.waiting = False
        if answer.status != 200:
            raise Gone(f"no poll: {answer.head[:200]!r} {answer.body[:200]!r}")
        return answer.body

    def payload(self) -> bytes:
        """What is in that body; see :meth:`body`."""
        body = self.body()
        if self.transport == "xhr-polling":
            return body
        script = re.fullmatch(rb"io\.JSONP\[3\]\._\((.*)\);", body)
        if script is None:
            raise Violation(f"no script: {body[:80]!r}")
        return str(json.loads(script[1])).encode()


_PARTS = {
    "server-events": re.compile(rb"()data: ([^\r\n]*)\n\n"),
    "htmlfile": re.compile(
        rb"(<html><body> {244})?<script>parent\.s\._\(([^<>]*), document\);</script>"
    ),
    "xhr-multipart": re.compile(
        rb"(--[0-9a-f]+\n)?Content-Type: text/plain\n\n(.*?)\n--[0-9a-f]{48}\n", re.DOTALL
    ),
}


class Stream(Downlink):
    """An answer that does not end."""

    def begin(self) -> None:
        """Wait for the head of the answer."""
        self._rest = b""
        self._get()
        answer = self.connection.answer()
        if answer.status != 200:
            raise Gone(f"no stream: {answer.head[:200]!r} {answer.body[:200]!r}")

    def payload(self) -> bytes:
        """The payload of the next batch."""
        pattern = _PARTS[self.transport]
        while (part := pattern.match(self._rest)) is None:
            size = int(self.connection.until(b"\r\n"), 16)
            if not size:
                self.connection.take(2)
                raise Gone("the stream is over")
            self._rest += self.connection.take(size)
            self.connection.take(2)
        self._rest = self._rest[part.end() :]
        if self.transport == "xhr-multipart":
            return part[2]
        return str(json.loads(part[2])).encode()


DOWNLINKS: dict[str, type[Downlink]] = {
    "websocket": WebSocket,
    "flashsocket": WebSocket,
    "server-events": Stream,
    "htmlfile": Stream,
    "xhr-multipart": Stream,
    "xhr-polling": Poll,
    "jsonp-polling": Poll,
}
