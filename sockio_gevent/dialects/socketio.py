"""The dialect of Socket.IO 1 to 4: events and namespaces in the messages of Engine.IO.

Clients of Socket.IO 3 and 4 speak Engine.IO 4 and protocol 5; those of 1 and 2 speak
Engine.IO 3 and protocol 4. In protocol 4 each session is a client of the main namespace
from its beginning, and a refusal is a mere text.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from ..compiled import trait
from ..monitoring.reasons import Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..options.serializer import OWN, Serializer
from ..wire import socketio as wire
from ..wire.engineio import escape_json
from ..wire.json_text import TOO_DEEP, encode_json, encode_json_utf8, json_excess
from ..wire.packet import Packet
from ..wire.utf16 import to_utf8
from ..wire.websocket import TOO_BIG
from .engineio import EngineIO, EngineIOPeer

__all__ = ["SocketIO", "SocketIOPeer"]

# What events of the main namespace begin with that want no acknowledgement, as a message.
_PLAIN_EVENT: Final = "42["

_FIELD = 256  # bytes of memory that a field of a query takes, besides its characters


@trait
class SocketIOPeer(EngineIOPeer):
    """A session of this dialect.

    Attributes:
        decoder: what puts events and their attachments together; made by :meth:`new_decoder`.
    """

    __slots__ = ()

    decoder: Any

    @abstractmethod
    def wants(self, namespace: str, auth: Any, cost: int) -> None:
        """The client wants to connect to a namespace.

        Raises:
            OverLimit: if it has asked for too many.
        """

    @abstractmethod
    def asked_for(self, namespace: str) -> bool:
        """Whether the client has asked to connect to this namespace, and has not left it."""

    @abstractmethod
    def take_event(
        self,
        namespace: str,
        name: wire.ReceivedName,
        arguments: list[Any],
        ack_id: int | None,
        cost: int,
    ) -> None:
        """The client has sent an event."""

    @abstractmethod
    def acknowledged(self, namespace: str, ack_id: int, arguments: list[Any], cost: int) -> None:
        """The client has answered an event."""

    @abstractmethod
    def leaves(self, namespace: str, cost: int) -> None:
        """The client leaves a namespace."""


class SocketIO(EngineIO):
    """The language of Socket.IO.

    Args:
        options: the options of the listener.
        version: the version of Engine.IO, 3 or 4.
        serializer: encodes and decodes JSON.
    """

    name = "socket.io"
    acknowledges = True

    def __init__(self, options: Options, version: int, serializer: Serializer = OWN) -> None:
        super().__init__(options, version, serializer)
        dumps = self._dumps
        self._to_json: Callable[[Any], bytes] = (
            encode_json_utf8 if dumps is encode_json else lambda value: to_utf8(dumps(value))
        )
        self.connects_itself = version == 3
        self.recovers = version == 4 and options.recovery is not None

    def new_decoder(self) -> wire.Decoder:
        """What a session needs to put events and their attachments together."""
        options = self._options
        return wire.Decoder(self._decode_json, options.max_attachments, options.max_message_size)

    def client_id(self, session: Any, namespace: str) -> str | None:
        """The id that a client must have: protocol 4 tells none, and clients make it themselves."""
        if self.version == 4:
            return None
        session_id: str = session.session_id
        return session_id if namespace == "/" else f"{namespace}#{session_id}"

    # --- from the application to the client ---

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None = None
    ) -> Sequence[Packet]:
        """An EVENT, or a BINARY_EVENT and its attachments."""
        return self._packets(wire.EVENT, namespace, [name, *arguments], ack_id)

    def acknowledgement(
        self, namespace: str, ack_id: int, arguments: Sequence[Any]
    ) -> Sequence[Packet]:
        """An ACK, or a BINARY_ACK and its attachments."""
        return self._packets(wire.ACK, namespace, list(arguments), ack_id)

    def connected(
        self, namespace: str, client_id: str, secret: str | None = None
    ) -> Sequence[Packet]:
        """A CONNECT, in protocol 5 with the id of the client."""
        data = {"sid": client_id} if self.version == 4 else None
        if data is not None and secret is not None:
            data["pid"] = secret
        # Not by the serializer: nothing in it is the application's.
        head, data, _ = wire.begin(wire.CONNECT, namespace, data, None)
        return (self.text(head, b"" if data is None else encode_json_utf8(data)),)

    def refused(self, namespace: str, text: str, data: Any) -> Sequence[Packet]:
        """A CONNECT_ERROR; in protocol 4 it has a text only, or the data in place of the text."""
        if self.version == 4:
            error = {"message": text} if data is None else {"message": text, "data": data}
            return self._packets(wire.CONNECT_ERROR, namespace, error)
        return self._packets(wire.CONNECT_ERROR, namespace, text if data is None else data)

    def in_ascii(self, packet: bytes) -> bytes:
        """The same packet, with escapes in its JSON.

        Its namespace stays as it is: clients 2.x look for it as they have written it. Clients 1.x
        would need another encoding, and do not say which they are.
        """
        if packet.isascii() or packet[:1] != b"4":
            return packet
        json_at = 1 + wire.size_of_head(packet[1:])
        return packet[:json_at] + escape_json(packet[json_at:])

    def left(self, namespace: str) -> Sequence[Packet]:
        """A DISCONNECT."""
        return self._packets(wire.DISCONNECT, namespace, None)

    def _packets(
        self, kind: int, namespace: str, data: Any, ack_id: int | None = None
    ) -> Sequence[Packet]:
        head, data, attachments = wire.begin(kind, namespace, data, ack_id)
        packet = self.text(head, b"" if data is None else self._to_json(data))
        if not attachments:
            return (packet,)
        return (packet, *[self.binary(each) for each in attachments])

    # --- from the client ---

    def receive(self, peer: SocketIOPeer | Any, payload: str | bytes) -> str:
        """Take one packet, as a WebSocket carries it."""
        if type(payload) is not str or not payload.startswith(_PLAIN_EVENT):
            return super().receive(peer, payload)
        # The same with fewer calls: nearly every message comes here.
        peer.count_in(len(payload) if payload.isascii() else len(payload.encode()), 1)
        peer.heard()
        try:
            decoder: wire.Decoder = peer.decoder
            data, cost = decoder.plain_event(payload[2:])
        except wire.BadPacket as error:
            return str(error)
        if not peer.asked_for("/"):
            return _outside("/")
        self._take_event(peer, "/", data, None, cost)
        return ""

    def message(self, peer: SocketIOPeer | Any, message: str | bytes) -> str:
        """Take a Socket.IO packet, or an attachment of one."""
        try:
            packet = peer.decoder.take(message)
        except wire.BadPacket as error:
            return str(error)
        if packet is None:
            return ""
        kind, namespace, ack_id, data, cost = packet
        if kind == wire.CONNECT:
            return self._connect(peer, namespace, data, cost)
        if self.version == 3 and "?" in namespace:
            namespace = namespace.partition("?")[0]
        if not peer.asked_for(namespace):
            return _outside(namespace)
        if kind == wire.EVENT:
            self._take_event(peer, namespace, data, ack_id, cost)
        elif kind == wire.ACK:
            if ack_id is not None:  # otherwise it answers nothing
                peer.acknowledged(namespace, ack_id, data, cost)
        elif kind == wire.DISCONNECT:
            peer.leaves(namespace, cost)
        else:
            return "a CONNECT_ERROR, which only servers send"
        return ""

    def _take_event(
        self,
        peer: SocketIOPeer | Any,
        namespace: str,
        data: list[Any],
        ack_id: int | None,
        cost: int,
    ) -> None:
        name = data.pop(0)
        if ack_id is None and name == "message" and namespace == "/" and len(data) == 1:
            peer.deliver(data[0], cost)
        else:
            peer.take_event(namespace, name, data, ack_id, cost)

    def _connect(self, peer: SocketIOPeer | Any, namespace: str, data: Any, cost: int) -> str:
        """Take a CONNECT packet."""
        if self.version == 3:
            namespace, _, query = namespace.partition("?")
            try:
                fields = parse_qsl(query, max_num_fields=self._options.max_json_elements)
            except ValueError:
                return f"a query of over {self._options.max_json_elements} fields"
            data = dict(fields) or None
            cost += _FIELD * len(fields)
        if len(namespace) > wire.LONGEST_NAMESPACE:
            return f"the name of a namespace has over {wire.LONGEST_NAMESPACE} characters"
        peer.wants(namespace, data, cost)
        return ""

    def _decode_json(self, text: str) -> Any:
        """Decode JSON that is under the limits."""
        options = self._options
        problem = json_excess(text, options.max_json_elements, options.max_json_depth)
        if problem:
            limit = Limit.JSON_DEPTH if problem is TOO_DEEP else Limit.JSON_ELEMENTS
            raise OverLimit(limit, "413 Content Too Large", problem, code=TOO_BIG)
        return self._loads(text)


def _outside(namespace: str) -> str:
    """The mistake of a packet for a namespace that the client is not in."""
    return f"a packet for a namespace that it is not connected to: {namespace[:40]!r}"
