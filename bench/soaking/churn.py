"""The churn: sessions come and go in batches, and after each the server must be as it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any

from ..machine import Cores
from ..processes import serving
from .chart import Curve, chart
from .ledger import WRONGS
from .options import CHURN
from .outcome import Outcome
from .probe import Probe, Sample
from .workers import Total, Worker

__all__ = ["ALLOWANCE", "churn"]

ALLOWANCE = 4096  # KiB
_AT_ONCE = 100  # sessions of a client process
_WARM = 30.0  # seconds until the first batch must have ended, beyond its last client
_STILL = 6.0  # seconds; a closing handshake may take five
_SLOWEST = 20.0  # sessions a second; a slower process is stuck
_START = 60.0  # seconds that the slowest start and end may take

_COLUMNS = (
    "sessions ended  seconds  memory KiB  sessions  greenlets  descriptors  deadlines"
    "  closing  objects  errors"
)


def churn(
    program: str,
    sessions: int,
    batches: int,
    settle: float,
    seed: int,
    cores: Cores,
    say: Callable[[str], None],
) -> Outcome:
    """Open and end so many sessions, after a batch that warms up.

    Args:
        program: the file of the server.
        sessions: how many, beside the first batch.
        batches: in how many batches.
        settle: how many seconds after its last client all of a batch must have ended.
        seed: of all that is left to chance.
        cores: where to run what.
        say: called with lines about the progress.

    Raises:
        Trouble: if a process fails or does not end in time.
    """
    command = [sys.executable, program, json.dumps(CHURN)]
    with serving(command, cores.server, {}) as server:
        run = _Churn(Probe(server), server.port, cores, Random(seed), say)
        run.batches(batches, max(sessions // batches, 1), settle)
        outcome = run.outcome(seed)
        if "Traceback" in server.said():
            outcome.problems.append(f"the server has failed; {server.last_words()}")
        outcome.software = server.software
        return outcome


class _Churn:
    def __init__(
        self, probe: Probe, port: int, cores: Cores, random: Random, say: Callable[[str], None]
    ) -> None:
        self._probe = probe
        self._port = port
        self._cores = cores
        self._random = random
        self._say = say
        self._total = Total()
        self._samples: list[tuple[int, Sample]] = []
        self._began = time.monotonic()
        self._problems: list[str] = []

    def batches(self, count: int, size: int, settle: float) -> None:
        """Run all batches."""
        self._say(_COLUMNS)
        self._live(size)
        # Objects that stay after their first use are part of the state that must return.
        warm = self._probe.steady(_STILL, _WARM)
        self._note(0, warm)
        for number in range(1, count + 1):
            self._live(size)
            sample = self._probe.until(lambda sample: not sample.differences(warm), settle)
            self._note(number * size, sample)
            self._problems += [
                f"after {number * size:,} sessions, {difference}"
                for difference in sample.differences(warm)
            ]

    def _live(self, size: int) -> None:
        job = {
            "kind": "churn",
            "port": self._port,
            "seed": self._random.random(),
            "sessions": size,
            "at_once": _AT_ONCE,
        }
        before = self._probe.sample().opened
        worker = Worker(job, self._cores.load)
        self._total.add(worker.finish(_START + size / _SLOWEST))
        opened = self._probe.sample().opened - before
        if opened != size:
            self._problems.append(f"{size} sessions were begun, the server has opened {opened}")

    def _note(self, ended: int, sample: Sample) -> None:
        self._samples.append((ended, sample))
        cells = (
            f"{ended:,}",
            f"{time.monotonic() - self._began:.0f}",
            f"{sample.memory:,}",
            sample.sessions,
            sample.greenlets,
            sample.descriptors,
            sample.deadlines,
            sample.closing_sessions,
            sum(sample.objects.values()),
            sample.errors,
        )
        widths = [len(title) for title in _COLUMNS.split("  ")]
        row = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        self._say(row)

    def outcome(self, seed: int) -> Outcome:
        """The outcome, at the end."""
        (_, warm), (ended, last) = self._samples[0], self._samples[-1]
        growth = last.memory - warm.memory
        if growth > ALLOWANCE:
            self._problems.append(
                f"the memory has grown by {growth:,} KiB; {ALLOWANCE:,} KiB are allowed"
            )
        if last.errors:
            self._problems.append(f"{last.errors} errors in the log: {last.first_errors}")
        if last.opened != sum(last.closes.values()):
            self._problems.append(f"{last.opened} sessions opened, ended: {last.closes}")
        counts = self._total.counts
        self._problems += [f"{wrong}: {counts[wrong]}" for wrong in WRONGS if counts[wrong]]
        figures: dict[str, Any] = {
            "sessions": ended,
            "seed": seed,
            "memory": {"warm": warm.memory, "last": last.memory, "allowance": ALLOWANCE},
            "samples": [{"ended": ended, **asdict(sample)} for ended, sample in self._samples],
            "counts": dict(counts),
            "faults": dict(self._total.faults),
        }
        plot = chart(
            f"{ended:,} sessions over mixed transports",
            "sessions that have come and gone after the first batch",
            [
                Curve("resident memory of the server, MiB", self._points("memory", 1024)),
                Curve("greenlets", self._points("greenlets")),
                Curve("open file descriptors", self._points("descriptors")),
            ],
        )
        return Outcome(self._total, last, figures, plot, self._problems)

    def _points(self, name: str, unit: float = 1) -> list[tuple[float, float]]:
        return [(ended, getattr(sample, name) / unit) for ended, sample in self._samples]
