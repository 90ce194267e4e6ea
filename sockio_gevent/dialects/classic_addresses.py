"""The addresses of the classic dialect: which of them are ours, and what they mean."""

from __future__ import annotations

from ..options.client_directory import BUNDLES, CLASSIC
from ..options.transport_options import KNOWN_TRANSPORTS
from .base import Route

__all__ = ["is_known", "is_misplaced", "match", "with_merged_slashes"]

_TRANSPORTS = frozenset(KNOWN_TRANSPORTS)
_FILES = frozenset((CLASSIC, *BUNDLES))
_LONGEST_TIME = 15  # digits; milliseconds since 1970 have 13 of them until the year 2286


def match(resource: str, path: str) -> Route | None:
    """Read an address; ``None`` if it is not one of ours.

    Args:
        resource: the option ``resource``.
        path: the path of the request, without the prefix at which the application is mounted.
    """
    prefix = f"/{resource}/"
    if not path.startswith(prefix):
        return None
    name, _, rest = path[len(prefix) :].partition("/")
    if name in _TRANSPORTS:
        session_id, _, tail = rest.partition("/")
        return Route(name, session_id, tail)
    return None


def with_merged_slashes(route: Route) -> Route | None:
    """Read the address of an unknown session as one that opens a session.

    Released clients open a session at ``<transport>//<time>``. nginx merges the two
    slashes if its ``proxy_pass`` has a path, and then the time stands in the place
    of a session id. A session id may be all digits as well, so call this only for
    an id that no session has. Ids of other servers that are all digits are longer
    than a time.

    Returns:
        The address that opens a session; ``None`` if there is no time in it.
    """
    time = route.session_id
    if not (time.isascii() and time.isdigit() and len(time) <= _LONGEST_TIME):
        return None
    return Route(route.name, "", f"{time}/{route.tail}" if route.tail else time)


def is_known(resource: str, path: str) -> bool:
    """Whether an address is one of ours, or may be that of the file of a browser client."""
    prefix = f"/{resource}/"
    is_file = path.startswith(prefix) and path[len(prefix) :] in _FILES
    return is_file or match(resource, path) is not None


def is_misplaced(resource: str, path: str) -> bool:
    """Whether an address would be a known one without a prefix."""
    before, found, rest = path.partition(f"/{resource}/")
    return bool(before and found) and is_known(resource, f"{found}{rest}")
