"""``--workers``: a parent that starts processes which serve, and others in place of those that end.

All of them accept from one socket, which the parent has opened and keeps. With a socket for each
(``SO_REUSEPORT``), connections that wait for a worker would be lost when that ends.

The parent is a plain process: it is not patched, imports no application, and serves nothing.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from .arguments import Arguments
from .forked_worker import ForkedWorker, NoRoom, fork_with_pipe
from .listening import bind, url
from .run import CLOSE_TIMEOUT, announce, run, set_up_logging
from .worker_side import READY, WorkerSide, split

__all__ = ["serve"]

_GRACE = 3.0  # seconds that a worker has to end, besides those that its clients have
_LEAST_LIFE = 5.0  # seconds; a worker that ends sooner is not replaced at once
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds before the next is started
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)

_log = logging.getLogger("sockio_gevent")

Watch = Callable[[list[str]], None]


def serve(
    arguments: Arguments,
    inherited: int | None = None,
    watch: Watch | None = None,
    begin: Callable[[], object] | None = None,
) -> None:
    """Serve with several workers until a signal says to stop.

    It returns in the workers, too, when they have served.

    Args:
        arguments: the command line.
        inherited: the file descriptor of a socket that listens already, if there is one.
        watch: called with the files that a worker has imported; ``None`` if nobody wants them.
        begin: called in each worker before anything else; ``None`` for nothing.

    Raises:
        CommandError: if the arguments do not allow it.
        SystemExit: if the workers cannot be started.
    """
    set_up_logging(arguments.log_level, arguments.log_format)
    if inherited is None:
        listening = bind(arguments.host, arguments.port)
    else:
        listening = socket.socket(fileno=inherited)
    parent = _Parent(arguments, listening, watch)
    side = parent.run()
    if side is None:
        listening.close()
        raise SystemExit(parent.status)
    # This is a worker.
    if begin is not None:
        begin()
    try:
        run(arguments, listening.detach(), side)
    except BaseException as error:
        side.failed(error)
        raise


class _Parent:
    """The parent of the workers.

    Args:
        arguments: the command line.
        listening: the socket that all accept from.
        watch: see :func:`serve`.

    Attributes:
        status: the exit status of the command.
    """

    def __init__(self, arguments: Arguments, listening: socket.socket, watch: Watch | None) -> None:
        self.status = 0
        self._arguments = arguments
        self._listening = listening
        self._watch = watch
        self._workers: dict[int, ForkedWorker] = {}
        self._life, self._lives = os.pipe()
        self._wake, self._waker = os.pipe()
        self._stopping: float | None = None
        self._announced = False
        self._failures = 0
        self._next_start = 0.0
        self._received: list[int] = []
        self._handlers: dict[int, Any] = {}

    def run(self) -> WorkerSide | None:
        """Start workers and look after them, until all have ended.

        Returns:
            What a worker needs, in a process that is one; ``None`` in the parent, at the end.
        """
        os.set_blocking(self._waker, False)
        os.set_blocking(self._wake, False)
        woken = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._note)
        while True:
            if self._stopping is None and monotonic() >= self._next_start:
                side = self._start_missing()
                if side is not None:
                    return side
            if self._stopping is not None and not self._workers:
                break
            self._wait()
            self._obey()
            self._bury()
            if self._stopping is not None and monotonic() > self._stopping:
                self._tell_all(signal.SIGKILL)
        signal.set_wakeup_fd(woken)
        self._restore(self._handlers)
        for descriptor in (self._life, self._lives, self._wake, self._waker):
            os.close(descriptor)
        return None

    def _note(self, number: int, frame: object) -> None:
        if number != signal.SIGCHLD:
            self._received.append(number)

    def _restore(self, handlers: dict[int, Any]) -> None:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    # --- workers begin and end ---

    def _start_missing(self) -> WorkerSide | None:
        """Start the workers that are missing; in each, return what it needs."""
        try:
            while len(self._workers) < self._arguments.workers:
                side = self._start()
                if side is not None:
                    return side
        except NoRoom as error:
            pause = self._longer_pause()
            self._next_start = monotonic() + pause
            _log.error("a worker cannot be started: %s; the next attempt is in %g s", error, pause)
        return None

    def _start(self) -> WorkerSide | None:
        """Start a worker; in that, return what it needs.

        Raises:
            NoRoom: if the system does not let it.
        """
        parent = os.getpid()
        # Until the worker has handlers of its own, its signals wait.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid, reading, writing = fork_with_pipe()
            if pid == 0:
                self._be_worker(reading)
                return WorkerSide(parent, writing, self._life)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
        self._workers[pid] = ForkedWorker(pid, reading)
        return None

    def _be_worker(self, reading: int) -> None:
        """Let go of what belongs to the parent."""
        signal.set_wakeup_fd(-1)
        self._restore(dict.fromkeys(self._handlers, signal.SIG_DFL))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for worker in self._workers.values():
            os.close(worker.pipe)
        for descriptor in (reading, self._lives, self._wake, self._waker):
            os.close(descriptor)

    def _bury(self) -> None:
        """See which workers have ended."""
        for worker in list(self._workers.values()):
            try:
                pid, status = os.waitpid(worker.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = worker.pid, 0
            if not pid:
                continue
            self._listen_to(worker)
            os.close(worker.pipe)
            del self._workers[pid]
            if self._stopping is None:
                self._lost(worker, os.waitstatus_to_exitcode(status))

    def _lost(self, worker: ForkedWorker, status: int) -> None:
        """A worker has ended, and nobody has told it to."""
        if not self._announced and not worker.serves:
            # No worker serves, and the next would end in the same way.
            self.status = status if status > 0 else 1
            self._stop()
            return
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        soon = monotonic() - worker.since < _LEAST_LIFE
        if not soon:
            self._failures = 0
        pause = self._longer_pause() if soon else 0.0
        self._next_start = monotonic() + pause
        text = "worker %d has ended %s: another one starts%s"
        _log.error(text, worker.pid, how, f" in {pause:g} s" if pause else "")

    def _longer_pause(self) -> float:
        """How many seconds to wait after one more failure in a row."""
        self._failures += 1
        return _PAUSES[min(self._failures, len(_PAUSES)) - 1]

    # --- signals ---

    def _wait(self) -> None:
        """Wait for a signal, for what a worker tells, or for what is due."""
        due = self._stopping
        if due is None and len(self._workers) < self._arguments.workers:
            due = self._next_start
        timeout = None if due is None else max(due - monotonic(), 0.0) + 0.01
        pipes = {worker.pipe: worker for worker in self._workers.values()}
        ready, _, _ = select.select([self._wake, *pipes], [], [], timeout)
        for descriptor in ready:
            if descriptor == self._wake:
                os.read(self._wake, 4096)
            else:
                self._listen_to(pipes[descriptor])

    def _obey(self) -> None:
        """Do what signals have asked for."""
        received, self._received = self._received, []
        for number in received:
            if self._stopping is None:
                _log.info("stopping; Ctrl-C now stops at once")
                self._stop()
            elif number == signal.SIGINT:
                self._tell_all(signal.SIGKILL)

    def _stop(self) -> None:
        self._stopping = monotonic() + CLOSE_TIMEOUT + _GRACE
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: signal.Signals) -> None:
        for pid in self._workers:
            os.kill(pid, number)  # none of them is reaped yet

    def _listen_to(self, worker: ForkedWorker) -> None:
        """Read what a worker tells."""
        os.set_blocking(worker.pipe, False)
        told: list[bytes] = []
        try:
            while data := os.read(worker.pipe, 65536):
                new, worker.rest = split(worker.rest + data)
                told += new
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
        self._heard(worker, told)

    def _heard(self, worker: ForkedWorker, told: Iterable[bytes]) -> None:
        files = [os.fsdecode(each) for each in told if each != READY]
        if files and self._watch is not None:
            self._watch(files)
        if READY not in told:
            return
        worker.serves = True
        if not self._announced and self._stopping is None:
            self._announced = True
            tls = self._arguments.certfile is not None
            announce(url(self._arguments.host, self._listening, tls))
