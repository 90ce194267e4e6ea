"""The client's end of one session, over any transport."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import gevent
from gevent.lock import RLock

from ..load.dialects import Classic
from .connection import PATIENCE, Answer, Connection, Gone
from .downlinks import DOWNLINKS, Downlink, WebSocket

__all__ = ["Missing", "Session"]

_DIALECT = Classic()


class Missing(Exception):
    """A message that must come has not come."""


class Session:
    """A session.

    Args:
        port: where the server listens on loopback.
        transport: its name.
        receive_buffer: see :class:`~bench.soaking.connection.Connection`.

    Attributes:
        downlink: carries messages to this client.
        uplink: the connection for POSTs, once there is one.
        sending: held while something is being sent.

    Raises:
        Gone: if the server gives no session.
    """

    def __init__(self, port: int, transport: str, receive_buffer: int | None = None) -> None:
        self.port = port
        self.transport = transport
        self.session_id = ""
        self.uplink: Connection | None = None
        self.sending = RLock()
        self._read: list[bytes] = []
        self.downlink = DOWNLINKS[transport](port, transport, receive_buffer=receive_buffer)
        try:
            payload = self.downlink.payload()
            greeting, *self._read = _DIALECT.read(payload).messages
            self.session_id = _DIALECT.session_id(_DIALECT.encode(greeting))
        except BaseException:
            self.close()
            raise
        self.downlink.session_id = self.session_id

    def attach(self) -> Downlink:
        """A second downlink, which takes the place of the first."""
        return DOWNLINKS[self.transport](self.port, self.transport, self.session_id)

    def messages(self) -> list[bytes]:
        """Wait for messages, without heartbeats, which are answered.

        Raises:
            Gone: if what carries them has ended.
        """
        read, self._read = self._read, []
        return read or self.without_heartbeats(self.downlink.messages())

    def without_heartbeats(self, messages: Sequence[bytes]) -> list[bytes]:
        """Answer the heartbeats; return the rest."""
        heartbeats = [message for message in messages if message.startswith(b"~h~")]
        if heartbeats:
            self.send(*heartbeats)
        return [message for message in messages if not message.startswith(b"~h~")]

    def wait_for(self, wanted: bytes) -> None:
        """Wait for a message; see :meth:`messages`.

        Raises:
            Missing: if it does not come.
        """
        with gevent.Timeout(PATIENCE, Missing(f"{wanted!r} has not come")):
            while wanted not in self.messages():
                pass

    def send(self, *messages: bytes) -> None:
        """Send messages in one payload.

        Raises:
            Gone: if the server does not take them.
        """
        payload = b"".join(map(_DIALECT.encode, messages))
        with self.sending:
            if isinstance(self.downlink, WebSocket):
                self.downlink.send(payload)
                return
            answer = self.post(payload)
            if answer.status != 200:
                raise Gone(f"not taken: {answer.head[:200]!r} {answer.body[:200]!r}")

    def post(self, payload: bytes) -> Answer:
        """Post a payload; see :meth:`send`."""
        body = b"data=" + quote(payload).encode()
        self.begin_post(len(body)).send(body)
        assert self.uplink is not None
        return self.uplink.answer()

    def begin_post(self, size: int) -> Connection:
        """Send the head of a POST whose body is to have so many bytes."""
        if self.uplink is None:
            self.uplink = Connection(self.port)
        self.uplink.send(
            f"POST /socket.io/{self.transport}/{self.session_id}/send HTTP/1.1\r\n"
            "Host: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        return self.uplink

    def connections(self) -> list[Connection]:
        """All connections."""
        downlink = getattr(self, "downlink", None)
        return [each for each in (downlink and downlink.connection, self.uplink) if each]

    def close(self) -> None:
        """Close the connections without a closing handshake."""
        for connection in self.connections():
            connection.close()

    def reset(self) -> None:
        """Reset the connections."""
        for connection in self.connections():
            connection.reset()
