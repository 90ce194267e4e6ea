"""The option ``authorize``: who may open a session, over real sockets."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from flask import Flask, current_app, session
from gevent.event import AsyncResult, Event
from geventwebsocket import WebSocketServer
from support.clients import ALL, Polling, WebSocket, wait_for
from support.doors import TRANSPORTS, Knock, answer, head, path
from support.hixie import request as hixie_request
from support.http import HTTP, LONG
from support.raw import Raw

import sockio_gevent as io
from sockio_gevent.server.hangup import has_hung_up

transports = pytest.mark.parametrize("transport", TRANSPORTS)

KEPT = {"transport_options": {client.transport: {"close_timeout": LONG} for client in ALL}}


class Asked:
    """A function for the option; it keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.environs: list[dict[str, Any]] = []
        self.answers = list(answers)

    def __call__(self, environ: dict[str, Any]) -> Any:
        self.environs.append(environ)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, BaseException):
            raise said
        return said


class Door(Asked):
    """One that stays shut for as long as the test wants."""

    def __init__(self, said: Any = True) -> None:
        super().__init__(said)
        self.opens = Event()

    def __call__(self, environ: dict[str, Any]) -> Any:
        said = super().__call__(environ)
        self.opens.wait()
        return said


def assert_nobody(served: Any) -> None:
    assert dict(served.listener.clients) == {}
    assert served.events == []
    assert served.listener.stats()["opened"] == 0


@pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)
def test_it_is_asked_once_for_each_session(serve, client):
    asked = Asked(True)
    served = serve(authorize=asked, **KEPT)
    opened = client(served.port).open()
    (_, known) = served.wait("connection")
    assert known.identity is None
    opened.send("one")
    served.wait("message")
    opened.vanish()
    wait_for(lambda: known.away)
    again = opened.resume()
    known.send("two")
    assert again.receive() == "two"
    again.send("three")
    served.wait("message", 2)
    assert len(asked.environs) == 1


@transports
def test_what_it_returns_is_the_identity(serve, transport):
    user = {"name": "ann"}
    asked = Asked(user)
    served = serve(authorize=asked)
    seen: list[Any] = []
    served.listener.on("clientConnect", lambda client: seen.append(client.identity))
    knock = Knock(served.port, transport, Cookie="token=t0ken")
    assert knock.let_in
    (_, client) = served.wait("connection")
    assert client.identity is user
    assert seen == [user]
    (environ,) = asked.environs
    assert environ["HTTP_COOKIE"] == "token=t0ken"
    assert environ["PATH_INFO"].startswith(f"/socket.io/{transport}")
    knock.close()


@transports
@pytest.mark.parametrize("said", [False, None, 0, "", {}], ids=repr)
def test_what_counts_as_false_refuses(serve, transport, said):
    served = serve(authorize=Asked(said))
    knock = Knock(served.port, transport)
    assert knock.status == 403
    assert knock.body == b"the option 'authorize' does not let this client in\n"
    assert_nobody(served)
    (line,) = served.lines
    assert line == (
        f"refused 'GET' '{transport}/' from 127.0.0.1 (403 Forbidden): "
        "the option 'authorize' does not let this client in"
    )
    refused = served.listener.stats()["refused"]
    assert refused.pop("authorization") == 1
    assert not any(refused.values())


@transports
def test_a_page_at_another_origin_can_read_the_refusal(serve, transport):
    origin = "https://www.example.com"
    served = serve(authorize=Asked(False), origins=origin)
    status, headers, _ = answer(served.port, head(transport, Origin=origin))
    assert status == "HTTP/1.1 403 Forbidden"
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("draft", [75, 76])
def test_the_old_handshakes_are_refused_before_they_are_answered(serve, draft):
    served = serve(authorize=Asked(False), origins="*:*")
    raw = Raw(served.port, hixie_request("/socket.io/websocket", draft))
    status, _ = raw.head()
    assert status == "HTTP/1.1 403 Forbidden"
    assert_nobody(served)


@transports
@pytest.mark.parametrize("how", ["raised", "returned"])
def test_a_refusal_of_its_own_is_what_the_client_gets(serve, transport, how):
    refusal = io.Refusal(401, "log in\nfirst", ("WWW-Authenticate", 'Basic realm="chat"'))

    def authorize(environ: dict[str, Any]) -> Any:
        if how == "raised":
            raise refusal
        return refusal

    served = serve(authorize=authorize)
    status, headers, body = answer(served.port, head(transport))
    assert status == "HTTP/1.1 401 Unauthorized"
    assert headers["WWW-Authenticate"] == 'Basic realm="chat"'
    assert body == b"log in first\n"
    assert_nobody(served)
    (line,) = served.lines
    assert line.endswith("(401 Unauthorized): log in first")
    assert served.listener.stats()["refused"]["authorization"] == 1


def test_a_refusal_is_a_warning_whatever_its_status(serve, caplog):
    served = serve(authorize=Asked(io.Refusal(503, "too many of you")), log=None)
    assert Knock(served.port, "xhr-polling").status == 503
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert served.listener.stats()["refused"]["authorization"] == 1


def test_a_refusal_that_is_raised_again_and_again_keeps_no_request(serve):
    class Thing:
        pass

    things: list[Any] = []
    refusal = io.Refusal(403, "not you")

    def authorize(environ: dict[str, Any]) -> Any:
        thing = Thing()
        things.append(weakref.ref(thing))
        raise refusal

    served = serve(authorize=authorize)
    for _ in range(3):
        assert Knock(served.port, "xhr-polling").status == 403
    gc.collect()
    assert [thing() for thing in things] == [None] * 3


class Neither:
    def __bool__(self) -> bool:
        raise ArithmeticError("s3cret")


def one_by_one() -> Any:
    yield "s3cret"


FAILURES = [
    Asked(LookupError("s3cret")),
    Asked(gevent.Timeout(1, "s3cret")),
    lambda environ: LookupError("s3cret"),
    lambda environ: Neither(),
    lambda environ: one_by_one(),
    lambda environ: io.Refusal(200, "s3cret"),
    lambda: "s3cret",
]


@transports
def test_a_failure_lets_nobody_in_and_tells_nobody_why(serve, transport):
    for authorize in FAILURES:
        served = serve(authorize=authorize)
        knock = Knock(served.port, transport)
        assert knock.status == 500
        assert knock.body == b"the server has made a mistake\n"
        assert "s3cret" not in str(knock.headers)
        assert_nobody(served)
        failed, refused = served.lines
        assert failed.startswith("the option 'authorize' failed for 127.0.0.1\nTraceback")
        assert "(500 Internal Server Error)" in refused
        assert served.listener.stats()["refused"]["failure"] == 1


def test_what_is_still_to_run_is_no_answer(serve):
    async def later() -> bool:
        return True

    coroutine = later()
    served = serve(authorize=lambda environ: coroutine)
    assert Knock(served.port, "websocket").status == 500
    assert "which is still to run" in served.lines[0]
    assert_nobody(served)
    coroutine.close()


class _Current:
    """Stands in for Flask-Login's ``current_user``."""

    def _get_current_object(self) -> None:
        return None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: gevent.spawn(bool, 0), "which is still to run"),
        (AsyncResult, "which is still to run"),
        (Future, "which is still to run"),
        (lambda: io.Refusal, "the class Refusal, which is to be called"),
        (lambda: PermissionError, "the class PermissionError, which is to be called"),
        (_Current, "a proxy for what is current"),
    ],
)
def test_what_stands_for_an_answer_is_none(serve, answer, problem):
    served = serve(authorize=lambda environ: answer())
    assert Knock(served.port, "xhr-polling").status == 500
    assert problem in served.lines[0]
    assert_nobody(served)


def test_a_websocket_that_was_made_before_anyone_was_asked_is_closed():
    """As gevent-websocket's own handler makes them."""
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


def test_the_origin_is_asked_first(serve):
    asked = Asked(True)
    served = serve(authorize=asked)
    for transport in TRANSPORTS:
        assert Knock(served.port, transport, Origin="https://evil.example").status == 403
    assert asked.environs == []
    assert served.listener.stats()["refused"]["origin"] == len(TRANSPORTS)


def test_nobody_is_asked_about_what_would_open_no_session(serve):
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
        assert http.request(method, f"/socket.io/{place}").status == status
    raw = Raw(served.port, head("websocket").replace(b"dGhl", b"####"))
    assert raw.head()[0] == "HTTP/1.1 400 Bad Request"
    served.listener.close()
    assert http.request("GET", "/socket.io/xhr-polling").status == 503
    assert asked.environs == []


@transports
def test_it_may_block_and_nobody_else_waits(serve, transport):
    door = Door()
    served = serve(authorize=lambda environ: door(environ) if slow(environ) else True)
    raw = Raw(served.port, head(transport, Cookie="slow"))
    wait_for(lambda: door.environs)
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


@transports
@pytest.mark.parametrize("said", [True, False])
def test_who_hangs_up_meanwhile_gets_no_session(serve, transport, said):
    door, sockets = Door(said), []

    def origins(origin: Any, environ: dict[str, Any]) -> bool:
        sockets.append(environ["sockio_gevent.socket"])
        return True

    served = serve(authorize=door, origins=origins)
    raw = Raw(served.port, head(transport))
    wait_for(lambda: door.environs)
    raw.close()
    wait_for(lambda: has_hung_up(sockets[0]))
    door.opens.set()
    refused = served.listener.stats
    wait_for(lambda: refused()["refused"]["hung_up" if said else "authorization"])
    assert_nobody(served)
    # Of a page that was left there is nothing to tell.
    assert len(served.lines) == (0 if said else 1)


@transports
def test_a_listener_that_closes_meanwhile_lets_nobody_in(serve, transport):
    door = Door()
    served = serve(authorize=door)
    raw = Raw(served.port, head(transport))
    wait_for(lambda: door.environs)
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


def test_it_runs_in_the_context_of_handlers(serve):
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


def test_a_context_that_fails_lets_nobody_in(serve):
    @contextmanager
    def context() -> Any:
        yield
        raise OSError("the database has gone")

    served = serve(authorize=Asked(True), context=context)
    assert Knock(served.port, "xhr-polling").status == 500
    assert "OSError: the database has gone" in served.lines[0]
    assert_nobody(served)


def test_a_context_that_swallows_what_is_raised_lets_nobody_in(serve):
    @contextmanager
    def context() -> Any:
        try:
            yield
        except io.Refusal:
            pass

    served = serve(authorize=Asked(io.Refusal(401, "log in first")), context=context)
    assert Knock(served.port, "xhr-polling").status == 403
    assert_nobody(served)


def test_under_flask_it_finds_the_application_and_its_session(host):
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
    wait_for(lambda: not listener.clients)


def test_it_sees_the_address_that_trusted_proxies_tell(serve):
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


def test_an_identity_goes_with_its_session(serve):
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
    wait_for(lambda: gc.collect() is not None and kept() is None)


def test_there_is_no_such_event():
    with pytest.raises(TypeError, match="no option 'on_authorize': did you mean 'authorize'"):
        io.listen(lambda environ, start_response: [], on_authorize=print)
