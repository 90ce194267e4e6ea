"""The addresses of Engine.IO, and those that are left to others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockio_gevent.dialects import engineio_addresses
from sockio_gevent.dialects.base import Route
from sockio_gevent.dialects.engineio import BareEngineIO
from sockio_gevent.dialects.engineio_errors import UNKNOWN_TRANSPORT, UNSUPPORTED_VERSION
from sockio_gevent.dialects.listing import dialects_of
from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.serializer import OWN

SESSION_ID = "0123456789abcdef0123456789abcdef01234567"


def match(query: str, path: str = "/socket.io/", resource: str = "socket.io") -> Route | None:
    one, other = (engineio_addresses.match(resource, version, path, query) for version in (3, 4))
    return one or other


@pytest.mark.parametrize(
    ("query", "route"),
    [
        ("EIO=4&transport=polling", Route("xhr-polling", "", "")),
        ("EIO=3&transport=polling", Route("xhr-polling", "", "")),
        ("transport=polling&EIO=4", Route("xhr-polling", "", "")),
        ("EIO=4&transport=websocket", Route("websocket", "", "")),
        (f"EIO=4&transport=polling&sid={SESSION_ID}", Route("xhr-polling", SESSION_ID, "")),
        (f"EIO=4&transport=websocket&sid={SESSION_ID}", Route("websocket", SESSION_ID, "")),
        ("EIO=3&transport=polling&b64=1", Route("xhr-polling", "", "b64")),
        ("EIO=3&transport=polling&b64=0", Route("xhr-polling", "", "")),
        ("EIO=4&transport=polling&j=0", Route("jsonp-polling", "", "0")),
        ("EIO=3&transport=polling&j=12&b64=1", Route("jsonp-polling", "", "12")),
        ("EIO=4&transport=websocket&j=1", Route("websocket", "", "")),
        ("EIO=4&transport=polling&t=Oabc123&user=ann", Route("xhr-polling", "", "")),
        ("EIO=4&transport=polling&sid=", Route("xhr-polling", "", "")),
        ("EIO=4&&transport=polling&", Route("xhr-polling", "", "")),
        ("EIO=4&transport=polling&transport=websocket", Route("xhr-polling", "", "")),
    ],
)
def test_a_query_says_what_a_request_is_for(query: str, route: Route) -> None:
    assert match(query) == route


@pytest.mark.parametrize("index", ["x", "-1", "", "1.5", "1]", "\u0663", "\u00b2", "1234567890"])
def test_an_index_that_is_no_number_never_becomes_part_of_a_script(index: str) -> None:
    assert match(f"EIO=4&transport=polling&j={index}") == Route("jsonp-polling", "", "")


@pytest.mark.parametrize("version", ["", "1", "2", "5", "04", "4.0", "x", "%34", " 4"])
def test_another_version_is_an_error(version: str) -> None:
    route = match(f"EIO={version}&transport=polling")
    assert route is not None
    assert route.error == UNSUPPORTED_VERSION


def test_a_transport_without_a_version_is_an_error() -> None:
    route = match("transport=polling")
    assert route is not None
    assert route.error == UNSUPPORTED_VERSION


@pytest.mark.parametrize("transport", ["", "tobi", "xhr-polling", "flashsocket", "Polling"])
def test_another_transport_is_an_error(transport: str) -> None:
    for query in (f"EIO=4&transport={transport}", "EIO=4"):
        route = match(query)
        assert route is not None
        assert route.error == UNKNOWN_TRANSPORT


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io"])
def test_the_last_slash_may_be_missing(path: str) -> None:
    assert match("EIO=4&transport=polling", path) == Route("xhr-polling", "", "")


@pytest.mark.parametrize(
    "path",
    ["", "/", "socket.io", "socket.io/", "//socket.io", "/socket.io//", "/socket.io/x", "/other/"],
)
def test_other_paths_are_not_for_it(path: str) -> None:
    assert match("EIO=4&transport=polling", path) is None


@pytest.mark.parametrize("query", ["", "t=1", "ask", "eio=4", "Transport=polling", "sid=1"])
def test_a_query_without_a_version_and_a_transport_is_not_for_it(query: str) -> None:
    assert match(query) is None


def test_the_resource_may_have_several_parts() -> None:
    for path in ("/app/chat/", "/app/chat"):
        assert match("EIO=4&transport=polling", path, "app/chat") is not None
        assert match("EIO=4&transport=polling", path, "chat") is None


@pytest.mark.parametrize("version", ["3", "4", "2", ""])
def test_exactly_one_dialect_takes_each_version(version: str) -> None:
    dialects = dialects_of(Options.read({"dialects": ["engine.io"]}), OWN)
    query = f"EIO={version}&transport=polling"
    takers = [each for each in dialects if each.match("/socket.io/", query) is not None]
    assert len(takers) == 1
    assert isinstance(takers[0], BareEngineIO)
    assert takers[0].version == (3 if version == "3" else 4)


@given(some.text("EIOtransportsidj=&34-websocketplgn%", max_size=60))
def test_any_query_is_read_without_an_error(query: str) -> None:
    route = match(query)
    if route is not None and route.error is None:
        assert route.name in ("xhr-polling", "jsonp-polling", "websocket")
