"""The addresses of the classic dialect: which are ours."""

from __future__ import annotations

import pytest

from sockio_gevent.dialects.base import Route
from sockio_gevent.dialects.classic_addresses import (
    is_known,
    is_misplaced,
    match,
    with_merged_slashes,
)
from sockio_gevent.options.client_directory import BUNDLES, CLASSIC
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

OURS = {
    "/socket.io/websocket": Route("websocket", "", ""),
    "/socket.io/flashsocket": Route("flashsocket", "", ""),
    "/socket.io/xhr-polling": Route("xhr-polling", "", ""),
    "/socket.io/xhr-polling/": Route("xhr-polling", "", ""),
    "/socket.io/xhr-polling//": Route("xhr-polling", "", ""),
    "/socket.io/xhr-polling//1290000000000": Route("xhr-polling", "", "1290000000000"),
    "/socket.io/xhr-polling//anything/at/all": Route("xhr-polling", "", "anything/at/all"),
    "/socket.io/xhr-polling/123": Route("xhr-polling", "123", ""),
    "/socket.io/xhr-polling/123/": Route("xhr-polling", "123", ""),
    "/socket.io/xhr-polling/123/1290000000000": Route("xhr-polling", "123", "1290000000000"),
    "/socket.io/xhr-polling/123/send": Route("xhr-polling", "123", "send"),
    "/socket.io/xhr-polling/123/send/": Route("xhr-polling", "123", "send/"),
    "/socket.io/websocket/123": Route("websocket", "123", ""),
    "/socket.io/jsonp-polling//1290000000000/0": Route("jsonp-polling", "", "1290000000000/0"),
    "/socket.io/jsonp-polling/123/1290/12": Route("jsonp-polling", "123", "1290/12"),
}
NOT_OURS = [
    "",
    "/",
    "/index.html",
    "/socket.io",
    "/socket.io/",
    "/socket.io//",
    "/socket.iox/websocket",
    "/xsocket.io/websocket",
    "/socketxio/websocket",
    "/SOCKET.IO/websocket",
    "socket.io/websocket",
    "//socket.io/websocket",
    "/app/socket.io/websocket",
    "/websocket",
    "/socket.io//websocket",
    "/socket.io/nothing",
    "/socket.io/nothing/123",
    "/socket.io/websocketx",
    "/socket.io/WebSocket",
    "/socket.io/socket.io.jsx",
    "/socket.io/socket.io.js/",
    "/socket.io/socket.io.js/123",
    "/socket.io/lib/socket.io.js",
    "/socket.io/../websocket",
]


@pytest.mark.parametrize(("path", "route"), OURS.items(), ids=OURS)
def test_an_address_of_ours_is_read(path: str, route: Route) -> None:
    assert match("socket.io", path) == route


@pytest.mark.parametrize("path", NOT_OURS, ids=repr)
def test_any_other_address_is_not_ours(path: str) -> None:
    assert match("socket.io", path) is None


@pytest.mark.parametrize("transport", KNOWN_TRANSPORTS)
def test_every_known_transport_has_its_addresses(transport: str) -> None:
    assert match("socket.io", f"/socket.io/{transport}/9") == Route(transport, "9", "")


@pytest.mark.parametrize("path", OURS, ids=repr)
def test_an_address_below_a_prefix_is_misplaced(path: str) -> None:
    assert is_known("socket.io", path)
    assert not is_misplaced("socket.io", path)
    assert is_misplaced("socket.io", f"/app{path}")
    assert not is_known("socket.io", f"/app{path}")


@pytest.mark.parametrize("name", [CLASSIC, *BUNDLES])
def test_a_file_of_a_client_is_known_but_no_address_of_the_dialect(name: str) -> None:
    assert is_known("live/io", f"/live/io/{name}")
    assert is_misplaced("live/io", f"/app/live/io/{name}")
    assert match("live/io", f"/live/io/{name}") is None


@pytest.mark.parametrize("path", NOT_OURS, ids=repr)
def test_any_other_address_is_not_known(path: str) -> None:
    assert not is_known("socket.io", path)


@pytest.mark.parametrize("resource", ["live", "a/b", "a.b"])
def test_the_addresses_follow_the_resource(resource: str) -> None:
    assert match(resource, f"/{resource}/websocket/1") == Route("websocket", "1", "")
    assert match(resource, "/socket.io/websocket") is None


@pytest.mark.parametrize("path", ["/axb/websocket", "/a/b/websocket", "/a.b.c/websocket"])
def test_a_dot_in_the_resource_is_only_a_dot(path: str) -> None:
    assert match("a.b", path) is None


@pytest.mark.parametrize(
    "path", ["/socket.io/xhr-polling//1290000000000", "/socket.io/jsonp-polling//1290000000000/3"]
)
def test_an_address_with_merged_slashes_still_opens_a_session(path: str) -> None:
    sent = match("socket.io", path)
    arrived = match("socket.io", path.replace("//", "/"))
    assert arrived is not None
    assert arrived != sent
    assert with_merged_slashes(arrived) == sent


@pytest.mark.parametrize("segment", ["", "12a", "a12", "-1", "1.5", "٣", "²", "1" * 16, "1" * 40])
def test_a_segment_that_is_not_a_time_is_a_session_id(segment: str) -> None:
    assert with_merged_slashes(Route("xhr-polling", segment, "1290000000000")) is None
