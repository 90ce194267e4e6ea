"""A process that serves: it is patched, imports the application, and runs until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from types import FrameType

import gevent
from gevent import monkey
from gevent.os import nb_read

from .. import surroundings
from .arguments import Arguments
from .target import load, search_here

__all__ = ["CLOSE_TIMEOUT", "run", "set_up_logging"]

CLOSE_TIMEOUT = 5.0  # seconds that clients have to take what was sent to them, and the end

_log = logging.getLogger("sockio_gevent")


def run(arguments: Arguments, inherited: int | None = None) -> None:
    """Serve until a signal says to stop.

    Args:
        arguments: the command line.
        inherited: the file descriptor of a socket that listens already, if there is one.

    Raises:
        CommandError: if the arguments do not allow it.
        Exception: what the application's module raises when it is imported.
    """
    monkey.patch_all()
    surroundings.note_patching()
    set_up_logging(arguments.log_level)
    from .server import bind, make_server, tls_context, url

    context = None
    if arguments.certfile is not None and arguments.keyfile is not None:
        context = tls_context(arguments.certfile, arguments.keyfile)
    if inherited is None:
        listening = bind(arguments.host, arguments.port)
    else:
        os.set_inheritable(inherited, False)
        listening = socket.socket(fileno=inherited)
    with listening:
        search_here()
        application, listeners, added = load(arguments.target, arguments.origins)
        if added:
            _log.info("%s has no listener: it gets one with default options", arguments.target)
        server = make_server(listening, application, listeners, context)
        stop = _StopSignals()
        server.start()
        _announce(url(arguments.host, listening, context is not None))
        try:
            stop.wait()
            _log.info("stopping; Ctrl-C now stops at once")
        finally:
            if inherited is not None:
                # Who connects waits for the next process, which has the same socket.
                server.stop()
            # Otherwise it accepts meanwhile: behind most proxies, who comes back for
            # what waits does so over a new connection. New sessions get 503.
            gevent.joinall([gevent.spawn(each.close, CLOSE_TIMEOUT) for each in listeners])
            server.stop()


def _announce(address: str) -> None:
    """Print the address, if that can be: a disk that is full is no reason not to serve."""
    try:
        sys.stdout.write(f"Open {address}\n")
        sys.stdout.flush()
    except OSError as error:
        _log.warning("the address, %s, cannot be printed: %s", address, error.strerror)


def set_up_logging(level: str) -> None:
    """Log on stderr, for an operator who watches it."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )


class _StopSignals:
    """The signals that ask a process to stop.

    Python's own handlers rather than gevent's: they run, and so a second
    Ctrl-C ends the process, even while the application keeps gevent's loop
    from running.
    """

    def __init__(self) -> None:
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        # Wakes the loop by a byte that is the signal's number: also if another
        # thread of the process was interrupted, or none was (interrupt_main).
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._caught)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # A supervisor may well send it twice: to the group and, through its parent, to each.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def wait(self) -> None:
        """Wait for one of them."""
        while not {signal.SIGINT, signal.SIGTERM}.intersection(nb_read(self._reader, 64)):
            pass
