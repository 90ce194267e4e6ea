"""The process that serves: it is patched, imports the application, and runs until it is stopped."""

from __future__ import annotations

import logging
import os
import socket
import sys

import gevent
from gevent import monkey

from ..ext.json_log import JSONFormatter
from ..mounting import environment_checks
from .arguments import Arguments
from .listening import bind, url
from .loading import load
from .target import search_here
from .worker_side import WorkerSide

__all__ = ["CLOSE_TIMEOUT", "announce", "run", "set_up_logging"]

CLOSE_TIMEOUT = 5.0  # seconds that clients have to take their last messages and the close

_log = logging.getLogger("sockio_gevent")


def run(
    arguments: Arguments, inherited: int | None = None, worker: WorkerSide | None = None
) -> None:
    """Serve until a signal says to stop.

    Args:
        arguments: the command line.
        inherited: the file descriptor of a socket that listens already, if there is one.
        worker: the parent, if this is one of several workers.

    Raises:
        CommandError: if the arguments do not allow it.
        Exception: what the application's module raises when it is imported.
    """
    # Before the patching: a thread that sleeps, as that of hupper does, would make its hub at the
    # same time as this one, and both would wait for ever for what the other one imports.
    gevent.get_hub()
    monkey.patch_all()
    environment_checks.note_patching()
    set_up_logging(arguments.log_level, arguments.log_format)
    from ..mounting.workers import note_parent
    from .server import make_server, tls_context
    from .signals import StopSignals

    if worker is not None:
        note_parent(worker.parent)
        worker.watch()
    context = None
    if arguments.certfile is not None and arguments.keyfile is not None:
        context = tls_context(arguments.certfile, arguments.keyfile)
    if inherited is None:
        listening = bind(arguments.host, arguments.port)
    else:
        os.set_inheritable(inherited, False)
        listening = socket.socket(fileno=inherited)
    with listening:
        stop = StopSignals()
        search_here(arguments.target)
        application, listeners, added = load(arguments.target, arguments.origins)
        if added:
            _log.info("%s has no listener: one with the default options is added", arguments.target)
        server = make_server(listening, application, listeners, context, worker is not None)
        stop.hold()
        server.start()
        if worker is None:
            announce(url(arguments.host, listening, context is not None))
        else:
            worker.ready()
        try:
            stop.wait()
            if worker is None:  # otherwise the parent says so for all
                _log.info("stopping; Ctrl-C now stops at once")
        finally:
            if inherited is not None and worker is None:
                # A client that connects waits for the next process, which has the same socket.
                server.stop()
            # Otherwise the server still accepts: behind most proxies, a client that comes
            # back for its messages opens a new connection. New sessions get 503.
            gevent.joinall([gevent.spawn(each.close, CLOSE_TIMEOUT) for each in listeners])
            server.stop()


def announce(address: str) -> None:
    """Print the address. If stdout cannot be written (a full disk), serve all the same."""
    try:
        sys.stdout.write(f"Open {address}\n")
        sys.stdout.flush()
    except OSError as error:
        _log.warning("the address, %s, cannot be printed: %s", address, error.strerror)


def set_up_logging(level: str, log_format: str) -> None:
    """Log on stderr.

    Args:
        level: the lowest level that is logged.
        log_format: ``'text'`` for an operator who watches it, ``'json'`` for a program.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JSONFormatter()
        if log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # Warnings of Python would be lines of another form.
    logging.captureWarnings(log_format == "json")
