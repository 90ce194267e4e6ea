"""The link between a client for tests and its session: what is sent, and what has come."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gevent
from gevent.queue import SimpleQueue

from ..acknowledgements import arguments_of
from ..dialects.base import Dialect
from ..dialects.classic import Classic
from ..dialects.engineio import EngineIO
from ..options.listener_options import Options
from ..session.session import Session
from ..transports.downlink import Downlink
from ..wire import socketio as wire
from ..wire.json_text import decode_json, encode_json
from ..wire.packet import BinaryPacket, Packet
from .errors import Refused
from .events import Event

__all__ = ["END", "ClassicLink", "Link", "SocketIOLink", "link_for"]

#: Behind the last message of a client.
END: Any = object()


class Link(Downlink):
    """The downlink of a client that always reads: it collects what the session sends.

    Args:
        transport: the name of the transport.
        session: the session.

    Attributes:
        reason: why the session has ended.
        queues: what has come, by the names of the namespaces. The first in that of the main
            one is the id of the session, and the first in another the answer to the wish.
    """

    __slots__ = ("_session", "queues", "reason")

    def __init__(self, transport: str, session: Session) -> None:
        super().__init__(transport)
        self._session = session
        self.queues: dict[str, SimpleQueue] = {"/": SimpleQueue()}
        self.reason = ""

    @property
    def ready(self) -> bool:
        """Whether it can take a batch: until it is over."""
        return not self.is_over

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """The session has ended."""
        self.write(last)
        self.reason = reason
        for queue in self.queues.values():
            queue.put(END)
        self._set_over()

    def take_back(self) -> Sequence[Packet]:
        """Nothing: all messages arrive."""
        return ()

    def abort(self) -> None:
        """The session has ended at once."""
        if not self.is_over:
            self.close(0, "the connection was cut")

    # --- what the client sends ---

    @abstractmethod
    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None
    ) -> list[str | bytes]:
        """The payloads of an event."""

    def wish(self, namespace: str, auth: Any) -> list[str | bytes]:
        """The payloads of a wish to connect to a namespace."""
        raise TypeError(f"a client of the dialect {self._session.dialect.name!r} has no namespaces")

    def leave(self, namespace: str) -> list[str | bytes]:
        """The payloads that leave a namespace; empty if that ends the session."""
        return []


class ClassicLink(Link):
    """The link of a client of Socket.IO 0.5 and 0.6."""

    __slots__ = ("_dialect", "_greeted")

    def __init__(self, transport: str, session: Session) -> None:
        super().__init__(transport, session)
        self._greeted = False
        self._dialect = _without_limits(session.host.options)

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None
    ) -> list[str | bytes]:
        """The payload of an event."""
        if ack_id is not None:
            raise TypeError("a client of the dialect 'classic' gets no answers")
        packets = self._dialect.event("/", name, arguments)
        return [packet.payload.decode() for packet in packets]

    def write(self, batch: Sequence[Packet]) -> None:
        """Take what the session sends."""
        if batch:
            self._dialect.receive(self, self._dialect.payload(batch).decode())

    def count_in(self, size: int, messages: int) -> None:
        """Nothing is limited here."""
        pass

    def deliver(self, message: Any, cost: int) -> None:
        """A message has come."""
        if not self._greeted:
            self._greeted = True
            message = message if isinstance(message, str) else message["sessionid"]
        self.queues["/"].put(message)

    def echoed(self, number: str) -> None:
        """A heartbeat has come. It looks like an echo of a client, and is answered here."""
        self._session.echoed(number)  # type: ignore[attr-defined]


class SocketIOLink(Link):
    """The link of a client of Socket.IO 3 and 4.

    Attributes:
        answers: the functions that get the answers to events of the client, by the names of
            the namespaces and the numbers of the events.
        handlers: the functions that take events, by the names of the namespaces and the events.
        seen: what a client shows when it comes back after a cut, by the names of the namespaces:
            its secret, and the offset of the last event.
    """

    __slots__ = ("_decoder", "answers", "handlers", "seen")

    def __init__(self, transport: str, session: Session) -> None:
        super().__init__(transport, session)
        self._decoder = wire.Decoder(decode_json, sys.maxsize, sys.maxsize)
        self.answers: dict[tuple[str, int], Callable[..., object]] = {}
        self.handlers: dict[tuple[str, str | int], Callable[..., Any]] = {}
        self.seen: dict[str, dict[str, str]] = {}

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None
    ) -> list[str | bytes]:
        """The payloads of an EVENT."""
        return _spelled(wire.EVENT, namespace, [name, *arguments], ack_id)

    def wish(self, namespace: str, auth: Any) -> list[str | bytes]:
        """The payloads of a CONNECT."""
        self.queues[namespace] = SimpleQueue()
        return _spelled(wire.CONNECT, namespace, auth)

    def leave(self, namespace: str) -> list[str | bytes]:
        """The payloads of a DISCONNECT."""
        return _spelled(wire.DISCONNECT, namespace, None)

    def write(self, batch: Sequence[Packet]) -> None:
        """Take what the session sends."""
        for packet in batch:
            if isinstance(packet, BinaryPacket):
                self._take(packet.data)
                continue
            text = packet.payload.decode()
            if text[0] == "0":
                self.queues["/"].put(decode_json(text[1:])["sid"])
            elif text[0] == "2":
                self._send(["3"])
            elif text[0] == "4":
                self._take(text[1:])

    def _take(self, message: str | bytes) -> None:
        packet = self._decoder.take(message)
        if packet is None:
            return
        kind, namespace, ack_id, data, _ = packet
        queue = self.queues.get(namespace)
        if kind == wire.ACK:
            answered = self.answers.pop((namespace, ack_id or 0), None)
            if answered is not None:
                answered(*data)
        elif queue is None:
            return
        elif kind == wire.EVENT:
            self._take_event(queue, namespace, data, ack_id)
        elif kind == wire.CONNECT:
            if "pid" in data:
                self.seen[namespace] = {"pid": data["pid"]}
            queue.put(data or {})
        elif kind == wire.CONNECT_ERROR:
            queue.put(Refused("", data["message"], data.get("data")))
        elif kind == wire.DISCONNECT:
            queue.put(END)

    def _take_event(
        self, queue: SimpleQueue, namespace: str, data: list[Any], ack_id: int | None
    ) -> None:
        name, *arguments = data
        offset = arguments[-1] if ack_id is None and arguments else None
        # The last argument of a volatile event is its own.
        if namespace in self.seen and isinstance(offset, str) and offset.isdigit():
            self.seen[namespace]["offset"] = arguments.pop()
        answer: Callable[..., None] | None = None
        if ack_id is not None:

            def answer(*arguments: Any) -> None:
                self._send(_spelled(wire.ACK, namespace, list(arguments), ack_id))

        handler = self.handlers.get((namespace, name))
        if handler is None:
            queue.put(Event(name, arguments, answer))
        else:
            gevent.spawn(_handle, handler, arguments, answer)

    def _send(self, payloads: list[str | bytes]) -> None:
        self._session.receive(payloads)
        self._session.start_handlers()


def _handle(
    handler: Callable[..., Any], arguments: list[Any], answer: Callable[..., None] | None
) -> None:
    result = handler(*arguments)
    if answer is not None:
        answer(*arguments_of(result))


def _spelled(kind: int, namespace: str, data: Any, ack_id: int | None = None) -> list[str | bytes]:
    """The payloads of a packet."""
    text, attachments = wire.encode(kind, namespace, data, ack_id, encode_json)
    return [f"4{text}", *attachments]


def _without_limits(options: Options) -> Classic:
    """The dialect of a client, without the limits of the server."""
    return Classic(
        replace(
            options,
            max_buffer=sys.maxsize,
            max_payload_messages=None,
            max_json_elements=None,
            max_json_depth=sys.maxsize,
        )
    )


def link_for(dialect: Dialect, transport: str, session: Session) -> Link:
    """The link of a client that speaks this dialect."""
    kind = SocketIOLink if isinstance(dialect, EngineIO) else ClassicLink
    return kind(transport, session)
