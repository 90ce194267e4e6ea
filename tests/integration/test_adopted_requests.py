"""Requests from servers that were not passed to listen(), by their sockets."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer
from geventwebsocket.server import WebSocketServer
from support.clients import WebSocket
from support.http import DEADLINE, HTTP
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.server.http import hixie_handshake
from sockio_gevent.server.http.environ import CONNECTION
from sockio_gevent.server.http.other_servers import adopt

UPGRADE = {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade", "HTTP_HOST": "x"}
RFC_6455 = {
    **UPGRADE,
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": b64encode(b"0" * 16).decode(),
}
HIXIE_76 = {
    **UPGRADE,
    "HTTP_SEC_WEBSOCKET_KEY1": "4 @1  46546xW%0l 1 5",
    "HTTP_SEC_WEBSOCKET_KEY2": "12998 5 Y3 1  .P00",
}


class Body:
    def read(self, size: int) -> bytes:
        raise OSError("the body is malformed")


class Middleware:
    """Has its own start_response, whose object belongs to no server."""

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> None:
        pass


def environ(ours: Any, **more: str) -> dict[str, Any]:
    """As gunicorn's worker gives it."""
    return {
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": Body(),
        "gunicorn.socket": ours,
        "RAW_URI": "/socket.io/websocket",
        **more,
    }


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def read_to_the_end(theirs: Any) -> bytes:
    received = b""
    with gevent.Timeout(DEADLINE):
        while data := theirs.recv(65536):
            received += data
    return received


STARTS = {"a function": lambda status, headers: None, "a method": Middleware().start_response}
behind_middleware = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)


@behind_middleware
def test_half_a_handshake_ends_the_connection_under_any_server(ends, start, monkeypatch):
    monkeypatch.setattr(hixie_handshake, "HANDSHAKE_TIMEOUT", 0.1)
    ours, theirs = ends
    asked = environ(ours, **HIXIE_76)
    adopt(asked, start)
    assert asked[CONNECTION].upgrade.accept(1000) is None
    head = read_to_the_end(theirs)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert head.count(b"\r\n\r\n") == 1, "and no proxy takes what follows for checked"


@behind_middleware
def test_an_upgrade_needs_only_the_socket_of_the_server(ends, start):
    ours, theirs = ends
    asked = environ(ours, **RFC_6455)
    adopt(asked, start)
    websocket = asked[CONNECTION].upgrade.accept(1000)
    assert b"Sec-WebSocket-Accept: " in theirs.recv(65536)
    theirs.sendall(b"\x81\x85\0\0\0\0hello")
    assert websocket.receive() == "hello"
    websocket.abort()


@behind_middleware
def test_a_body_that_breaks_off_while_it_is_discarded_raises_nothing(ends, start):
    asked = environ(ends[0])
    adopt(asked, start)
    asked[CONNECTION].abandon_input()


@pytest.mark.parametrize("name", ["htmlfile", "xhr-polling"])
def test_a_websocket_that_was_opened_too_early_is_closed_at_other_addresses(name):
    lines: list[str] = []
    listener = io.listen(lambda environ, start_response: [], log=lines.append)
    server = WebSocketServer(("127.0.0.1", 0), listener)
    server.start()
    try:
        asking = WebSocket(server.server_port, path=f"/socket.io/{name}")
        assert asking.wait_closed() == 1008
        assert f"{name} takes no WebSocket" in asking.protocol.close_rcvd.reason
        assert not listener.clients
        wait_until(lambda: any("refused" in line for line in lines))
    finally:
        server.stop(1)


def test_a_session_does_not_keep_its_first_request():
    opened = []
    listener = io.listen(lambda environ, start_response: [], log=False)
    listener.on("connection", opened.append)

    def gunicorn_like(environ, start_response):
        environ["wsgi.early_hints"] = start_response
        environ["gunicorn.socket"] = start_response.__self__.socket
        return listener(environ, start_response)

    server = WSGIServer(("127.0.0.1", 0), gunicorn_like, log=None)
    server.start()
    try:
        HTTP(server.server_port).request("GET", "/socket.io/xhr-polling//1")
        wait_until(lambda: opened)
        kept = opened[0].environ
        assert "REMOTE_ADDR" in kept
        assert not {"wsgi.early_hints", "gunicorn.socket", CONNECTION} & set(kept)
    finally:
        listener.close(1)
        server.stop(1)
