"""Several workers that are killed, replaced and stopped while their sessions talk."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from ..processes import Trouble
from ..redis_server import MISSING as NO_REDIS
from ..redis_server import RedisServer, redis_server
from .fleet import KINDS, Fleet, free_port, standing_still
from .judge import Deed
from .outcome import Outcome
from .workers import Worker
from .workers_report import Report

__all__ = ["many_workers"]

_PROCESSES = 2  # of clients
_SESSIONS = 20  # of each at a time
_ERAS = 15  # parents that are started and killed, about
_LEAST_ERA = 8.0  # seconds
_LATE = 8.0  # seconds in which no new era begins before the end
_CALM = (2.0, 6.0)  # seconds between two deeds, at least and at most
_STILL = 10.0  # seconds that a worker stands still
_WITHOUT_REDIS = (0.2, 4.0)  # seconds that Redis is away, at least and at most
_REPLACED = 20.0  # seconds until a reload must be over
_END = 90.0  # seconds until the clients must have ended, beyond the given time
_EMPTY = 40.0  # seconds until no worker may have a session, after that
_EACH = 0.2  # seconds between two looks
_SAMPLE = 1.0  # seconds between two questions to a worker
_LINE = 60.0  # seconds between two lines, at most
_LINES = 15

# Parents tell as an error that a worker was killed.
_ERROR = re.compile(r"^Traceback|^(?!.*(?:was sent SIGKILL|has ended by signal 9)).*ERROR", re.M)


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
        return run.report.outcome(seed)


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
        self.report = Report(workers, seconds, say)
        self._program = program
        self._workers = workers
        self._seconds = seconds
        self._redis = redis
        self._random = random
        self._say = say
        self._port = free_port()
        self._latest: Fleet | None = None
        self._redis_in_use: RedisServer | None = None
        self._ends = self._next_line = self._next_sample = 0.0

    @property
    def _fleet(self) -> Fleet:
        """The parent of this era."""
        assert self._latest is not None
        return self._latest

    # --- the course of it ---

    def run(self) -> None:
        """Run all of it."""
        era = 0
        self._begin_era(era)
        self.report.begin()
        self._next_line = self.report.began
        self._ends = self.report.began + self._seconds
        for _ in range(_PROCESSES):
            job = {
                "kind": "chatter",
                "port": self._port,
                "seed": self._random.random(),
                "at_once": _SESSIONS,
                "seconds": self._seconds,
            }
            self.report.clients.append(Worker(job, None))
        while True:
            self._live_through_era()
            if time.monotonic() >= self._ends:
                break
            era += 1
            killed = self._kill_parent()
            self._begin_era(era)
            killed.ended = time.monotonic()
        for client in self.report.clients:
            client.finish(_END)
        self.report.note(self._fleet)
        self.report.problems += self._fleet.wait_until_empty(_EMPTY)
        self._end_era()

    def _begin_era(self, number: int) -> None:
        """Start a parent: of each kind and with each bus in turn."""
        kind = KINDS[number % len(KINDS)]
        self._redis_in_use = self._redis if (number + number // 2) % 2 else None
        redis = self._redis_in_use
        self._say(f"{kind}, {'local bus' if redis is None else 'Redis'}")
        cluster = "auto" if redis is None else redis.url
        self._latest = Fleet(kind, self._program, self._workers, self._port, cluster)
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
        deeds = [self._kill_worker, self._kill_worker]
        deeds += [self._stop_worker] if seconds > _STILL else []
        deeds += [self._reload] if self._fleet.reloads and seconds > 0 else []
        deeds += [self._kill_redis, self._kill_redis] if self._redis_in_use else []
        return deeds

    def _pass(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for client in self.report.clients:
                if not client.running and now < self._ends - 1:
                    raise Trouble(f"the load {client.kind!r} has ended early")
            if now >= self._next_line:
                self._next_line += min(_LINE, max(self._seconds / _LINES, 1.0))
                self.report.note(self._fleet)
            if now >= self._next_sample:
                self._next_sample = now + _SAMPLE
                self.report.sample(self._fleet)
            time.sleep(_EACH)

    def stop(self) -> None:
        """End what has not ended by itself."""
        for client in self.report.clients:
            client.kill()
        if self._latest is not None:
            self._latest.close()

    # --- what is done ---

    def _do(self, what: str, pids: list[int], kills: bool) -> Deed:
        now = time.monotonic()
        deed = Deed(what, frozenset(pids), now, now, kills)
        self.report.deeds.append(deed)
        self.report.faults[what] += 1
        return deed

    def _kill_worker(self) -> None:
        pids = self._fleet.pids()
        if pids:
            pid = self._random.choice(pids)
            self._do("worker killed (SIGKILL)", [pid], kills=True)
            os.kill(pid, signal.SIGKILL)

    def _stop_worker(self) -> None:
        pids = self._fleet.pids()
        if not pids:
            return
        pid = self._random.choice(pids)
        deed = self._do(f"worker stopped for {_STILL:g} s (SIGSTOP)", [pid], kills=False)
        with standing_still(pid):
            self._pass(_STILL)
        deed.ended = time.monotonic()

    def _reload(self) -> None:
        before = self._fleet.pids()
        deed = self._do("all workers replaced (SIGHUP)", before, kills=True)
        self._fleet.reload()
        end = time.monotonic() + _REPLACED
        while set(before) & set(self._fleet.pids()):
            if time.monotonic() > end:
                text = f"{_REPLACED:g} s after SIGHUP old workers run"
                self.report.problems.append(text)
                break
            self._pass(_EACH)
        deed.ended = time.monotonic()

    def _kill_redis(self) -> None:
        assert self._redis is not None
        self.report.faults["Redis killed (SIGKILL)"] += 1
        self._redis.kill()
        self._pass(self._random.uniform(*_WITHOUT_REDIS))
        self._redis.start()

    def _kill_parent(self) -> Deed:
        deed = self._do("parent killed (SIGKILL)", self._fleet.pids(), kills=True)
        left = self._fleet.kill()
        if left:
            self.report.problems.append(f"{len(left)} workers have outlived their parent")
        deed.pids = frozenset(self._fleet.seen)
        self._end_era()
        return deed

    def _end_era(self) -> None:
        said = self._fleet.said()
        found = _ERROR.search(said)
        if found is not None:
            self.report.problems.append(f"a server said: {said[found.start() :][:2000]}")
        self._fleet.close()
