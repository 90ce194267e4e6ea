"""The command line: what ``python -m sockio_gevent`` and ``sockio-gevent`` do.

Importing it patches nothing, and nothing else in the package imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["PROG", "CommandError", "ends_cleanly"]

PROG = "sockio-gevent"


class CommandError(Exception):
    """A mistake that the user of the command can mend; the text is one line that says how."""


@contextmanager
def ends_cleanly() -> Iterator[None]:
    """End the program without a traceback where the traceback would tell nothing more.

    Raises:
        SystemExit: with status 2 after a :exc:`CommandError`, which is printed,
            and 130 after Ctrl-C.
    """
    try:
        yield
    except CommandError as error:
        sys.stderr.write(f"{PROG}: {error}\n")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
