"""When the option ``authorize`` is called, in which context, and which clients wait for it."""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, current_app, session
from geventwebsocket import WebSocketServer
from support.clients import ALL, Polling, WebSocket
from support.doors import OWN_SCRIPT, TRANSPORTS, Asked, Door, Knock, assert_nobody, head, path
from support.http import HTTP, LONG
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.compiled import FORM
from sockio_gevent.gateway import authorization
from sockio_gevent.server.stream.hang_up import has_hung_up

transports = pytest.mark.parametrize("transport", TRANSPORTS)

KEPT = {"transport_options": {client.transport: {"close_timeout": LONG} for client in ALL}}


def test_a_websocket_that_was_opened_before_authorize_is_closed():
    """gevent-websocket's own handler opens such WebSockets."""
    asked = Asked(io.Refusal(401, "log in first"))
    listener = io.listen(lambda environ, start_response: [], log=False, authorize=asked)
    server = WebSocketServer(("127.0.0.1", 0), listener)
    server.start()
    try:
        client = WebSocket(server.server_port)
        assert client.wait_closed() == 1008
        assert client.protocol.close_rcvd.reason == "log in first"
    finally:
        server.stop(1)
    assert not listener.clients
    assert listener.stats()["refused"]["authorization"] == 1


def test_the_origin_is_checked_first(serve):
    asked = Asked(True)
    served = serve(authorize=asked)
    for transport in TRANSPORTS:
        assert Knock(served.port, transport, Origin="https://evil.example").status == 403
    assert asked.environs == []
    assert served.listener.stats()["refused"]["origin"] == len(TRANSPORTS)


def test_a_request_that_would_open_no_session_does_not_call_authorize(serve):
    asked = Asked(True)
    served = serve(authorize=asked, transports=["websocket", "xhr-polling", "jsonp-polling"])
    http = HTTP(served.port)
    for method, place, status in [
        ("GET", "websocket", 426),
        ("GET", "htmlfile", 404),
        ("GET", "jsonp-polling//1/alert", 400),
        ("GET", f"xhr-polling/{'0' * 40}/1", 404),
        ("POST", f"xhr-polling/{'0' * 40}/send", 404),
        ("POST", "xhr-polling", 405),
        ("PUT", "xhr-polling", 405),
        ("OPTIONS", "xhr-polling", 200),
        ("GET", "socket.io.js", 200),
    ]:
        headers = OWN_SCRIPT if "jsonp" in place else {}
        assert http.request(method, f"/socket.io/{place}", **headers).status == status
    raw = Raw(served.port, head("websocket").replace(b"dGhl", b"####"))
    assert raw.head()[0] == "HTTP/1.1 400 Bad Request"
    served.listener.close()
    assert http.request("GET", "/socket.io/xhr-polling").status == 503
    assert asked.environs == []


@transports
def test_authorize_may_block_and_no_other_client_waits(serve, transport):
    door = Door()
    served = serve(authorize=lambda environ: door(environ) if slow(environ) else True)
    raw = Raw(served.port, head(transport, Cookie="slow"))
    wait_until(lambda: door.environs)
    other = WebSocket(served.port).open()
    assert list(served.listener.clients) == [other.session_id]
    # Not even a WebSocket has been answered.
    with pytest.raises(BlockingIOError):
        raw.socket._sock.recv(1)
    door.opens.set()
    assert raw.head()[0].startswith(("HTTP/1.1 200", "HTTP/1.1 101"))
    served.wait("connection", 2)
    raw.close()


def slow(environ: dict[str, Any]) -> bool:
    return environ.get("HTTP_COOKIE") == "slow"


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
@transports
@pytest.mark.parametrize("said", [True, False])
def test_a_client_that_hangs_up_meanwhile_gets_no_session(serve, monkeypatch, transport, said):
    door, sockets = Door(said), []

    def kept(environ: dict[str, Any]) -> dict[str, Any]:
        sockets.append(environ["sockio_gevent.connection"].socket)
        return environ

    # Functions of the application do not get the socket.
    monkeypatch.setattr(authorization, "kept", kept)
    served = serve(authorize=door)
    raw = Raw(served.port, head(transport))
    wait_until(lambda: door.environs)
    raw.close()
    wait_until(lambda: has_hung_up(sockets[0]))
    door.opens.set()
    refused = served.listener.stats
    wait_until(lambda: refused()["refused"]["hung_up" if said else "authorization"])
    assert_nobody(served)
    # A page that was left is not worth a log line.
    assert len(served.lines) == (0 if said else 1)


@transports
def test_a_listener_that_closes_meanwhile_opens_no_session(serve, transport):
    door = Door()
    served = serve(authorize=door)
    raw = Raw(served.port, head(transport))
    wait_until(lambda: door.environs)
    served.listener.close()
    door.opens.set()
    status, _ = raw.head()
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert_nobody(served)


def test_the_environ_is_a_copy_without_the_request(serve):
    def authorize(environ: dict[str, Any]) -> bool:
        kept.append(environ)
        environ["REMOTE_ADDR"] = "192.0.2.1"
        environ["werkzeug.request"] = "a request"
        return environ["wsgi.input"].read() == b""

    kept: list[dict[str, Any]] = []
    served = serve(authorize=authorize)
    client = WebSocket(served.port).open()
    known = served.listener.clients[client.session_id]
    assert known.environ["REMOTE_ADDR"] == "127.0.0.1"
    assert "werkzeug.request" not in known.environ
    assert not [name for name in kept[0] if name.startswith("sockio_gevent.")]


def test_authorize_runs_in_the_context_of_handlers(serve):
    said: list[str] = []

    @contextmanager
    def context() -> Any:
        said.append("in")
        try:
            yield
        except io.Refusal as refusal:
            said.append(refusal.text)
            raise
        finally:
            said.append("out")

    asked = Asked(True, io.Refusal(403, "not you"))
    authorize = lambda environ: said.append("asked") or asked(environ)  # noqa: E731
    served = serve(authorize=authorize, context=context)
    served.listener.on("connection", lambda client: said.append("connected"))
    client = WebSocket(served.port).open()
    assert said == ["in", "asked", "out", "in", "connected", "out"]
    del said[:]
    assert Knock(served.port, "websocket").status == 403
    assert said == ["in", "asked", "not you", "out"]
    client.close()


def test_a_context_that_raises_refuses(serve):
    @contextmanager
    def context() -> Any:
        yield
        raise OSError("the database has gone")

    served = serve(authorize=Asked(True), context=context)
    assert Knock(served.port, "xhr-polling").status == 500
    assert "OSError: the database has gone" in served.lines[0]
    assert_nobody(served)


def test_a_context_that_swallows_an_exception_refuses(serve):
    @contextmanager
    def context() -> Any:
        try:
            yield
        except io.Refusal:
            pass

    served = serve(authorize=Asked(io.Refusal(401, "log in first")), context=context)
    assert Knock(served.port, "xhr-polling").status == 403
    assert_nobody(served)


def test_under_flask_authorize_finds_the_application_and_its_session(host):
    app = Flask(__name__)
    app.secret_key = "a key for tests"

    @app.route("/login")
    def login() -> str:
        session["user"] = "ann"
        return ""

    def authorize(environ: dict[str, Any]) -> Any:
        assert current_app.name == app.name
        with app.request_context(environ):
            return session.get("user")

    listener = io.listen(app, authorize=authorize)
    port = host(app)
    assert Knock(port, "websocket").status == 403
    cookie = HTTP(port).request("GET", "/login").headers["set-cookie"].partition(";")[0]
    knock = Knock(port, "websocket", Cookie=cookie)
    assert knock.let_in
    (client,) = listener.clients.values()
    assert client.identity == "ann"
    knock.close()
    wait_until(lambda: not listener.clients)


def test_authorize_sees_the_address_from_trusted_proxies(serve):
    asked = Asked(True)
    served = serve(authorize=asked, trusted_proxies=1)
    Knock(served.port, "xhr-polling", X_Forwarded_For="203.0.113.9, 192.0.2.7")
    assert asked.environs[0]["REMOTE_ADDR"] == "192.0.2.7"


def test_refusals_leave_nothing_behind(serve):
    served = serve(authorize=lambda environ: False)
    http = HTTP(served.port)
    http.request("GET", path("xhr-polling"))
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        assert http.request("GET", path("xhr-polling")).status == 403
    del served.lines[:]
    gc.collect()
    assert len(gc.get_objects()) - before < 100
    assert_nobody(served)


def test_an_identity_is_freed_with_its_session(serve):
    class Identity:
        pass

    identity = Identity()
    kept = weakref.ref(identity)
    asked = Asked(identity)
    served = serve(authorize=asked)
    client = Polling(served.port).open()
    asked.answers = [True]
    del identity
    served.listener.clients[client.session_id].disconnect()
    served.wait("disconnect")
    served.events.clear()
    wait_until(lambda: gc.collect() is not None and kept() is None)


def test_authorize_is_not_an_event():
    with pytest.raises(TypeError, match="no option 'on_authorize': did you mean 'authorize'"):
        io.listen(lambda environ, start_response: [], on_authorize=print)
