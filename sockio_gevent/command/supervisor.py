"""The process of ``--reload`` that watches the source files. Importing this needs hupper.

hupper alone misses an edit of a file between its import and the first check of
it, an edit between a failed import and the wait for a change, and every edit of a
file that a process names just before it ends. Here it misses none of them. And
while it waits, requests are answered instead of hanging.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import time
from typing import Any

from hupper.logger import SilentLogger
from hupper.polling import PollingFileMonitor, get_mtime
from hupper.reloader import Reloader, find_default_monitor_factory
from hupper.reloader import _run_worker as run_worker
from hupper.worker import Worker

__all__ = ["Supervisor"]

_LAST_WORDS = 2.0  # seconds to read what a process that has ended had still to say


class _Process(Worker):  # type: ignore[misc]
    """A process that is started, and every file that it names is watched.

    hupper forgets what it has not read yet when the process has ended.

    Args:
        function: the name of the function that it runs, with its module.
        arguments: the arguments of the function.
        watch: called with the path of each file that is to be watched.
    """

    def __init__(
        self, function: str, arguments: Sequence[Any], watch: Callable[[str], object]
    ) -> None:
        super().__init__(function, args=arguments)
        self._watch = watch

    def start(self, on_packet: Callable[[Any], object]) -> None:
        """Start it."""

        def take(packet: Any) -> None:
            if packet is not None and packet[0] == "watch_files":
                for path in packet[1]:
                    self._watch(path)
            else:
                on_packet(packet)

        super().start(take)

    def join(self) -> None:
        """Wait for its end, and for what it has named."""
        self.wait()
        reader = self.pipe.reader_thread
        reader.join(_LAST_WORDS)
        if reader.is_alive():
            # A process that the application has started keeps the pipe open.
            self.pipe.reader_thread = None
        super().join()


class Supervisor(Reloader):  # type: ignore[misc]
    """Runs a process that serves, and another one when a source file has changed.

    Args:
        work: the name of the function that serves, with its module.
        wait: the name of the function that answers while nothing can be served.
        arguments: the arguments of both.
        files: the paths of files to watch in any case.
        interval: seconds between two checks of the files, and at least between two starts.
        shutdown: seconds that the process that serves has to end.
    """

    def __init__(
        self,
        work: str,
        wait: str,
        arguments: Sequence[Any],
        files: Sequence[str],
        interval: float,
        shutdown: float,
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
        self._files = files
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
        monitor = self.monitor
        for path in self._files:
            monitor.add_path(path)
        process = _Process(self.worker_path, self.worker_args, monitor.add_path)
        return run_worker(self, process)  # type: ignore[no-any-return]

    def _wait_for_changes(self) -> tuple[str, int]:
        monitor = self.monitor
        process = _Process(self._wait, self.worker_args, monitor.add_path)
        # Do not forget a change that came after the failed process was started.
        monitor.clear_changes = lambda: None
        try:
            return run_worker(self, process, SilentLogger(), shutdown_interval=0)  # type: ignore[no-any-return]
        finally:
            del monitor.clear_changes
