"""The command: its arguments, and what is tried in which order."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from .. import PROG, CommandError
from .balancers import workers
from .findings import Finding, as_json, as_text, bad, is_good, skipped
from .http import Failed, Place, Server
from .polling import classic_polling, polling, stream
from .proxies import large_posts, own_origin, reached
from .sockets import classic_websocket, silence, silent_websocket, upgrade, websocket

__all__ = ["Arguments", "examine", "main", "parse"]

_DESCRIPTION = """\
Try every way in which clients connect to a running server, through whatever
proxies are there, and say what is wrong and which line of the proxy mends it.
It opens a few sessions, which the application sees, and sends no messages. It
takes about half a minute, because it waits for a ping of the server.
"""

Probe = Callable[[Server], Finding]

_PROBES: tuple[Probe, ...] = (
    websocket,
    upgrade,
    classic_polling,
    classic_websocket,
    stream,
    own_origin,
    large_posts,
    workers,
    silence,
    silent_websocket,
)
# They wait for a ping.
_LONG = {silence: "a silent poll", silent_websocket: "a silent WebSocket"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see {PROG} doctor --help)")


class Arguments(argparse.Namespace):
    """The arguments of the command.

    Attributes:
        url: the address, as it was given.
        place: the same, read.
        resource: the option of this name.
        quick: whether not to wait for a ping.
        insecure: whether the certificate is not checked.
        json: whether to print JSON.
    """

    url: str
    place: Place
    resource: str
    quick: bool
    insecure: bool
    json: bool


def parse(arguments: Sequence[str]) -> Arguments:
    """Read the command line.

    Args:
        arguments: what follows ``doctor``.

    Raises:
        CommandError: if something is missing, unknown or malformed.
        SystemExit: after ``--help``.
    """
    parser = _Parser(
        prog=f"{PROG} doctor",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("url", help="the address of the application, as a browser has it: https://example.com/")
    add("--resource", default="socket.io", help="the option of this name (default: %(default)s)")
    add("--quick", action="store_true", help="do not wait for a ping of the server")
    add("--insecure", action="store_true", help="do not check the certificate of the server")
    add("--json", action="store_true", help="print JSON, for programs")
    given = parser.parse_args(arguments, Arguments())
    try:
        given.place = Place.parse(given.url)
    except ValueError as error:
        parser.error(str(error))
    return given


def main(arguments: Sequence[str]) -> None:
    """Examine a server, and print what was found.

    Args:
        arguments: the command line, without ``doctor``.

    Raises:
        CommandError: if the arguments do not allow it.
        SystemExit: with status 1 if something has to be done.
    """
    given = parse(arguments)
    server = Server(given.place, given.resource, given.insecure)
    found = []
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for finding in examine(server, quick=given.quick):
        found.append(finding)
        if not given.json:
            sys.stdout.write(as_text(finding, colored))
            sys.stdout.flush()
    if given.json:
        sys.stdout.write(as_json(given.url, found))
    if not is_good(found):
        raise SystemExit(1)


def examine(server: Server, quick: bool = False) -> Iterator[Finding]:
    """Try everything, most of it at once; yield the findings in their order, as they come.

    Args:
        server: the server.
        quick: whether to leave out what takes long.
    """
    for probe in (reached, polling):
        finding = _tried(probe, server)
        yield finding
        if finding.ends:
            return
    probes = [each for each in _PROBES if not (quick and each in _LONG)]
    with ThreadPoolExecutor(max_workers=len(probes)) as threads:
        yield from threads.map(lambda probe: _tried(probe, server), probes)
    if quick:
        for name in _LONG.values():
            yield skipped(name, "not tried, because of --quick")


def _tried(probe: Probe, server: Server) -> Finding:
    try:
        return probe(server)
    except Failed as error:
        return bad(probe.__name__.replace("_", " "), f"the request has failed: {error}")
