"""Well-behaved sessions: numbered messages both ways, each of which is checked.

The client sends ``echo 1``, ``echo 2`` and so on, and each must come back. The
server sends all sessions ``tick N``, ``tick N + 1`` and so on. In the end the
client asks how many ticks there were: what has not come by then is lost.

Some clients roam: their connections break again and again, and others take
their place. Where nothing was under way over a connection, and where the
server ends one in favour of another, nothing may be lost. What was under way
when the client itself cut a connection may be gone.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from typing import Protocol

import gevent

from ..load.violation import Violation
from .connection import PATIENCE, Gone
from .downlinks import Downlink, Poll, WebSocket
from .ledger import CHANGED, ENDED, Numbers, Times
from .lives import TRANSPORTS
from .session import Session

__all__ = ["Load", "converse"]

_WINDOW = 20  # echoes that are under way, at most
_PAUSE = 0.3  # seconds between two bursts, at most
_BURST = 5  # messages that are sent at once, at most
_LONGEST = 400  # bytes that are added to a message, at most
_LIFE = (10.0, 60.0)  # seconds that a session lasts, at least and at most
_BREAK = 0.05  # how often a batch is followed by a break
_AWAY = 1.0  # seconds that a roaming client stays away, at most
_TURN = 0.3  # seconds that a poll waits before it is cut, at most


class Load(Protocol):
    """The data that the conversations need.

    Attributes:
        port: where the server listens on loopback.
        ends_at: when all must end, on the monotonic clock.
        counts: where to count what was checked, and what was wrong.
        faults: where to count the breaks.
        times: where to count how long echoes took.
    """

    port: int
    ends_at: float
    counts: Counter[str]
    faults: Counter[str]
    times: Times

    @property
    def over(self) -> bool:
        """Whether nothing new may be begun."""


def converse(load: Load, roams: bool) -> None:
    """Have one conversation after the other."""
    while not load.over:
        turn = load.counts["conversations"]
        load.counts["conversations"] += 1
        kind = Roaming if roams else Conversation
        try:
            session = Session(load.port, TRANSPORTS[turn % len(TRANSPORTS)])
        except (Gone, Violation) as error:
            _ended_early(load, f"not opened: {error}")
            gevent.sleep(_PAUSE)
            continue
        kind(load, session).hold()


def _ended_early(load: Load, why: str) -> None:
    load.counts[ENDED] += 1
    print(f"ended early: {why}", file=sys.stderr)


class Conversation:
    """One session.

    Args:
        load: whose.
        session: just opened.
    """

    def __init__(self, load: Load, session: Session) -> None:
        self.load = load
        self.session = session
        self.echoes = Numbers(load.counts)
        self.echoes.begin(1)
        self.ticks = Numbers(load.counts)
        self.sent = 0
        self._returned = 0
        self._waiting: dict[int, tuple[bytes, float]] = {}
        self._asked = False
        self._over = False

    def hold(self) -> None:
        """Send and receive, and check that all has come."""
        speaker = gevent.spawn(self._speak)
        try:
            while not self._over:
                self.listen()
                gevent.sleep(0)
            self._part()
        except (Gone, Violation) as error:
            _ended_early(self.load, f"{self.session.transport}: {error}")
        finally:
            speaker.kill()
            self.session.close()

    def _part(self) -> None:
        """End the session, so that the server does not have to notice it."""
        self.session.send(b"disconnect")
        try:
            while True:
                self.session.messages()
        except Gone:
            pass

    def listen(self) -> None:
        """Take one batch."""
        self.take(self.session.messages())

    def _speak(self) -> None:
        end = min(self.load.ends_at, time.monotonic() + random.uniform(*_LIFE))
        try:
            while time.monotonic() < end:
                gevent.sleep(random.uniform(0, _PAUSE))
                if self.sent - self._returned < _WINDOW:
                    self._burst()
            with self.session.sending:
                self._asked = True
                self.say(b"last")
        except Gone as error:
            self.unheard(error)

    def unheard(self, error: Gone) -> None:
        """Note that a message did not reach the server."""
        # The reader of messages also sees the end, and reports the reason.
        self.session.downlink.connection.close()

    def _burst(self) -> None:
        messages = []
        for _ in range(random.randint(1, _BURST)):
            self.sent += 1
            message = b"echo %d %b" % (self.sent, random.randrange(_LONGEST) * b"x")
            self._waiting[self.sent] = message, time.perf_counter()
            messages.append(message)
        self.say(*messages)

    def say(self, *messages: bytes) -> None:
        """Send messages."""
        self.session.send(*messages)

    def take(self, messages: list[bytes]) -> None:
        """Check what has come."""
        for message in messages:
            kind, number = (*message.split(b" ", 2), b"")[:2]
            if not number.isdigit():
                raise Violation(f"nobody has sent {message[:80]!r}")
            if kind == b"echo":
                self._take_echo(int(number), message)
            elif kind == b"tick":
                self.ticks.take(int(number))
            elif kind == b"first":
                self.ticks.begin(int(number) + 1)
            elif kind == b"last" and self._asked:
                self.ticks.end(int(number))
                self.echoes.end(self.sent)
                self._over = True
            else:
                raise Violation(f"nobody has sent {message[:80]!r}")

    def _take_echo(self, number: int, message: bytes) -> None:
        sent, began = self._waiting.pop(number, (message, None))
        if number > self.sent or sent != message:
            self.load.counts[CHANGED] += 1
            return
        if began is not None:
            self.note(time.perf_counter() - began)
        self._returned = max(self._returned, number)
        self.echoes.take(number)

    def note(self, seconds: float) -> None:
        """An echo took so long."""
        self.load.times.add(seconds)


class Roaming(Conversation):
    """A session whose connections break."""

    def note(self, seconds: float) -> None:
        """Do not measure the time of echoes: the server does not cause the absences."""

    def listen(self) -> None:
        """Take one batch, and perhaps break a connection."""
        super().listen()
        if random.random() < _BREAK and not self._asked:
            polls = isinstance(self.session.downlink, Poll)
            socket = isinstance(self.session.downlink, WebSocket)
            kinds = [self._cut, self._replace]
            kinds += [self._cut_between] if polls else []
            kinds += [] if socket else [self._cut_uplink]
            random.choice(kinds)()

    def say(self, *messages: bytes) -> None:
        """Send messages; over a WebSocket that breaks they may be lost."""
        try:
            self.session.send(*messages)
        except Gone:
            if not isinstance(self.session.downlink, WebSocket):
                raise

    def _cut(self) -> None:
        """Cut the downlink while it is in use: messages on their way may be lost."""
        downlink = self.session.downlink
        if isinstance(downlink, Poll):
            downlink.begin()
            gevent.sleep(random.uniform(0, _TURN))
        with self.session.sending:
            if self._asked:
                return  # the answer would be gone, too
            self.load.faults["connection cut while in use"] += 1
            downlink.connection.reset()
            self.echoes.cut(self.sent)
            self.ticks.cut()
            self._returned = self.sent
            gevent.sleep(random.uniform(0, _AWAY))
            self.session.downlink = self.session.attach()

    def _cut_between(self) -> None:
        """Cut the connection between two polls: nothing is under way."""
        self.load.faults["connection cut between polls"] += 1
        self.session.downlink.connection.reset()
        gevent.sleep(random.uniform(0, _AWAY))
        self.session.downlink = self.session.attach()

    def _cut_uplink(self) -> None:
        """Cut the connection for POSTs between two of them: nothing is under way."""
        self.load.faults["connection cut between POSTs"] += 1
        with self.session.sending:
            if self.session.uplink is not None:
                self.session.uplink.reset()
                self.session.uplink = None

    def _replace(self) -> None:
        """Attach again, and read what the older downlink has, to its end."""
        older = self.session.downlink
        if isinstance(older, Poll):
            older.begin()
            gevent.sleep(random.uniform(0, _TURN))
        with self.session.sending:
            if isinstance(older, WebSocket):
                if self._asked:
                    return
                # Messages that the server has not read are lost; those that it has sent still come.
                self.echoes.cut(self.sent)
                self._returned = self.sent
            self.load.faults["downlink replaced by another"] += 1
            self.session.downlink = self.session.attach()
            # Before anything is sent over the new one: no message may overtake another.
            self._read_to_end(older)

    def _read_to_end(self, older: Downlink) -> None:
        try:
            with gevent.Timeout(PATIENCE, Violation("a downlink that was replaced does not end")):
                while True:
                    self.take(self.session.without_heartbeats(older.messages()))
                    if isinstance(older, Poll):
                        break
        except Gone:
            pass
        older.connection.close()
