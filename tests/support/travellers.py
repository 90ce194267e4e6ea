"""Clients of the application ``clustered``, each request of which has a connection of its own."""

from __future__ import annotations

import json
from typing import Any

from . import clients, engineio
from .clustered import ModernVoice, Voice
from .http import Ended

__all__ = ["travellers"]

_CLIENTS = (engineio.Polling, engineio.JSONP, engineio.WebSocket)
_MODERN = [engineio.Kind(client, version) for version in (4, 3) for client in _CLIENTS]


class ClassicTraveller(Voice):
    """A client of Socket.IO 0.6 over any transport.

    Args:
        port: the port of the balancer.
        kind: its transport.
    """

    def __init__(self, port: int, kind: Any) -> None:
        self._kind = kind
        self._client = kind(port).open()
        super().__init__()

    def ask(self, what: str, *arguments: Any) -> None:
        if isinstance(self._client, clients.HTTPClient):
            self._client.post.renew()
        answer = self._client.send("~j~" + json.dumps([what, *arguments]))
        assert answer is None or answer.status == 200, answer.text

    def next(self) -> tuple[str, list[Any]]:
        if not self._kind.streams and not self._client.messages:
            self._client.get.renew()
        event = json.loads(self._client.receive().removeprefix("~j~"))
        return event["name"], event["args"]

    def leave(self) -> None:
        super().leave()
        self._client.vanish()


class ModernTraveller(ModernVoice):
    """A client of Socket.IO 2 to 4 over any transport.

    Args:
        port: the port of the balancer.
        kind: its transport and version.
        upgrades: whether it goes on over a WebSocket, by a connection of its own.
    """

    def __init__(self, port: int, kind: engineio.Kind, upgrades: bool = False) -> None:
        self.left = False
        self._polls = kind.client is not engineio.WebSocket
        self._link = kind(port).open()
        if kind.version == 4:
            self._put("40")
        first = self._receive()
        assert first.startswith("0"), first
        if upgrades:
            socket = engineio.WebSocket(port, kind.version, self._link.session_id)
            socket.put("2probe")
            assert socket.packet() == "3probe"
            socket.put("5")
            socket.packets.extend(self._link.packets)
            self._link, self._polls = socket, False
        Voice.__init__(self)

    def _put(self, packet: str) -> None:
        if self._polls:
            self._link.post.renew()
        answer = self._link.put(packet)
        assert answer is None or answer.status == 200, answer.text

    def _receive(self) -> str:
        if self._polls and not self._link.packets:
            self._link.get.renew()
        message = self._link.receive()
        assert isinstance(message, str)
        return message

    def ask(self, what: str, *arguments: Any) -> None:
        self._put("42" + json.dumps(["message", [what, *arguments]]))

    def next(self) -> tuple[str, list[Any]]:
        packet = self._receive()
        if packet.startswith("1"):
            self.left = True
            raise Ended("left the namespace")
        return self._event(packet)

    def leave(self) -> None:
        Voice.leave(self)
        self._link.vanish()


def travellers(port: int, proxied: bool = False) -> dict[str, Voice]:
    """A client of each dialect, version and transport, and some that upgrade, by their names.

    Args:
        port: the port that leads to one server after the other.
        proxied: whether nginx stands between.
    """
    found: dict[str, Voice] = {}
    for kind in clients.ALL:
        of_this = type(kind.__name__, (kind,), {"proxied": proxied})
        found[f"classic {kind.transport}"] = ClassicTraveller(port, of_this)
    for kind in _MODERN:
        found[repr(kind)] = ModernTraveller(port, kind)
    for version in (4, 3):
        polls = engineio.Kind(engineio.Polling, version)
        found[f"upgraded {version}"] = ModernTraveller(port, polls, upgrades=True)
    return found
