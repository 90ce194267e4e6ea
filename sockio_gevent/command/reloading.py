"""``--reload``: one process watches the source files, and another one serves, by hupper.

The watching process keeps the listening socket, so a client that connects
while the serving process is replaced waits for the new one. If the new one
cannot be started, a third process answers until a file has changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from . import CommandError, ends_cleanly
from .arguments import Arguments, parse
from .listening import bind
from .run import CLOSE_TIMEOUT, run, set_up_logging
from .target import module_missing, search_here

__all__ = ["supervise"]

_INTERVAL = 0.5  # seconds between two checks of the files, and at least between two starts


def supervise(arguments: Arguments, given: Sequence[str]) -> None:
    """Serve in another process, and start that again when a source file has changed.

    Args:
        arguments: the command line.
        given: the same arguments, as the user wrote them.

    Raises:
        CommandError: if hupper is not installed, or the arguments do not allow it.
        SystemExit: at the end, with the status of the process that served.
    """
    try:
        from .supervisor import Supervisor
    except ModuleNotFoundError as error:
        if error.name != "hupper":
            raise
        raise CommandError("--reload needs hupper: pip install 'sockio_gevent[reload]'") from None

    from .server import tls_context

    set_up_logging(arguments.log_level, arguments.log_format)
    search_here(arguments.target)
    package = arguments.target.module.partition(".")[0]
    found = find_spec(package)
    if found is None:
        raise module_missing(package)
    if arguments.certfile is not None and arguments.keyfile is not None:
        tls_context(arguments.certfile, arguments.keyfile)
    listening = bind(arguments.host, arguments.port)
    listening.set_inheritable(True)
    with listening:
        Supervisor(
            work=f"{__name__}.work",
            wait=f"{__name__}.wait",
            arguments=[list(given), listening.fileno()],
            files=[found.origin] if found.has_location and found.origin else [],
            interval=_INTERVAL,
            shutdown=CLOSE_TIMEOUT + 2,
        ).run()


def work(given: Sequence[str], inherited: int) -> None:
    """Serve, in the process that hupper has started.

    Args:
        given: the command line.
        inherited: the file descriptor of the socket that listens.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            # hupper's threads are older than the patching, which gives them another ident:
            # when they end they would not find themselves in the list of threads.
            thread._delete = lambda: None  # type: ignore[attr-defined]
    try:
        with ends_cleanly():
            arguments = parse(given)
            if arguments.workers > 1:
                _work_with_others(arguments, inherited)
            else:
                run(arguments, inherited)
    except SyntaxError as error:
        # hupper watches the modules that were imported; this one was not.
        if error.filename is not None:
            from hupper import get_reloader

            get_reloader().watch_files([error.filename])
        raise


def _work_with_others(arguments: Arguments, inherited: int) -> None:
    from hupper import get_reloader

    from .workers import serve

    # The workers are processes of their own, and hupper knows nothing of what they import.
    serve(arguments, inherited, get_reloader().watch_files, _leave_hupper)


class _NoPipe:
    """In place of hupper's pipe in a worker, which tells its parent what it has imported."""

    def send(self, packet: Any) -> None:
        """Send nothing."""


def _leave_hupper() -> None:
    """Let go of what hupper has in the process that was forked.

    At the end of a process hupper tells which files that has imported. If all workers told it
    over the one pipe that they have from their parent, what they write would be mixed, and
    nobody could read it. The locks that it needs for that may be held for ever in a fork.
    """
    from hupper import get_reloader
    from hupper.worker import WatchSysModules

    reloader = get_reloader()
    pipe, reloader.pipe = reloader.pipe, _NoPipe()
    for descriptor in (pipe.r_fd, pipe.w_fd):
        os.close(descriptor)
    WatchSysModules.update_paths = lambda self: None
    WatchSysModules.search_traceback = lambda self, traceback: None


def wait(given: Sequence[str], inherited: int) -> None:
    """Tell clients that nothing can be served, until hupper ends this process.

    Args:
        given: the command line.
        inherited: the file descriptor of the socket that listens.
    """
    from hupper.reloader import wait_main

    # hupper waits in the thread that receives the signals.
    threading.Thread(target=_refuse_all, args=(parse(given), inherited), daemon=True).start()
    wait_main()


def _refuse_all(arguments: Arguments, inherited: int) -> None:
    from gevent import socket
    from gevent.pywsgi import WSGIServer

    from .server import tls_context

    context = {}
    if arguments.certfile is not None and arguments.keyfile is not None:
        context["ssl_context"] = tls_context(arguments.certfile, arguments.keyfile)
    listening = socket.socket(fileno=inherited)
    WSGIServer(listening, _refuse, log=None, error_log=None, **context).serve_forever()


_EXCUSE = (
    "The application cannot be started: what the server has printed says why.\n"
    "It is started again when a source file has changed.\n"
)


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that answers in place of one that cannot be started."""
    headers = [
        ("Content-Type", "text/plain; charset=UTF-8"),
        ("Content-Length", str(len(_EXCUSE))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
        ("Retry-After", "1"),
    ]
    start_response("503 Service Unavailable", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [_EXCUSE.encode()]
