"""``--reload``: a process that watches the source files, and one that serves, by hupper.

The first keeps the listening socket, so that who connects while the second is
replaced waits for the new one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec

from . import CommandError, ends_cleanly
from .arguments import Arguments, parse
from .run import CLOSE_TIMEOUT, run, set_up_logging
from .target import module_missing, search_here

__all__ = ["supervise"]

_INTERVAL = 0.5  # seconds between two looks at the files, and at least between two starts


def supervise(arguments: Arguments, given: Sequence[str]) -> None:
    """Serve in another process, and start that again when a source file has changed.

    Args:
        arguments: the command line.
        given: the same, as it was given.

    Raises:
        CommandError: if hupper is not installed, or the arguments do not allow it.
        SystemExit: when all is over, with the status of the process that served.
    """
    try:
        from hupper.reloader import Reloader, find_default_monitor_factory
    except ModuleNotFoundError as error:
        if error.name != "hupper":
            raise
        raise CommandError("--reload needs hupper: pip install 'sockio_gevent[reload]'") from None

    from .server import bind, tls_context

    set_up_logging(arguments.log_level)
    search_here()
    package = arguments.target.module.partition(".")[0]
    if find_spec(package) is None:
        raise module_missing(package)
    if arguments.certfile is not None and arguments.keyfile is not None:
        tls_context(arguments.certfile, arguments.keyfile)
    listening = bind(arguments.host, arguments.port)
    listening.set_inheritable(True)
    logger = logging.getLogger("hupper")
    supervisor = Reloader(
        worker_path=f"{__name__}.work",
        worker_args=[list(given), listening.fileno()],
        reload_interval=_INTERVAL,
        shutdown_interval=CLOSE_TIMEOUT + 2,
        monitor_factory=find_default_monitor_factory(logger),
        logger=logger,
    )
    # It would answer the end of its terminal with a reload, and stay behind.
    supervisor._signals = {
        name: byte for name, byte in supervisor._signals.items() if name != "SIGHUP"
    }
    with listening:
        supervisor.run()


def work(given: Sequence[str], inherited: int) -> None:
    """Serve, in the process that hupper has started.

    Args:
        given: the command line.
        inherited: the file descriptor of the socket that listens.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            # hupper's are older than the patching, which gives them another ident:
            # at their end they would not find themselves on the list of threads.
            thread._delete = lambda: None  # type: ignore[attr-defined]
    try:
        with ends_cleanly():
            run(parse(given), inherited)
    except SyntaxError as error:
        # hupper knows the modules that were imported, which this one was not.
        if error.filename is not None:
            from hupper import get_reloader

            get_reloader().watch_files([error.filename])
        raise
