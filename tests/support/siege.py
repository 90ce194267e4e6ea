"""Hundreds of attackers at once, on a server that bystanders use meanwhile."""

from __future__ import annotations

import re
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
from gevent.event import Event

from .bystanders import Bystanders
from .http import DEADLINE, LONG
from .raw import Raw
from .servers import Server
from .times import POLLING, patient
from .waiting import wait_until

TARGET = Path(__file__).parents[1] / "hostile/target.py"
ATTACKERS = 200
_PATIENCE = 0.2  # seconds between two looks at whether all is over
_PAUSE, _LONGEST_PAUSE = 0.01, 1.0  # seconds between two attacks of one attacker, ever longer
# For what hundreds of attackers do together, on a machine that others use, too.
_AT_LAST = 2 * DEADLINE
ROUNDS = 5  # round trips that each bystander makes while all attackers attack
MEGABYTE = 1024 * 1024

# Sessions without a connection last as long as the attack.
AWAY = patient({name: {"duration": DEADLINE} for name in POLLING})
# Small limits, so that hundreds of attackers soon reach them; a test that is about the time for a
# body says how long that is.
OPTIONS = {
    "transport_options": AWAY,
    "body_timeout": LONG,
    "max_message_size": 64 * 1024,
    "max_buffer": 256 * 1024,
}
# No log line may have this: the log shows only the first eight digits of an id.
_SECRET = re.compile(r"[0-9a-f]{20,}")
# These control the terminal that shows them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Target(Server):
    """``tests/hostile/target.py`` with these options over those for attacks."""

    #: Whether an attack has failed here, and may have left something behind.
    spent = False

    def __init__(self, folder: Path, certificate: Any = None, **options: Any) -> None:
        command = [sys.executable, str(TARGET)]
        command += [] if certificate is None else certificate.arguments
        super().__init__(command, folder, {**OPTIONS, **options}, certificate=certificate)

    def vitals(self) -> dict[str, Any]:
        """The numbers of its objects, and its statistics."""
        return dict(self.ask("/vitals"))

    def log_since(self, place: int) -> list[str]:
        """What it has logged up to now, from this line on."""
        mark = secrets.token_hex(4)
        self.ask(f"/mark/{mark}")
        self.wait_line(f"^{mark}$")
        return [line for line in self.lines[place:] if line != mark]


class Siege:
    """One attack, with the state before it and the checks after it.

    Attributes:
        target: the server.
        port: where it is.
        over: set when the attackers are to stop.
        before: the vitals before the attack.
        during: the vitals when all attackers attacked.
    """

    def __init__(self, target: Target, bystanders: Bystanders) -> None:
        self.target = target
        self.port = target.port
        self.bystanders = bystanders
        self.over = Event()
        self._place = len(target.lines)
        target.log_since(self._place)
        self.before = target.vitals()
        self.during: dict[str, Any] = {}
        self._started: set[gevent.Greenlet] = set()
        self._attackers: list[gevent.Greenlet] = []
        self._failures: list[BaseException] = []

    def run(
        self,
        attack: Callable[[Siege], object],
        attackers: int = ATTACKERS,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Attack again and again until the bystanders have made their round trips.

        Args:
            attack: what each attacker does. Its check of what it is answered
                is part of it. If it is to last, it calls :meth:`hold`.
            attackers: how many do it at the same time.
            meanwhile: what the test does when all of them do.
        """
        self._attackers = [gevent.spawn(self._attack, attack) for _ in range(attackers)]

        def in_place() -> bool:
            self._check()
            return len(self._started) >= attackers

        wait_until(in_place, "all attackers are in their places", deadline=_AT_LAST)
        self.bystanders.wait_rounds(ROUNDS)
        if meanwhile is not None:
            meanwhile()
        self.during = self.target.vitals()
        self._check()
        self.over.set()
        wait_until(lambda: not self._active(), "no attacker goes on", self, _AT_LAST)
        self._check()
        self.bystanders.wait_rounds(1)

    def _active(self) -> list[gevent.Greenlet]:
        return [each for each in self._attackers if not each.dead]

    def __str__(self) -> str:
        active = self._active()
        frames = [each.gr_frame for each in active if each.gr_frame is not None]
        where = "".join(traceback.format_stack(frames[0])) if frames else "none has begun"
        return f"{len(active)} attackers go on, the first one here:\n{where}"

    def stop(self) -> None:
        """End the attackers, wherever they are."""
        gevent.killall(self._attackers)

    def _check(self) -> None:
        self.bystanders.check()
        for failure in self._failures:
            raise failure

    def _attack(self, attack: Callable[[Siege], object]) -> None:
        pause = _PAUSE
        try:
            while not self.over.is_set():
                attack(self)
                self._started.add(gevent.getcurrent())
                # The bystanders run in this process, too: the longer they take, the more time they
                # get.
                self.over.wait(pause)
                pause = min(1.5 * pause, _LONGEST_PAUSE)
        except BaseException as failure:  # kept for the test, and shown once
            self._failures.append(failure)

    def hold(self) -> None:
        """Wait until the attackers are to stop."""
        self._started.add(gevent.getcurrent())
        self.over.wait()

    def drip(self, raw: Any, data: bytes, pause: float = 0.4) -> bool:
        """Send byte after byte, slowly, and the last one again and again.

        Returns:
            Whether the server has answered or ended the connection; if not,
            the attackers are to stop.
        """
        self._started.add(gevent.getcurrent())
        place = 0
        while not self.over.is_set():
            try:
                raw.send(data[place : place + 1])
            except OSError:
                return True
            place = min(place + 1, max(len(data) - 1, 0))
            with gevent.Timeout(pause, False):
                gevent.socket.wait_read(raw.socket.fileno())
                return True
        return False

    def connect(self, data: bytes = b"") -> Raw:
        """A connection that has sent something."""
        return Raw(self.port, data, self.target.wrap)

    def pour(self, raw: Raw, data: bytes) -> bool:
        """Send the same again and again, as fast as it is taken.

        Returns:
            As :meth:`drip`.
        """
        self._started.add(gevent.getcurrent())
        sock, view = raw.socket, memoryview(data)
        sock.settimeout(_PATIENCE)
        while not self.over.is_set():
            try:
                view = view[sock.send(view) :] or memoryview(data)
                # The other greenlets of this process must run as well.
                gevent.sleep(0)
            except TimeoutError:
                pass  # nobody takes it; perhaps for long
            except OSError:
                return True
        return False

    def counted(self, *names: str) -> int:
        """How much a number in the statistics has grown during the attack."""
        before, after = self.before["stats"], self.target.ask("/stats")
        for name in names:
            before, after = before[name], after[name]
        return int(after - before)

    def wait_counted(self, count: int, *names: str) -> None:
        """Wait until a number in the statistics has grown by so much."""
        with gevent.Timeout(_AT_LAST, AssertionError(f"no {count} {names}")):
            while self.counted(*names) < count:
                self._check()
                gevent.sleep(_PATIENCE)

    def log(self) -> list[str]:
        """What was logged since the attack began."""
        return self.target.log_since(self._place)

    def check_limit(self, option: str, least: int = ATTACKERS) -> None:
        """Check that a limit was exceeded so often, and that the log says so, but less often."""
        count = self.counted("limits", option)
        assert count >= least, f"{option} exceeded {count} times"
        line = f"(option '{option}')"
        told = sum(line in each for each in self.log())
        assert told <= count / 4, f"{told} lines of {count}"
        # If not in this attack, then in one just before it.
        assert any(line in each for each in self.target.lines), f"nothing of {option}"

    def check_recovered(self, memory: int) -> None:
        """Wait until nothing is left of the attack, and check its costs."""
        names = ("sessions", "descriptors", "greenlets")
        kept = self.bystanders.session_ids()
        after = self.target.vitals()
        with gevent.Timeout(_AT_LAST, False):
            while any(after[name] > self.before[name] for name in names):
                gevent.sleep(_PATIENCE)
                # The attackers do not come back: nothing more is to be seen until then.
                self.target.ask("/hurry", X_Keep=kept)
                after = self.target.vitals()
        left = {name: (self.before[name], after[name]) for name in names}
        assert all(was >= now for was, now in left.values()), f"left behind: {left}"
        for when, vitals in {"during": self.during, "after": after}.items():
            grown = vitals["memory"] - self.before["memory"]
            assert grown <= memory, f"{grown} bytes more {when} the attack"
        self.bystanders.check()
        lines = self.log()
        problems = self.target.problems()
        assert problems == [], (problems[:9], lines[-99:])
        shown = [line for line in lines if _SECRET.search(line)]
        assert shown == [], shown[:9]
        controls = [line for line in lines if _CONTROL.search(line)]
        assert controls == [], controls[:9]


@contextmanager
def besieged(target: Target, memory: int = 100 * MEGABYTE) -> Iterator[Siege]:
    """Attack a server; check that it is afterwards as it was before.

    Args:
        target: the server.
        memory: how many bytes more it may take, during the attack and after it.
    """
    bystanders = Bystanders(target)
    try:
        siege = Siege(target, bystanders)
        try:
            yield siege
        finally:
            siege.stop()
        siege.check_recovered(memory)
        bystanders.stop()
    except BaseException:
        target.spent = True
        bystanders.vanish()
        raise
