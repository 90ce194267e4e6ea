"""Where log lines go: a logger, the user's own function, or nowhere."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["Log", "LogTarget", "failures", "short_id"]

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

    def debug(self, line: str, *arguments: object) -> None:
        """Log what only matters when looking for a mistake."""
        if self._logger is not None:
            self._logger.debug(line, *arguments)

    def info(self, line: str, *arguments: object) -> None:
        """Log what happens in the normal course of things."""
        if self._logger is not None:
            self._logger.info(line, *arguments)
        elif self._write is not None:
            self._call(line % arguments)

    def warning(self, line: str, *arguments: object) -> None:
        """Log what a client did wrong, or what the operator should know."""
        if self._logger is not None:
            self._logger.warning(line, *arguments)
        elif self._write is not None:
            self._call(line % arguments)

    def error(self, line: str, *arguments: object) -> None:
        """Log what keeps the server from working."""
        if self._logger is not None:
            self._logger.error(line, *arguments)
        elif self._write is not None:
            self._call(line % arguments)

    def exception(self, line: str, *arguments: object) -> None:
        """Log the exception that is being handled, with its traceback."""
        noted, error = failures.get(), sys.exc_info()[1]
        if noted is not None and error is not None:
            noted.append(error)
        if self._logger is not None:
            self._logger.exception(line, *arguments)
        elif self._write is not None:
            self._call(f"{line % arguments}\n{traceback.format_exc()}")

    def _call(self, line: str) -> None:
        """Call the user's function; like a logger, it must not fail who logs."""
        try:
            if self._write is not None:
                self._write(line)
        except Exception:
            traceback.print_exc()
