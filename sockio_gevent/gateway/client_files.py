"""The files of browser clients, served below the resource.

Ours, for classic clients, is ``classic.js``; and ``socket.io.js``, unless the option
``client_directory`` has a file of that name. Its types for TypeScript are ``socket.io.d.ts``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from ..options.client_directory import BUNDLES, CLASSIC, MAIN
from ..options.listener_options import Options
from .files import File, Files

__all__ = ["client_files"]

_SCRIPT = "text/javascript; charset=UTF-8"
_MAP = "application/json"
_TYPES = "socket.io.d.ts"


def client_files(options: Options) -> Files:
    """The files of browser clients that a listener with these options serves."""
    # Read now: later there may be no file descriptor left.
    found: dict[str, File] = {}
    if "classic" in options.dialects:
        found[CLASSIC] = found[MAIN] = _own("socket.io.js", _SCRIPT)
        found[_TYPES] = _own(_TYPES, "text/plain; charset=UTF-8")
    if options.client_directory is not None:
        found.update(_read(Path(options.client_directory)))
    return Files(options.resource, found)


@cache
def _own(name: str, content_type: str) -> File:
    """A file of our own client, which all listeners serve."""
    return File(files("sockio_gevent").joinpath(f"static/{name}").read_bytes(), content_type)


def _read(folder: Path) -> dict[str, File]:
    """The files of the option ``client_directory``, by their names."""
    found = {}
    for name in BUNDLES:
        file = folder / name
        if file.is_file():
            found[name] = File(file.read_bytes(), _MAP if name.endswith(".map") else _SCRIPT)
    return found
