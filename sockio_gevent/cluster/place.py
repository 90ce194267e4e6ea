"""The directory in which the workers of one application find each other's sockets.

Only the user that runs the workers can enter it. What workers leave behind that were killed is
removed by the next that comes.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["NoPlace", "in_use", "is_of_parent", "of_parent", "of_resource", "prepare", "started"]

#: The longest path of a socket, without the name of the socket.
_LONGEST = 90
_OF_PARENT = re.compile(r"([0-9]+)-([0-9]+)-[0-9a-f]{8}-[0-9]+")


class NoPlace(OSError):
    """There can be no directory here; the text says why."""


def started(pid: int) -> int:
    """When a process was started, in ticks since the machine was; 0 if that is not known."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name of the program may hold blanks and brackets; it ends with the last bracket.
    return int(text.rpartition(")")[2].split()[19])


def of_parent(parent: int, resource: str, ordinal: int = 0) -> Path:
    """The directory for the children of one process.

    Args:
        parent: the process.
        resource: the option ``resource`` of their listener.
        ordinal: 0 for the first listener at this resource in each of them, 1 for the second.
    """
    name = f"{parent}-{started(parent)}-{_of(resource, ordinal)}"
    places = [base / name for base in _bases()]
    return next((place for place in places if not _is_too_long(place)), places[0])


def of_resource(directory: Path, resource: str, ordinal: int = 0) -> Path:
    """The directory for workers that were told to meet in a directory; see :func:`of_parent`."""
    return directory / _of(resource, ordinal)


def is_of_parent(place: Path) -> bool:
    """Whether a directory has a name that :func:`of_parent` gives."""
    return _OF_PARENT.fullmatch(place.name) is not None


def in_use(resource: str) -> list[Path]:
    """The directories of this user for children of processes that live; see :func:`of_parent`.

    Where processes with the environment of this one would meet comes first: others count only if
    there are none.
    """
    for base in _bases():
        found = []
        with suppress(OSError):
            for entry in sorted(os.listdir(base)):
                match = _OF_PARENT.fullmatch(entry)
                if match and entry.endswith(f"-{_of(resource, 0)}") and _lives(match):
                    found.append(base / entry)
        if found:
            return found
    return []


def _of(resource: str, ordinal: int) -> str:
    return f"{hashlib.sha256(resource.encode()).hexdigest()[:8]}-{ordinal}"


def _bases() -> list[Path]:
    """Where the directories of this user may be, the best first."""
    name, bases = f"sockio_gevent-{os.geteuid()}", []
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.path.isabs(given) and os.access(given, os.W_OK):
        bases.append(Path(given, "sockio_gevent"))
    with suppress(OSError):  # no directory for temporary files can be written
        bases.append(Path(tempfile.gettempdir(), name))
    return [*bases, Path("/tmp", name)]


def _is_too_long(place: Path) -> bool:
    return len(os.fsencode(place)) > _LONGEST


def prepare(place: Path) -> None:
    """Make the directory, and remove those whose parents have ended.

    Raises:
        NoPlace: if it cannot be made, or if others could enter it.
    """
    if _is_too_long(place):
        raise NoPlace(f"the path {str(place)!r} is too long for sockets: {_LONGEST} bytes at most")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _OF_PARENT.fullmatch(place.name):
            _check(place.parent)
            _clean(place.parent)
        place.mkdir(mode=0o700, exist_ok=True)
    except NoPlace:
        raise
    except OSError as error:
        raise NoPlace(f"the directory {str(place)!r} cannot be made: {error.strerror}") from None
    _check(place)


def _check(place: Path) -> None:
    # Not through a symbolic link: somebody else may have put it there.
    found = os.lstat(place)
    if not stat.S_ISDIR(found.st_mode):
        raise NoPlace(f"{str(place)!r} is no directory")
    if found.st_uid != os.geteuid():
        raise NoPlace(f"the directory {str(place)!r} belongs to another user")
    if found.st_mode & 0o077:
        raise NoPlace(f"others may enter the directory {str(place)!r}: its mode must be 0700")
    if not os.access(place, os.W_OK | os.X_OK):
        raise NoPlace(f"the directory {str(place)!r} cannot be written")


def _clean(base: Path) -> None:
    """Remove the directories of parents that have ended."""
    for entry in os.listdir(base):
        match = _OF_PARENT.fullmatch(entry)
        if match is None or _lives(match):
            continue
        with suppress(OSError):
            # Workers may have outlived their parent; they have their connections.
            for name in os.listdir(base / entry):
                os.unlink(base / entry / name)
            os.rmdir(base / entry)


def _lives(match: re.Match[str]) -> bool:
    """Whether the process lives that a directory is named after."""
    pid, then = int(match[1]), int(match[2])
    return _is_alive(pid) and (not then or started(pid) == then)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
