"""What clients of several workers do together, whatever connects the workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .clustered import ModernVoice, Voice, everybody
from .times import with_time

__all__ = [
    "call_in_vain",
    "check_all",
    "check_emitter",
    "check_numbers",
    "check_story",
    "check_threads",
    "wait_numbers",
]


def check_all(placed: dict[int, list[Voice]]) -> None:
    """Clients of each worker send to all, and each gets each once."""
    _forget_all(placed)
    said = [[pid, number] for pid in placed for number in range(2)]
    for pid, number in said:
        placed[pid][number].ask("all", pid, number)
    for voice in everybody(placed):
        voice.wait("event", len(said))
    for voice in everybody(placed):
        assert sorted(voice.named("event")) == sorted(said)


def check_story(placed: dict[int, list[Voice]]) -> None:
    """Three workers with a client of each dialect do all that reaches the clients of all."""
    _forget_all(placed)
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
    answers, missing = call_in_vain(ben, "asked", 2)
    assert answers == {ann2.id: "ann", cem2.id: ["cem"]}
    assert missing == [ben2.id]
    ben.ask("clients", "asked")
    assert ben.wait("clients") == [{ann2.id: False, ben2.id: True, cem2.id: False}]

    # This worker alone, and all others.
    _forget_all(placed)
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
    _forget_all(placed)
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
    _forget_all(placed)
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


def call_in_vain(voice: Voice, room: str, count: int) -> Any:
    """Let a client ask a room in which somebody does not answer.

    Args:
        voice: the client.
        room: the room.
        count: how many answer.

    Returns:
        The answers, and who is missing.
    """

    def ask(seconds: float) -> Any:
        before = len(voice.named("answers"))
        voice.ask("call", room, seconds)
        return voice.wait("answers", before + 1)

    return with_time(ask, lambda answered: len(answered[0]) >= count)


def _forget_all(placed: dict[int, list[Voice]]) -> None:
    for voice in everybody(placed):
        voice.events.clear()
