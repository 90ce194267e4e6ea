"""Addresses: which belong to the listener and what they mean, read segment by segment."""

from __future__ import annotations

from sockio_gevent.dialects.classic_addresses import (
    is_known,
    is_misplaced,
    match,
    with_merged_slashes,
)
from sockio_gevent.options.client_directory import BUNDLES, CLASSIC
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

from ..supply import Supply

__all__ = ["SEEDS", "TOKENS", "check"]

FILES = (CLASSIC, *BUNDLES)
RESOURCES = ("socket.io", "a", "a/b", "~x.y/z-")

TOKENS = (
    b"/",
    b"//",
    b"/socket.io/",
    b"/a/",
    b"/a/b/",
    *(name.encode() for name in FILES),
    b"..",
    b"%2F",
    b"\xe9",
    b"\0",
    *(name.encode() for name in KNOWN_TRANSPORTS),
)
# The first byte chooses the resource.
SEEDS = (
    b"\0/socket.io/websocket",
    b"\0/socket.io/socket.io.js",
    b"\0/socket.io/classic.js/",
    b"\0/app/socket.io/socket.io.min.js.map",
    b"\0/socket.io/xhr-polling//1290000000000",
    b"\0/socket.io/jsonp-polling/123/1290/0",
    b"\0/socket.io/xhr-polling/123/send",
    b"\0/socket.io/xhr-polling/123/send/",
    b"\0/socket.iox/websocket",
    b"\0/app/socket.io/websocket/1",
    b"\2/a/b/htmlfile/x",
    b"\1/a/a/websocket",
)


def check(data: bytes) -> None:
    """Read one path."""
    supply = Supply(data)
    resource = supply.choice(RESOURCES)
    # Paths of a WSGI environ are Latin-1.
    path = supply.rest().decode("latin-1")
    expected = _read(resource.split("/"), path)
    route = match(resource, path)
    is_file = expected is not None and expected[0] in FILES
    found = None if route is None else (route.name, route.session_id, route.tail)
    assert found == (None if is_file else expected)
    assert is_known(resource, path) == (expected is not None)
    opening = None if route is None else with_merged_slashes(route)
    if opening is not None:
        assert opening.session_id == ""
        assert opening == match(
            resource, path.replace(f"/{opening.name}/", f"/{opening.name}//", 1)
        )

    if is_misplaced(resource, path):
        assert expected is None
        suffixes = (path[start:] for start in range(1, len(path)))
        assert any(_read(resource.split("/"), suffix) for suffix in suffixes)
    if expected is not None:
        assert not is_misplaced(resource, path)
        assert is_misplaced(resource, f"/mounted{path}")


def _read(resource: list[str], path: str) -> tuple[str, str, str] | None:
    segments = path.split("/")
    count = len(resource)
    if segments[0] != "" or segments[1 : 1 + count] != resource or len(segments) < count + 2:
        return None
    name, *rest = segments[1 + count :]
    if name in FILES:
        return None if rest else (name, "", "")
    if name not in KNOWN_TRANSPORTS:
        return None
    return name, rest[0] if rest else "", "/".join(rest[1:])
