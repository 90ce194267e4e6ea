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

__all__ = [
    "ClassicVoice",
    "ModernVoice",
    "Voice",
    "check_all",
    "check_emitter",
    "check_numbers",
    "check_story",
    "check_threads",
    "clustered_gunicorn",
    "everybody",
    "place",
    "place_all",
    "wait_members",
    "wait_numbers",
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
    with gevent.Timeout(DEADLINE):
        for found in placed.values():
            while True:
                asked = len(found[0].named("members"))
                found[0].ask("members")
                if found[0].wait("members", asked + 1)[0] >= workers:
                    break
                gevent.sleep(0.05)


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


def forget_all(placed: dict[int, list[Voice]]) -> None:
    for voice in everybody(placed):
        voice.events.clear()


def check_all(placed: dict[int, list[Voice]]) -> None:
    """Clients of each worker send to all, and each gets each once."""
    forget_all(placed)
    said = [[pid, number] for pid in placed for number in range(2)]
    for pid, number in said:
        placed[pid][number].ask("all", pid, number)
    for voice in everybody(placed):
        voice.wait("event", len(said))
    for voice in everybody(placed):
        assert sorted(voice.named("event")) == sorted(said)


def check_story(placed: dict[int, list[Voice]]) -> None:
    """Three workers with a client of each dialect do all that reaches the clients of all."""
    forget_all(placed)
    (ann, ann2), (ben, ben2), (cem, cem2) = placed.values()

    # Rooms, and a client by its id.
    for voice in (ann, ben, cem2):
        voice.ask("join", "red")
        voice.ask("room", voice.id, "joined")
        assert voice.wait("event") == ["joined"]
        voice.events.clear()
    ben2.ask("room", "red", "for red")
    ben2.ask("join all", "red", "blue")
    ben2.ask("room", "blue", "for blue")
    cem2.ask("room", ann2.id, "for one")
    for voice in (ann, ben, cem2):
        voice.wait("event", 2)
        assert voice.named("event") == [["for red"], ["for blue"]]
    assert ann2.wait("event") == ["for one"]

    # Those who ask and answer, and the list of clients.
    ann2.answer, cem2.answer = "ann", ["cem"]
    for voice in (ann2, cem2, ben2):
        voice.ask("join", "asked")
        voice.ask("pids")  # when it is answered, the order before it has been obeyed
        assert sorted(voice.wait("pids")) == sorted(placed.keys() - {voice.pid})
    ben.ask("call", "asked", 1.0)
    answers, missing = ben.wait("answers")
    assert answers == {ann2.id: "ann", cem2.id: ["cem"]}
    assert missing == [ben2.id]
    ben.ask("clients", "asked")
    assert ben.wait("clients") == [{ann2.id: False, ben2.id: True, cem2.id: False}]

    # This worker alone, and all others.
    forget_all(placed)
    ann.ask("local", "for ann's worker")
    cem.ask("others", "for all but cem")
    ann.wait("event", 2)
    ben2.wait("event")
    assert ben2.named("event") == [["for all but cem"]]
    ben2.ask("disconnect", "red")
    ann.wait_end()
    ben.wait_end()
    assert isinstance(cem2, ModernVoice)
    cem2.wait_left()


def check_emitter(emitter: Any, placed: dict[int, list[Voice]]) -> None:
    """An emitter does all that it can with clients of several workers; it disconnects some."""
    forget_all(placed)
    (ann, ann2), (_, ben2), *_ = placed.values()
    emitter.to(ann.id, ben2.id).join("red")
    emitter.to("red").emit("event", "for red", {"a": [1, None]})
    emitter.to("red").except_(ann.id).volatile.emit("event", "for ben")
    emitter.to(ann.id).leave("red")
    emitter.to("red").emit("event", "for ben again")
    emitter.to().emit("event", "for nobody")
    emitter.of("/none").emit("event", "for nobody")
    emitter.of("/").emit("event", "for all")
    expected = {
        ann: [["for red", {"a": [1, None]}]],
        ben2: [["for red", {"a": [1, None]}], ["for ben"], ["for ben again"]],
    }
    for voice in everybody(placed):
        wanted = [*expected.get(voice, []), ["for all"]]
        voice.wait("event", len(wanted))
        assert voice.named("event") == wanted
    forget_all(placed)
    emitter.server_side_emit("say", "from each worker")
    for voice in everybody(placed):
        assert voice.wait("event") == ["from each worker"]
    emitter.to(ann.id, ben2.id).disconnect()
    ann.wait_end()
    assert isinstance(ben2, ModernVoice)
    ben2.wait_left()
    emitter.to(ann2.id).send("for one")
    assert ann2.wait("message") == ["for one"]
    emitter.emit("event", "for those that are left")
    for voice in everybody(placed):
        if voice not in (ann, ben2):
            voice.wait("event", 2)
            assert voice.named("event") == [["from each worker"], ["for those that are left"]]


def check_numbers(placed: dict[int, list[Voice]], count: int, number: int = 1) -> None:
    """A client of each worker counts for all, and all get all in order and once.

    Args:
        placed: the clients.
        count: how far they count.
        number: which client of each worker it is.
    """
    for pid, voices in placed.items():
        voices[number].ask("numbers", str(pid), count)
    wait_numbers(placed, [str(pid) for pid in placed], count)


def wait_numbers(placed: dict[int, list[Voice]], names: Sequence[str], count: int) -> None:
    """Wait until all have got so many numbers of each name, in order and once."""
    for voice in everybody(placed):
        voice.wait("number", len(names) * count)
    for voice in everybody(placed):
        for name in names:
            assert voice.numbers(name) == list(range(count))


def check_threads(placed: dict[int, list[Voice]], count: int = 200) -> None:
    """Three threads of each worker count, each in its order."""
    for pid, voices in placed.items():
        voices[1].ask("threads", str(pid), count)
    names = [f"{pid} {thread}" for pid in placed for thread in range(3)]
    wait_numbers(placed, names, count)
