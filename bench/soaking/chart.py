"""What was sampled over a soak as lines, in an SVG file of the same look as the benchmark's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..plot import GAP, LINE, MARGIN, STYLE, WIDTH

__all__ = ["Curve", "chart"]

HEIGHT = 150  # of a curve
LEFT = 80  # the width of the figures beside it
_LINES = (
    ".line { fill: none; stroke: #1f7a4d; stroke-width: 2 } .axis { fill: none; stroke: #9aa5b1 }"
)


@dataclass(frozen=True)
class Curve:
    """One figure over the soak.

    Attributes:
        title: what it is.
        points: places along the soak, and the figure at each.
    """

    title: str
    points: Sequence[tuple[float, float]]


def chart(title: str, along: str, curves: Sequence[Curve]) -> str:
    """Draw curves, one below the other, each from zero.

    Args:
        title: of the file.
        along: what goes from left to right.
        curves: each with a point at least.
    """
    parts: list[str] = []
    y = MARGIN
    for curve in curves:
        y += LINE
        parts.append(f'<text class="title" x="{MARGIN}" y="{y}">{escape(curve.title)}</text>')
        y += GAP
        parts += _curve(curve, y)
        y += HEIGHT + LINE + GAP
    parts.append(f'<text class="note" x="{LEFT}" y="{y}">{escape(along)}</text>')
    height = y + MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}{_LINES}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        )
    )


def _curve(curve: Curve, top: int) -> list[str]:
    bottom, right = top + HEIGHT, WIDTH - MARGIN
    most = max(value for _, value in curve.points) or 1.0
    first, last = curve.points[0][0], curve.points[-1][0]
    across = (right - LEFT) / ((last - first) or 1.0)
    places = [
        f"{LEFT + (place - first) * across:.1f},{bottom - HEIGHT * value / most:.1f}"
        for place, value in curve.points
    ]
    ends = [f"{round(place, 1):,g}" for place in (first, last)]
    return [
        f'<path class="axis" d="M{LEFT} {top}V{bottom}H{right}"/>',
        f'<text x="{LEFT - 8}" y="{top + 4}" text-anchor="end">{most:,.4g}</text>',
        f'<text x="{LEFT - 8}" y="{bottom + 4}" text-anchor="end">0</text>',
        f'<text class="note" x="{LEFT}" y="{bottom + LINE}">{ends[0]}</text>',
        f'<text class="note" x="{right}" y="{bottom + LINE}" text-anchor="end">{ends[1]}</text>',
        f'<polyline class="line" points="{" ".join(places)}"/>',
    ]
