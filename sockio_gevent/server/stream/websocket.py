"""A WebSocket connection: gevent-websocket's interface over our own frame parser.

It answers pings, completes the closing handshake, and refuses what RFC 6455
says to refuse. Applications use ``receive``, ``send``, ``close`` and
``closed``, as gevent-websocket documents them. Transports use
``connection``, which moves many messages at a time and never waits for a slow
reader, and pass the bytes that it has read to ``take``.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import gevent
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.websocket import MSG_ALREADY_CLOSED, MSG_SOCKET_DEAD
from geventwebsocket.websocket import WebSocket as GeventWebSocket

from ...monitoring.reasons import CloseReason, End, Limit
from ...wire.websocket import BINARY, NO_STATUS, NORMAL, PONG, TEXT, TOO_BIG, Close, Failure, Ping
from ...wire.websocket_versions import WebSocketProtocol
from .connection import Connection

__all__ = ["CLOSE_TIMEOUT", "WebSocket"]

CLOSE_TIMEOUT = 5.0  # seconds that the closing handshake may take

# Bytes of pongs that may wait. Beyond that, the server does not read from a client that
# sends pings and does not read the pongs.
_PONG_BACKLOG = 4 * 1024

# Bytes that are still read after a violation. A browser sees a close frame while it
# writes, but a reset makes it lose the frame.
_MOST_DISCARDED = 64 * 1024 * 1024

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
        choked: whether nothing is read, because the peer does not read its pongs.
        connection: the connection; it knows how many bytes are pending.
        discarding: whether the peer has broken the protocol, and its bytes are discarded.
        end: why the connection ended; ``None`` while it is open.
        finished: whether nothing more will be read.
    """

    # The first four are slots of the base class too, which type checkers cannot see.
    __slots__ = (
        "_close_sent",
        "_left_to_discard",
        "_messages",
        "_timer",
        "choked",
        "closed",
        "connection",
        "discarding",
        "end",
        "environ",
        "finished",
        "handler",
        "protocol",
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
        self.closed = False
        self.stream = None
        self.connection = Connection(socket, reader)
        self.end: End | None = None
        self.finished = False
        self.choked = False
        self.discarding = False
        self._left_to_discard = _MOST_DISCARDED
        self.protocol = protocol
        self._messages: deque[str | bytearray] | None = None
        self._close_sent = False
        self._timer: Any = None

    def __del__(self) -> None:
        """Do nothing, unlike the base class: the handler closes the socket."""

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
        return self._messages.popleft() if self._messages else None

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

    def receive_batch(self) -> list[str | bytearray]:
        """Wait for messages; return all that came in one read, or none at the end."""
        messages: list[str | bytearray] = []
        while not messages and not self.finished:
            messages = self.take(self.connection.read())
        return messages

    def take(self, data: bytes) -> list[str | bytearray]:
        """Take the bytes of one read, empty at the end; return the messages that they complete."""
        if not data:
            self._ended(_LOST)
            self.connection.abort()
            self._finish()
            return []
        if self.discarding:
            self._left_to_discard -= len(data)
            if self._left_to_discard < 0:
                self.connection.abort()
                self._finish()
            return []
        # After our own close frame, messages are dropped: the peer's close frame is all
        # that is still awaited.
        wanted = not self.closed
        events = self.protocol.feed(data)
        for event in events:
            if type(event) is not str:
                break
        else:
            return events if wanted else []  # type: ignore[return-value]
        messages: list[str | bytearray] = []
        pongs: list[bytes] = []
        for event in events:
            if isinstance(event, (str, bytearray)):
                messages.append(event)
            elif isinstance(event, Ping):
                pongs.append(self.protocol.frame(PONG, event.payload))
            elif isinstance(event, (Close, Failure)):
                self._answer_end(event, b"".join(pongs))
                pongs = []
        if pongs:
            self._write_pongs(b"".join(pongs))
        return messages if wanted else []

    def linger(self) -> None:
        """Read until the closing handshake is complete or its time is over."""
        while self.receive_batch():
            pass

    def abort(self) -> None:
        """End the connection at once, without a handshake."""
        self._ended(End(CloseReason.LOST, "aborted"))
        self.connection.abort()
        self._stop_timer()

    def _write_pongs(self, pongs: bytes) -> None:
        self.connection.write(pongs)
        if self.connection.pending > _PONG_BACKLOG:
            self.choked = True
            owner = self.connection.owner
            if owner is not None:
                owner.take_in(len(pongs))
            try:
                self.connection.wait_drained()
            finally:
                self.choked = False
                if owner is not None:
                    owner.take_in(-len(pongs))

    def _answer_end(self, event: Close | Failure, pongs: bytes) -> None:
        self.connection.write(pongs)
        if isinstance(event, Failure):
            if event.code == TOO_BIG:
                self._ended(End(CloseReason.LIMIT, event.reason, Limit.MESSAGE_SIZE))
            else:
                text = f"protocol error {event.code}: {event.reason}"
                self._ended(End(CloseReason.PROTOCOL, text))
        else:
            code = "" if event.code == NO_STATUS else f" with {event.code}"
            self._ended(End(CloseReason.CLIENT, f"closed by the client{code}"))
        self._send_close(event.code, event.reason if isinstance(event, Failure) else "")
        if isinstance(event, Failure):
            # The peer may still be writing a large message. To close a socket that has
            # unread bytes resets it, and then the peer never sees the close code.
            self.discarding = True
            self.connection.end()
        else:
            self._finish()

    def _send_close(self, code: int, reason: str) -> None:
        if self._close_sent or self.connection.broken:
            return
        frame = self.protocol.close(code, reason)
        self.connection.write(frame)
        if not frame:
            self.connection.end()
        self._close_sent = True
        self._timer = gevent.get_hub().loop.timer(CLOSE_TIMEOUT)
        self._timer.start(self.connection.abort)

    def _ended(self, end: End) -> None:
        self.closed = True
        self.end = self.end or end

    def _finish(self) -> None:
        """Finish: nothing more will be read, and the last bytes are written."""
        self.finished = True
        self.connection.wait_drained()
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
