"""Ctrl-C and SIGTERM in the process that serves: while it imports the application, and after."""

from __future__ import annotations

import os
import signal
from threading import local
from types import FrameType
from typing import Any

import gevent
from gevent.event import Event

__all__ = ["StopSignals"]

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_READABLE = 1  # the event of a watcher


class StopSignals:
    """The signals that stop the process.

    At first they do what they do to any Python program, but without delay.
    gevent's loop checks for signals and then sleeps. A signal that comes between
    the two would not wake it, so here each signal wakes the loop. After
    :meth:`hold`, the first signal ends :meth:`wait`, and a second Ctrl-C ends the
    process.

    The handlers are Python's own and not gevent's: they run even while the
    application keeps gevent's loop from running.

    A forked child has none of this: both signals end it, unless they did
    something else before the application was imported.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._asked = Event()
        self._hub = gevent.get_hub()
        self._watcher: Any = None
        self._wake_loop()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._handle(signal.SIGINT, self._interrupt)
        self._masks = local()
        os.register_at_fork(
            before=self._block, after_in_parent=self._unblock, after_in_child=self._forked
        )

    def _wake_loop(self) -> None:
        """Let each signal wake the loop, by a byte in a pipe.

        That includes a signal that interrupts another thread of the process, or no
        thread at all (``interrupt_main``).
        """
        if self._watcher is None:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self._writer, False)
            # Without a reference: while it is imported, the application may wait until the
            # loop has nothing else to do.
            self._watcher = self._hub.loop.io(self._reader, _READABLE, ref=False)
            # Not a Python function: if a signal handler raised an exception inside it,
            # gevent would stop the watcher.
            self._watcher.start(os.read, self._reader, 4096)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _handle(self, number: signal.Signals, handler: Any) -> None:
        before = signal.signal(number, handler)
        self._before.setdefault(number, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise an exception as Python does, but not in the hub.

        The hub would print it, or lose it while it handles an error.
        """
        if gevent.getcurrent() is not self._hub:
            raise KeyboardInterrupt
        self._interrupt_main()

    def _interrupt_main(self) -> None:
        self._hub.loop.run_callback(self._hub.parent.throw, KeyboardInterrupt)

    def hold(self) -> None:
        """Let the first signal end :meth:`wait` instead of the process."""
        # Once more: the application may have set other handlers, or have forked.
        self._wake_loop()
        self._watcher.ref = True
        for number in _NUMBERS:
            self._handle(number, self._caught)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # A supervisor may send it twice: to the process group, and through the parent.
        signal.signal(signal.SIGTERM, _pass_over)
        self._hub.loop.run_callback(self._asked.set)

    def wait(self) -> None:
        """Wait for a signal; this does not return in a process that was forked meanwhile."""
        served_by = os.getpid()
        try:
            self._asked.wait()
        except BaseException as error:
            # An exception that ends a process comes here, wherever it was raised.
            if os.getpid() == served_by:
                raise
            # This is a forked child. It has a copy of the server, but no clients.
            os._exit(_status(error))

    def _block(self) -> None:
        """Hold signals back until a forked child knows that it is one."""
        self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)

    def _unblock(self) -> None:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)
        except KeyboardInterrupt:
            self._interrupt_main()  # raised here, it would be lost

    def _forked(self) -> None:
        """Note that this process is a forked child, which handles its signals itself."""
        if self._watcher is not None:
            self._let_go()
        self._unblock()

    def _let_go(self) -> None:
        """Restore the signals to what they would be without this class."""
        woken = signal.set_wakeup_fd(-1)
        if woken not in (-1, self._writer):
            signal.set_wakeup_fd(woken)
        self._watcher.stop()
        self._watcher.close()
        self._watcher = None
        # The parent has the same pipe, so it would miss a byte that is read here.
        os.close(self._reader)
        os.close(self._writer)
        ours = self._interrupt, self._caught, _pass_over, signal.SIG_DFL
        for number, before in self._before.items():
            if signal.getsignal(number) in ours:
                # Python's handler would interrupt this copy of the code that serves.
                default = before is signal.default_int_handler
                signal.signal(number, signal.SIG_DFL if default else before)
        self._before = {}


def _status(error: BaseException) -> int:
    """The exit status of a process that ends by an exception."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Do nothing. Programs that are started meanwhile do not inherit it, unlike ``SIG_IGN``."""
