"""How the peers spell messages: bytes in and out, no sockets.

A dialect spells a message alike in both directions, so what a server has to
return for a message is what was sent.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from .violation import Violation

__all__ = ["DIALECTS", "Attachment", "Classic", "Dialect", "PlainText", "Read", "SocketIO"]


class Read(NamedTuple):
    """What a payload holds.

    Attributes:
        messages: the application's messages, in order.
        reply: what to send back at once, to a heartbeat; or empty.
    """

    messages: Sequence[bytes]
    reply: bytes = b""


class Attachment(bytes):
    """The payload of a binary frame. It equals no text, whatever its bytes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Attachment) and bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


class Dialect(ABC):
    """A protocol over WebSocket.

    Attributes:
        path: where to open the WebSocket.
        attachments: whether it has binary frames.
        greetings: how many payloads the server sends before a session is open.
    """

    path: str = "/"
    attachments: ClassVar[bool] = False
    greetings: ClassVar[int] = 0

    def greet(self, number: int, payload: bytes) -> bytes:
        """Check the server's greeting with this number, from 0; return what to reply, or nothing.

        Raises:
            Violation: if it is none.
        """
        raise Violation(f"a greeting was not expected: {payload[:80]!r}")

    @abstractmethod
    def encode(self, message: bytes) -> bytes:
        """The payload for an ASCII message without quotes, in either direction."""

    @abstractmethod
    def read(self, payload: bytes) -> Read:
        """Cut a payload that came.

        Raises:
            Violation: if it makes no sense.
        """


class Classic(Dialect):
    """Ours: ``~m~`` frames, as many in a payload as there are."""

    path = "/socket.io/websocket"
    greetings = 1
    _header = re.compile(rb"~m~(\d+)~m~")

    def greet(self, number: int, payload: bytes) -> bytes:
        """The first message is the session id."""
        self.session_id(payload)
        return b""

    def session_id(self, payload: bytes) -> str:
        """The session id that a session begins with."""
        found = re.fullmatch(rb"~m~\d+~m~([0-9A-Za-z]+)", payload)
        if found is None:
            raise Violation(f"no session id: {payload[:80]!r}")
        return found[1].decode()

    def encode(self, message: bytes) -> bytes:
        """One frame."""
        return b"~m~%d~m~%b" % (len(message), message)

    def read(self, payload: bytes) -> Read:
        """Cut the frames; heartbeats are echoed."""
        messages: list[bytes] = []
        reply = b""
        position = 0
        while position < len(payload):
            header = self._header.match(payload, position)
            if header is None:
                raise Violation(f"not a frame: {payload[position : position + 80]!r}")
            start = header.end()
            position = start + int(header[1])
            message = payload[start:position]
            if message.startswith(b"~h~"):
                reply += self.encode(message)
            else:
                messages.append(message)
        return Read(messages, reply)


class SocketIO(Dialect):
    """Socket.IO protocol 5 over Engine.IO protocol 4: one packet a payload.

    Attributes:
        binary_event: the event of a binary message, before its attachment.
    """

    path = "/socket.io/?EIO=4&transport=websocket"
    attachments = True
    binary_event: ClassVar[bytes] = b'451-["binary",{"_placeholder":true,"num":0}]'
    greetings = 2

    def greet(self, number: int, payload: bytes) -> bytes:
        """Engine.IO's handshake, then the answer to connecting to the namespace."""
        if isinstance(payload, Attachment):
            raise Violation(f"a binary greeting: {payload[:80]!r}")
        if number == 0:
            self.session_id(payload)
            return b"40"
        if not payload.startswith(b'40{"sid":'):
            raise Violation(f"not connected to the namespace: {payload[:80]!r}")
        return b""

    def session_id(self, payload: bytes) -> str:
        """The session id of Engine.IO's handshake."""
        if not payload.startswith(b"0{"):
            raise Violation(f"no handshake: {payload[:80]!r}")
        return str(json.loads(payload[1:])["sid"])

    def encode(self, message: bytes) -> bytes:
        """An event packet with the name that ``socket.send`` uses."""
        return b'42["message","%b"]' % message

    def read(self, payload: bytes) -> Read:
        """Read the packet; pings are answered."""
        if isinstance(payload, Attachment):
            raise Violation(f"an attachment without its event: {payload[:80]!r}")
        if payload == b"2":
            return Read((), b"3")
        try:
            event, message = json.loads(payload.removeprefix(b"42"))
        except (ValueError, TypeError):
            raise Violation(f"not an event: {payload[:80]!r}") from None
        if event != "message":
            raise Violation(f"not a message: {payload[:80]!r}")
        return Read((message.encode(),))


class PlainText(Dialect):
    """A payload is a message: bare WebSocket, or lines over TCP."""

    def encode(self, message: bytes) -> bytes:
        """The message."""
        return message

    def read(self, payload: bytes) -> Read:
        """The message."""
        return Read((payload,))


DIALECTS: dict[str, type[Dialect]] = {
    "classic": Classic,
    "socket.io": SocketIO,
    "plain": PlainText,
    "lines": PlainText,
}
