"""A WebSocket connection: gevent-websocket's interface over our own frame parser.

What the bytes mean is decided in :mod:`~sockio_gevent.wire.websocket_connection`;
here are the socket and the time it may take. Applications use ``receive``, ``send``, ``close`` and
``closed``, as gevent-websocket documents them; transports use
the ``connection``, which moves many messages at a time and never blocks on a
slow reader, and ``take`` what it has read.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import gevent
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.websocket import MSG_ALREADY_CLOSED, MSG_SOCKET_DEAD
from geventwebsocket.websocket import WebSocket as GeventWebSocket

from ...monitoring.reasons import CloseReason, End, Limit
from ...wire.websocket import BINARY, NO_STATUS, NORMAL, TEXT, TOO_BIG, Close, Failure
from ...wire.websocket_connection import WebSocketConnection
from ...wire.websocket_protocol import WebSocketProtocol
from .connection import Connection

__all__ = ["CLOSE_TIMEOUT", "WebSocket"]

CLOSE_TIMEOUT = 5.0  # seconds that the closing handshake may take

# Bytes of pongs that may wait. Beyond that, the server does not read from a client that
# sends pings and does not read the pongs.
_PONG_BACKLOG = 4 * 1024

_LOST = End(CloseReason.LOST, "the connection was lost")


class _NoApplication:
    def on_close(self, *arguments: object) -> None:
        pass


class WebSocket(GeventWebSocket):  # type: ignore[misc]
    """The server's end of one WebSocket.

    Args:
        environ: the WSGI environ of the upgrade request.
        socket: the gevent socket.
        reader: the buffered reader of the request.
        protocol: the version of WebSocket.
        handler: the pywsgi handler, if there is one.

    Attributes:
        choked: how many bytes of pongs the peer does not take, so that nothing more is to be
            read; mostly 0.
        connection: the socket, for watching how much it has not taken yet.
        end: why the connection ended; ``None`` while it is open.
        protocol: the version of WebSocket.
        state: what is known of the closing handshake, and of a violation.
    """

    # Some are slots of the base class too, which type checkers cannot see.
    __slots__ = (
        "_messages",
        "_timer",
        "choked",
        "connection",
        "end",
        "environ",
        "handler",
        "protocol",
        "state",
        "stream",
    )

    def __init__(
        self,
        environ: dict[str, Any],
        socket: Any,
        reader: Any,
        protocol: WebSocketProtocol,
        handler: Any = None,
    ) -> None:
        # super() is not called: it would make the stream and the byte-wise validator
        # that this class replaces.
        self.environ = environ
        self.handler = handler
        self.stream = None
        self.connection = Connection(socket, reader)
        self.end: End | None = None
        self.choked = 0
        self.protocol = protocol
        self.state = WebSocketConnection(protocol)
        self._messages: deque[str | bytes] | None = None
        self._timer: Any = None

    def __del__(self) -> None:
        """Do nothing, unlike the base class: the handler closes the socket."""

    @property
    def closed(self) -> bool:
        """Whether no messages go either way any more."""
        return self.state.closed

    @property
    def discarding(self) -> bool:
        """Whether the peer has broken the protocol, and what it still sends is for nobody."""
        return self.state.discarding

    @property
    def finished(self) -> bool:
        """Whether all has been read, to the end of the connection."""
        return self.state.finished

    @property
    def current_app(self) -> Any:
        """The application of a ``geventwebsocket.Resource``, which is told of closes."""
        return getattr(getattr(self.handler, "application", None), "current_app", _NoApplication())

    def receive(self) -> str | bytearray | None:
        """Wait for the next message.

        Returns:
            A ``str`` for a text message, a ``bytearray`` for a binary one,
            ``None`` when the connection has ended.

        Raises:
            WebSocketError: if it had ended before.
        """
        if not self._messages:
            if self.closed:
                self.current_app.on_close(MSG_ALREADY_CLOSED)
                raise WebSocketError(MSG_ALREADY_CLOSED)
            self._messages = deque(self.receive_batch())
        message = self._messages.popleft() if self._messages else None
        return bytearray(message) if isinstance(message, bytes) else message

    def send(self, message: Any, binary: bool | None = None) -> None:
        """Send a message; wait until the socket has taken it.

        Args:
            message: text or bytes; anything else is sent as its ``str()``.
            binary: whether to send it as binary; by default, if it is not a ``str``.

        Raises:
            WebSocketError: if the connection has ended.
        """
        if binary is None:
            binary = not isinstance(message, str)
        self.send_frame(message, BINARY if binary else TEXT)

    def send_frame(self, message: Any, opcode: int) -> None:
        """Send a frame of any kind; see :meth:`send`."""
        if self.closed:
            self.current_app.on_close(MSG_ALREADY_CLOSED)
            raise WebSocketError(MSG_ALREADY_CLOSED)
        if not isinstance(message, (bytes, bytearray, memoryview)):
            message = str(message).encode()
        self.connection.write(self.protocol.frame(opcode, bytes(message)))
        self.connection.wait_drained()
        if self.connection.broken:
            self._ended(_LOST)
            self.current_app.on_close(MSG_SOCKET_DEAD)
            raise WebSocketError(MSG_SOCKET_DEAD)

    def close(self, code: int = NORMAL, message: str | bytes | None = b"") -> None:
        """Begin the closing handshake; messages that were sent before still arrive.

        Args:
            code: the status code, RFC 6455 section 7.4.
            message: a text for the peer.

        Raises:
            ValueError: if the code may not be sent.
        """
        if isinstance(message, (bytes, bytearray)):
            message = message.decode("utf-8", "replace")
        self._send_close(code, message or "")
        text = f"closed by the server with {code} {message or ''}".rstrip()
        self._ended(End(CloseReason.APPLICATION, text))

    def forget_request(self) -> None:
        """Drop the request, which takes more memory than the rest of a quiet connection."""
        self.environ, self.handler = {}, None

    def receive_batch(self) -> list[str | bytes]:
        """Wait for messages; return all that came in one read, or none at the end."""
        messages: list[str | bytes] = []
        while not messages and not self.finished:
            messages = self.take(self.connection.read())
            self.wait()
        return messages

    def take(self, data: bytes | None) -> list[str | bytes]:
        """Take what the connection has read, nothing at its end; return the messages in it.

        It writes the answers that the bytes ask for, and does not wait; see :meth:`wait`.
        ``None`` stands for bytes that it has taken before; see ``WebSocketConnection.take``.
        """
        state = self.state
        messages = state.take(data)
        if state.closed or state.pongs:
            self.answer(data)
        return messages

    def wait(self) -> None:
        """Wait for a peer that does not take its pongs; at the end, for the last bytes."""
        if self.finished:
            self.connection.wait_drained()
            self._stop_timer()
        elif self.choked:
            try:
                self.connection.wait_drained()
            finally:
                self.choked = 0

    def linger(self) -> None:
        """Read until the closing handshake is complete or its time is over."""
        while self.receive_batch():
            pass

    def abort(self) -> None:
        """End the connection at once, without a handshake."""
        self._ended(End(CloseReason.LOST, "aborted"))
        self.connection.abort()
        self._stop_timer()

    def answer(self, data: bytes | None) -> None:
        """Write the answers that bytes ask for which :attr:`state` has taken; see :meth:`take`."""
        state, connection = self.state, self.connection
        if state.pongs:
            connection.write(state.pongs)
            self.choked = len(state.pongs) if connection.pending > _PONG_BACKLOG else 0
            state.pongs = b""
        if data == b"":
            self._ended(_LOST)
            connection.abort()
        elif state.exhausted:
            connection.abort()
        elif state.ended_by is not None:
            self._answer_end(state.ended_by)
            state.ended_by = None

    def _answer_end(self, event: Close | Failure) -> None:
        """The peer has closed the connection, or broken the protocol."""
        if not isinstance(event, Failure):
            code = "" if event.code == NO_STATUS else f" with {event.code}"
            self._ended(End(CloseReason.CLIENT, f"closed by the client{code}"))
        elif event.code == TOO_BIG:
            self._ended(End(CloseReason.LIMIT, event.reason, Limit.MESSAGE_SIZE))
        else:
            text = f"protocol error {event.code}: {event.reason}"
            self._ended(End(CloseReason.PROTOCOL, text))
        self._send_close(event.code, event.reason if isinstance(event, Failure) else "")
        if self.discarding:
            self.connection.end()

    def _send_close(self, code: int, reason: str) -> None:
        if self.state.close_sent or self.connection.broken:
            return
        frame = self.state.close(code, reason)
        self.connection.write(frame)
        if not frame:
            self.connection.end()
        self._timer = gevent.get_hub().loop.timer(CLOSE_TIMEOUT)
        self._timer.start(self.connection.abort)

    def _ended(self, end: End) -> None:
        self.state.closed = True
        self.end = self.end or end

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
