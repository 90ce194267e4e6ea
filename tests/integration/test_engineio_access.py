"""Who may connect over the transports of Engine.IO, and what pages of other sites may read."""

from __future__ import annotations

import json
import ssl

import gevent.ssl
import pytest
from gevent.pywsgi import WSGIServer
from support.engineio import (
    ALL,
    BARE,
    JSONP,
    POLLING,
    Polling,
    WebSocket,
    address,
    open_session,
    refused,
)
from support.framing import TRICKY
from support.http import HTTP
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)
polls = pytest.mark.parametrize("kind", POLLING, ids=repr)

PAGE = "https://page.example"


def knock(served, kind, session_id="", **headers):
    """Ask to open or to continue a session: the status, and what a refusal says."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if kind.client is WebSocket:
        try:
            opened = kind(served.port, session_id=session_id, headers=named)
        except InvalidStatus as error:
            response = error.response
            assert response.headers["Content-Type"] == "application/json"
            return response.status_code, json.loads(response.body or b"")
        opened.vanish()
        return 101, None
    http = HTTP(served.port)
    path = address("polling", session_id, kind.version, kind.client.more_query)
    answer = http.request("GET", path, **{"Sec_Fetch_Site": "same-origin", **headers})
    http.close()
    if answer.status == 200:
        return 200, None
    assert answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(answer.body)


FORBIDDEN = (403, {"code": 4, "message": "Forbidden"})


# Origins.


@kinds
def test_a_foreign_page_may_not_connect(engine, kind):
    served = engine()
    headers = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site", "Referer": f"{PAGE}/x"}
    assert knock(served, kind, **headers) == FORBIDDEN
    assert served.listener.stats()["refused"]["origin"] == 1
    assert served.listener.stats()["opened"] == 0


@kinds
def test_a_page_that_is_named_may_connect(engine, kind):
    served = engine(origins=[PAGE])
    headers = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site", "Referer": f"{PAGE}/x"}
    assert knock(served, kind, **headers)[0] in (101, 200)


@kinds
def test_a_program_without_an_origin_may_connect(engine, kind):
    served = engine()
    assert knock(served, kind)[0] in (101, 200)


@kinds
def test_a_foreign_page_may_not_continue_a_session(engine, kind):
    served = engine()
    opened, client = open_session(served, POLLING[0])
    headers = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site", "Referer": f"{PAGE}/x"}
    assert knock(served, kind, opened.session_id, **headers) == FORBIDDEN
    assert client.connected
    assert session_of(client).upgrade is None


@kinds
def test_a_host_that_is_not_named_is_refused(engine, kind):
    served = engine(hosts=["example.com"])
    if kind.client is WebSocket:
        status, said = knock(served, kind)
    else:
        status, said = knock(served, kind, Host="127.0.0.1")
    assert (status, said) == FORBIDDEN


# What pages may read.


def shared(answer):
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("access-control-allow")
    }


@polls
def test_answers_may_be_read_by_the_page_that_is_named(engine, kind):
    served = engine(origins=[PAGE])
    headers = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site", "Referer": f"{PAGE}/x"}
    expected = {
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
    }
    http = HTTP(served.port)
    path = address(version=kind.version, more=kind.client.more_query)
    answer = http.request("GET", path, **headers)
    assert answer.status == 200
    assert shared(answer) == expected
    assert "Origin" in answer.headers["vary"]
    (_, client) = served.wait("connection")
    path = address("polling", client.session_id, kind.version, kind.client.more_query)
    assert shared(http.request("POST", path, "x", **headers)) == expected  # a refusal, too
    assert shared(http.request("GET", path, **headers)) == expected
    http.close()


@polls
def test_no_answer_may_be_read_by_another_page(engine, kind):
    served = engine(origins=[PAGE])
    http = HTTP(served.port)
    path = address(version=kind.version, more=kind.client.more_query)
    answer = http.request("GET", path, Origin="https://evil.example")
    assert answer.status == 403
    assert shared(answer) == {}
    assert shared(http.request("GET", path, Sec_Fetch_Site="same-origin")) == {}
    http.close()


@pytest.mark.parametrize("kind", [each for each in POLLING if each.client is not JSONP], ids=repr)
def test_a_preflight_is_answered(engine, kind):
    served = engine(origins=[PAGE])
    opened, client = open_session(served, kind)
    for session_id in ("", opened.session_id):
        http = HTTP(served.port)
        path = address("polling", session_id, kind.version, kind.client.more_query)
        answer = http.request(
            "OPTIONS",
            path,
            Origin=PAGE,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="content-type",
        )
        http.close()
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "Content-Type"
    assert client.connected
    assert served.listener.stats()["opened"] == 1


# Authorization.


@kinds
def test_the_application_decides_who_may_connect(engine, kind):
    def authorize(environ):
        assert environ["QUERY_STRING"].startswith(f"EIO={kind.version}")
        return environ.get("HTTP_X_USER")

    served = engine(authorize=authorize)
    assert knock(served, kind) == FORBIDDEN
    assert served.listener.stats()["refused"]["authorization"] == 1
    assert knock(served, kind, X_User="ann")[0] in (101, 200)
    assert served.wait("connection")[1].identity == "ann"


@kinds
def test_the_application_chooses_the_refusal(engine, kind):
    def authorize(environ):
        raise io.Refusal(401, "log in first", ("WWW-Authenticate", "Basic"))

    served = engine(authorize=authorize)
    assert knock(served, kind) == (401, {"code": 4, "message": "log in first"})


@kinds
def test_a_mistake_in_authorize_lets_nobody_in(engine, kind):
    served = engine(authorize=lambda environ: environ["missing"])
    status, said = knock(served, kind)
    assert status == 500
    assert said == {"code": 3, "message": "an error has occurred in the server"}


@kinds
def test_authorize_is_asked_once_for_a_session(engine_echo, kind):
    asked = []
    served = engine_echo(authorize=lambda environ: asked.append(environ) or True)
    opened, _ = open_session(served, kind)
    for _ in range(3):
        opened.send("hello")
        assert opened.receive() == "hello"
    assert len(asked) == 1


# The same peer.


@kinds
def test_a_session_is_for_the_peer_that_opened_it(engine, kind):
    served = engine(same_peer=lambda environ: environ.get("HTTP_X_USER"))
    opened = Polling(served.port, kind.version, headers={"X-User": "ann"}).open()
    unknown = (400, {"code": 1, "message": "Session ID unknown"})
    for foreign in ({"X_User": "ben"}, {}):
        assert knock(served, kind, opened.session_id, **foreign) == unknown
        # Nothing tells that there is such a session.
        assert knock(served, kind, "0" * 40, **foreign) == unknown
    assert served.listener.stats()["refused"]["peer"] == 2
    if kind.client is WebSocket:
        assert knock(served, kind, opened.session_id, X_User="ann")[0] == 101
    client = served.listener.clients[opened.session_id]
    client.send("hello")
    assert opened.receive() == "hello"


@polls
def test_a_foreign_peer_may_not_post(engine, kind):
    served = engine(same_peer="address", trusted_proxies=1)
    own = {"X-Forwarded-For": "192.0.2.1"}
    opened = kind(served.port, headers=own).open()
    http = HTTP(served.port, headers={"X-Forwarded-For": "192.0.2.2"})
    answer = http.request("POST", opened.address, "4hello")
    refused(answer, 400, 1, "Session ID unknown")
    http.close()
    assert opened.send("hello").status == 200
    assert served.wait("message")[1] == "hello"
    assert len(served.happened("message")) == 1


@polls
def test_the_last_messages_of_a_session_are_for_its_peer(engine, kind):
    served = engine(same_peer=lambda environ: environ.get("HTTP_X_USER"))
    opened = kind(served.port, headers={"X-User": "ann"}).open()
    client = served.wait("connection")[1]
    wait_until(lambda: session_of(client).downlink is None)
    client.send("last words")
    client.disconnect()
    unknown = (400, {"code": 1, "message": "Session ID unknown"})
    for foreign in ({"X_User": "ben"}, {}):
        assert knock(served, kind, opened.session_id, **foreign) == unknown
    assert opened.packet() == "4last words"
    assert opened.packet() == "1"


# Where it is served.


@kinds
def test_several_listeners_have_sessions_of_their_own(engine_echo, kind):
    served = engine_echo()
    lines = []
    other = io.listen(
        served.server,
        **BARE,
        resource="app/chat",
        log=lines.append,
        transports=KNOWN_TRANSPORTS,
        flash_policy_port=None,
    )
    other.on("clientMessage", lambda message, client: client.send(f"chat {message}"))
    opened, _ = open_session(served, kind)
    chat = kind(served.port, path="/app/chat/").open()
    chat.send("hello")
    opened.send("hello")
    assert opened.receive() == "hello"
    assert chat.receive() == "chat hello"
    assert list(other.clients) == [chat.session_id]
    if kind.client is not WebSocket:
        assert knock(served, kind, chat.session_id)[0] == 400
    other.close(1)


@kinds
def test_below_a_prefix(host, kind):
    listener = io.listen(
        lambda environ, start_response: [], **BARE, log=False, transports=KNOWN_TRANSPORTS
    )
    listener.on("clientMessage", lambda message, client: client.send(message))

    def mounted(environ, start_response):
        assert environ["PATH_INFO"].startswith("/app/")
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/app", environ["PATH_INFO"][4:]
        return listener(environ, start_response)

    opened = kind(host(mounted), path="/app/socket.io/").open()
    opened.send("hello")
    assert opened.receive() == "hello"
    opened.vanish()
    listener.close(1)


@kinds
def test_over_tls(engine_echo, tls, kind):
    authority, files = tls
    server = WSGIServer(("127.0.0.1", 0), None, log=None, **files)
    served = engine_echo(server=server)
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)

    def wrap(plain):
        return context.wrap_socket(plain, server_hostname="localhost")

    opened = kind(served.port, wrap=wrap).open()
    for message in (*TRICKY, b"\x00\xff" * 10_000):
        opened.send(message)
        assert opened.receive() == message
    if kind.client is not WebSocket:
        link = WebSocket(served.port, kind.version, opened.session_id, wrap=wrap)
        link.put("2probe", "5", "4hello")
        assert link.packet() == "3probe"
        assert link.receive() == "hello"
        link.vanish()
    opened.vanish()
