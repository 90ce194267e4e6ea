"""A log that what comes from outside cannot fill."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import NamedTuple

from .log import Log, note_failure

__all__ = ["SparingLog"]

_MOST = 10  # lines of a kind
_PERIOD = 10.0  # seconds in which there may be so many


class _Period(NamedTuple):
    """What was logged of a kind of late, and what was not."""

    start: float
    written: int
    passed_over: int


_NOTHING_YET = _Period(float("-inf"), 0, 0)


class SparingLog:
    """Writes a few lines of each kind, and of more of them only how many there were.

    Args:
        log: where they go.
    """

    __slots__ = ("_log", "_periods")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._periods: dict[Hashable, _Period] = {}

    def warning(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log a warning, if there were not too many of its kind; there are to be few kinds."""
        self._write(self._log.warning, kind, line, arguments)

    def debug(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log what only matters when looking for a mistake; see :meth:`warning`."""
        self._write(self._log.debug, kind, line, arguments)

    def info(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log what happens in the normal course of things; see :meth:`warning`."""
        self._write(self._log.info, kind, line, arguments)

    def exception(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log the exception that is being handled, with its traceback; see :meth:`warning`."""
        if not self._write(self._log.exception, kind, line, arguments):
            note_failure()  # a test client must learn of those that are not written, too

    def _write(
        self, write: Callable[..., None], kind: Hashable, line: str, arguments: tuple[object, ...]
    ) -> bool:
        """Write a line, or count it as passed over; return whether it was written."""
        now = monotonic()
        period = self._periods.get(kind, _NOTHING_YET)
        if now - period.start >= _PERIOD:
            period = _Period(now, 0, period.passed_over)
        if period.written >= _MOST:
            self._periods[kind] = period._replace(passed_over=period.passed_over + 1)
            return False
        self._periods[kind] = _Period(period.start, period.written + 1, 0)
        if period.passed_over:
            line += " (and %d more like this)"
            arguments = (*arguments, period.passed_over)
        write(line, *arguments)
        return True
