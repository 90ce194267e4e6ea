"""The option ``client_directory``: a folder with the browser client of Socket.IO 1 to 4.

The files have the names that they have in the npm package ``socket.io``, and the addresses that
Node's server gives them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["BUNDLES", "CLASSIC", "MAIN", "check"]

#: The name of our own client, for classic clients.
CLASSIC = "classic.js"

#: The bundle that must be there.
MAIN = "socket.io.js"

_SCRIPTS = (MAIN, "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")

#: All bundles and their maps. Those that are there are served.
BUNDLES = (*_SCRIPTS, *(f"{name}.map" for name in _SCRIPTS))

_INSTALLED = "node_modules/socket.io/client-dist"
# Where the files are if the folder is one around them.
_BELOW = ("client-dist", "socket.io/client-dist", _INSTALLED, "dist")


def check(name: str, value: Any) -> str | None:
    """Check that the folder has the main file; return its path."""
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"option {name!r} must be the path of a folder or None, not {value!r}")
    folder = Path(value)
    if not (folder / MAIN).is_file():
        below = [folder / each for each in _BELOW if (folder / each / MAIN).is_file()]
        hint = (
            f"did you mean {str(below[0])!r}?"
            if below
            else f"'npm install socket.io' makes the folder {_INSTALLED!r}, which has it"
        )
        raise ValueError(f"option {name!r}: there is no {MAIN!r} in {str(value)!r}: {hint}")
    return str(folder)
