"""The arguments of the command line, and the checks that need nothing else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..compiled import FORM
from ..options.origins import Origins
from ..version import __version__
from . import PROG, CommandError
from .hints import hint
from .target import USUAL_NAMES, Target

__all__ = ["Arguments", "parse"]

_DESCRIPTION = """\
Serve a WSGI application and the sockio_gevent listener in it.

The application may be what io.listen() returned, a Flask or Bottle object that
was passed to it, either of them inside middleware, or a function without
arguments that makes the application. An application without any listener gets
a listener with the default options. Python is made cooperative
(gevent.monkey.patch_all) before the module is imported.
"""

_EPILOG = f"""\
examples:
  {PROG} chat                        the application in chat.py
  {PROG} ./chat.py                   the same, by the name of the file
  {PROG} chat:site --port 8000       'site' in chat.py
  {PROG} "shop:create_app()"         what this function in shop.py returns
  {PROG} 'shop:create_app("test")'   the same, with arguments that are literals of Python
  {PROG} --reload shop.wsgi:app      start again whenever a source file changes
  {PROG} chat --workers 4            four processes, for more cores
  {PROG} chat --host 0.0.0.0 --certfile cert.pem --keyfile key.pem
  {PROG} chat --origins https://example.com,https://www.example.com
  {PROG} emit --help                 send an event to clients, from a shell
  {PROG} doctor https://example.com/  say what does not get through to a server

Ctrl-C or SIGTERM closes all sessions and stops; a second Ctrl-C stops at once.
"""


class Arguments(argparse.Namespace):
    """The arguments of the command line.

    Attributes:
        target: what to serve.
        host: the address to listen on, or a name for it, without brackets.
        port: the port; 0 for any that is free.
        certfile: where the certificate for TLS is; ``None`` for plain HTTP.
        keyfile: where its key is.
        origins: the value for the option ``origins``; ``None`` to leave it alone.
        log_level: the lowest level that is logged, in lower case.
        log_format: the form of the lines of the log.
        workers: how many processes serve.
        reload: whether to start again when a source file changes.
    """

    target: Target
    host: str
    port: int
    certfile: str | None
    keyfile: str | None
    origins: list[str] | None
    log_level: str
    log_format: str
    workers: int
    reload: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see {PROG} --help)")


def parse(arguments: Sequence[str] | None) -> Arguments:
    """Read the command line.

    Args:
        arguments: what follows the name of the program; ``None`` for ``sys.argv``.

    Raises:
        CommandError: if something is missing, unknown or malformed.
        SystemExit: after ``--help`` and ``--version``.
    """
    parser = _parser()
    # Before anything else: for "--workers 4 chat" the error would name only the 4.
    foreign = hint(sys.argv[1:] if arguments is None else arguments)
    if foreign is not None:
        parser.error(foreign)
    found = parser.parse_args(arguments, Arguments())
    if (found.certfile is None) != (found.keyfile is None):
        missing = "--keyfile" if found.keyfile is None else "--certfile"
        parser.error(f"--certfile and --keyfile go together: {missing} is missing")
    given: list[list[str]] | None = found.origins  # type: ignore[assignment]
    found.origins = None if given is None else [origin for part in given for origin in part]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROG,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "target",
        type=_target,
        metavar="module:application",
        help="where the application is: a module, by its name in Python or that of its file, and "
        "an attribute of it (default: the first of "
        f"{', '.join(USUAL_NAMES)}); a function that takes no arguments is called, and one with "
        "arguments in brackets; the current "
        "folder is searched first",
    )
    add("--host", default="127.0.0.1", type=_host, help="default: %(default)s; 0.0.0.0: everywhere")
    add("--port", default=8080, type=_port, help="default: %(default)s; 0: any that is free")
    add("--certfile", metavar="FILE", help="serve over TLS with this certificate (chain), PEM")
    add("--keyfile", metavar="FILE", help="its key, PEM")
    add(
        "--origins",
        action="append",
        type=_origins,
        metavar="ORIGIN[,ORIGIN...]",
        help="which pages may connect, in place of the option 'origins': https://example.com, "
        "example.com:*, self; *:* for all; may be repeated (default: what the application says, "
        "or else pages of this server only)",
    )
    add(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="the lowest level that is logged on stderr (default: %(default)s)",
    )
    add(
        "--log-format",
        default="text",
        choices=("text", "json"),
        help="the form of the lines of the log: text for readers, json for programs "
        "(default: %(default)s)",
    )
    add(
        "--workers",
        default=1,
        type=_workers,
        metavar="N",
        help="how many processes serve; what is meant for all clients reaches those of all of them "
        "(default: %(default)s)",
    )
    add(
        "--reload",
        action="store_true",
        help="for development: start again whenever a source file changes "
        "(pip install 'sockio_gevent[reload]')",
    )
    add("--version", action="version", version=f"%(prog)s {__version__} ({FORM})")
    return parser


def _target(text: str) -> Target:
    try:
        return Target.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _host(text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        host.encode("idna")
    except UnicodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a host") from None
    return host


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 0 and 65535")
    return int(text)


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers, 1 or more")
    return int(text)


def _origins(text: str) -> list[str]:
    origins = [origin.strip() for origin in text.split(",")]
    try:
        Origins(origins)
    except ValueError as error:
        problem = str(error).removeprefix("option 'origins': ")
        raise argparse.ArgumentTypeError(problem) from None
    return origins
