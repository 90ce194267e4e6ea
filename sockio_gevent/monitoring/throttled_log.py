"""A log that what comes from outside cannot fill."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, NamedTuple

from ..hub.gevent_private import hub_if_any
from ..hub.per_hub import thread_lock
from .log import Log, note_failure

__all__ = ["ThrottledLog"]

_MOST = 10  # lines of a kind
_PERIOD = 10.0  # seconds in which there may be so many

Write = Callable[..., None]


class _Period(NamedTuple):
    """What was logged of a kind of late, and what was not.

    Attributes:
        start: when it began, on the monotonic clock.
        written: how many lines were written since.
        passed_over: how many were not.
        last: the last of these: what would have written it, the line and its arguments.
    """

    start: float
    written: int = 0
    passed_over: int = 0
    last: tuple[Write, str, tuple[object, ...]] | None = None


_NOTHING_YET = _Period(float("-inf"))


class ThrottledLog:
    """Writes a few lines of each kind, and of more of them only the last, and how many there were.

    That is said with the next line of the kind, or when none has come for a
    while. All of it may be used by any thread.

    Args:
        log: where they go.
    """

    __slots__ = ("_lock", "_log", "_loop", "_periods")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._periods: dict[Hashable, _Period] = {}
        self._lock = thread_lock()
        self._loop: Any = None  # one that has called, for threads that have none

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
        # The last one's traceback is not kept.
        if not self._write(self._log.exception, kind, line, arguments, later=self._log.error):
            note_failure()  # a test client must learn of those that are not written, too

    def _write(
        self,
        write: Write,
        kind: Hashable,
        line: str,
        arguments: tuple[object, ...],
        later: Write | None = None,
    ) -> bool:
        """Write a line, or count it as passed over; return whether it was written."""
        now = monotonic()
        with self._lock:
            period = self._periods.get(kind, _NOTHING_YET)
            if now - period.start >= _PERIOD:
                period = _Period(now, 0, period.passed_over)
            if period.written >= _MOST:
                last = later or write, line, arguments
                passed_over = period.passed_over + 1
                self._periods[kind] = _Period(period.start, _MOST, passed_over, last)
            else:
                self._periods[kind] = _Period(period.start, period.written + 1)
        if period.written < _MOST:
            _write_with_count(write, line, arguments, period.passed_over)
            return True
        if passed_over == 1:
            self._have_told(kind, period.start, period.start + _PERIOD - now)
        return False

    def _have_told(self, kind: Hashable, start: float, seconds: float) -> None:
        """Have told what was passed over when the period is over, even if nothing more comes."""
        hub = hub_if_any()
        if hub is not None:
            self._loop = hub.loop
            self._start_timer(hub.loop, kind, start, seconds)
        elif self._loop is not None:
            try:
                self._loop.run_callback_threadsafe(
                    self._start_timer, self._loop, kind, start, seconds
                )
            except ValueError:
                self._loop = None  # it was destroyed meanwhile; the next line tells

    def _start_timer(self, loop: Any, kind: Hashable, start: float, seconds: float) -> None:
        # Without a reference: the timer alone must not keep a program running.
        timer = loop.timer(seconds, ref=False)
        timer.start(self._tell, timer, kind, start)

    def _tell(self, timer: Any, kind: Hashable, start: float) -> None:
        timer.close()
        with self._lock:
            period = self._periods[kind]
            if period.start != start or period.last is None:
                return  # a later line has told
            self._periods[kind] = _Period(monotonic(), 1)
        write, line, arguments = period.last
        _write_with_count(write, line, arguments, period.passed_over - 1)


def _write_with_count(
    write: Write, line: str, arguments: tuple[object, ...], passed_over: int
) -> None:
    if passed_over:
        line += " (and %d more like this)"
        arguments = (*arguments, passed_over)
    write(line, *arguments)
