"""The outcome of a soak, for people and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .ledger import CHECKED, FORFEITED, WRONGS
from .probe import Sample
from .workers import Total

__all__ = ["Outcome"]


@dataclass
class Outcome:
    """The end of a soak.

    Attributes:
        total: the counts of the clients.
        last: the state of the server at the end; ``None`` if there were several workers.
        figures: all figures as plain data.
        plot: an SVG file.
        problems: what was wrong; empty if nothing was.
        software: the libraries of the server.
    """

    total: Total
    last: Sample | None
    figures: dict[str, Any]
    plot: str
    problems: list[str]
    software: str = ""

    def summary(self) -> str:
        """All of it as text."""
        counts = self.total.counts
        lines = _table("what the clients did", self.total.faults)
        lines += _table("transports", _over(counts))
        if self.last is not None:
            lines += _table("why sessions ended, says the server", self.last.closes)
            lines += _table("requests refused, says the server", self.last.refused)
        if counts[CHECKED]:
            lines += _table("messages", {name: counts[name] for name in (CHECKED, *WRONGS)}, True)
        if counts[FORFEITED]:
            lines.append(f"{counts[FORFEITED]:>12,}  {FORFEITED}")
        if counts["lives cut short"]:
            lines.append(f"{counts['lives cut short']:,} lives were cut short by the server")
        lines += ["", *(f"problem: {problem}" for problem in self.problems)]
        lines.append("" if self.problems else "all is as it was")
        return "\n".join(lines).rstrip()

    def as_json(self, machine: Mapping[str, str]) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "machine": dict(machine),
            "software": self.software,
            **self.figures,
            "problems": self.problems,
        }


def _over(counts: Mapping[str, int]) -> dict[str, int]:
    return {
        name.removeprefix("over "): count
        for name, count in counts.items()
        if name.startswith("over ")
    }


def _table(title: str, counts: Mapping[str, int], zeros: bool = False) -> list[str]:
    rows = [(name, count) for name, count in sorted(counts.items()) if count or zeros]
    return ["", f"{title}:", *(f"{count:>12,}  {name}" for name, count in rows)] if rows else []
