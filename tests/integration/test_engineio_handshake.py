"""How sessions of Engine.IO begin, and the requests that are refused."""

from __future__ import annotations

import json

import pytest
from support.engineio import ALL, POLLING, Polling, WebSocket, address, open_session, refused
from support.http import HTTP, Answer
from support.raw import Raw
from websockets.exceptions import InvalidStatus

from sockio_gevent.options.transport_options import DEFAULT_TRANSPORTS

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)

UNKNOWN = "0123456789" * 4


def ask(port: int, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
    http = HTTP(port)
    try:
        return http.request(method, path, body, **headers)
    finally:
        http.close()


def refused_socket(port: int, session_id: str = "", path: str = "/socket.io/", **headers: str):
    """The refusal of a WebSocket handshake: its status, content type and JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as raised:
        WebSocket(port, 4, session_id, path=path, headers=named)
    response = raised.value.response
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, json.loads(response.body or b"")


@kinds
def test_the_first_packet_opens_a_session(engine, kind):
    served = engine(ping_interval=12.5, ping_timeout=7, max_message_size=54321)
    opened, client = open_session(served, kind)
    expected = {
        "sid": client.session_id,
        "upgrades": [] if opened.name == "websocket" else ["websocket"],
        "pingInterval": 12500,
        "pingTimeout": 7000,
    }
    if kind.version == 4:
        expected["maxPayload"] = 54321
    assert opened.handshake == expected
    assert len(opened.session_id) == 40
    assert client.connected
    assert client.transport == opened.name
    served.wait("connection")
    assert client.environ["QUERY_STRING"].startswith(f"EIO={kind.version}&transport=")


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io"])
@kinds
def test_the_last_slash_may_be_missing(engine_echo, kind, path):
    opened, _ = open_session(engine_echo(), kind, path=path)
    opened.send("hello")
    assert opened.receive() == "hello"


def test_a_poll_that_opens_a_session_is_answered_at_once_with_what_was_sent_by_then(engine):
    served = engine()
    served.listener.on("connection", lambda client: client.send("welcome"))
    opened = Polling(served.port).open()
    assert opened.packets.popleft() == "4welcome"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (address("tobi"), 0, "Transport unknown"),
        (address("flashsocket"), 0, "Transport unknown"),
        (address(""), 0, "Transport unknown"),
        ("/socket.io/?EIO=4", 0, "Transport unknown"),
        (address("tobi", UNKNOWN), 0, "Transport unknown"),
        (address("polling", UNKNOWN), 1, "Session ID unknown"),
        (address("polling", "nope"), 1, "Session ID unknown"),
        (address("polling", UNKNOWN, 3), 1, "Session ID unknown"),
        (address("websocket"), 3, "Bad request"),
        (address("websocket", version=3), 3, "Bad request"),
        (address("polling", version=2), 5, "Unsupported protocol version"),
        (address("polling", version=5), 5, "Unsupported protocol version"),
        (address("polling", version="x"), 5, "Unsupported protocol version"),
        ("/socket.io/?transport=polling", 5, "Unsupported protocol version"),
        (address(more="&j=alert(1)"), 3, "Bad request"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_code(engine, path, code, message):
    served = engine()
    answer = ask(served.port, "GET", path, Sec_Fetch_Site="same-origin")
    refused(answer, 400, code, message)
    assert "no-store" in answer.headers["cache-control"]
    served.wait_line("refused 'GET'")
    assert dict(served.listener.clients) == {}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
@pytest.mark.parametrize("version", [3, 4])
def test_only_a_get_opens_a_session(engine, version, method):
    served = engine()
    answer = ask(served.port, method, address(version=version))
    if method == "HEAD":
        assert answer.status == 400
    else:
        refused(answer, 400, 2, "Bad handshake method")
    assert served.listener.stats()["opened"] == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_method_leaves_a_session_as_it_is(engine_echo, method):
    served = engine_echo()
    opened, client = open_session(served, Polling)
    refused(ask(served.port, method, opened.address), 400, 3, "Bad request")
    opened.send("still here")
    assert opened.receive() == "still here"
    assert client.connected


def test_a_session_of_another_version_is_unknown(engine):
    served = engine()
    opened, client = open_session(served, Polling)
    path = address("polling", opened.session_id, 3)
    refused(ask(served.port, "GET", path), 400, 1, "Session ID unknown")
    assert client.connected


def test_a_session_of_another_dialect_is_unknown(engine):
    served = engine()
    opened, client = open_session(served, Polling)
    classic = ask(served.port, "GET", f"/socket.io/xhr-polling/{opened.session_id}/1")
    assert classic.status == 404
    other = ask(served.port, "GET", "/socket.io/xhr-polling//1").text[-40:]
    refused(ask(served.port, "GET", address("polling", other)), 400, 1, "Session ID unknown")
    assert client.connected
    assert other in served.listener.clients


def test_a_poll_for_a_websocket_session_is_refused(engine_echo):
    served = engine_echo()
    opened, client = open_session(served, WebSocket)
    path = address("polling", opened.session_id)
    refused(ask(served.port, "GET", path), 400, 3, "Bad request")
    refused(ask(served.port, "POST", path, "4hello"), 400, 3, "Bad request")
    opened.send("still here")
    assert opened.receive() == "still here"
    assert [event[1] for event in served.happened("message")] == ["still here"]
    assert client.connected


# WebSocket handshakes: the same answers.


def test_a_websocket_of_an_unknown_session_is_refused(engine):
    said = refused_socket(engine().port, UNKNOWN)
    assert said == (400, {"code": 1, "message": "Session ID unknown"})


def test_a_websocket_of_another_version_is_refused(engine):
    served = engine()
    with pytest.raises(InvalidStatus) as raised:
        WebSocket(served.port, 5)
    assert json.loads(raised.value.response.body or b"")["code"] == 5


def test_a_websocket_of_a_foreign_page_is_refused(engine):
    served = engine()
    said = refused_socket(served.port, Origin="https://evil.example")
    assert said == (403, {"code": 4, "message": "Forbidden"})
    served.wait_line("the origin 'https://evil.example' is not in the option 'origins'")


def test_a_draft_of_websocket_is_refused(engine):
    served = engine()
    raw = Raw(
        served.port,
        f"GET {address('websocket')} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        "Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
        f"Origin: http://127.0.0.1:{served.port}\r\n\r\n".encode(),
    )
    assert raw.head()[0].split()[1] in ("400", "426")
    raw.close()
    assert served.listener.stats()["opened"] == 0


# Transports that are not enabled.


@kinds
def test_a_transport_that_is_not_enabled_is_unknown(engine, kind):
    name = kind.client.name
    others = [each for each in ("websocket", "xhr-polling", "jsonp-polling") if each != name]
    served = engine(transports=others)
    if name == "websocket":
        said = refused_socket(served.port)
        assert said == (400, {"code": 0, "message": "Transport unknown"})
    else:
        path = address("polling", version=kind.version, more=kind.client.more_query)
        answer = ask(served.port, "GET", path, Sec_Fetch_Site="same-origin")
        refused(answer, 400, 0, "Transport unknown")
    served.wait_line(f"{name} is not enabled")


@pytest.mark.parametrize("kind", [each for each in POLLING if each.client is Polling], ids=repr)
def test_no_upgrade_is_offered_where_websockets_are_not_enabled(engine, kind):
    served = engine(transports=["xhr-polling", "flashsocket"])
    opened, _ = open_session(served, kind)
    assert opened.handshake["upgrades"] == []
    said = refused_socket(served.port, opened.session_id)
    assert said == (400, {"code": 0, "message": "Transport unknown"})


def test_jsonp_is_for_those_who_name_it(engine):
    served = engine(transports=DEFAULT_TRANSPORTS)
    path = address(more="&j=0")
    answer = ask(served.port, "GET", path, Sec_Fetch_Site="same-origin")
    refused(answer, 400, 0, "Transport unknown")


# Without this dialect.


def test_a_listener_without_this_dialect_leaves_the_address_to_the_application(serve):
    served = serve(dialects=["classic"])
    assert ask(served.port, "GET", address()).text == "hello"


def test_other_addresses_of_the_resource_are_left_to_the_application(engine):
    served = engine()
    for path in ("/socket.io/", "/socket.io/?t=1", "/socket.io", "//socket.io?EIO=4"):
        assert ask(served.port, "GET", path).text == "hello", path


def test_without_the_classic_dialect_its_addresses_are_left_to_the_application(engine_echo):
    served = engine_echo(dialects=["engine.io"])
    assert ask(served.port, "GET", "/socket.io/xhr-polling//1").text == "hello"
    opened, _ = open_session(served, Polling)
    opened.send("hello")
    assert opened.receive() == "hello"
