"""Requests that say "upgrade" and get none: they are requests like any other."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from geventwebsocket import WebSocketServer
from support.attackers import request
from support.clients import ALL, WebSocket
from support.http import HTTP
from support.readers import Application, ask, statuses

import sockio_gevent as io
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

NEXT = request("GET", "/next")

ASKING = {
    "Connection alone": ["Connection: upgrade"],
    "Connection in a list": ["Connection: keep-alive, Upgrade"],
    "Upgrade alone": ["Upgrade: websocket"],
    "another protocol": ["Connection: Upgrade", "Upgrade: h2c"],
    "several protocols": ["Connection: Upgrade", "Upgrade: websocket, h2c"],
    "an option that only ends so": ["Connection: no-upgrade", "Upgrade: websocket"],
}
# The headers that ask for a WebSocket, in a request that cannot become one.
WEBSOCKET = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]
BY_HTTP = [each for each in ALL if not issubclass(each, WebSocket)]
BODIES = {
    "a length": (["Content-Length: 3"], b"abc"),
    "chunks": (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n0\r\n\r\n"),
}
bodies = pytest.mark.parametrize(("lines", "body"), BODIES.values(), ids=BODIES)


@bodies
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(
    "asking", [*ASKING.values(), WEBSOCKET], ids=[*ASKING, "all of a handshake"]
)
def test_the_application_reads_the_body_and_no_more(hosted, method, asking, lines, body):
    server = hosted()
    answers = ask(server.port, request(method, "/form", *asking, *lines, body=body), NEXT)
    assert server.application.requests == [(method, "/form", b"abc"), ("GET", "/next", b"")]
    assert statuses(answers) == [200, 200]


@bodies
@pytest.mark.parametrize("asking", [ASKING["Connection alone"], WEBSOCKET])
def test_a_body_that_nobody_reads_is_skipped_once(hosted, asking, lines, body):
    server = hosted()
    server.application.read = lambda source: b""
    ask(server.port, request("POST", "/form", *asking, *lines, body=body) * 3, NEXT)
    assert [path for _, path, _ in server.application.requests] == ["/form"] * 3 + ["/next"]


@pytest.mark.parametrize("asking", [*ASKING.values(), WEBSOCKET])
def test_a_request_without_a_body_is_followed_by_the_next_one(hosted, asking):
    server = hosted()
    if asking is WEBSOCKET:
        first = request("GET", "/page", *asking).replace(b"1.1", b"1.0")
        following = []
    else:
        first, following = request("GET", "/page", *asking), [("GET", "/next", b"")]
    ask(server.port, first, NEXT)
    assert server.application.requests == [("GET", "/page", b""), *following]


def test_the_application_answers_though_the_connection_stays_open(hosted):
    """The body has an end, so the application does not wait until the client hangs up."""
    server = hosted()
    client = HTTP(server.port)
    for _ in range(2):
        answer = client.request("POST", "/form", "a=b", Connection="upgrade")
        assert (answer.status, answer.text) == (200, "POST /form")
    assert server.application.requests == [("POST", "/form", b"a=b")] * 2
    client.close()


@pytest.mark.parametrize("client", BY_HTTP, ids=lambda client: client.transport)
def test_every_http_transport_works_with_an_upgrade_header(hosted, client):
    class Asking(client):
        headers = MappingProxyType({"Connection": "upgrade"})

    server = hosted(
        on_client_message=lambda message, client: client.send(message),
        transports=KNOWN_TRANSPORTS,
    )
    opened = Asking(server.port).open()
    for text in ("one", "two"):
        opened.send(text)
        assert opened.receive() == text
    assert not any("refused" in line for line in server.lines)
    opened.close()


def test_a_post_to_a_session_may_have_all_headers_of_a_handshake(hosted):
    server = hosted()
    client = HTTP(server.port)
    opened = client.request("GET", "/socket.io/xhr-polling//1").text
    path = f"/socket.io/xhr-polling/{opened.removeprefix('~m~40~m~')}/send"
    body = b"data=~m~2~m~hi"
    answers = ask(
        server.port,
        request("POST", path, *WEBSOCKET, f"Content-Length: {len(body)}", body=body),
        NEXT,
    )
    assert statuses(answers) == [200, 200]
    client.close()


def test_a_form_reaches_the_application_behind_gevent_websocket_s_own_server():
    application = Application()
    server = WebSocketServer(("127.0.0.1", 0), io.listen(application, flash_policy_port=None))
    server.start()
    try:
        client = HTTP(server.server_port)
        for _ in range(2):
            assert client.request("POST", "/form", "a=b", Connection="upgrade").status == 200
        client.close()
    finally:
        server.stop(1)
    assert application.requests == [("POST", "/form", b"a=b")] * 2
