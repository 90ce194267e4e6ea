"""``python -m sockio_gevent module:application``: serve a WSGI application."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .command import ends_cleanly
from .command.arguments import parse
from .command.doctor import is_meant
from .command.reloading import supervise
from .command.run import run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; or examine a server, if the first argument is ``doctor``.

    Args:
        arguments: the command line; ``None`` for ``sys.argv``.

    Raises:
        SystemExit: with status 2 if the arguments do not allow it.
    """
    given = sys.argv[1:] if arguments is None else arguments
    with ends_cleanly():
        if is_meant(given):
            # It imports what a process that serves imports only after it was patched.
            from .command.doctor.examine import main as examine

            examine(given[1:])
            return
        parsed = parse(given)
        if parsed.reload:
            supervise(parsed, given)
        elif parsed.workers > 1:
            from .command.workers import serve

            serve(parsed)
        else:
            run(parsed)


if __name__ == "__main__":
    main()
