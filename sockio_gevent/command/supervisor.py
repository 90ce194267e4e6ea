"""The process of ``--reload`` that watches the source files. Importing this needs hupper.

hupper alone misses an edit of a file between its import and the first check of
it, and an edit between a failed import and the wait for a change. Here it
misses neither. And while it waits, requests are answered instead of hanging.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import time
from typing import Any

from hupper.logger import SilentLogger
from hupper.polling import PollingFileMonitor, get_mtime
from hupper.reloader import Reloader, find_default_monitor_factory
from hupper.reloader import _run_worker as run_worker
from hupper.worker import Worker

__all__ = ["Supervisor"]


class Supervisor(Reloader):  # type: ignore[misc]
    """Runs a process that serves, and another one when a source file has changed.

    Args:
        work: the name of the function that serves, with its module.
        wait: the name of the function that answers while nothing can be served.
        arguments: the arguments of both.
        interval: seconds between two checks of the files, and at least between two starts.
        shutdown: seconds that the process that serves has to end.
    """

    def __init__(
        self, work: str, wait: str, arguments: Sequence[Any], interval: float, shutdown: float
    ) -> None:
        logger = logging.getLogger("hupper")
        self._make_monitor = find_default_monitor_factory(logger)
        super().__init__(
            worker_path=work,
            worker_args=arguments,
            reload_interval=interval,
            shutdown_interval=shutdown,
            monitor_factory=self._monitor,
            logger=logger,
        )
        self._wait = wait
        self._started = time()
        # When its terminal is closed, hupper would reload and stay behind.
        self._signals = {name: byte for name, byte in Reloader._signals.items() if name != "SIGHUP"}

    def _monitor(self, callback: Any, **options: Any) -> Any:
        """The monitor of the files, which also reports those that are newer than the process."""
        monitor = self._make_monitor(callback, **options)
        watch = monitor.add_path
        known: set[str] = set()

        def add_path(path: str) -> None:
            if path in known:
                return
            known.add(path)
            if isinstance(monitor, PollingFileMonitor):
                # The monitor would compare with the file as it is at its first check.
                monitor.mtimes[path] = min(get_mtime(path), self._started)
                watch(path)
            else:
                watch(path)
                if get_mtime(path) > self._started:
                    callback(path)

        monitor.add_path = add_path
        return monitor

    def _run_worker(self) -> tuple[str, int]:
        self._started = time()
        return super()._run_worker()  # type: ignore[no-any-return]

    def _wait_for_changes(self) -> tuple[str, int]:
        worker = Worker(self._wait, args=self.worker_args)
        monitor = self.monitor
        # Do not forget a change that came after the failed process was started.
        monitor.clear_changes = lambda: None
        try:
            return run_worker(self, worker, SilentLogger(), shutdown_interval=0)  # type: ignore[no-any-return]
        finally:
            del monitor.clear_changes
