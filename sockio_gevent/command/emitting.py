"""``python -m sockio_gevent emit``: send an event to clients from a shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..adapters.emitter import Emitter
from ..cluster.redis_client import FAILURES
from ..options.cluster import AUTO, check
from ..wire.json_text import decode_json
from . import PROG, CommandError

__all__ = ["emit"]

_EPILOG = f"""\
examples:
  {PROG} emit news '"hello"'
  {PROG} emit --cluster redis://localhost --to red --to blue move 3 '{{"x": 1}}'
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise CommandError(f"{message} (see {PROG} emit --help)")


def emit(given: Sequence[str]) -> None:
    """Send an event.

    Args:
        given: the command line behind ``emit``.

    Raises:
        CommandError: if the arguments do not allow it, or the workers or Redis do not take it.
    """
    parsed = _parser().parse_args(given)
    try:
        emitter = Emitter(parsed.cluster, parsed.resource).of(parsed.namespace)
        if parsed.to:
            emitter = emitter.to(*parsed.to)
        emitter = emitter.except_(*parsed.without)
        emitter.emit(parsed.event, *parsed.arguments)
    except (ImportError, ValueError, TypeError) as error:
        raise CommandError(str(error)) from None
    except tuple(FAILURES) as error:
        raise CommandError(f"{_who_has_it(error)}: {error}") from None


def _who_has_it(error: Exception) -> str:
    """Who has got an event that was not taken; see :class:`..cluster.local_sender.LocalSender`."""
    if isinstance(error, (TimeoutError, ConnectionAbortedError, PermissionError)):
        return "not everybody has taken it"  # some workers may have
    return "it was not sent" if isinstance(error, OSError) else "Redis has not taken it"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"{PROG} emit",
        description="Send an event to clients of all workers of an application.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("event", help="the name of the event")
    add(
        "arguments",
        nargs="*",
        default=[],
        type=_json,
        metavar="JSON",
        help="its arguments, each as JSON",
    )
    add(
        "--cluster",
        default=AUTO,
        type=_address,
        metavar="ADDRESS",
        help="as in the option 'cluster' of the workers: a Redis, redis://…, or a directory; "
        "'auto' for the only gunicorn, or the only server with --workers, of this user "
        "(default: %(default)s)",
    )
    add("--to", action="append", metavar="ROOM", help="a room, or the id of a client; repeatable")
    add(
        "--except",
        dest="without",
        action="append",
        default=[],
        metavar="ROOM",
        help="a room whose clients are left out; repeatable",
    )
    add("--namespace", default="/", help="the namespace (default: %(default)s)")
    add("--resource", default="socket.io", help="the option of that name (default: %(default)s)")
    return parser


def _json(text: str) -> Any:
    try:
        return decode_json(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no JSON; a text has quotes: '\"…\"'"
        ) from None


def _address(text: str) -> str:
    try:
        return check("cluster", text) or ""
    except ValueError as error:
        if "://" in text:
            raise argparse.ArgumentTypeError(str(error)) from None
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is neither 'auto', nor the address of a Redis, 'redis://…', nor the "
            "path of a directory, '/…'"
        ) from None
