"""The parts that the examples share: the command line, and a server that stops cleanly."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIServer

import sockio_gevent as io


def command_line(
    description: str, arguments: Sequence[str] | None = None, client: str | None = None
) -> argparse.Namespace:
    """Read ``host`` and ``port`` from the command line, and ``client_directory``.

    Args:
        description: what the program is.
        arguments: in place of those of the process.
        client: what the help says about the default of ``client_directory``; ``None`` if the
            program has no such option.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", default=8080, type=_port, help="default: %(default)s; 0: any that is free"
    )
    if client is not None:
        parser.add_argument(
            "--client-directory",
            metavar="FOLDER",
            help=f"where the browser client of Socket.IO 1 to 4 is; default: {client}",
        )
    return parser.parse_args(arguments)


def serve(server: WSGIServer, *listeners: io.Listener) -> None:
    """Serve until interrupted, then let the clients know."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, stop.set)
    try:
        server.start()
    except OSError as error:
        give_up(f"cannot listen: {error.strerror}; --port chooses another port")
    print(f"Open {_address(server)}", flush=True)
    stop.wait()
    for listener in listeners:
        listener.close(timeout=5)
    server.stop()


def give_up(problem: str) -> NoReturn:
    """Say in one line what is wrong, and end."""
    print(f"{Path(sys.argv[0]).name}: {problem}", file=sys.stderr)
    sys.exit(2)


def _address(server: WSGIServer) -> str:
    """Where a browser on this machine finds the server."""
    host = server.server_host
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{server.server_port}/"


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 65535")
    return number
