"""The option ``client_directory``: a folder with the browser client of Socket.IO 1 to 4.

The files have the names that they have in the npm package ``socket.io``, and the addresses that
Node's server gives them.
"""

from __future__ import annotations

from typing import Any

from .folders import folder_with

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
_BELOW = ("client-dist", "socket.io/client-dist", "dist")


def check(name: str, value: Any) -> str | None:
    """Check that the folder has the main file; return its path."""
    if value is None:
        return None
    return folder_with(name, value, MAIN, "socket.io", _INSTALLED, _BELOW)
