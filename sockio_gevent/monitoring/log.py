"""Where log lines go: a logger, the user's own function, or nowhere."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["Log", "LogTarget", "failures", "note_failure", "print_failure", "short_id"]

LogTarget = Callable[[str], Any] | logging.Logger | bool | None

# Where exceptions that are logged in this context go as well, for tests.
failures: ContextVar[list[BaseException] | None] = ContextVar("failures", default=None)


def short_id(session_id: str) -> str:
    """The part of a session id that may be shown: the whole is a secret."""
    return session_id[:8]


class Log:
    """The log of one listener, one line an event.

    Args:
        target: ``None`` for the logger ``sockio_gevent``, a logger, a function
            that takes one line, or ``False`` for no log.
    """

    __slots__ = ("_logger", "_write")

    def __init__(self, target: LogTarget = None) -> None:
        self._logger: logging.Logger | None = None
        self._write: Callable[[str], Any] | None = None
        if target is None or target is True:
            self._logger = logging.getLogger("sockio_gevent")
        elif isinstance(target, logging.Logger):
            self._logger = target
        elif target is not False:
            self._write = target

    @property
    def debugs(self) -> bool:
        """Whether :meth:`debug` logs anything."""
        return self._logger is not None and self._logger.isEnabledFor(logging.DEBUG)

    def debug(self, line: str, *arguments: object) -> None:
        """Log what matters only to somebody who looks for a mistake."""
        if self.debugs:
            self._log(logging.DEBUG, line, arguments)

    def info(self, line: str, *arguments: object) -> None:
        """Log what happens in the normal course of things."""
        self._log(logging.INFO, line, arguments)

    def warning(self, line: str, *arguments: object) -> None:
        """Log what a client did wrong, or what the operator should know."""
        self._log(logging.WARNING, line, arguments)

    def error(self, line: str, *arguments: object) -> None:
        """Log what keeps the server from working."""
        self._log(logging.ERROR, line, arguments)

    def exception(self, line: str, *arguments: object) -> None:
        """Log the exception that is being handled, with its traceback."""
        note_failure()
        self._log(logging.ERROR, line, arguments, with_traceback=True)

    def _log(
        self, level: int, line: str, arguments: tuple[object, ...], with_traceback: bool = False
    ) -> None:
        """Log a line. A failure of the log must not reach the caller."""
        try:
            if self._logger is not None:
                self._logger.log(level, line, *arguments, exc_info=with_traceback)
            elif self._write is not None:
                text = line % arguments
                self._write(f"{text}\n{traceback.format_exc()}" if with_traceback else text)
        except Exception:
            print_failure()


def note_failure() -> None:
    """Give the exception that is being handled to the test in whose context it was raised."""
    noted, error = failures.get(), sys.exc_info()[1]
    if noted is not None and error is not None:
        noted.append(error)


def print_failure() -> None:
    """Print the exception that is being handled to stderr, if stderr can be written."""
    try:
        traceback.print_exc()
    except Exception:
        pass  # stderr may be a file on the same full disk as the log
