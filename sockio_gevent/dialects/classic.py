"""The dialect of Socket.IO 0.5 and 0.6: payloads of ``~m~`` frames, text only.

The server sends heartbeats, and clients echo them. A poll that has waited as
long as it may gets an empty answer. At the end of a session nothing is sent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..compiled import mypyc_attr, trait
from ..monitoring.reasons import End, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..options.serializer import OWN, Serializer
from ..options.transport_options import TransportOptions
from ..refusal import Refusal
from ..wire import classic as wire
from ..wire.classic_form import decode_form
from ..wire.json_text import TOO_DEEP, json_cost, json_excess
from ..wire.packet import Packet, script_string
from ..wire.redact import Shortener, ids_in_paths
from ..wire.websocket import TOO_BIG
from . import classic_addresses as addresses
from .base import BinaryRefused, Dialect, Peer, Route

__all__ = ["Classic", "ClassicPeer"]

_TOO_LARGE = "413 Content Too Large"
_MESSAGE: Final = 192  # bytes of memory that a waiting message takes, besides its characters


@trait
class ClassicPeer(Peer):
    """A session of this dialect."""

    __slots__ = ()

    @abstractmethod
    def echoed(self, number: str) -> None:
        """The client has answered the heartbeat of this number."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Classic(Dialect):
    """The dialect of Socket.IO 0.5 and 0.6.

    Args:
        options: the options of the listener.
        serializer: encodes and decodes JSON.
    """

    name = "classic"

    def __init__(self, options: Options, serializer: Serializer = OWN) -> None:
        self._options = options
        self._dumps, self._loads = serializer

    def described(self, transport: str) -> str:
        """The transport alone."""
        return transport

    # --- addresses ---

    def match(self, path: str, query: str) -> Route | None:
        """Read an address: ``/<resource>/<transport>/<id>/<tail>``."""
        return addresses.match(self._options.resource, path)

    def opening(self, route: Route) -> Route | None:
        """Read the address of an unknown session as one that opens a session.

        It may be such an address after a proxy has merged its slashes. ``None`` if not.
        """
        return addresses.with_merged_slashes(route)

    @property
    def shortener(self) -> Shortener:
        """Cuts the part of an address behind the transport."""
        return ids_in_paths(self._options.resource)

    # --- from the application to the client ---

    def greeting(self, session_id: str, transport: str) -> Packet:
        """The id alone, or in an object: the option ``handshake``."""
        plain = self._options.handshake == "plain"
        return Packet(wire.encode(session_id if plain else {"sessionid": session_id}))

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None = None
    ) -> Sequence[Packet]:
        """A message, or an event of another name as an object with its name and arguments."""
        if name == "message" and len(arguments) == 1:
            message = arguments[0]
        else:
            message = {"name": name, "args": list(arguments)}
        payload = wire.encode(message, self._dumps)
        most = self._options.max_buffer
        if len(payload) > most:
            raise ValueError(
                f"a message of {len(payload)} bytes is over the option 'max_buffer' of {most}: "
                "no session could keep it"
            )
        return (Packet(payload),)

    def heartbeat(self, number: int) -> Packet:
        """The heartbeat with this number, which the client echoes: ``~h~<number>``."""
        return Packet(wire.encode_heartbeat(number))

    def idle_poll(self) -> Sequence[Packet]:
        """The answer to a poll that has waited as long as it may: nothing."""
        return ()

    def last(self, end: End, transport: str) -> Sequence[Packet]:
        """Nothing: a WebSocket is closed with a code, and other clients ask."""
        return ()

    def payload(self, batch: Sequence[Packet]) -> bytes:
        """The frames, one after the other."""
        if len(batch) == 1:
            return batch[0].payload
        return b"".join([packet.payload for packet in batch])

    def script(self, batch: Sequence[Packet]) -> bytes:
        """The frames as a JSON string; each packet keeps its part."""
        return script_string(batch)

    # --- from the client ---

    def receive(self, peer: ClassicPeer | Any, payload: str | bytes) -> str:
        """Take a payload of ``~m~`` frames."""
        if not isinstance(payload, str):
            raise BinaryRefused("a binary message, but payloads are text")
        only = wire.only_text(payload)
        if only is not None and only[:1] != "~":  # the usual case: what follows does the same
            peer.count_in(len(payload), 1)
            peer.deliver(only, _MESSAGE + len(only))
            return ""
        size = len(payload) if payload.isascii() else len(payload.encode())
        messages, problem = wire.decode(payload, self._options.max_payload_messages)
        if problem is wire.TOO_MANY:
            text = f"the payload has over {len(messages)} messages"
            raise OverLimit(Limit.PAYLOAD_MESSAGES, _TOO_LARGE, text, code=TOO_BIG)
        peer.count_in(size, len(messages))
        # If all characters are ASCII, each takes one byte of memory; otherwise up to four.
        width = 1 if size == len(payload) else 4
        for text in messages:
            if text[:1] == "~":
                if text.startswith(wire.HEARTBEAT):
                    peer.echoed(text[3:])
                    continue
                if text.startswith(wire.JSON):
                    try:
                        message = self._decode_json(text[3:])
                    except ValueError as error:
                        problem = f"bad JSON: {error}"
                    else:
                        peer.deliver(message, _MESSAGE + json_cost(text, width))
                    continue
            peer.deliver(text, _MESSAGE + width * len(text))
        return problem

    def _decode_json(self, text: str) -> Any:
        """Decode JSON that is under the limits."""
        options = self._options
        problem = json_excess(text, options.max_json_elements, options.max_json_depth)
        if problem:
            limit = Limit.JSON_DEPTH if problem is TOO_DEEP else Limit.JSON_ELEMENTS
            raise OverLimit(limit, _TOO_LARGE, problem, code=TOO_BIG)
        return self._loads(text)

    def accepts_post(self, tail: str) -> bool:
        """Whether messages may be posted to an address that ends like this: ``<id>/send``."""
        return tail == "send"

    def largest_body(self, expansion: int) -> int:
        """The option ``max_body_size``, or what a payload takes in a form."""
        options = self._options
        return options.max_body_size or expansion * options.max_message_size + len("data=")

    def read_body(self, body: bytes, pause: Callable[[], None]) -> str:
        """The payload in the body of a POST: the value of ``data`` in a form.

        Args:
            body: the whole body.
            pause: called now and then, so that other greenlets can run.

        Raises:
            ValueError: if there is no payload in it.
        """
        return decode_form(body, pause)

    # --- both ---

    def times(self, transport: str) -> TransportOptions:
        """The times of sessions over this transport: the option ``transport_options``."""
        return self._options.transport_options[transport]

    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """Its text."""
        return "text/plain; charset=UTF-8", refusal.text.encode() + b"\n"
