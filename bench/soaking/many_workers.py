"""Several workers that are killed, replaced and stopped while their sessions talk."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from ..processes import Trouble
from ..redis_server import MISSING as NO_REDIS
from ..redis_server import RedisServer, redis_server
from .chart import Curve, chart
from .fleet import KINDS, Fleet, free_port, standing_still
from .judge import Deed, excuse
from .ledger import CHECKED, DISORDERED, DOUBLED, ENDED, LOST, WRONGS, Times
from .outcome import Outcome
from .workers import Total, Worker

__all__ = ["many_workers"]

_PROCESSES = 2  # of clients
_SESSIONS = 20  # of each at a time
_ERAS = 15  # parents that are started and killed, about
_LEAST_ERA = 8.0  # seconds
_CALM = (2.0, 6.0)  # seconds between two deeds, at least and at most
_STILL = 10.0  # seconds that a worker stands still
_WITHOUT_REDIS = (0.2, 4.0)  # seconds that Redis is away, at least and at most
_REPLACED = 20.0  # seconds until a reload must be over
_LATE = 8.0  # seconds in which no new era begins before the end
_END = 90.0  # seconds until the clients must have ended, beyond the given time
_EMPTY = 40.0  # seconds until no worker may have a session, after that
_KEPT = 200  # ends of sessions of each kind whose words are kept
_EACH = 0.2  # seconds between two looks

# Parents tell as an error that a worker was killed.
_ERROR = re.compile(r"^Traceback|^(?!.*(?:was sent SIGKILL|has ended by signal 9)).*ERROR", re.M)

_COLUMNS = (
    "minute  sessions    checked  lost  doubled  out of order  memory KiB  handed over"
    "  p99 of echo ms"
)


def many_workers(
    program: Path, workers: int, seconds: float, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Let sessions of several workers talk, and do to the workers what can happen to them.

    Args:
        program: the file of the application.
        workers: how many.
        seconds: how long.
        seed: of all that is left to chance.
        say: called with lines about the progress.

    Raises:
        Trouble: if the workers do not start, or a client process fails.
    """
    with ExitStack() as stack:
        redis = None
        if NO_REDIS:
            say(f"without Redis: {NO_REDIS}")
        else:
            redis = stack.enter_context(redis_server())
        run = _ManyWorkers(program, workers, seconds, redis, Random(seed), say)
        try:
            run.run()
        finally:
            run.stop()
        return run.outcome(seed)


class _ManyWorkers:
    def __init__(
        self,
        program: Path,
        workers: int,
        seconds: float,
        redis: RedisServer | None,
        random: Random,
        say: Callable[[str], None],
    ) -> None:
        self._program = program
        self._workers = workers
        self._seconds = seconds
        self._redis = redis
        self._random = random
        self._say = say
        self._port = free_port()
        self._fleet: Fleet | None = None
        self._with_redis = False
        self._clients: list[Worker] = []
        self._deeds: list[Deed] = []
        self._faults: Counter[str] = Counter()
        self._handed: dict[int, int] = {}
        self._messages: dict[int, int] = {}
        self._lines: list[dict[str, Any]] = []
        self._times: Counter[str] = Counter()
        self._problems: list[str] = []
        self._began = self._ends = 0.0
        self._next_line = 0.0
        self._next_sample = 0.0
        self._excused: dict[str, list[str]] = {}

    # --- the course of it ---

    def run(self) -> None:
        """Run all of it."""
        self._begin_era(0)
        self._began = self._next_line = time.monotonic()
        self._ends = self._began + self._seconds
        self._say(_COLUMNS)
        for _ in range(_PROCESSES):
            job = {
                "kind": "chatter",
                "port": self._port,
                "seed": self._random.random(),
                "at_once": _SESSIONS,
                "seconds": self._seconds,
            }
            self._clients.append(Worker(job, None))
        era = 0
        while time.monotonic() < self._ends:
            self._live_through_era()
            if time.monotonic() < self._ends:
                era += 1
                self._kill_parent()
                self._begin_era(era)
        for client in self._clients:
            client.finish(_END)
        self._note()
        assert self._fleet is not None
        self._problems += self._fleet.wait_until_empty(_EMPTY)
        self._end_era()

    def _begin_era(self, number: int) -> None:
        """Start a parent: of each kind and with each bus in turn."""
        kind = KINDS[number % len(KINDS)]
        self._with_redis = self._redis is not None and (number + number // 2) % 2 == 1
        cluster = self._redis.url if self._redis is not None and self._with_redis else "auto"
        self._say(f"{kind}, {'Redis' if self._with_redis else 'local bus'}")
        self._fleet = Fleet(kind, self._program, self._workers, self._port, cluster)
        self._fleet.wait_until_together()

    def _live_through_era(self) -> None:
        era = max(self._seconds / _ERAS, _LEAST_ERA)
        ends = time.monotonic() + era * self._random.uniform(0.7, 1.3)
        if self._ends - ends < _LATE:
            ends = self._ends
        while (now := time.monotonic()) < ends:
            self._pass(min(self._random.uniform(*_CALM), ends - now))
            self._random.choice(self._possible(ends - time.monotonic()))()

    def _possible(self, seconds: float) -> list[Callable[[], None]]:
        """What can be done within so many seconds."""
        assert self._fleet is not None
        deeds = [self._kill_worker, self._kill_worker]
        deeds += [self._stop_worker] if seconds > _STILL else []
        deeds += [self._reload] if self._fleet.reloads and seconds > 0 else []
        deeds += [self._kill_redis, self._kill_redis] if self._with_redis else []
        return deeds

    def _pass(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for client in self._clients:
                if not client.running and now < self._ends - 1:
                    raise Trouble(f"the load {client.kind!r} has ended early")
            if now >= self._next_line:
                self._next_line += min(60.0, max(self._seconds / 15, 1.0))
                self._note()
            if now >= self._next_sample:
                self._next_sample = now + 1.0
                self._sample()
            time.sleep(_EACH)

    # --- what is done ---

    def _do(self, what: str, pids: list[int], kills: bool) -> Deed:
        now = time.monotonic()
        deed = Deed(what, frozenset(pids), now, now, kills)
        self._deeds.append(deed)
        self._faults[what] += 1
        return deed

    def _kill_worker(self) -> None:
        assert self._fleet is not None
        pid = self._random.choice(self._fleet.pids())
        self._do("worker killed (SIGKILL)", [pid], kills=True)
        os.kill(pid, signal.SIGKILL)

    def _stop_worker(self) -> None:
        assert self._fleet is not None
        pid = self._random.choice(self._fleet.pids())
        deed = self._do(f"worker stopped for {_STILL:g} s (SIGSTOP)", [pid], kills=False)
        with standing_still(pid):
            # Until it goes on, whatever happens is this.
            deed.ended = deed.began + _STILL
            self._pass(_STILL)
        deed.ended = time.monotonic()

    def _reload(self) -> None:
        assert self._fleet is not None
        before = self._fleet.pids()
        deed = self._do("all workers replaced (SIGHUP)", before, kills=True)
        self._fleet.reload()
        end = time.monotonic() + _REPLACED
        while set(before) & set(self._fleet.pids()):
            if time.monotonic() > end:
                self._problems.append(f"{_REPLACED:g} s after SIGHUP old workers run")
                break
            self._pass(_EACH)
        deed.ended = time.monotonic()

    def _kill_redis(self) -> None:
        assert self._redis is not None
        self._faults["Redis killed (SIGKILL)"] += 1
        self._redis.kill()
        self._pass(self._random.uniform(*_WITHOUT_REDIS))
        self._redis.start()

    def _kill_parent(self) -> None:
        assert self._fleet is not None
        fleet = self._fleet
        deed = self._do("parent killed (SIGKILL)", fleet.pids(), kills=True)
        left = fleet.kill()
        if left:
            self._problems.append(f"{len(left)} workers have outlived their parent")
        deed.pids = frozenset(fleet.seen)
        self._end_era()
        deed.ended = time.monotonic() + 5.0  # until the next parent serves

    def _end_era(self) -> None:
        assert self._fleet is not None
        said = self._fleet.said()
        found = _ERROR.search(said)
        if found is not None:
            self._problems.append(f"a server said: {said[found.start() :][:2000]}")
        self._fleet.close()

    # --- what comes out ---

    def _sample(self) -> None:
        assert self._fleet is not None
        told = self._fleet.sample()
        if told:
            self._handed[told["pid"]] = told["handed_over"]
            self._messages[told["pid"]] = told["messages"]

    def _total(self) -> Total:
        total = Total()
        for client in self._clients:
            total.add(client.report)
        total.faults.update(self._faults)
        return total

    def _note(self) -> None:
        assert self._fleet is not None
        total = self._total()
        times = Times(total.times.steps - self._times)
        self._times = total.times.steps
        percentile = times.percentile(0.99)
        line = {
            "minute": round((time.monotonic() - self._began) / 60, 2),
            "sessions": total.counts["open now"],
            "checked": total.counts[CHECKED],
            "lost": total.counts[LOST],
            "doubled": total.counts[DOUBLED],
            "out of order": total.counts[DISORDERED],
            "memory": self._fleet.memory(),
            "handed over": sum(self._handed.values()),
            "p99": None if percentile is None else round(1000 * percentile, 1),
        }
        self._lines.append(line)
        widths = (6, 8, 9, 4, 7, 12, 10, 11, 14)
        cells = ("-" if cell is None else f"{cell:,}" for cell in line.values())
        self._say("  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))

    def stop(self) -> None:
        """End what has not ended by itself."""
        for client in self._clients:
            client.kill()
        if self._fleet is not None:
            self._fleet.close()

    def _judge(self, total: Total) -> None:
        """Judge each session that a server has ended."""
        for client in self._clients:
            for worker, at, why in client.report.get("ended", ()):
                reason = excuse(worker, at, self._deeds)
                if reason:
                    total.faults[f"session ended: {reason}"] += 1
                    self._excused.setdefault(reason, []).append(why)
                    continue
                total.counts[ENDED] += 1
                if total.counts[ENDED] <= 10:
                    second = at - self._began
                    self._problems.append(
                        f"after {second:.1f} s at {worker} a session ended: {why}"
                    )

    def outcome(self, seed: int) -> Outcome:
        """What there is to tell in the end."""
        total = self._total()
        self._judge(total)
        total.faults["connections handed over, at least"] = sum(self._handed.values())
        total.faults["messages between workers, at least"] = sum(self._messages.values())
        for wrong in WRONGS:
            if total.counts[wrong]:
                self._problems.append(f"{wrong}: {total.counts[wrong]}")
        for client in self._clients:
            if client.words:
                self._problems.append(f"{client.kind} says: {client.words}")
        if not total.counts[CHECKED]:
            self._problems.append("no message was checked")
        figures: dict[str, Any] = {
            "seconds": self._seconds,
            "seed": seed,
            "workers": self._workers,
            "lines": self._lines,
            "deeds": [
                {
                    "what": deed.what,
                    "second": round(deed.began - self._began, 1),
                    "took": round(deed.ended - deed.began, 1),
                }
                for deed in self._deeds
            ],
            "excused": {reason: words[:_KEPT] for reason, words in self._excused.items()},
            "counts": dict(total.counts),
            "faults": dict(total.faults),
        }
        plot = chart(
            f"{self._workers} workers over {self._seconds / 60:g} minutes",
            "minutes",
            [
                Curve("resident memory of all workers, MiB", self._points("memory", 1024)),
                Curve("sessions", self._points("sessions")),
                Curve("99th percentile of an echo, ms", self._points("p99")),
            ],
        )
        return Outcome(total, None, figures, plot, self._problems)

    def _points(self, name: str, unit: float = 1) -> list[tuple[float, float]]:
        return [(line["minute"], (line[name] or 0) / unit) for line in self._lines]
