"""The client's end of one session of Socket.IO 4: over polls, WebSocket, or one after the other."""

from __future__ import annotations

from gevent.lock import RLock

from ..load.dialects import SocketIO
from ..load.violation import Violation
from .connection import Connection, Gone
from .downlinks import Downlink, Poll, WebSocket

__all__ = ["MODERN", "ModernSession"]

#: The ways of a session.
MODERN = ("polling", "websocket of Engine.IO", "upgraded")

_DIALECT = SocketIO()
_CLOSE, _PING, _PONG, _NOOP, _LEFT = b"1", b"2", b"3", b"6", b"41"
_SEPARATOR = b"\x1e"


def _address(transport: str, session_id: str) -> str:
    sid = f"&sid={session_id}" if session_id else ""
    return f"/socket.io/?EIO=4&transport={transport}{sid}"


class _Poll(Poll):
    """Polls; a payload is all packets of an answer."""

    def _get(self, headers: bytes = b"") -> None:
        path = _address("polling", self.session_id).encode()
        self.connection.send(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path)

    def payload(self) -> bytes:
        """All of the body."""
        return self.body()


class _WebSocket(WebSocket):
    """A WebSocket; a payload is a packet."""

    def _get(self, headers: bytes = b"") -> None:
        path = _address("websocket", self.session_id).encode()
        self.connection.send(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n" % (path, headers))


class ModernSession:
    """A session; see :class:`~bench.soaking.session.Session`, which has the same methods.

    Args:
        port: where the server listens on loopback.
        transport: one of :data:`MODERN`.

    Raises:
        Gone: if the server gives no session.
        Violation: if what it says makes no sense.
    """

    def __init__(self, port: int, transport: str) -> None:
        self.port = port
        self.transport = transport
        self.uplink: Connection | None = None
        self.sending = RLock()
        self._read: list[bytes] = []
        kind = _WebSocket if transport == MODERN[1] else _Poll
        self.downlink: Downlink = kind(port, transport)
        try:
            self.session_id = _DIALECT.session_id(self.downlink.payload())
            self.downlink.session_id = self.session_id
            self._put(b"40")
            # The first messages may come behind the answer.
            greeting, *more = self.downlink.payload().split(_SEPARATOR)
            _DIALECT.greet(1, greeting)
            self._read = self._messages(more)
            if transport == MODERN[2]:
                self._upgrade()
        except BaseException:
            self.close()
            raise

    def _upgrade(self) -> None:
        poll = self.downlink
        assert isinstance(poll, Poll)
        poll.begin()
        websocket = _WebSocket(self.port, self.transport, self.session_id)
        try:
            websocket.send(b"2probe")
            if (answer := websocket.payload()) != b"3probe":
                raise Violation(f"no answer to a probe: {answer[:80]!r}")
            # The poll that waits is answered, so that it can end.
            self._read += self._messages(poll.payload().split(_SEPARATOR))
            websocket.send(b"5")
        except BaseException:
            websocket.connection.close()
            raise
        self.downlink = websocket
        poll.connection.close()

    def _messages(self, packets: list[bytes]) -> list[bytes]:
        """The messages among packets; pings are answered."""
        messages: list[bytes] = []
        for packet in packets:
            if packet == _PING:
                self._put(_PONG)
            elif packet in (_CLOSE, _LEFT):
                raise Gone(f"the server has ended the session: {packet!r}")
            elif packet != _NOOP:
                messages += _DIALECT.read(packet).messages
        return messages

    def messages(self) -> list[bytes]:
        """Wait for messages.

        Raises:
            Gone: if what carries them has ended.
        """
        read, self._read = self._read, []
        return read or self._messages(self.downlink.payload().split(_SEPARATOR))

    def send(self, *messages: bytes) -> None:
        """Send messages at once.

        Raises:
            Gone: if the server does not take them.
        """
        self._put(*map(_DIALECT.encode, messages))

    def _put(self, *packets: bytes) -> None:
        with self.sending:
            if isinstance(self.downlink, WebSocket):
                for packet in packets:
                    self.downlink.send(packet)
                return
            if self.uplink is None:
                self.uplink = Connection(self.port)
            body = _SEPARATOR.join(packets)
            path = _address("polling", self.session_id)
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            self.uplink.send(head.encode() + body)
            answer = self.uplink.answer()
            if answer.status != 200:
                raise Gone(f"not taken: {answer.head[:200]!r} {answer.body[:200]!r}")

    def close(self) -> None:
        """Close the connections without a word."""
        downlink = getattr(self, "downlink", None)
        for connection in (downlink and downlink.connection, self.uplink):
            if connection is not None:
                connection.close()
