"""The gunicorn that this process belongs to, if any.

gunicorn tells an application neither how many workers there are nor when its
worker stops. The object whose method handles SIGTERM knows both: in a worker it
is the worker, in the master the arbiter. With ``--preload`` the arbiter loads
the application before it handles signals; then it is found among the callers.
"""

from __future__ import annotations

import atexit
import inspect
import signal
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent

from ...monitoring.log import Log

__all__ = ["StopWatch", "check_configuration", "find_worker", "is_around"]

_INTERVAL = 0.1  # seconds between two checks of a worker
_CLOSING_TIME = 1.5  # seconds in which a worker that stops should close its listening sockets

_SEVERAL = (
    "gunicorn runs %d workers, and the option 'cluster' keeps each of them alone: every transport "
    "but WebSocket will fail, and a broadcast reaches the clients of one worker only. Leave the "
    "option out, or run gunicorn with --workers 1"
)


def _owner() -> Any:
    arbiter = sys.modules.get("gunicorn.arbiter")
    if arbiter is None:
        return None
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if hasattr(owner, "cfg"):
        return owner
    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, arbiter.Arbiter):
            return caller
        frame = frame.f_back
    return None


def is_around() -> bool:
    """Whether this process is a gunicorn worker or master."""
    return _owner() is not None


def find_worker() -> Any:
    """The gunicorn worker that runs in this process, or ``None``."""
    owner = _owner()
    return owner if hasattr(owner, "alive") and hasattr(owner, "sockets") else None


def check_configuration(log: Log, has_bus: bool) -> None:
    """Report what is wrong with the gunicorn that loads the application.

    Args:
        log: the log of the listener.
        has_bus: whether the workers reach each other.

    Raises:
        RuntimeError: if its worker class cannot keep connections, or if it speaks HTTP/2.
    """
    owner = _owner()
    if owner is None:
        return
    names = [base.__module__ for base in owner.cfg.worker_class.__mro__]
    if "gunicorn.workers.ggevent" not in names:
        raise RuntimeError(
            f"gunicorn's worker class {owner.cfg.worker_class_str!r} cannot keep connections for "
            "sockio_gevent: run gunicorn with --worker-class gevent"
        )
    if "h2" in (getattr(owner.cfg, "http_protocols", None) or ()):
        raise RuntimeError(
            "gunicorn serves the requests of an HTTP/2 connection one after another, so a poll "
            "that waits would block all others: leave h2 out of --http-protocols, and have the "
            "proxy in front speak it"
        )
    workers = owner.cfg.workers
    # One line for each generation of workers, not one for each worker.
    if workers > 1 and not has_bus and (getattr(owner, "age", 1) - 1) % workers == 0:
        log.warning(_SEVERAL, workers)


class StopWatch:
    """Notices when a worker stops: by a signal, a reload, or after its ``max_requests``.

    Args:
        worker: the gunicorn worker of this process.
        stopping: called with the seconds that are left, in a greenlet of its own,
            when new connections already go to other workers. It is called once
            more with 0 seconds when no connections or no time are left.
    """

    __slots__ = ("_closing", "_since", "_stopping", "_timer", "_worker")

    def __init__(self, worker: Any, stopping: Callable[[float], None]) -> None:
        self._worker = worker
        self._stopping = stopping
        self._since: float | None = None
        self._closing: gevent.Greenlet | None = None
        # Without a reference: the timer alone must not keep a program running.
        self._timer = gevent.get_hub().loop.timer(_INTERVAL, _INTERVAL, ref=False)
        self._timer.start(self._look)
        # gunicorn exits as soon as it has no connections, whatever else still runs.
        atexit.register(self._at_exit)

    def _look(self) -> None:
        if self._worker.alive:
            return
        if self._since is None:
            self._since = monotonic()
        # While the sockets listen, a page that reconnects might reach this worker again.
        accepting = any(socket.fileno() >= 0 for socket in self._worker.sockets)
        if accepting and monotonic() - self._since < _CLOSING_TIME:
            return
        self._begin(monotonic() - self._since)

    def _begin(self, passed: float) -> gevent.Greenlet:
        """Begin to close, this many seconds after the worker was told to stop."""
        self._timer.stop()
        self._timer.close()
        left = max(float(self._worker.cfg.graceful_timeout) - passed, 0.0)
        # This must end a little before gunicorn kills the requests that are left.
        self._closing = gevent.spawn(self._stopping, round(max(left / 2, left - 2), 1))
        return self._closing

    def _at_exit(self) -> None:
        if self._worker.alive:
            return
        # Handlers may still run, for clients that have gone.
        closing = self._closing or self._begin(monotonic() - (self._since or monotonic()))
        # First it begins with its own time, and then it is told that no time is left.
        gevent.sleep(0)
        self._stopping(0.0)
        closing.join()
