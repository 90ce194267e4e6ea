"""The ledger: what was checked, what was wrong, and how long echoes took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, floor, log

__all__ = [
    "CHANGED",
    "CHECKED",
    "DISORDERED",
    "DOUBLED",
    "ENDED",
    "FORFEITED",
    "GUESSED",
    "LOST",
    "WRONGS",
    "Numbers",
    "Times",
]

CHECKED = "messages checked"
LOST = "lost"
DOUBLED = "doubled"
DISORDERED = "out of order"
CHANGED = "changed"
ENDED = "live sessions ended"
GUESSED = "session ids guessed"
FORFEITED = "gone with a connection that was cut"

WRONGS = (LOST, DOUBLED, DISORDERED, CHANGED, ENDED, GUESSED)  # what must not happen


class Numbers:
    """Messages of one session in one direction, which carry one number after the other.

    What was under way over a connection that the client itself has cut may be
    gone with it: nobody can know what of it had arrived. That is forgiven, and
    counted apart.

    Args:
        counts: where to count.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._next: int | None = None
        self._missing: dict[int, str] = {}  # as what each is counted
        self._forgiven = 0  # up to this number
        self._forgive_gap = False

    def begin(self, number: int) -> None:
        """Set the first number; the numbers that have come already must agree."""
        if self._next is None:
            self._next = number
        elif self._next != number:
            self._gap(number, self._next)

    def take(self, number: int) -> None:
        """A message has come."""
        expected = number if self._next is None else self._next
        if number >= expected:
            self._gap(expected, number)
            self._next = number + 1
            self._counts[CHECKED] += 1
        elif number in self._missing:
            self._counts[self._missing.pop(number)] -= 1
            self._counts[DISORDERED] += 1
        else:
            self._counts[DOUBLED] += 1

    def end(self, number: int) -> None:
        """Nothing more will come, and this was the last number that was sent."""
        if self._next is not None:
            self._gap(self._next, number + 1)

    def cut(self, sent: int | None = None) -> None:
        """The connection was cut by the client.

        Args:
            sent: the last number that was sent; ``None`` if only the server
                knows it, and the next gap is what is gone.
        """
        if sent is None:
            self._forgive_gap = True
        else:
            self._forgiven = sent

    def _gap(self, first: int, end: int) -> None:
        forgive, self._forgive_gap = self._forgive_gap, False
        for number in range(first, end):
            kind = FORFEITED if forgive or number <= self._forgiven else LOST
            self._missing[number] = kind
            self._counts[kind] += 1


class Times:
    """How long things took, in steps of some percent.

    Args:
        steps: how many things fell into each step; as :attr:`steps` was elsewhere.

    Attributes:
        steps: the same.
    """

    _WIDTH = log(1.03)

    def __init__(self, steps: Mapping[str, int] | None = None) -> None:
        self.steps = Counter(steps)

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.steps[str(floor(log(max(seconds, 1e-6)) / self._WIDTH))] += 1

    def percentile(self, share: float) -> float | None:
        """The time, in seconds, within which this share was done; ``None`` without any."""
        left = share * sum(self.steps.values())
        reached = None
        for step in sorted(map(int, self.steps)):
            reached = exp((step + 1) * self._WIDTH)
            left -= self.steps[str(step)]
            if left <= 0:
                break
        return reached
