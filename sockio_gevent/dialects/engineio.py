"""The dialect of Engine.IO 3 and 4: packets of one character and their data.

In version 4 the server sends pings and the client answers them; in version 3 it is the
other way round. A session may begin with polling and go on with a WebSocket.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..compiled import trait
from ..monitoring.reasons import CloseReason, End, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..options.serializer import OWN, Serializer
from ..refusal import Refusal
from ..wire import engineio as wire
from ..wire.classic_form import decode_form
from ..wire.packet import OVERHEAD, BinaryPacket, Packet, script_text
from ..wire.redact import Shortener, ids_in_queries
from ..wire.websocket import BINARY, TOO_BIG, encode_frame
from . import engineio_addresses as addresses
from .base import Dialect, Peer, Route
from .engineio_errors import error_body

__all__ = ["BINARY_PAYLOAD", "BareEngineIO", "EngineIO", "EngineIOPeer"]

#: The content type of a payload of version 3 with binary packets.
BINARY_PAYLOAD = "application/octet-stream"

_SEPARATOR = b"\x1e"
_MESSAGE_COST = 192  # bytes of memory that a waiting message takes, besides its characters


@trait
class EngineIOPeer(Peer):
    """A session of this dialect."""

    __slots__ = ()

    @abstractmethod
    def heard(self) -> None:
        """The client has sent something, so it lives."""

    @abstractmethod
    def pinged(self, pong: Packet) -> None:
        """The client has sent a ping, which this packet answers."""

    @abstractmethod
    def left_by_client(self) -> None:
        """The client has closed the session."""


class EngineIO(Dialect):
    """The language of Engine.IO. What messages mean is left to subclasses.

    Args:
        options: the options of the listener.
        version: 3 or 4.
        serializer: encodes and decodes JSON.

    Attributes:
        pings: whether the server sends pings, and not the client.
        version: the same as given.
    """

    has_binary: ClassVar[bool] = True

    #: The packets without data.
    PING: ClassVar[Packet] = Packet(wire.PING.encode())
    PONG: ClassVar[Packet] = Packet(wire.PONG.encode())
    PROBED: ClassVar[Packet] = Packet(f"{wire.PONG}probe".encode())
    NOOP: ClassVar[Packet] = Packet(wire.NOOP.encode())
    CLOSE: ClassVar[Packet] = Packet(wire.CLOSE.encode())

    def __init__(self, options: Options, version: int, serializer: Serializer = OWN) -> None:
        self._options = options
        self._dumps, self._loads = serializer
        self.version = version
        self.pings = version == 4
        self._upgrades = ["websocket"] if "websocket" in options.transports else []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}, Engine.IO {self.version}>"

    # --- addresses ---

    def match(self, path: str, query: str) -> Route | None:
        """Read an address: ``/<resource>/?EIO=<version>&transport=<name>``."""
        return addresses.match(self._options.resource, self.version, path, query)

    @property
    def shortener(self) -> Shortener:
        """Cuts the field ``sid`` of a query."""
        return ids_in_queries(self._options.resource, "sid")

    # --- from the application to the client ---

    def greeting(self, session_id: str, transport: str) -> Packet:
        """The open packet: JSON with the id and the times, in milliseconds."""
        options = self._options
        fields: dict[str, Any] = {
            "sid": session_id,
            "upgrades": [] if transport == "websocket" else self._upgrades,
            "pingInterval": round(options.ping_interval * 1000),
            "pingTimeout": round(options.ping_timeout * 1000),
        }
        if self.version == 4:
            fields["maxPayload"] = options.max_message_size
        return Packet(f"{wire.OPEN}{json.dumps(fields, separators=(',', ':'))}".encode())

    def text(self, text: str, rest: bytes = b"") -> Packet:
        """A text message. Lone surrogates, which UTF-8 cannot carry, become U+FFFD.

        Args:
            text: the text.
            rest: more text behind it, in UTF-8.
        """
        packet = Packet(wire.encode_text(wire.MESSAGE + text) + rest)
        self._check_size(packet.cost - OVERHEAD)
        return packet

    def binary(self, data: bytes) -> Packet:
        """A binary message."""
        self._check_size(2 * len(data))
        version = self.version
        frame = encode_frame(BINARY, data if version == 4 else b"\x04" + data)
        return BinaryPacket(frame, data, lambda data: wire.encode_binary(version, data))

    def _check_size(self, size: int) -> None:
        most = self._options.max_buffer
        if size > most:
            raise ValueError(
                f"a message that takes {size} bytes is over the option 'max_buffer' of {most}: "
                "no session could keep it"
            )

    def last(self, end: End, transport: str) -> Sequence[Packet]:
        """A close packet for a poll; a client that has closed itself gets a noop."""
        if transport == "websocket":
            return ()
        return (self.NOOP if end.reason is CloseReason.CLIENT else self.CLOSE,)

    def payload(self, batch: Sequence[Packet]) -> bytes:
        """The packets as text. An empty batch becomes a noop, because clients cannot read it."""
        packets = [packet.payload for packet in batch or (self.NOOP,)]
        if self.version == 4:
            return _SEPARATOR.join(packets)
        return b"".join([wire.length_prefixed(self.in_ascii(packet)) for packet in packets])

    def in_ascii(self, packet: bytes) -> bytes:
        """A text packet for clients of version 3, some of which read ASCII only in such payloads.

        The same, if nothing is known about its text.
        """
        return packet

    def binary_payload(self, batch: Sequence[Packet]) -> bytes | None:
        """The payload as bytes, for clients of version 3; ``None`` if all of it is ASCII.

        Clients of Socket.IO 1 and 2 encode other text differently in a payload of text, and
        read it in the same way in one of bytes.
        """
        if self.version == 4 or all(
            not isinstance(packet, BinaryPacket) and packet.payload.isascii() for packet in batch
        ):
            return None
        return b"".join([_prefixed(packet) for packet in batch])

    def script(self, batch: Sequence[Packet]) -> bytes:
        """The payload as a JSON string."""
        return b'"%b"' % script_text(self.payload(batch))

    # --- from the client ---

    def packets(self, body: bytes, content_type: str) -> list[str | bytes]:
        """The packets in the body of a POST, as WebSockets carry them.

        Args:
            body: the whole body.
            content_type: its content type.

        Raises:
            ValueError: if it is not a good payload.
            OverLimit: if there are too many packets in it.
        """
        most = self._options.max_payload_messages
        in_bytes = self.version == 3 and content_type.startswith(BINARY_PAYLOAD)
        if in_bytes:
            packets, problem = wire.decode_binary_payload(body, most)
        else:
            packets, problem = wire.decode_payload(self.version, body.decode(), most)
        if problem is wire.TOO_MANY:
            text = f"the payload has over {len(packets)} messages"
            raise OverLimit(Limit.PAYLOAD_MESSAGES, "413 Content Too Large", text, code=TOO_BIG)
        if problem:
            raise ValueError(problem)
        if self.version == 3:
            return [_as_frame(each, in_bytes) for each in packets]
        return packets

    def form(self, body: bytes, pause: Callable[[], None]) -> bytes:
        """The payload in a form of JSONP.

        Raises:
            ValueError: if there is none in it.
        """
        return wire.undo_form(decode_form(body, pause, "d")).encode()

    def receive(self, peer: EngineIOPeer | Any, payload: str | bytes) -> str:
        """Take one packet, as a WebSocket carries it."""
        if type(payload) is str and payload[:1] != "b":
            kind = payload[:1]
            size = len(payload) if payload.isascii() else len(payload.encode())
            peer.count_in(size, kind == wire.MESSAGE)
            peer.heard()
            if kind == wire.MESSAGE:
                return self.message(peer, payload[1:])
            return self._control(peer, kind, payload)
        peer.count_in(len(payload), 1)
        packet, problem = wire.decode_frame(self.version, payload)
        if packet is None:
            return problem
        peer.heard()
        return self.message(peer, packet)

    def _control(self, peer: EngineIOPeer | Any, kind: str, payload: str) -> str:
        """Take a packet that is no message."""
        if kind == wire.PONG and self.pings:
            return ""
        if kind == wire.PING and not self.pings:
            peer.pinged(self.PONG if len(payload) == 1 else Packet(f"3{payload[1:]}".encode()))
        elif kind == wire.CLOSE:
            peer.left_by_client()
        elif kind == wire.UPGRADE or kind == wire.NOOP:
            return ""
        elif kind == wire.PING or kind == wire.PONG:
            return f"a heartbeat in the wrong direction: {payload[:20]!r}"
        else:
            return f"no packet: {payload[:20]!r}"
        return ""

    @abstractmethod
    def message(self, peer: Any, message: str | bytes) -> str:
        """Take a message; return the mistake in it, see :meth:`receive`."""

    def largest_body(self, expansion: int) -> int:
        """A payload of the option ``max_message_size``, or the option ``max_body_size``."""
        options = self._options
        return options.max_body_size or expansion * options.max_message_size + len("d=")

    # --- refusals ---

    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """A number and a text, as JSON."""
        return "application/json", error_body(refusal)


def _as_frame(packet: str | bytes, in_bytes: bool) -> str | bytes:
    """A packet of version 3 as a WebSocket carries it."""
    if isinstance(packet, bytes):
        return b"\x04" + packet
    # In a payload of text, clients of Socket.IO 1 encode text twice. Those of 2 do not, and
    # cannot be told apart.
    return packet if in_bytes else wire.undo_utf8(packet)


def _prefixed(packet: Packet) -> bytes:
    if isinstance(packet, BinaryPacket):
        return wire.binary_prefixed(packet.data, text=False)
    return wire.binary_prefixed(packet.payload, text=True)


class BareEngineIO(EngineIO):
    """Engine.IO without Socket.IO: every message is the event ``message``."""

    name = "engine.io"

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None = None
    ) -> Sequence[Packet]:
        """A message: text or bytes; what is neither is sent as JSON."""
        if name != "message" or len(arguments) != 1:
            raise TypeError(
                f"an Engine.IO client gets messages only, not the event {name!r} with "
                f"{len(arguments)} arguments"
            )
        [message] = arguments
        if isinstance(message, (bytes, bytearray, memoryview)):
            return (self.binary(bytes(message)),)
        return (self.text(message if isinstance(message, str) else self._dumps(message)),)

    def message(self, peer: EngineIOPeer | Any, message: str | bytes) -> str:
        """Every message is one of the application."""
        width = 1 if isinstance(message, bytes) or message.isascii() else 4
        peer.deliver(message, _MESSAGE_COST + width * len(message))
        return ""
