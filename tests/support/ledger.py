"""Ledgers: what clients of several workers send to all is counted, and so is what comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import gevent

from .clustered import Voice
from .http import DEADLINE
from .waiting import wait_until

__all__ = ["Load", "check_ledger"]


def _acquaint(voices: Iterable[Voice]) -> None:
    """Wait until each worker hears each other: until all get what each has sent."""
    of_workers = {voice.pid: voice for voice in voices}
    with gevent.Timeout(DEADLINE):
        for pid, sender in of_workers.items():
            while not all([pid] in voice.named("event") for voice in of_workers.values()):
                sender.ask("all", pid)
                gevent.sleep(0.05)


def check_ledger(voices: Mapping[str, Voice], rounds: int) -> None:
    """All clients send to all and to a room that every second one is in.

    Nothing may be lost, doubled or out of order.

    Args:
        voices: the clients, by their names.
        rounds: how often each sends.
    """
    _acquaint(voices.values())
    inside = list(voices)[::2]
    for name in inside:
        voices[name].ask("join", "red")
        # It comes behind the order to join.
        voices[name].ask("room", voices[name].id, "joined")
    for name in inside:
        wait_until(lambda name=name: ["joined"] in voices[name].named("event"), f"{name} joined")

    def send(name: str) -> None:
        for number in range(rounds):
            voices[name].ask("all", "all", name, number)
            voices[name].ask("room", "red", "red", name, number)

    gevent.joinall([gevent.spawn(send, name) for name in voices], raise_error=True)
    everything = [(where, number) for number in range(rounds) for where in ("all", "red")]
    for_all = [each for each in everything if each[0] == "all"]
    wrong: dict[tuple[str, str], Any] = {}
    for name, voice in voices.items():
        expected = everything if name in inside else for_all
        came = _came(voice, len(voices) * len(expected))
        for sender in voices:
            from_one = [(where, number) for where, who, number in came if who == sender]
            if from_one != expected:
                wrong[sender, name] = from_one
    assert wrong == {}


def _came(voice: Voice, count: int) -> list[Any]:
    """Wait until so many have come; return those that have come by then."""

    def came() -> list[Any]:
        return [event for event in voice.named("event") if event[0] in ("all", "red")]

    with suppress(AssertionError):
        wait_until(lambda: len(came()) >= count or voice.ended)
    return came()


class Load:
    """Clients that count for all, until it ends.

    Args:
        voices: the clients.

    Attributes:
        sent: how far each has counted, by its id.
    """

    def __init__(self, voices: Iterable[Voice]) -> None:
        self.voices = {voice.id: voice for voice in voices}
        self.sent = dict.fromkeys(self.voices, 0)
        self._running = [gevent.spawn(self._run, voice) for voice in self.voices.values()]

    def _run(self, voice: Voice) -> None:
        while not voice.ended:
            try:
                voice.ask("all", voice.id, self.sent[voice.id])
            except OSError:
                return  # its worker has gone
            self.sent[voice.id] += 1
            gevent.sleep(0.02)

    def came(self, voice: Voice, sender: str) -> list[int]:
        """What has come to a client from one."""
        return [number for who, number in voice.named("event") if who == sender]

    def living(self, but: Iterable[Voice] = ()) -> list[Voice]:
        """The clients whose sessions go on, without some."""
        left_out = {voice.id for voice in but}
        return [each for each in self.voices.values() if not each.ended and each.id not in left_out]

    def wait_more(self, but: Iterable[Voice] = ()) -> None:
        """Wait until each living client has sent more, and all of them have got that."""
        living = self.living(but)
        before = dict(self.sent)
        for voice in living:
            for sender in living:
                self._wait_number(voice, sender, before[sender.id] + 1)

    def end(self) -> None:
        """Send nothing more, and wait until all living clients have got the last."""
        gevent.killall(self._running)
        for voice in self.living():
            for sender in self.living():
                self._wait_number(voice, sender, self.sent[sender.id] - 1)

    def _wait_number(self, voice: Voice, sender: Voice, number: int) -> None:
        """Wait until this number of a sender, or a later one, has come to a client."""
        wait_until(
            lambda: max(self.came(voice, sender.id), default=-1) >= number, f"{number}", voice
        )

    def check(self, held: Mapping[str, set[int]] | None = None) -> None:
        """Check that what came is in order, once, and complete.

        Args:
            held: what of each client must have come to clients of other workers; ``None`` for all
                that clients have sent whose sessions go on.
        """
        for voice in self.voices.values():
            for sender in self.voices.values():
                came = self.came(voice, sender.id)
                assert came == sorted(set(came))
                if voice.ended:
                    continue
                if held is not None and voice.pid != sender.pid:
                    missing = held[sender.id] - set(came)
                else:
                    count = 0 if sender.ended else self.sent[sender.id]
                    missing = set(range(count)) - set(came)
                assert not missing, f"from {sender.pid} to {voice.pid}: {sorted(missing)}"
