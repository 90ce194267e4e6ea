"""One WebSocket connection as bytes alone: pings, the closing handshake, violations.

It takes the bytes that have come, and returns the messages in them and the bytes
to write. Nothing here reads a clock or a socket, so that all of it can be tested
with bytes alone. The owner of the socket measures time-outs.
"""

from __future__ import annotations

from .websocket import PONG, Close, Event, Failure, Ping
from .websocket_protocol import WebSocketProtocol

__all__ = ["WebSocketConnection"]

# Bytes that are read after a violation, so that the connection is not reset: browsers find a
# close frame while they write, but a reset makes them forget it.
_MOST_DISCARDED = 64 * 1024 * 1024


class WebSocketConnection:
    """The server's end of one connection.

    Args:
        protocol: the version of WebSocket that was agreed on.

    Attributes:
        close_sent: whether a closing frame was made, or this version has none to make.
        closed: whether messages are neither sent nor taken any more.
        discarding: whether the peer has broken the protocol; what it still sends is discarded.
        ended_by: the closing frame of the peer, or its violation of the protocol, which is to
            be answered; ``None`` if there is neither.
        exhausted: whether the peer has sent too much after its violation.
        finished: whether nothing more is to be read.
        pongs: the answers to the pings in the bytes taken last, to be written.
        protocol: the same as given.
    """

    __slots__ = (
        "_left_to_discard",
        "close_sent",
        "closed",
        "discarding",
        "ended_by",
        "exhausted",
        "finished",
        "pongs",
        "protocol",
    )

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.close_sent = False
        self.closed = False
        self.discarding = False
        self.ended_by: Close | Failure | None = None
        self.exhausted = False
        self.finished = False
        self.pongs = b""
        self._left_to_discard = _MOST_DISCARDED

    def take(self, data: bytes | None) -> list[str | bytes]:
        """Take bytes that have come, and return the messages in them.

        After the server's own closing frame messages are discarded. Reading goes on only
        to see the closing frame of the peer.

        Args:
            data: the bytes; empty at the end of the stream; ``None`` to parse those that were
                taken before, if the protocol has paused.
        """
        if data is None:
            data = b""
        elif not data:
            self.closed = self.finished = True
            return []
        if self.discarding:
            self._left_to_discard -= len(data)
            if self._left_to_discard < 0:
                self.exhausted = self.finished = True
            return []
        wanted = not self.closed
        events = self.protocol.feed(data)
        for event in events:
            if type(event) is not str and type(event) is not bytes:
                return self._take_apart(events, wanted)
        return events if wanted else []  # type: ignore[return-value]

    def _take_apart(self, events: list[Event], wanted: bool) -> list[str | bytes]:
        """Take events among which there are others than messages."""
        messages: list[str | bytes] = []
        pongs: list[bytes] = []
        for event in events:
            if isinstance(event, (str, bytes)):
                messages.append(event)
            elif isinstance(event, Ping):
                pongs.append(self.protocol.frame(PONG, event.payload))
            elif isinstance(event, (Close, Failure)):
                self.closed = True
                self.ended_by = event
                # The peer may be in the middle of a large message. A socket that is
                # closed with unread bytes is reset, and the peer never sees the code.
                self.discarding = isinstance(event, Failure)
                self.finished = not self.discarding
        self.pongs = b"".join(pongs)
        return messages if wanted else []

    def close(self, code: int, reason: str) -> bytes:
        """Make the closing frame; empty if it was made before, or this version has none.

        A close of the peer is answered with its own code (RFC 6455 section 5.5.1), a
        violation with the code for it (section 7.4.1).

        Args:
            code: the status code; :data:`NO_STATUS` for none.
            reason: a text for the peer.

        Raises:
            ValueError: if the code may not be sent.
        """
        if self.close_sent:
            return b""
        frame = self.protocol.close(code, reason)
        self.close_sent = self.closed = True
        return frame
