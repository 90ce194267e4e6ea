"""Targets of requests that are a whole URL, as clients send them to proxies."""

from __future__ import annotations

import pytest
from support.attackers import request
from support.client_frames import frame
from support.doors import TRANSPORTS, head
from support.raw import Raw
from support.readers import ask, statuses

from sockio_gevent.wire.websocket import TEXT

with_sockets = pytest.mark.parametrize("hosted", ["fast path", "not taken over"], indirect=True)


@with_sockets
@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("scheme", ["http", "HTTPS"])
def test_a_url_of_the_resource_reaches_the_listener(hosted, name, scheme):
    server = hosted(transports=TRANSPORTS)
    raw = Raw(server.port, head(name).replace(b" /", f" {scheme}://example.com:80/".encode(), 1))
    assert raw.head()[0].startswith(("HTTP/1.1 200", "HTTP/1.1 101"))
    assert server.application.requests == []
    raw.close()


@with_sockets
def test_a_websocket_that_was_asked_for_by_a_url_works(hosted):
    server = hosted(on_client_message=lambda message, client: client.send(message))
    raw = Raw(server.port, head("websocket").replace(b" /", b" http://example.com/", 1))
    assert raw.head()[0] == "HTTP/1.1 101 Switching Protocols"
    raw.send(frame(TEXT, b"~m~5~m~hello"))
    raw.until(b"~m~5~m~hello")
    raw.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://b:8080/page?x=y", "/page?x=y"),
        ("http://b:8080/a%2fb", "/a/b"),
        ("http://b:8080", "/"),
        ("http://b:8080?x", "/?x"),
        ("http://b:8080/http://c/d", "/http://c/d"),
    ],
)
def test_the_application_gets_path_query_and_host_of_the_url(hosted, url, path):
    server = hosted()
    assert statuses(ask(server.port, request("GET", url, host="evil.example"))) == [200]
    assert server.application.requests == [("GET", path, b"")]
    assert server.application.hosts == ["b:8080"]


def test_the_host_of_the_url_decides_which_pages_may_connect(hosted):
    server = hosted()
    page, url = "Origin: http://b", "http://b/socket.io/xhr-polling//1"
    ours, others = request("GET", url, page, host="a"), request("GET", url, page, host="b")
    assert statuses(ask(server.port, others.replace(b"http://b/", b"http://a/"))) == [403]
    raw = Raw(server.port, ours)
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw.close()


@pytest.mark.parametrize("host", ["", "user@b", "user:word@b", "b:c", "b\\c", "[::1"])
def test_a_url_with_a_malformed_host_is_refused(taken_over, host):
    server = taken_over()
    answers = ask(server.port, request("GET", f"http://{host}/page"), request("GET", "/next"))
    assert statuses(answers) == [400]
    assert server.application.requests == []
    assert "the target is a URL whose host is malformed" in server.lines[0]


@pytest.mark.parametrize("target", ["*", "a:80", "ftp://b/socket.io/xhr-polling", "page"])
def test_other_targets_reach_the_application_as_they_are(hosted, target):
    server = hosted()
    assert statuses(ask(server.port, request("OPTIONS", target))) == [200]
    assert server.application.requests == [("OPTIONS", target, b"")]


def test_options_of_the_whole_server_reach_the_application_with_a_star(hosted):
    server = hosted()
    ask(server.port, request("OPTIONS", "http://b"))
    assert server.application.requests == [("OPTIONS", "*", b"")]
