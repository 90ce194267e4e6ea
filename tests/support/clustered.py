"""Clients of the application ``clustered``, each of which knows which worker it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent

from .clients import WebSocket
from .http import DEADLINE, Ended
from .servers import Gunicorn
from .socketio import SocketIO
from .waiting import wait_until

__all__ = [
    "ClassicVoice",
    "ModernVoice",
    "Voice",
    "clustered_gunicorn",
    "everybody",
    "place",
    "place_all",
    "wait_members",
]


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

    def __str__(self) -> str:
        return f"the last events: {self.events[-20:]}"

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

    def numbers(self, name: str) -> list[Any]:
        """The numbers that have come so far under a name."""
        return [number for each, number in self.named("number") if each == name]

    def wait(self, name: str, count: int = 1) -> list[Any]:
        """Wait until so many events of a name have come; return the arguments of the last."""

        def came() -> bool:
            ended = self.ended
            found = len(self.named(name)) >= count
            assert found or not ended, f"ended without {count} times {name!r}: {self}"
            return found

        wait_until(came, f"{count} times {name!r}", self)
        return self.named(name)[count - 1]

    def wait_end(self) -> None:
        wait_until(lambda: self.ended, "the session has ended")

    def leave(self) -> None:
        self._reading.kill()


class ModernVoice(Voice):
    """A client of Socket.IO 4.

    Attributes:
        left: whether the server has disconnected it from the main namespace.
    """

    def __init__(self, port: int) -> None:
        self.left = False
        self._client = SocketIO(port)
        self._client.connect()
        super().__init__()

    def ask(self, what: str, *arguments: Any) -> None:
        self._client.tell("2" + json.dumps(["message", [what, *arguments]]))

    def next(self) -> tuple[str, list[Any]]:
        packet = self._client.packet()
        assert isinstance(packet, str)
        if packet == "1":
            self.left = True
            raise Ended("left the namespace")
        return self._event(packet)

    def _event(self, packet: str) -> tuple[str, list[Any]]:
        head, text = packet[: packet.index("[")], packet[packet.index("[") :]
        attachments: list[Any] = []
        if head[0] == "5":  # with attachments
            count, _, number = head[1:].partition("-")
            attachments = [list(self._binary()) for _ in range(int(count))]
        else:
            number = head[1:]

        def in_place(value: Any) -> Any:
            return attachments[value["num"]] if value.get("_placeholder") else value

        name, *arguments = json.loads(text, object_hook=in_place)
        if number and self.answer is not None:
            self._client.tell(f"3{number}{json.dumps([self.answer])}")
        return name, arguments

    def wait_left(self) -> None:
        """Wait until the server has disconnected it from the main namespace."""
        self.wait_end()
        assert self.left

    def _binary(self) -> bytes:
        packet = self._client.packet()
        assert isinstance(packet, bytes)
        return packet

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
        while (text := self._client.receive()).startswith("~h~"):
            self._client.send(text)
        event = json.loads(text.removeprefix("~j~"))
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
        wait_members(placed, workers)
    return placed


def place_all(servers: Sequence[Any], workers: int = 1) -> dict[int, list[Voice]]:
    """Connect clients of each dialect to all workers of all servers, and wait until all know each
    other.
    """
    placed: dict[int, list[Voice]] = {}
    for server in servers:
        placed.update(place(server.port, workers))
    wait_members(placed, workers * len(servers))
    return placed


def wait_members(placed: dict[int, list[Voice]], workers: int) -> None:
    """Wait until each worker knows so many, with itself."""

    def known(voice: Voice) -> int:
        asked = len(voice.named("members"))
        voice.ask("members")
        return int(voice.wait("members", asked + 1)[0])

    for voice, *_ in placed.values():
        wait_until(lambda voice=voice: known(voice) >= workers, f"{workers} members", voice)


def everybody(placed: dict[int, list[Voice]]) -> list[Voice]:
    """All clients."""
    return [voice for voices in placed.values() for voice in voices]


def clustered_gunicorn(
    deploy: Any, runtime: Path, *arguments: str, workers: int, options: Any = None
) -> Any:
    """Start gunicorn with the application ``clustered``.

    Args:
        deploy: the fixture.
        runtime: the directory in place of that of the user's session.
        *arguments: more arguments for gunicorn.
        workers: how many.
        options: options of the listener.
    """
    environ = {"XDG_RUNTIME_DIR": str(runtime), "SOCKIO_TEST_DEBUG": "yes"}
    server = deploy(
        Gunicorn,
        "gevent",
        f"--workers={workers}",
        *arguments,
        application="clustered:application",
        environ=environ,
        options=options,
    )
    return server.listening()
