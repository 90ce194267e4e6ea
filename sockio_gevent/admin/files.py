"""The option ``ui_directory``: the folder of the admin page, whose files are served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..gateway.files import File, Files
from ..options.folders import folder_with

__all__ = ["check", "page_files"]

_MAIN = "index.html"
_BELOW = ("dist", "ui/dist", "@socket.io/admin-ui/ui/dist")
_INSTALLED = "node_modules/@socket.io/admin-ui/ui/dist"
_TYPES = {
    ".css": "text/css; charset=UTF-8",
    ".html": "text/html; charset=UTF-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=UTF-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# No other site may put the page, with its buttons, into a frame of its own.
_HEADERS = (("Content-Security-Policy", "frame-ancestors 'none'"), ("X-Frame-Options", "DENY"))
# A wrong folder may hold anything.
_MOST_FILES = 100


def check(name: str, value: Any) -> str:
    """Check that the folder has the page; return its path."""
    folder = Path(folder_with(name, value, _MAIN, "@socket.io/admin-ui", _INSTALLED, _BELOW))
    if len(_found(folder)) > _MOST_FILES:
        raise ValueError(f"option {name!r}: {str(value)!r} has over {_MOST_FILES} files for pages")
    return str(folder)


def page_files(resource: str, directory: str) -> Files:
    """The files of the page, at ``/<resource>/admin/``.

    Args:
        resource: the option of this name.
        directory: the option ``ui_directory``, which was checked.
    """
    # Read now: later there may be no file descriptor left.
    folder = Path(directory)
    files = {}
    for path in _found(folder):
        name = path.relative_to(folder).as_posix()
        file = File(path.read_bytes(), _TYPES[path.suffix], _HEADERS)
        files[f"admin/{name}"] = file
        if name == _MAIN:
            files["admin/"] = file
    # The page names its files without a folder, so its own address needs the slash.
    files["admin"] = File(b'<meta http-equiv="refresh" content="0; url=admin/">', _TYPES[".html"])
    return Files(resource, files)


def _found(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.rglob("*"):
        if path.suffix in _TYPES and path.is_file():
            found.append(path)
            if len(found) > _MOST_FILES:
                break
    return found
