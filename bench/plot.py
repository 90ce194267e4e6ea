"""The medians as bars, in an SVG file that can be read on a light and on a dark page."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .peers import OURS
from .report import Cell, Results

__all__ = ["svg"]

WIDTH = 760
LABELS = 210  # the width of the peers' names
BARS = 400  # the width of the longest bar
LINE = 18
GAP = 14  # above each row
MARGIN = 16

NOTE = (
    "Bars are medians, lines the spread of the repeats. "
    "≥ the load was the limit; ! other programs disturbed it."
)
STYLE = """
  .page { fill: #ffffff }
  text { fill: #24292f; font: 12px system-ui, sans-serif }
  .title { font-weight: 600 }
  .note { fill: #57606a }
  .bar { fill: #9aa5b1 }
  .ours { fill: #1f7a4d }
  .spread { stroke: #24292f; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .bar { fill: #56606c }
    .ours { fill: #3fb37f }
    .spread { stroke: #e6edf3 }
  }
"""


def svg(results: Results) -> str:
    """Draw the results."""
    parts: list[str] = []
    y = MARGIN
    for row in results.figures:
        cells = [(peer, results.cell(row, peer)) for peer in results.peers]
        present = [(peer, cell) for peer, cell in cells if cell is not None]
        if not present:
            continue
        y += GAP + LINE
        note = f"{results.unit(row)}, {'more' if row.more else 'less'} is better"
        parts.append(
            f'<text class="title" x="{MARGIN}" y="{y}">{escape(row.title)}'
            f'<tspan class="note" font-weight="400">  {escape(note)}</tspan></text>'
        )
        longest = max(cell.high for _, cell in present) or 1.0
        for peer, cell in present:
            y += LINE
            parts += bar(" on ".join(peer.title), cell, y, BARS / longest, peer in OURS)
    y += GAP + LINE
    parts.append(f'<text class="note" x="{MARGIN}" y="{y}">{escape(NOTE)}</text>')
    height = y + MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape('Benchmark: ' + results.machine['processor'])}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        )
    )


def bar(name: str, cell: Cell, y: int, scale: float, ours: bool) -> list[str]:
    """One peer: its name, its bar with the spread of the repeats, and the figure."""
    start = MARGIN + LABELS
    low, value, high = (start + scale * each for each in (cell.low, cell.value, cell.high))
    middle = y - 4
    parts = [
        f'<text x="{start - 8}" y="{y}" text-anchor="end">{escape(name)}</text>',
        f'<rect class="bar{" ours" if ours else ""}" x="{start}" y="{y - 11}"'
        f' width="{max(value - start, 1):.1f}" height="13" rx="2"/>',
    ]
    if cell.high > cell.low:
        parts.append(
            f'<path class="spread" d="M{low:.1f} {middle}H{high:.1f}'
            f'M{low:.1f} {middle - 3}v6M{high:.1f} {middle - 3}v6"/>'
        )
    parts.append(f'<text x="{high + 8:.1f}" y="{y}">{cell}</text>')
    return parts
