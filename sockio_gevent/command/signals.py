"""Ctrl-C and SIGTERM, in the process that serves: while it imports the application, and after."""

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
    """The signals that ask the process to stop.

    At first they do what they do to any Python program, but at once: gevent's
    loop looks for signals and then falls asleep, and would sleep on after one
    that came in between. Here each signal wakes the loop. After :meth:`hold`,
    the first one ends :meth:`wait`, and a second Ctrl-C ends the process.

    The handlers are Python's own rather than gevent's: they run even while
    the application keeps gevent's loop from running.

    A process that is forked has none of this: there both signals end it,
    unless they did something else before the application was imported.
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
        """Have each signal wake the loop, by a byte in a pipe.

        Also one that interrupts another thread of the process, or none
        (``interrupt_main``).
        """
        if self._watcher is None:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self._writer, False)
            # Without a reference: the application that is imported may wait
            # until the loop has nothing else to do.
            self._watcher = self._hub.loop.io(self._reader, _READABLE, ref=False)
            # Not by a function of Python's: if the handler of a signal raised
            # in it, gevent would stop the watcher.
            self._watcher.start(os.read, self._reader, 4096)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _handle(self, number: signal.Signals, handler: Any) -> None:
        before = signal.signal(number, handler)
        self._before.setdefault(number, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise an exception as Python does, but not in the hub.

        The code there would have it printed, and where it handles an error, lost.
        """
        if gevent.getcurrent() is not self._hub:
            raise KeyboardInterrupt
        self._interrupt_main()

    def _interrupt_main(self) -> None:
        self._hub.loop.run_callback(self._hub.parent.throw, KeyboardInterrupt)

    def hold(self) -> None:
        """Have the first signal end :meth:`wait`, instead of the process."""
        # Anew: the application may have put something else in its place, or have forked.
        self._wake_loop()
        self._watcher.ref = True
        for number in _NUMBERS:
            self._handle(number, self._caught)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # A supervisor may well send it twice: to the group and, through its parent, to each.
        signal.signal(signal.SIGTERM, _pass_over)
        self._hub.loop.run_callback(self._asked.set)

    def wait(self) -> None:
        """Wait for one of them; does not return in a process that was forked meanwhile."""
        served_by = os.getpid()
        try:
            self._asked.wait()
        except BaseException as error:
            # What ends a process comes here, wherever in it that was raised.
            if os.getpid() == served_by:
                raise
            # This child has a copy of the server, but the clients are the parent's.
            os._exit(_status(error))

    def _block(self) -> None:
        """Have signals wait that come before the child of a fork knows that it is one."""
        self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)

    def _unblock(self) -> None:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)
        except KeyboardInterrupt:
            self._interrupt_main()  # raised here, it would be lost

    def _forked(self) -> None:
        """This process is the child of a fork, and its signals are its own."""
        if self._watcher is not None:
            self._let_go()
        self._unblock()

    def _let_go(self) -> None:
        """Leave the signals as they would be without this."""
        woken = signal.set_wakeup_fd(-1)
        if woken not in (-1, self._writer):
            signal.set_wakeup_fd(woken)
        self._watcher.stop()
        self._watcher.close()
        self._watcher = None
        # The parent has the same pipe: a byte that was read here would be lost to it.
        os.close(self._reader)
        os.close(self._writer)
        ours = self._interrupt, self._caught, _pass_over, signal.SIG_DFL
        for number, before in self._before.items():
            if signal.getsignal(number) in ours:
                # Python's handler would interrupt the copy of what has served.
                default = before is signal.default_int_handler
                signal.signal(number, signal.SIG_DFL if default else before)
        self._before = {}


def _status(error: BaseException) -> int:
    """The status of a process that ends by an exception."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Do nothing. Unlike ``SIG_IGN``, programs that are started meanwhile do not inherit it."""
