"""Secrets stay inside: session ids, answers with messages, and addresses of the site."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote, unquote

import pytest
from gevent.pywsgi import WSGIServer
from support.clients import ALL, Polling, WebSocket
from support.doors import OWN_SCRIPT, SOCKETS, TRANSPORTS, Knock, answer, head
from support.hixie import request as hixie_request
from support.http import HTTP, LONG
from support.in_process import fail
from support.raw import Raw
from support.times import bring_forward, change_times
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

KEPT = {"transport_options": {client.transport: {"close_timeout": LONG} for client in ALL}}
UNKNOWN = "0123456789" * 4


@pytest.fixture
def everything(caplog):
    """All lines of all loggers, at level DEBUG, with tracebacks."""
    caplog.set_level(logging.DEBUG)
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")

    def said() -> str:
        # The library that the tests' own clients are made with may say it.
        records = [record for record in caplog.records if record.name != "websockets.client"]
        return "\n".join(map(formatter.format, records))

    return said


def live_through(served: Any, kind: Any) -> str:
    """Let everything happen to a session that can happen; return its id."""
    client = kind(served.port).open()
    known = served.listener.clients[client.session_id]
    served.wait("connection")
    client.send("hello")
    served.wait("message")
    client.send_payload("~m~9~m~too short")
    client.send_payload("~m~-")
    client.vanish()
    wait_until(lambda: session_of(known).away)
    again = client.resume()
    known.send("welcome back")
    assert again.receive() == "welcome back"
    Knock(served.port, client.transport, client.session_id, Origin="https://evil.example")
    Knock(served.port, client.transport, client.session_id, X_User="ben")
    http = HTTP(served.port)
    for method, place in [
        ("PUT", f"{client.transport}/{client.session_id}/1"),
        ("POST", f"{client.transport}/{client.session_id}/elsewhere"),
        ("OPTIONS", f"{client.transport}/{client.session_id}/send"),
        ("GET", f"no-such-transport/{client.session_id}/1"),
        ("GET", f"jsonp-polling/{client.session_id}/1/alert"),
    ]:
        http.request(method, f"/socket.io/{place}", **OWN_SCRIPT)
    http.request("GET", f"/prefix/socket.io/{client.transport}/{client.session_id}/1")
    change_times(served, client.transport, close_timeout=0.05)
    again.vanish()
    wait_until(lambda: session_of(known).downlink is None)
    if known.connected:
        bring_forward(known)
    served.wait("disconnect")
    Knock(served.port, client.transport, client.session_id)
    return str(client.session_id)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_no_log_line_has_a_whole_session_id(serve, everything, kind):
    def same_peer(environ: dict[str, Any]) -> str:
        return str(environ.get("HTTP_X_USER", "ann"))

    served = serve(log=None, same_peer=same_peer, **KEPT)
    for event in ("connection", "clientMessage", "clientDisconnect"):
        served.listener.on(event, fail)
    session_id = live_through(served, kind)
    logged = everything()
    # There are lines about this session at each level.
    for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        assert f"{level} sockio_gevent" in logged
    assert logged.count(session_id[:8]) > 10
    assert session_id[:9] not in logged


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_unknown_id_is_shortened_too(serve, everything, transport):
    """It may be that of a session in another process, or from before a restart."""
    served = serve(log=None)
    assert Knock(served.port, transport, UNKNOWN).status == 404
    assert UNKNOWN[:8] in everything()
    assert UNKNOWN[:9] not in everything()


def test_the_repr_of_a_listener_has_no_whole_ids(serve):
    served = serve()
    client = WebSocket(served.port).open()
    known = served.listener.clients[client.session_id]
    for shown in (repr(served.listener), repr(known), str(known)):
        assert client.session_id[:9] not in shown
    client.close()


def ask(method: str, place: str, body: bytes = b"", **headers: str) -> bytes:
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    start = f"{method} /socket.io/{place} HTTP/1.1\r\nHost: localhost\r\n{named}"
    return f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body


def judge(environ: dict[str, Any]) -> bool:
    cookie = environ.get("HTTP_COOKIE")
    if cookie == "refuse":
        raise io.Refusal(401, "log in first")
    return cookie != "fail" or environ["missing"]


def refused(transport: str, session_id: str) -> dict[str, tuple[bytes, str]]:
    """Requests that are refused, one for each reason, and their statuses."""
    return {
        "the origin": (head(transport, Origin="https://evil.example"), "403"),
        "a refusal of the application": (head(transport, Cookie="refuse"), "401"),
        "a mistake of the application": (head(transport, Cookie="fail"), "500"),
        "an unknown session": (head(transport, UNKNOWN), "404"),
        "an unknown session to post to": (ask("POST", f"xhr-polling/{UNKNOWN}/send"), "404"),
        "no session to post to": (ask("POST", "xhr-polling"), "405"),
        "the method": (ask("PUT", f"{transport}/{UNKNOWN}/1"), "405"),
        "the method for the client file": (ask("POST", "socket.io.js"), "405"),
        "a transport that is not enabled": (ask("GET", "htmlfile"), "404"),
        "no index": (ask("GET", "jsonp-polling//1/alert", **OWN_SCRIPT), "400"),
        "no upgrade": (ask("GET", "websocket"), "426"),
        "a broken upgrade": (head("websocket").replace(b"dGhl", b"####"), "400"),
        "an old version": (head("websocket").replace(b": 13", b": 12"), "426"),
        "a broken draft": (
            hixie_request("/socket.io/websocket", 76, Origin="", Sec_WebSocket_Key2="none"),
            "400",
        ),
        "a payload": (ask("POST", f"xhr-polling/{session_id}/send", b"data=~m~-"), "400"),
        "a form": (ask("POST", f"xhr-polling/{session_id}/send", b"~m~"), "400"),
        "a long body": (
            ask("POST", f"xhr-polling/{session_id}/send", b"data=" + b"x" * 999),
            "413",
        ),
    }


def assert_discreet(status: str, headers: dict[str, str], what: str) -> None:
    assert "no-store" in headers["Cache-Control"].split(", "), what
    assert "Location" not in headers, what
    assert not status.startswith("HTTP/1.1 3"), what


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "htmlfile"])
def test_no_refusal_is_cached_or_sends_a_referer(serve, transport):
    enabled = [name for name in KNOWN_TRANSPORTS if name != "htmlfile"]
    served = serve(transports=enabled, authorize=judge, max_message_size=100)
    session_id = Polling(served.port).open().session_id
    for what, (request, code) in refused(transport, session_id).items():
        status, headers, _ = answer(served.port, request)
        assert status.split()[1] == code, what
        assert_discreet(status, headers, what)
    served.listener.close()
    status, headers, _ = answer(served.port, head(transport))
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert_discreet(status, headers, "a server that goes away")


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name not in SOCKETS])
def test_no_answer_with_messages_is_cached_or_sends_a_referer(serve, transport):
    served = serve()
    raw = Raw(served.port, head(transport))
    assert_discreet(*raw.head(), "a new session")
    (_, client) = served.wait("connection")
    place = f"{transport}/{client.session_id}/send"
    if transport != "jsonp-polling":
        client.send("hello")
    for what, request in {
        "a post": ask("POST", place, b"data=~m~2~m~hi"),
        "a preflight": ask("OPTIONS", place),
    }.items():
        status, headers, _ = answer(served.port, request)
        assert status == "HTTP/1.1 200 OK"
        assert_discreet(status, headers, what)
    raw.close()


def test_a_404_without_an_application_is_not_cached(host):
    """A listener without an application also forbids caching."""
    listener = io.listen(WSGIServer(("127.0.0.1", 0), None), flash_policy_port=None, log=False)
    status, headers, _ = answer(host(listener), b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == "HTTP/1.1 404 Not Found"
    assert_discreet(status, headers, "no application")


def test_an_address_from_middleware_cannot_control_a_terminal(serve, everything):
    def asked(environ: dict[str, Any]) -> bool:
        return "fail" not in environ.get("HTTP_COOKIE", "") or environ["missing"]

    served = serve(log=None, authorize=asked)
    inner = served.server.application

    def believing(environ: dict[str, Any], start_response: Any) -> Any:
        environ["REMOTE_ADDR"] = unquote(environ["HTTP_X_FORWARDED_FOR"])
        return inner(environ, start_response)

    served.server.application = believing
    http = HTTP(served.port)
    headers = {"X_Forwarded_For": quote("\x1b[2J\x9b31m")}
    session_id = http.request("GET", "/socket.io/xhr-polling", **headers).text[-40:]
    http.request("POST", f"/socket.io/xhr-polling/{session_id}/send", "data=~m~-", **headers)
    http.request("GET", "/socket.io/xhr-polling", Cookie="fail", **headers)
    http.request("GET", f"/socket.io/xhr-polling/{UNKNOWN}", **headers)
    served.listener.clients[session_id].disconnect()
    shown = everything()
    for line in ("opened", "ended", "bad payload", "refused", "the option 'authorize' failed"):
        assert line in shown
    assert shown.count("\\x1b[2J\\x9b31m") >= 5
    assert "\x1b" not in shown
    assert "\x9b" not in shown
