"""Sessions that talk to each other, whichever workers have them: each message carries a number.

A session says ``1``, ``2`` and so on to all in its room, and others to all sessions. Whoever has
heard a number of it must hear the next one next, until it says which was the last. Echoes of its
own are numbered, too. A session whose worker is killed, or replaced, ends; when and where it was
is reported, and whoever has done that to the worker judges.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import count
from typing import Any, Protocol

import gevent

from ..load.violation import Violation
from .connection import Gone
from .downlinks import WebSocket
from .ledger import CHANGED, Numbers, Times
from .lives import TRANSPORTS
from .modern import MODERN, ModernSession
from .session import Session

__all__ = ["Load", "chat"]

_ROOMS = 6
_PAUSE = 0.8  # seconds between two bursts, at most
_BURST = 3  # messages of each kind that are said at once, at most
_TO_ALL = 0.1  # how often a burst goes to all
_NEW_CONNECTION = 0.2  # how often a message is posted over a new connection
_LONGEST = 300  # bytes that are added to a message, at most
_LIFE = (5.0, 40.0)  # seconds that a session lasts, at least and at most

_ids = count(1)


class Load(Protocol):
    """The data that the sessions need; see :class:`bench.soaking.talk.Load`.

    Attributes:
        ended: for each session that the server has ended: its worker, when, and why.
        name: of this process, for the names of sessions.
    """

    port: int
    ends_at: float
    counts: Counter[str]
    faults: Counter[str]
    times: Times
    ended: list[tuple[int, float, str]]
    name: str

    @property
    def over(self) -> bool:
        """Whether nothing new may be begun."""


def chat(load: Load) -> None:
    """Have one session after the other."""
    ways = (*TRANSPORTS, *MODERN, *MODERN)
    while not load.over:
        transport = random.choice(ways)
        kind = ModernSession if transport in MODERN else Session
        worker = 0
        try:
            session: Any = kind(load.port, transport)
        except Gone as end:
            load.counts["not opened"] += 1
            load.ended.append((worker, time.monotonic(), f"{transport}, not opened: {end}"[:500]))
            gevent.sleep(_PAUSE * random.random())
            continue
        load.counts[f"over {transport}"] += 1
        member = _Member(load, session)
        try:
            load.counts["open now"] += 1
            member.live()
        except Gone as end:
            load.ended.append((member.worker, time.monotonic(), f"{transport}: {end}"[:500]))
        except Violation as violation:
            load.counts[CHANGED] += 1
            load.ended.append((member.worker, time.monotonic(), f"{transport}: {violation}"[:500]))
        finally:
            load.counts["open now"] -= 1
            session.close()


class _Member:
    """One session.

    Args:
        load: whose.
        session: just opened.

    Attributes:
        worker: the process of its worker; 0 before that is known.
    """

    def __init__(self, load: Load, session: Any) -> None:
        self.load = load
        self.worker = 0
        self._session = session
        self._name = f"{load.name}.{next(_ids)}"
        self._room = f"room{random.randrange(_ROOMS)}"
        self._echoes = Numbers(load.counts)
        self._echoes.begin(1)
        self._waiting: dict[int, tuple[bytes, float]] = {}
        self._heard: dict[bytes, Numbers] = {}
        self._said: Counter[str] = Counter()
        self._is_last = False
        self._over = False
        self._failure: Gone | None = None

    def live(self) -> None:
        """Speak and listen, to the end.

        Raises:
            Gone: if the server ends it.
            Violation: if something comes that nobody has sent.
        """
        speaker = gevent.spawn(self._speak)
        try:
            while not self._over:
                for message in self._session.messages():
                    self._take(message)
                if self._failure is not None:
                    raise self._failure
                gevent.sleep(0)
        except Gone as end:
            raise self._failure or end from None
        finally:
            speaker.kill()

    def _speak(self) -> None:
        load = self.load
        end = min(load.ends_at, time.monotonic() + random.uniform(*_LIFE))
        try:
            self._session.send(f"join {self._room}".encode())
            while time.monotonic() < end:
                gevent.sleep(random.uniform(0, _PAUSE))
                if self._is_polling() and random.random() < _NEW_CONNECTION:
                    self._change_connection()
                self._burst()
            self._session.send(*self._farewell())
        except Gone as failure:
            self._failure = failure
            # Whoever listens must see that, too.
            self._session.downlink.connection.close()

    def _is_polling(self) -> bool:
        return not isinstance(self._session.downlink, WebSocket)

    def _change_connection(self) -> None:
        """Between two POSTs nothing is under way. The next may come to any worker."""
        with self._session.sending:
            if self._session.uplink is not None:
                self._session.uplink.close()
                self._session.uplink = None
                self.load.faults["connection for POSTs replaced"] += 1

    def _burst(self) -> None:
        messages = []
        for _ in range(random.randint(1, _BURST)):
            self._said["echo"] += 1
            number = self._said["echo"]
            message = b"echo %d %b" % (number, random.randrange(_LONGEST) * b"x")
            self._waiting[number] = message, time.perf_counter()
            messages.append(message)
            messages.append(self._saying(self._room))
        if random.random() < _TO_ALL:
            messages.append(self._saying("all"))
        self._session.send(*messages)

    def _saying(self, room: str, what: str = "say") -> bytes:
        if what == "say":
            self._said[room] += 1
        head = "all" if room == "all" else f"room {room}"
        return f"{head} {self._name}:{room} {what} {self._said[room]}".encode()

    def _farewell(self) -> list[bytes]:
        self._is_last = True
        return [self._saying(room, "end") for room in (self._room, "all")] + [b"last"]

    def _take(self, message: bytes) -> None:
        words = message.split(b" ")
        match words:
            case [b"hello", worker] if not self.worker:
                self.worker = int(worker)
            case [b"echo", number, _]:
                self._take_echo(int(number), message)
            case [b"all", name, what, number] | [b"room", _, name, what, number]:
                self._hear(name, what, int(number))
            case [b"join", _]:
                pass
            case [b"last"] if self._is_last:
                self._echoes.end(self._said["echo"])
                self._over = True
            case _:
                raise Violation(f"nobody has sent {message[:80]!r}")

    def _take_echo(self, number: int, message: bytes) -> None:
        sent, began = self._waiting.pop(number, (b"", 0.0))
        if sent and sent != message:
            self.load.counts[CHANGED] += 1
            return
        if sent:
            self.load.times.add(time.perf_counter() - began)
        self._echoes.take(number)

    def _hear(self, name: bytes, what: bytes, number: int) -> None:
        numbers = self._heard.get(name)
        if what == b"end":
            # It may not have been heard before; then there is nothing to compare with.
            if numbers is not None:
                numbers.end(number)
            return
        if numbers is None:
            numbers = self._heard[name] = Numbers(self.load.counts)
        numbers.take(number)
