"""What a soak of several workers has to tell: a line each minute, and the outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .chart import Curve, chart
from .fleet import Fleet
from .judge import Deed, excuse
from .ledger import CHECKED, DISORDERED, DOUBLED, ENDED, LOST, WRONGS, Times
from .outcome import Outcome
from .workers import Total, Worker

__all__ = ["Report"]

_TOLD = 10  # sessions that should not have ended, of which the problems tell
_KEPT = 200  # ends of sessions of each kind whose words are kept

_COLUMNS = (
    "minute  sessions    checked  lost  doubled  out of order  memory KiB  handed over"
    "  p99 of echo ms"
)


class Report:
    """The report.

    Args:
        workers: how many workers there are at a time.
        seconds: how long it takes.
        say: called with lines about the progress.

    Attributes:
        began: when it began, on the monotonic clock.
        clients: the client processes.
        deeds: what was done to workers.
        faults: how often what was done.
        problems: what was wrong.
    """

    def __init__(self, workers: int, seconds: float, say: Callable[[str], None]) -> None:
        self.began = time.monotonic()
        self.clients: list[Worker] = []
        self.deeds: list[Deed] = []
        self.faults: Counter[str] = Counter()
        self.problems: list[str] = []
        self._workers = workers
        self._seconds = seconds
        self._say = say
        self._handed: dict[int, int] = {}
        self._messages: dict[int, int] = {}
        self._lines: list[dict[str, Any]] = []
        self._times: Counter[str] = Counter()
        self._excused: dict[str, list[str]] = {}

    def begin(self) -> None:
        """Tell what the columns are."""
        self.began = time.monotonic()
        self._say(_COLUMNS)

    def sample(self, fleet: Fleet) -> None:
        """Note what one of the workers has counted, whichever answers."""
        told = fleet.sample()
        if told:
            self._handed[told["pid"]] = told["handed_over"]
            self._messages[told["pid"]] = told["messages"]

    def note(self, fleet: Fleet) -> None:
        """Print a line."""
        total = self._total()
        times = Times(total.times.steps - self._times)
        self._times = total.times.steps
        percentile = times.percentile(0.99)
        line = {
            "minute": round((time.monotonic() - self.began) / 60, 2),
            "sessions": total.counts["open now"],
            "checked": total.counts[CHECKED],
            "lost": total.counts[LOST],
            "doubled": total.counts[DOUBLED],
            "out of order": total.counts[DISORDERED],
            "memory": fleet.memory(),
            "handed over": sum(self._handed.values()),
            "p99": None if percentile is None else round(1000 * percentile, 1),
        }
        self._lines.append(line)
        widths = (6, 8, 9, 4, 7, 12, 10, 11, 14)
        cells = ("-" if cell is None else f"{cell:,}" for cell in line.values())
        self._say("  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))

    def _total(self) -> Total:
        total = Total()
        for client in self.clients:
            total.add(client.report)
        total.faults.update(self.faults)
        return total

    def _judge(self, total: Total) -> None:
        """Judge each session that a server has ended."""
        for client in self.clients:
            for worker, at, why in client.report.get("ended", ()):
                reason = excuse(worker, at, self.deeds)
                if reason:
                    total.faults[f"session ended: {reason}"] += 1
                    self._excused.setdefault(reason, []).append(why)
                    continue
                total.counts[ENDED] += 1
                if total.counts[ENDED] <= _TOLD:
                    second = at - self.began
                    text = f"after {second:.1f} s a session of worker {worker} ended: {why}"
                    self.problems.append(text)

    def outcome(self, seed: int) -> Outcome:
        """What there is to tell in the end."""
        total = self._total()
        self._judge(total)
        total.faults["connections handed over, at least"] = sum(self._handed.values())
        total.faults["messages between workers, at least"] = sum(self._messages.values())
        for wrong in WRONGS:
            if total.counts[wrong]:
                self.problems.append(f"{wrong}: {total.counts[wrong]}")
        for client in self.clients:
            if client.words:
                self.problems.append(f"{client.kind} says: {client.words}")
        if not total.counts[CHECKED]:
            self.problems.append("no message was checked")
        figures: dict[str, Any] = {
            "seconds": self._seconds,
            "seed": seed,
            "workers": self._workers,
            "lines": self._lines,
            "deeds": _as_json(self.deeds, self.began),
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
        return Outcome(total, None, figures, plot, self.problems)

    def _points(self, name: str, unit: float = 1) -> list[tuple[float, float]]:
        return [(line["minute"], (line[name] or 0) / unit) for line in self._lines]


def _as_json(deeds: Sequence[Deed], began: float) -> list[dict[str, Any]]:
    return [
        {
            "what": deed.what,
            "second": round(deed.began - began, 1),
            "took": round(deed.ended - deed.began, 1),
        }
        for deed in deeds
    ]
