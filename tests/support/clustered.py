"""Clients of the application ``clustered``, each of which knows which worker it has."""

from __future__ import annotations

import json
from typing import Any

import gevent

from .clients import WebSocket
from .http import DEADLINE, Ended
from .socketio import SocketIO

__all__ = ["ClassicVoice", "ModernVoice", "Voice", "place"]


class Voice:
    """A client over WebSocket that asks the application for something, and keeps what comes.

    Attributes:
        events: the names and arguments of the events that have come.
        ended: whether its session has ended.
        pid: the process that has its session.
        id: its public id.
        answer: what it answers to ``question``; ``None`` if it does not.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, list[Any]]] = []
        self.ended = False
        self.answer: Any = None
        self._reading = gevent.spawn(self._read)
        hello = self.wait("hello")
        self.pid: int = hello[0]
        self.id: str = hello[1]

    def ask(self, what: str, *arguments: Any) -> None:
        """Give the application an order."""
        raise NotImplementedError

    def next(self) -> tuple[str, list[Any]]:
        """Wait for the next event; raises Ended at the end."""
        raise NotImplementedError

    def _read(self) -> None:
        try:
            while True:
                self.events.append(self.next())
        except (Ended, OSError, gevent.Timeout):
            self.ended = True

    def named(self, name: str) -> list[list[Any]]:
        """The arguments of the events of one name that have come so far."""
        return [arguments for each, arguments in self.events if each == name]

    def wait(self, name: str, count: int = 1) -> list[Any]:
        """Wait until so many events of a name have come; return the arguments of the last."""
        problem = AssertionError(f"not {count} times {name!r}: {self.events[-20:]}")
        with gevent.Timeout(DEADLINE, problem):
            while len(found := self.named(name)) < count:
                assert not self.ended, problem
                gevent.sleep(0.005)
        return found[count - 1]

    def wait_end(self) -> None:
        with gevent.Timeout(DEADLINE, AssertionError("the session has not ended")):
            while not self.ended:
                gevent.sleep(0.005)

    def leave(self) -> None:
        self._reading.kill()


class ModernVoice(Voice):
    """A client of Socket.IO 4."""

    def __init__(self, port: int) -> None:
        self._client = SocketIO(port)
        self._client.connect()
        super().__init__()

    def ask(self, what: str, *arguments: Any) -> None:
        self._client.tell("2" + json.dumps(["message", [what, *arguments]]))

    def next(self) -> tuple[str, list[Any]]:
        packet = self._client.packet()
        assert isinstance(packet, str)
        number = packet[1 : packet.index("[")]
        name, *arguments = json.loads(packet[packet.index("[") :])
        if number and self.answer is not None:
            self._client.tell(f"3{number}{json.dumps([self.answer])}")
        return name, arguments

    def leave(self) -> None:
        super().leave()
        self._client.vanish()


class ClassicVoice(Voice):
    """A client of Socket.IO 0.6."""

    def __init__(self, port: int) -> None:
        self._client = WebSocket(port).open()
        super().__init__()

    def ask(self, what: str, *arguments: Any) -> None:
        self._client.send("~j~" + json.dumps([what, *arguments]))

    def next(self) -> tuple[str, list[Any]]:
        event = json.loads(self._client.receive().removeprefix("~j~"))
        return event["name"], event["args"]

    def leave(self) -> None:
        super().leave()
        self._client.vanish()


def place(port: int, workers: int, each: int = 1) -> dict[int, list[Voice]]:
    """Connect clients until so many workers have so many of each dialect, and know each other.

    Returns:
        The clients by the processes of their workers, the classic ones first.
    """
    kinds: list[Any] = [ClassicVoice, ModernVoice]
    placed: dict[int, list[Voice]] = {}
    with gevent.Timeout(DEADLINE):
        while len(placed) < workers or any(len(found) < 2 * each for found in placed.values()):
            for kind in kinds:
                voice = kind(port)
                found = placed.setdefault(voice.pid, [])
                if sum(isinstance(other, kind) for other in found) < each:
                    found.append(voice)
                else:
                    voice.leave()
        for found in placed.values():
            found.sort(key=lambda voice: isinstance(voice, ModernVoice))
        for found in placed.values():
            while True:
                asked = len(found[0].named("members"))
                found[0].ask("members")
                if found[0].wait("members", asked + 1)[0] >= workers:
                    break
                gevent.sleep(0.05)
    return placed
