"""Pauses a server that cannot accept connections because the process has no file left.

gevent's servers print a traceback for each attempt, and never pause if stderr
cannot be written. Here one line says what is wrong, and the server pauses and
tries again by itself. It pauses a little early: the process needs the last
files for other things, such as the certificate for the next connection.
"""

from __future__ import annotations

import errno
import os
from types import ModuleType
from typing import Any

from gevent.baseserver import BaseServer

from ...hub.gevent_private import pause_accepting
from ...monitoring.log import Log
from ...monitoring.throttled_log import OnceAMinute

# Not imported later: without a free file, nothing can be imported.
resource: ModuleType | None
try:
    import resource
except ImportError:  # not on Windows
    resource = None

__all__ = ["PAUSE", "accept_with_pauses"]

PAUSE = 0.5  # seconds between two attempts; connections wait meanwhile

# Files that are kept for other things than connections:
_RESERVE = 16  # so many,
_SHARE = 16  # but not more than one in so many

_NO_MEMORY = "the system has no memory left for more"
_ADVICE = {
    errno.EMFILE: "raise the limit of open files of this process{limit}: 'ulimit -n', "
    "or LimitNOFILE in a systemd unit",
    errno.ENFILE: "raise the limit of open files of the whole system: 'sysctl fs.file-max'",
    errno.ENOBUFS: _NO_MEMORY,
    errno.ENOMEM: _NO_MEMORY,
}


def accept_with_pauses(server: BaseServer, log: Log) -> None:
    """Let a server pause when it cannot accept connections.

    Args:
        server: a gevent server; nothing else about it changes.
        log: the log for the reason.
    """
    if not isinstance(vars(server).get("do_read"), _Accepting):
        server.do_read = _Accepting(server, log)


class _Accepting:
    """Replaces a server's ``do_read``, which accepts a connection."""

    def __init__(self, server: Any, log: Log) -> None:
        self._server = server
        self._accept = server.do_read
        self._log = log
        self._once_a_minute = OnceAMinute()
        self._near = False  # whether the next file may be one of the last

    def __call__(self) -> Any:
        """Accept a connection; ``None`` if none is there, or if it cannot be accepted."""
        try:
            if self._near and not _is_left(_next_file(self._server.socket.fileno())):
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            accepted = self._accept()
        except OSError as error:
            if error.errno not in _ADVICE:
                raise
            self._pause(error)
            return None
        if accepted:
            self._near = not _is_left(accepted[0].fileno() + 1)
        return accepted

    def _pause(self, error: OSError) -> None:
        if self._once_a_minute.due():
            limit = _limit()
            self._log.error(
                "no more connections can be accepted: %s. Open sessions continue, and the server "
                "tries again every %s s; %s",
                error.strerror,
                PAUSE,
                _ADVICE[error.errno or 0].format(limit=f", which is {limit}" if limit > 0 else ""),
            )
        pause_accepting(self._server, PAUSE)


def _next_file(some: int) -> int:
    """The number that the next file will have, found by a copy of an open one."""
    file = os.dup(some)
    os.close(file)
    return file


def _is_left(file: int) -> bool:
    """Whether a connection may get the file of this number, the lowest that is free."""
    limit = _limit()
    return limit <= 0 or file < limit - min(_RESERVE, limit // _SHARE)


def _limit() -> int:
    """The limit of open files of this process; 0 or less if there is none."""
    if resource is None:
        return 0
    return int(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
