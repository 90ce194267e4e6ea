"""A log that clients cannot fill, however often they cause the same line."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, NamedTuple

from ..hub.gevent_private import hub_if_any
from ..hub.per_hub import thread_lock
from .log import Log, note_failure

__all__ = ["OnceAMinute", "ThrottledLog"]

_MOST = 10  # lines of a kind
_PERIOD = 10.0  # seconds in which so many may be written
_MINUTE = 60.0  # seconds

Write = Callable[..., None]


class _Period(NamedTuple):
    """The lines of one kind in one period.

    Attributes:
        start: when the period began, on the monotonic clock.
        written: how many lines were written since.
        passed_over: how many were not written.
        last: the last line that was not written: the function for it, the line, its arguments.
    """

    start: float
    written: int = 0
    passed_over: int = 0
    last: tuple[Write, str, tuple[object, ...]] | None = None


_NOTHING_YET = _Period(float("-inf"))


class ThrottledLog:
    """Writes the first lines of each kind; of those that follow, the last one and their number.

    The number is written with the next line of that kind, or when the period is
    over and no other line has come. Any thread may use all of it.

    Args:
        log: where the lines go.
    """

    __slots__ = ("_lock", "_log", "_loop", "_periods")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._periods: dict[Hashable, _Period] = {}
        self._lock = thread_lock()
        self._loop: Any = None  # the loop of a caller, for threads that have none

    def warning(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log a warning, unless there were too many of its kind.

        Args:
            kind: what the line is about. A client must not be able to make new kinds.
            line: the line.
            *arguments: its arguments.
        """
        self._write(self._log.warning, kind, line, arguments)

    def debug(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log what matters only to somebody who looks for a mistake; see :meth:`warning`."""
        self._write(self._log.debug, kind, line, arguments)

    def info(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log what happens in the normal course of things; see :meth:`warning`."""
        self._write(self._log.info, kind, line, arguments)

    def exception(self, kind: Hashable, line: str, *arguments: object) -> None:
        """Log the exception that is being handled, with its traceback; see :meth:`warning`."""
        # The traceback of the last line is not kept.
        if not self._write(self._log.exception, kind, line, arguments, later=self._log.error):
            note_failure()  # a test must also learn of exceptions that are not written

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
            self._write_later(kind, period.start, period.start + _PERIOD - now)
        return False

    def _write_later(self, kind: Hashable, start: float, seconds: float) -> None:
        """Write how many lines were passed over when the period ends, if no line comes before."""
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
                self._loop = None  # it was destroyed meanwhile; the next line has the number

    def _start_timer(self, loop: Any, kind: Hashable, start: float, seconds: float) -> None:
        # Without a reference: the timer alone must not keep a program running.
        timer = loop.timer(seconds, ref=False)
        timer.start(self._period_ended, timer, kind, start)

    def _period_ended(self, timer: Any, kind: Hashable, start: float) -> None:
        timer.close()
        with self._lock:
            period = self._periods[kind]
            if period.start != start or period.last is None:
                return  # a later line had the number
            self._periods[kind] = _Period(monotonic(), 1)
        write, line, arguments = period.last
        _write_with_count(write, line, arguments, period.passed_over - 1)


class OnceAMinute:
    """Lets one line a minute through, and drops the others: for a state that lasts.

    A number of dropped lines, as :class:`ThrottledLog` writes it, would appear when
    the state may be over already.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Whether to log the line now."""
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + _MINUTE
        return True


def _write_with_count(
    write: Write, line: str, arguments: tuple[object, ...], passed_over: int
) -> None:
    if passed_over:
        line += " (and %d more like this)"
        arguments = (*arguments, passed_over)
    write(line, *arguments)
