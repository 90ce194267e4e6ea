"""The option ``same_peer``: which requests may continue a session, over real sockets."""

from __future__ import annotations

from typing import Any
from unittest import mock

import gevent
import pytest
from support import framing
from support.clients import ALL, Polling
from support.doors import SOCKETS, TRANSPORTS, Knock, answer, head
from support.http import LONG
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of

KEPT = {"transport_options": {client.transport: {"close_timeout": LONG} for client in ALL}}
UNKNOWN = "0" * 40

transports = pytest.mark.parametrize("transport", TRANSPORTS)


def by_user(environ: dict[str, Any]) -> Any:
    user = environ.get("HTTP_X_USER")
    return None if user is None else ("user", user)


ADDRESS = {"same_peer": "address", "trusted_proxies": 1}
RULES = [
    pytest.param(
        ADDRESS, {"X_Forwarded_For": "192.0.2.1"}, {"X_Forwarded_For": "192.0.2.2"}, id="address"
    ),
    pytest.param(
        {"same_peer": "cookie:sid"},
        {"Cookie": "a=1; sid=s3cret"},
        {"Cookie": "a=1; sid=guessed"},
        id="cookie",
    ),
    pytest.param({"same_peer": "cookie:sid"}, {"Cookie": "sid=s3cret"}, {}, id="no-cookie"),
    pytest.param({"same_peer": by_user}, {"X_User": "ann"}, {"X_User": "ben"}, id="function"),
    pytest.param({"same_peer": by_user}, {"X_User": "ann"}, {}, id="function-none"),
]
rules = pytest.mark.parametrize(("options", "own", "foreign"), RULES)


def open_session(served: Any, transport: str, **headers: str) -> Any:
    """Open a session, leave it for a moment, and return it."""
    knock = Knock(served.port, transport, **headers)
    assert knock.let_in
    (_, client) = served.wait("connection")
    knock.close()
    wait_until(lambda: session_of(client).away)
    return client


def post(session_id: str, payload: str, **headers: str) -> bytes:
    body = f"data={payload}".encode()
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    place = f"/socket.io/xhr-polling/{session_id}/send"
    start = f"POST {place} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{named}"
    return start.encode() + b"\r\n" + body


@transports
@rules
def test_the_peer_that_opened_the_session_continues_it(serve, transport, options, own, foreign):
    served = serve(**options, **KEPT)
    client = open_session(served, transport, **own)
    client.send("hello")
    again = Knock(served.port, transport, client.session_id, **own)
    assert again.let_in
    wait_until(lambda: client.connections == 2)
    if transport not in SOCKETS:
        payload = framing.encode("from the client")
        assert answer(served.port, post(client.session_id, payload, **own))[2] == b"ok"
        assert served.wait("message")[1] == "from the client"
    assert not any(served.listener.stats()["refused"].values())
    again.close()


@transports
@rules
def test_another_peer_cannot_continue_it_or_learn_that_it_exists(
    serve, transport, options, own, foreign
):
    served = serve(**options, **KEPT)
    client = open_session(served, transport, **own)
    client.send("for its owner")
    requests = [
        lambda session_id: head(transport, session_id, **foreign),
        lambda session_id: post(session_id, framing.encode("not mine"), **foreign),
        lambda session_id: head("xhr-polling", session_id, "PUT", **foreign),
        lambda session_id: head("xhr-polling", session_id, "POST", **foreign),
    ]
    for request in requests:
        found = answer(served.port, request(client.session_id))
        assert found == answer(served.port, request(UNKNOWN))
        assert found[0].split()[1] in ("404", "405")
    assert session_of(client).away
    assert client.connections == 1
    assert session_of(client).buffered > 0
    assert served.happened("message") == []
    counted = served.listener.stats()["refused"]
    assert counted["peer"] == counted["session"] == 3
    again = Knock(served.port, transport, client.session_id, **own)
    assert again.let_in
    wait_until(lambda: not session_of(client).buffered)
    again.close()


@rules
def test_the_log_says_what_the_answer_hides(serve, options, own, foreign):
    served = serve(**options, **KEPT)
    client = open_session(served, "websocket", **own)
    del served.lines[:]
    Knock(served.port, "websocket", client.session_id, **foreign)
    (line,) = served.lines
    assert line.startswith(f"refused 'GET' 'websocket/{client.session_id[:8]}' from ")
    assert line.endswith(
        "(404 Not Found): another peer has opened the session (option 'same_peer')"
    )
    assert client.session_id[:9] not in line


def test_an_open_connection_stays_open(serve):
    served = serve(same_peer="cookie:sid")
    owner = Knock(served.port, "websocket", Cookie="sid=a")
    (_, client) = served.wait("connection")
    assert Knock(served.port, "websocket", client.session_id, Cookie="sid=b").status == 404
    client.send("still here")
    assert owner.socket.receive() == client.session_id
    assert owner.socket.receive() == "still here"
    owner.socket.close()


def test_a_page_of_an_allowed_origin_can_read_the_answer_which_tells_nothing(serve):
    origin = "https://www.example.com"
    served = serve(same_peer="cookie:sid", origins=origin, **KEPT)
    client = open_session(served, "xhr-polling", Cookie="sid=a", Origin=origin)
    found = answer(served.port, head("xhr-polling", client.session_id, Origin=origin))
    assert found == answer(served.port, head("xhr-polling", UNKNOWN, Origin=origin))
    assert found[1]["Access-Control-Allow-Origin"] == origin


@transports
@pytest.mark.parametrize(
    ("rule", "headers"),
    [
        ("cookie:sid", {}),
        ("cookie:sid", {"Cookie": "sid="}),
        ("cookie:sid", {"Cookie": "Sid=a; xsid=b"}),
        (by_user, {}),
        (lambda environ: environ.get("HTTP_X_USER", ""), {}),
    ],
)
def test_a_client_that_the_rule_cannot_identify_gets_no_session(serve, transport, rule, headers):
    served = serve(same_peer=rule)
    knock = Knock(served.port, transport, **headers)
    assert knock.status == 403
    assert knock.body == b"the option 'same_peer' finds nothing to bind a session to\n"
    assert served.listener.stats()["opened"] == 0
    assert served.listener.stats()["refused"]["peer"] == 1
    assert len(served.lines) == 1


@pytest.mark.parametrize("rule", [None, False])
def test_without_the_option_the_id_is_enough(serve, rule):
    served = serve(same_peer=rule, trusted_proxies=1, **KEPT)
    client = open_session(served, "xhr-polling", X_Forwarded_For="192.0.2.1", Cookie="sid=a")
    client.send("hello")
    knock = Knock(served.port, "xhr-polling", client.session_id, X_Forwarded_For="192.0.2.2")
    assert knock.body == framing.encode("hello").encode()


def test_the_address_is_that_of_the_connection_if_no_proxy_is_trusted(serve):
    served = serve(same_peer="address", **KEPT)
    client = open_session(served, "xhr-polling", X_Forwarded_For="192.0.2.1")
    client.send("hello")
    knock = Knock(served.port, "xhr-polling", client.session_id, X_Forwarded_For="192.0.2.2")
    assert knock.body == framing.encode("hello").encode()


@transports
def test_a_function_that_fails_at_the_opening_refuses(serve, transport):
    served = serve(same_peer=lambda environ: environ["s3cret"])
    knock = Knock(served.port, transport)
    assert knock.status == 500
    assert knock.body == b"an error has occurred in the server\n"
    assert "the option 'same_peer' failed for 127.0.0.1\nTraceback" in served.lines[0]
    assert served.listener.stats()["opened"] == 0
    assert served.listener.stats()["refused"]["failure"] == 1


@transports
@pytest.mark.parametrize("failure", [LookupError("s3cret"), gevent.Timeout(1)], ids=type)
def test_a_function_that_fails_later_does_not_show_which_sessions_exist(serve, transport, failure):
    def same_peer(environ: dict[str, Any]) -> str:
        if environ.get("HTTP_COOKIE"):
            raise failure
        return "anyone"

    served = serve(same_peer=same_peer, **KEPT)
    client = open_session(served, transport)
    found = answer(served.port, head(transport, client.session_id, Cookie="a"))
    assert found == answer(served.port, head(transport, UNKNOWN, Cookie="a"))
    assert found[0] == "HTTP/1.1 404 Not Found"
    assert sum("Traceback" in line for line in served.lines) == 2
    client.send("for its owner")
    again = Knock(served.port, transport, client.session_id)
    assert again.let_in
    again.close()


@transports
def test_a_refusal_of_the_function_answers_only_the_opening(serve, transport):
    """A request that continues a session learns nothing, as with the other rules."""

    def same_peer(environ: dict[str, Any]) -> str:
        if "HTTP_COOKIE" not in environ:
            raise io.Refusal(401, "log in first")
        return str(environ["HTTP_COOKIE"])

    served = serve(same_peer=same_peer, **KEPT)
    knock = Knock(served.port, transport)
    assert (knock.status, knock.body) == (401, b"log in first\n")
    assert served.listener.stats()["refused"]["peer"] == 1
    client = open_session(served, transport, Cookie="a")
    found = answer(served.port, head(transport, client.session_id))
    assert found == answer(served.port, head(transport, UNKNOWN))
    assert found[0] == "HTTP/1.1 404 Not Found"
    assert not any("Traceback" in line for line in served.lines)


@pytest.mark.parametrize("nobody", [None, "", io.Refusal(403, "not you")], ids=repr)
def test_two_unknown_peers_are_not_the_same(serve, nobody):
    """Even if the value from the opening says that it equals everything."""

    def same_peer(environ: dict[str, Any]) -> Any:
        return nobody if environ.get("HTTP_COOKIE") else mock.ANY

    served = serve(same_peer=same_peer, **KEPT)
    client = open_session(served, "xhr-polling")
    assert Knock(served.port, "xhr-polling", client.session_id, Cookie="a").status == 404


def test_a_value_that_cannot_be_compared_matches_nothing(serve):
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ArithmeticError("odd")

        __hash__ = None  # type: ignore[assignment]

    served = serve(same_peer=lambda environ: Odd(), **KEPT)
    client = open_session(served, "xhr-polling")
    assert Knock(served.port, "xhr-polling", client.session_id).status == 404
    assert "a value that cannot be compared\nTraceback" in served.wait_line("cannot be compared")
    assert client.connected


def test_an_unknown_id_causes_the_same_calls(serve):
    """Otherwise the time that a function takes would show which sessions exist."""
    asked: list[str] = []

    def same_peer(environ: dict[str, Any]) -> str:
        asked.append(environ["PATH_INFO"])
        return "anyone"

    served = serve(same_peer=same_peer)
    assert Knock(served.port, "xhr-polling", UNKNOWN).status == 404
    assert len(asked) == 1
    assert UNKNOWN in asked[0]


def test_a_session_that_ends_while_the_function_blocks_is_not_found(serve):
    ended: list[Any] = []

    def same_peer(environ: dict[str, Any]) -> str:
        if environ.get("HTTP_COOKIE"):
            client.disconnect()
            ended.append(served.wait("disconnect"))
        return "anyone"

    served = serve(same_peer=same_peer, **KEPT)
    client = open_session(served, "xhr-polling")
    assert Knock(served.port, "xhr-polling", client.session_id, Cookie="a").status == 404
    assert ended
    assert served.listener.stats()["refused"]["session"] == 1


def test_both_options_go_together(serve):
    served = serve(authorize=lambda environ: environ.get("HTTP_X_USER"), same_peer=by_user, **KEPT)
    assert Knock(served.port, "xhr-polling").status == 403
    assert served.listener.stats()["refused"]["authorization"] == 1
    client = open_session(served, "xhr-polling", X_User="ann")
    assert client.identity == "ann"
    assert Knock(served.port, "xhr-polling", client.session_id, X_User="ben").status == 404


def test_polling_continues_as_before(echo):
    """With a cookie in each request, as the browser sends it."""
    served = echo(same_peer="cookie:sid")
    client = Polling(served.port)
    begin = {name: getattr(client, name).begin for name in ("get", "post")}
    for name in begin:
        connection = getattr(client, name)
        connection.begin = lambda *arguments, name=name: begin[name](*arguments, Cookie="sid=a")
    client.open()
    for text in ("one", "two", "three"):
        assert client.send(text).text == "ok"
        assert client.receive() == text
