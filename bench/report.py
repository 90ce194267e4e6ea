"""The results, as a table for people and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .peers import OURS, Peer
from .scenarios import Row

__all__ = ["SATURATED", "Cell", "Results", "number"]

SATURATED = 0.9  # a load process that is busy for more than this share of a core is the limit
LEAST = 0.005  # the least share of a core that can be told from none
DISTURBED = 0.8  # below, neither process had its core to itself: one always has something to do


@dataclass(frozen=True)
class Cell:
    """All figures of one peer in one row.

    Attributes:
        value: their median.
        low: the least.
        high: the greatest.
        limited: whether the load was the limit, so that the server can do more.
        disturbed: whether other programs took the cores from both.
    """

    value: float
    low: float
    high: float
    limited: bool
    disturbed: bool

    def __str__(self) -> str:
        signs = ("! " if self.disturbed else "") + ("≥ " if self.limited else "")
        return signs + number(self.value)

    @classmethod
    def of(
        cls, figures: Sequence[Mapping[str, Any]], by_cpu: bool = False, one_core: bool = False
    ) -> Cell:
        """The cell for the figures of a peer's runs; see :class:`Results`."""
        values = [figure["value"] for figure in figures]
        rates = [figure for figure in figures if figure["load"] is not None]
        if by_cpu and rates:
            values = [rate["value"] / max(rate["server"], LEAST) for rate in rates]
            rates = []
        load = median(figure["load"] for figure in rates) if rates else 0.0
        server = median(figure["server"] for figure in rates) if rates else 1.0
        return cls(
            median(values),
            min(values),
            max(values),
            limited=load > SATURATED,
            disturbed=(load + server if one_core else max(load, server)) < DISTURBED,
        )

    def behind(self, ours: Cell, more: bool) -> str:
        """How many times as good ours is."""
        better, worse = (ours.value, self.value) if more else (self.value, ours.value)
        if not better or not worse:
            return ""
        # A figure that the load has limited is only a bound.
        sign = {(False, True): "≤ ", (True, False): "≥ ", (True, True): "~ "}
        return f"{sign.get((ours.limited, self.limited), '')}x{better / worse:.2f}"


@dataclass
class Results:
    """The figures of a benchmark.

    Attributes:
        machine: facts about it.
        peers: the measured peers, in the order of the columns.
        software: the libraries of each.
        by_cpu: whether to show rates for a second of the server's processor
            time, not of the clock.
        one_core: whether the server and the load shared a core.
        skipped: the peers that were not measured, and why.
        figures: for each row and peer, one for each repeat.
    """

    machine: dict[str, str]
    peers: list[Peer]
    by_cpu: bool = False
    one_core: bool = False
    skipped: dict[str, str] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    figures: dict[Row, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def expect(self, rows: Sequence[Row]) -> None:
        """Add rows, in this order."""
        for row in rows:
            self.figures.setdefault(row, {})

    def add(self, row: Row, peer: Peer, figure: dict[str, Any]) -> None:
        """Add the figure of one run."""
        self.figures[row].setdefault(peer.name, []).append(figure)

    def cell(self, row: Row, peer: Peer) -> Cell | None:
        """The cell for a row and a peer."""
        figures = self.figures[row].get(peer.name)
        return Cell.of(figures, self.by_cpu, self.one_core) if figures else None

    def unit(self, row: Row) -> str:
        """The unit of a row."""
        return f"{row.unit} of CPU" if self.by_cpu and row.unit.endswith("/s") else row.unit

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "machine": self.machine,
            "software": self.software,
            "skipped": self.skipped,
            "rows": [
                {
                    "title": row.title,
                    "unit": row.unit,
                    "better": "more" if row.more else "less",
                    "figures": dict(figures),
                }
                for row, figures in self.figures.items()
            ],
        }

    def table(self) -> str:
        """A table in plain text, with its explanations."""
        lines = ["", *(f"{name + ':':<12}{text}" for name, text in self.machine.items()), ""]
        lines += [f"{name + ':':<26}{text}" for name, text in self.software.items()]
        lines += [f"{name + ':':<26}left out: {why}" for name, why in self.skipped.items()]
        lines += ["", *HEAD, ""]
        head = [["", *(peer.title[half] for peer in self.peers)] for half in (0, 1)]
        blocks = [head, *(self._lines(row) for row in self.figures)]
        grid = [line for block in blocks for line in block]
        widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
        rule = "-" * (sum(widths) + 2 * len(self.peers))
        for place, block in enumerate(blocks):
            lines += [rule] if place else []
            for first, *cells in block:
                aligned = map(str.rjust, cells, widths[1:])
                lines.append("  ".join((f"{first:<{widths[0]}}", *aligned)).rstrip())
        return "\n".join(lines)

    def _lines(self, row: Row) -> list[list[str]]:
        """The lines of a row: medians, spreads, and the ratios of each of ours."""
        better = "more" if row.more else "less"
        values, spreads = [row.title], [f"  {self.unit(row)}, {better} is better"]
        cells = [(peer, self.cell(row, peer)) for peer in self.peers]
        for peer, cell in cells:
            if cell is None:
                values.append("-")
                spreads.append("")
                continue
            values.append(str(cell))
            alone = len(self.figures[row][peer.name]) == 1
            spreads.append("" if alone else f"{number(cell.low)}..{number(cell.high)}")
        ratios = [
            [
                f"  {one.title[0]}",
                *(
                    "" if cell is None or peer is one else cell.behind(ours, row.more)
                    for peer, cell in cells
                ),
            ]
            for one, ours in cells
            if one in OURS and ours is not None
        ]
        return [values, spreads, *ratios]


HEAD = (
    "A column is a server on one core, a row a figure: the median of the repeats, below it the",
    "lowest and the highest, and below that how many times as good ours is (over 1: ours leads),",
    "with classic clients and with those of Socket.IO.",
    "≥  the load process was the limit: the server can do more, and ratios are bounds",
    "!  other programs took the cores from both processes: the figure is worth little",
    "-  the peer has no such thing",
    "Every message was seen to arrive, once and in order. Compare columns, not machines.",
)


def number(value: float) -> str:
    """A figure for people: three digits or more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
