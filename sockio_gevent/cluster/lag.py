"""How long messages were on their way to this worker."""

from __future__ import annotations

from time import monotonic

__all__ = ["Lag"]

_WINDOW = 5.0  # seconds


class Lag:
    """The longest way of a message in the last seconds: at least five, at most ten."""

    __slots__ = ("_before", "_longest", "_since")

    def __init__(self) -> None:
        self._since = monotonic()
        self._longest = 0.0
        self._before = 0.0

    def note(self, seconds: float) -> None:
        """A message has come that was so long on its way."""
        self._turn()
        if seconds > self._longest:
            self._longest = seconds

    @property
    def seconds(self) -> float:
        """How many seconds it was."""
        self._turn()
        return max(self._longest, self._before)

    def _turn(self) -> None:
        """Begin another window, if it is time."""
        now = monotonic()
        if now - self._since >= _WINDOW:
            self._before = self._longest if now - self._since < 2 * _WINDOW else 0.0
            self._longest = 0.0
            self._since = now
