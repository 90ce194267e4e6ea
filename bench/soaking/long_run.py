"""The long run: well-behaved sessions among all that may go wrong, at once."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any

from ..machine import Cores
from ..processes import Server, Trouble, interrupts_held_back, serving
from .chart import Curve, chart
from .ledger import CHECKED, DISORDERED, DOUBLED, LOST, WRONGS, Times
from .lives import TRANSPORTS
from .options import LONG_RUN
from .outcome import Outcome
from .probe import Probe, Sample
from .workers import Total, Worker

__all__ = ["ALLOWANCE", "long_run"]

ALLOWANCE = 4096  # KiB
_MINUTE = 60.0
_EACH = 0.2  # seconds between two looks at the processes
_KILLS = (1.0, 8.0)  # seconds that a process lives until it is killed, at least and at most
_END = 90.0  # seconds until all processes must have ended, beyond the given time
_SETTLE = 30.0  # seconds until the server must be as it was, after that

# What runs, with how many at a time in each process.
_LOADS = {"talk": 21, "roam": 14, "churn": 4, "hostile": 8}
_KILLED = 14  # that talk in one more process, which is killed and started anew all the time
_WARM_UP = 1.0  # seconds that some talk before anything is counted
_STILL = 6.0  # seconds that nothing must have changed then; a closing handshake may take five

_COLUMNS = (
    "minute  sessions    checked  lost  doubled  out of order"
    "  memory KiB  greenlets  p99 of echo ms"
)


def long_run(
    program: str, seconds: float, seed: int, cores: Cores, say: Callable[[str], None]
) -> Outcome:
    """Mix everything for so long.

    Args:
        program: the file of the server.
        seconds: how long.
        seed: of all that is left to chance.
        cores: where to run what.
        say: is told how it goes.

    Raises:
        Trouble: if a process fails or does not end in time.
    """
    command = [sys.executable, program, json.dumps(LONG_RUN)]
    with serving(command, cores.server, {}) as server:
        run = _LongRun(server, seconds, cores, Random(seed), say)
        try:
            run.run()
        finally:
            run.stop()
        outcome = run.outcome(seed)
        if "Traceback" in server.said():
            outcome.problems.append(f"the server has failed; {server.last_words()}")
        outcome.software = server.software
        return outcome


class _LongRun:
    def __init__(
        self,
        server: Server,
        seconds: float,
        cores: Cores,
        random: Random,
        say: Callable[[str], None],
    ) -> None:
        self._probe = Probe(server)
        self._port = server.port
        self._seconds = seconds
        self._cores = cores
        self._random = random
        self._say = say
        self._workers: list[Worker] = []
        self._ended = Total()
        self._kills = 0
        self._samples: list[tuple[float, Sample]] = []
        self._lines: list[dict[str, Any]] = []
        self._times: Counter[str] = Counter()
        self._problems: list[str] = []

    def run(self) -> None:
        """Run all of it, and wait until the server has nothing left of it."""
        self._start("talk", len(TRANSPORTS), seconds=_WARM_UP).finish(_END)
        self._workers.clear()
        fresh = self._probe.steady(_STILL, _SETTLE)
        began = time.monotonic()
        ends = began + self._seconds
        for kind, at_once in _LOADS.items():
            self._start(kind, at_once, seconds=self._seconds)
        self._say(_COLUMNS)
        self._mix(began, ends)
        for worker in self._workers:
            self._ended.add(worker.finish(_END))
            if any(worker.report["counts"].get(wrong) for wrong in WRONGS):
                self._problems.append(f"{worker.kind} says: {worker.words}")
        self._workers.clear()
        last = self._probe.until(lambda sample: not sample.differences(fresh), _SETTLE)
        self._note(time.monotonic() - began, last)
        self._problems += [
            f"after all has ended, {difference}" for difference in last.differences(fresh)
        ]

    def _mix(self, began: float, ends: float) -> None:
        minutes = 1
        victim = self._start("talk", _KILLED, seconds=self._seconds)
        dies = time.monotonic() + self._random.uniform(*_KILLS)
        while (now := time.monotonic()) < ends:
            if now >= dies:
                victim.kill()
                self._workers.remove(victim)
                self._ended.add(victim.report)
                self._kills += 1
                victim = self._start("talk", _KILLED, seconds=max(ends - now, 0.1))
                dies = now + self._random.uniform(*_KILLS)
            for worker in self._workers:
                if not worker.running and now < ends - 1:
                    raise Trouble(f"the load {worker.kind!r} has ended early")
            if now >= began + minutes * _MINUTE:
                minutes += 1
                self._note(now - began, self._probe.sample())
            time.sleep(_EACH)

    def _start(self, kind: str, at_once: int, **more: float) -> Worker:
        job = {
            "kind": kind,
            "port": self._port,
            "seed": self._random.random(),
            "at_once": at_once,
            **more,
        }
        # An interrupt that comes meanwhile has to end this one, too.
        with interrupts_held_back():
            worker = Worker(job, self._cores.load)
            self._workers.append(worker)
        return worker

    def stop(self) -> None:
        """End what has not ended by itself."""
        for worker in self._workers:
            worker.kill()

    def _total(self) -> Total:
        total = Total()
        for report in (
            {
                "counts": self._ended.counts,
                "faults": self._ended.faults,
                "times": self._ended.times.steps,
            },
            *(worker.report for worker in self._workers),
        ):
            total.add(report)
        total.faults["client process killed (SIGKILL)"] = self._kills
        return total

    def _note(self, seconds: float, sample: Sample) -> None:
        total = self._total()
        times = Times(total.times.steps - self._times)
        self._times = total.times.steps
        percentile = times.percentile(0.99)
        self._samples.append((seconds / _MINUTE, sample))
        line = {
            "minute": round(seconds / _MINUTE, 1),
            "sessions": sample.sessions,
            "checked": total.counts[CHECKED],
            "lost": total.counts[LOST],
            "doubled": total.counts[DOUBLED],
            "out of order": total.counts[DISORDERED],
            "memory": sample.memory,
            "greenlets": sample.greenlets,
            "p99": None if percentile is None else round(1000 * percentile, 1),
        }
        self._lines.append(line)
        widths = (6, 8, 9, 4, 7, 12, 10, 9, 14)
        cells = ("-" if cell is None else f"{cell:,}" for cell in line.values())
        self._say("  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))

    def outcome(self, seed: int) -> Outcome:
        """What there is to tell in the end."""
        total = self._total()
        last = self._samples[-1][1]
        for wrong in WRONGS:
            if total.counts[wrong]:
                self._problems.append(f"{wrong}: {total.counts[wrong]}")
        if not total.counts[CHECKED]:
            self._problems.append("no message was checked")
        if last.errors:
            self._problems.append(f"{last.errors} errors in the log: {last.first_errors}")
        if last.opened != sum(last.closes.values()):
            self._problems.append(f"{last.opened} sessions opened, ended: {last.closes}")
        first = self._samples[0][1]
        if last.memory - first.memory > ALLOWANCE:
            self._problems.append(
                f"the memory is {last.memory:,} KiB with nobody there, and was "
                f"{first.memory:,} KiB after the first minute; {ALLOWANCE:,} KiB more are allowed"
            )
        figures: dict[str, Any] = {
            "seconds": self._seconds,
            "seed": seed,
            "lines": self._lines,
            "samples": [{"minute": at, **asdict(sample)} for at, sample in self._samples],
            "counts": dict(total.counts),
            "faults": dict(total.faults),
        }
        plot = chart(
            f"{self._seconds / _MINUTE:g} minutes of everything at once",
            "minutes",
            [
                Curve("resident memory of the server, MiB", self._points("memory", 1024)),
                Curve("sessions", self._points("sessions")),
                Curve("99th percentile of an echo, ms", self._percentiles()),
            ],
        )
        return Outcome(total, last, figures, plot, self._problems)

    def _points(self, name: str, unit: float = 1) -> list[tuple[float, float]]:
        return [(at, getattr(sample, name) / unit) for at, sample in self._samples]

    def _percentiles(self) -> list[tuple[float, float]]:
        return [(line["minute"], line["p99"] or 0.0) for line in self._lines]
