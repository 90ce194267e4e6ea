"""Clients in the same process that have namespaces, acknowledgements and bytes.

Their dialect is a plain one for tests: each packet is a JSON list, so a test sees what a
client is told without the wire of Socket.IO.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from wsgiref.util import setup_testing_defaults

import gevent

import sockio_gevent as io
from sockio_gevent.dialects.classic import Classic
from sockio_gevent.monitoring.reasons import CloseReason, End
from sockio_gevent.session.session import Session
from sockio_gevent.space import Languages
from sockio_gevent.transports.downlink import Downlink
from sockio_gevent.wire.packet import Packet

from .in_process import hello, listen
from .waiting import wait_until

__all__ = ["Peer", "Spelled", "listen_to_all"]


class Spelled(Classic):
    """A dialect that can do everything, and writes it as JSON lists."""

    name = "spelled"
    acknowledges = True
    connects_itself = False
    has_binary = True
    encoded = 0

    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None = None
    ) -> Sequence[Packet]:
        self.encoded += 1
        return self._packet("event", namespace, name, list(arguments), ack_id)

    def acknowledgement(
        self, namespace: str, ack_id: int, arguments: Sequence[Any]
    ) -> Sequence[Packet]:
        return self._packet("answer", namespace, ack_id, list(arguments))

    def connected(
        self, namespace: str, client_id: str, secret: str | None = None
    ) -> Sequence[Packet]:
        return self._packet("connected", namespace, client_id)

    def refused(self, namespace: str, text: str, data: Any) -> Sequence[Packet]:
        return self._packet("refused", namespace, text, data)

    def left(self, namespace: str) -> Sequence[Packet]:
        return self._packet("left", namespace)

    def _packet(self, *parts: Any) -> Sequence[Packet]:
        return (Packet(json.dumps(parts, default=_hex, allow_nan=False).encode()),)


def _hex(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} has no form")
    return f"bytes {value.hex()}"


def listen_to_all(**options: Any) -> io.Listener:
    """A listener whose clients may also be of the dialect for tests."""
    listener = listen(**options, dialects=["classic"])
    listener._attachment.dialects += (Spelled(listener.options),)
    listener._space.languages = Languages(listener._attachment.dialects)
    return listener


class _Inbox(Downlink):
    __slots__ = ("packets",)

    def __init__(self) -> None:
        super().__init__("websocket")
        self.packets: list[Any] = []

    @property
    def ready(self) -> bool:
        return not self.is_over

    def write(self, batch: Sequence[Packet]) -> None:
        payloads = (packet.payload for packet in batch)
        self.packets += [json.loads(payload) for payload in payloads if payload[:1] == b"["]

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        self.write(last)
        self._set_over()

    def take_back(self) -> Sequence[Packet]:
        return ()

    def abort(self) -> None:
        if not self.is_over:
            self.close(0, "")


class Peer:
    """A client, and what the server tells it.

    Args:
        listener: what :func:`listen_to_all` has returned.
        *namespaces: the namespaces to connect to at once.
        address: its address.
    """

    def __init__(self, listener: io.Listener, *namespaces: str, address: str = "127.0.0.1") -> None:
        environ: dict[str, Any] = {"PATH_INFO": "/socket.io/websocket", "REMOTE_ADDR": address}
        setup_testing_defaults(environ)
        self.session: Session = listener.open_session("websocket", environ, hello)
        self.session.handlers.calls.clear()  # it does not connect by itself
        self.session._empty_outbox(kept=False)
        self.session.dialect = listener._attachment.dialects[1]
        self._inbox = _Inbox()
        self._receiver = self.session.host.receiver
        self.session.attach(self._inbox)
        for namespace in namespaces:
            self.connect(namespace)

    def client(self, namespace: str = "/") -> Any:
        """Its client in a namespace."""
        if namespace == "/":
            return self.session.client
        return (self.session.others or {}).get(namespace)

    # --- what it sends ---

    def connect(self, namespace: str = "/", auth: Any = None) -> None:
        self._put(self._receiver.connect, (namespace, auth))

    def send(
        self, name: str | int, *arguments: Any, namespace: str = "/", ack_id: int | None = None
    ) -> None:
        self._put(self._receiver.event, (namespace, name, list(arguments), ack_id))

    def answer(self, ack_id: int, *arguments: Any, namespace: str = "/", cost: int = 100) -> None:
        self._receiver.acknowledged(self.session, namespace, ack_id, list(arguments), cost)
        self.session.start_handlers()

    def leave(self, namespace: str = "/") -> None:
        self._receiver.leaves(self.session, namespace, 100)
        self.session.start_handlers()
        self._settle()

    def vanish(self) -> None:
        self.session.end(End(CloseReason.LOST, "it has vanished"))
        self._settle()

    def _put(self, call: Any, argument: Any) -> None:
        self.session.handlers.put(lambda session, given: call(session, given), argument, 100)
        self.session.start_handlers()
        self._settle()

    def _settle(self) -> None:
        # Handlers that block are left alone.
        for _ in range(5):
            gevent.sleep(0)

    # --- what it is told ---

    @property
    def packets(self) -> list[Any]:
        """What it was told since this was asked last."""
        gevent.sleep(0)
        packets = self._inbox.packets
        self._inbox.packets = []
        return packets

    def wait(self, kind: str) -> list[Any]:
        """Wait for a packet of a kind; return it, and drop those before it."""
        wait_until(lambda: any(each[0] == kind for each in self._inbox.packets), f"told {kind}")
        while True:
            packet: list[Any] = self._inbox.packets.pop(0)
            if packet[0] == kind:
                return packet
