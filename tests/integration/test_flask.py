"""A listener inside a Flask object, which stays a Flask object."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask import Flask, current_app, g, has_request_context, request, session
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from itsdangerous import BadSignature, Signer
from support.clients import DEFAULT, Polling, WebSocket, as_json
from support.http import DEADLINE, HTTP
from support.lines import Lines
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import sockio_gevent as io


def make_app(name: str = "site") -> Flask:
    app = Flask(name)
    app.secret_key = "for tests"

    @app.route("/", methods=["GET", "POST"])
    def index() -> str:
        return f"{request.method} {current_app.name}"

    @app.post("/login/<name>")
    def login(name: str) -> str:
        session["name"] = name
        return "welcome"

    return app


def greet_with_context(listener: io.Listener) -> None:
    """Let every message be answered with the name of the current application."""
    listener.on("clientMessage", lambda message, client: client.send(current_app.name))


@pytest.fixture
def app() -> Flask:
    return make_app()


def mounted(client: Any, path: str) -> Any:
    """The same client for an application that is mounted there."""
    return type(client.__name__, (client,), {"prefix": path})


def test_the_application_stays_a_flask_object_with_its_routes(app, host):
    listener = io.listen(app, log=False)
    assert isinstance(app, Flask)
    assert listener.server is app
    with app.test_client() as client:
        assert client.get("/").text == "GET site"
        assert client.post("/").text == "POST site"
        assert client.get("/nowhere").status_code == 404
        assert client.post("/login/Ada").status_code == 200
        with client.session_transaction() as kept:
            assert kept["name"] == "Ada"
        assert "io.Socket" in client.get("/socket.io/socket.io.js").text
    with app.test_request_context("/"):
        assert flask.url_for("login", name="Ada") == "/login/Ada"
    assert HTTP(host(app)).request("GET", "/").text == "GET site"


def test_every_event_has_the_application_and_a_context_of_its_own(app, host):
    seen: list[tuple[str, Any]] = []
    left = Event()

    def note(event: str) -> None:
        assert current_app._get_current_object() is app
        assert not has_request_context()
        seen.append((event, g.get("event")))
        g.event = event

    listener = io.listen(app, log=False)

    @listener.on("connection")
    def connected(client: io.Client) -> None:
        note("connection")
        client.on("message", lambda text: note(f"message {text}"))
        client.on("disconnect", lambda: note("disconnect"))

    @listener.on("clientMessage")
    def said(text: Any, client: io.Client) -> None:
        note(f"clientMessage {text}")
        client.send(text)

    @listener.on("clientDisconnect")
    def gone(client: io.Client) -> None:
        note("clientDisconnect")
        left.set()

    client = WebSocket(host(app)).open()
    for text in ("1", "2"):
        client.send(text)
        assert client.receive() == text
    client.close()
    assert left.wait(DEADLINE)
    # The handlers of one event share its context; no event sees the context of an earlier one.
    assert seen == [
        ("connection", None),
        ("message 1", None),
        ("clientMessage 1", "message 1"),
        ("message 2", None),
        ("clientMessage 2", "message 2"),
        ("disconnect", None),
        ("clientDisconnect", "disconnect"),
    ]


def test_teardown_functions_run_after_each_event(app, host):
    torn_down: list[Any] = []
    listener = io.listen(app, log=False)

    @app.teardown_appcontext
    def close_database(error: BaseException | None) -> None:
        torn_down.append(g.pop("opened", None))

    @listener.on("connection")
    def connected(client: io.Client) -> None:
        g.opened = "at connection"

    @listener.on("clientMessage")
    def said(text: Any, client: io.Client) -> None:
        client.send(list(torn_down))
        g.opened = text

    client = WebSocket(host(app)).open()
    for text, before in (("one", ["at connection"]), ("two", ["at connection", "one"])):
        client.send(text)
        assert as_json(client.receive()) == before


@pytest.mark.parametrize("client", [WebSocket, Polling])
def test_an_exception_in_a_teardown_is_logged_and_the_session_continues(app, host, client):
    lines = Lines()
    listener = io.listen(app, log=lines)
    greet_with_context(listener)

    @app.teardown_appcontext
    def fail(error: BaseException | None) -> None:
        raise LookupError("no database here")

    opened = client(host(app)).open()
    for _ in range(2):
        opened.send("who is there?")
        assert opened.receive() == "site"
    lines.wait("LookupError: no database here", 3)
    assert opened.session_id in listener.clients


def test_the_user_is_known_from_the_request_that_connected(app, host):
    listener = io.listen(app, log=False)

    @listener.on("connection")
    def connected(client: io.Client) -> None:
        with app.request_context(client.environ):
            client.send(f"hello, {session.get('name', 'stranger')}")
            session["name"] = "only as long as this context"

    port = host(app)
    answer = HTTP(port).request("POST", "/login/Ada")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    for known in (cookie, f"other=1; {cookie}"):
        assert WebSocket(port, headers={"Cookie": known}).open().receive() == "hello, Ada"
    assert WebSocket(port).open().receive() == "hello, stranger"
    forged = "session=eyJuYW1lIjoiQWRhIn0.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa"
    assert WebSocket(port, headers={"Cookie": forged}).open().receive() == "hello, stranger"


def test_a_user_loader_that_caches_in_g_loads_the_user_of_each_client(app, host):
    """As flask-login does: g keeps the user of a request, and a signed cookie remembers who."""
    signer = Signer("for tests")

    def current_user() -> str:
        if "user" not in g:
            try:
                token = request.cookies.get("remember_token", "")
                g.user = signer.unsign(token).decode()
            except BadSignature:
                g.user = "anonymous"
        return str(g.user)

    listener = io.listen(app, log=False)

    @listener.on("clientMessage")
    def said(text: Any, client: io.Client) -> None:
        with app.request_context(client.environ):
            listener.broadcast([current_user(), text])

    port = host(app)
    cookies = {name: signer.sign(name).decode() for name in ("Ada", "Bob")}
    ada, bob = (
        WebSocket(port, headers={"Cookie": f"remember_token={cookies[name]}"}).open()
        for name in ("Ada", "Bob")
    )
    stranger = WebSocket(port, headers={"Cookie": "remember_token=Ada.forged"}).open()
    for who, name in ((ada, "Ada"), (bob, "Bob"), (stranger, "anonymous"), (ada, "Ada")):
        who.send("hi")
        for receiver in (ada, bob, stranger):
            assert as_json(receiver.receive()) == [name, "hi"]


def test_two_listeners_with_resources_of_their_own(app, host):
    chat = io.listen(app, log=False)
    news = io.listen(app, resource="news", log=False)
    for listener, name in ((chat, "chat"), (news, "news")):
        listener.on("connection", lambda client, name=name: client.send(f"{name} {current_app}"))
    port = host(app)
    assert WebSocket(port).open().receive() == "chat <Flask 'site'>"
    assert WebSocket(port, path="/news/websocket").open().receive() == "news <Flask 'site'>"
    assert HTTP(port).request("GET", "/").text == "GET site"
    for resource in ("socket.io", "news"):
        with pytest.raises(ValueError, match="give this one another 'resource'"):
            io.listen(app, resource=resource)


def test_the_context_works_with_a_server_or_middleware_around_the_application(app, serve, host):
    served = serve(server=WSGIServer(("127.0.0.1", 0), ProxyFix(app), log=None))
    wrapped = io.listen(ProxyFix(make_app("behind"), x_for=1), log=False)
    inside = make_app("inside")
    inside.wsgi_app = ProxyFix(inside.wsgi_app)
    greet_with_context(served.listener)
    greet_with_context(wrapped)
    greet_with_context(io.listen(inside, log=False))
    for port, name in ((served.port, "site"), (host(wrapped), "behind"), (host(inside), "inside")):
        client = WebSocket(port).open()
        client.send("who is there?")
        assert client.receive() == name
        assert HTTP(port).request("GET", "/").text == f"GET {name}"


def test_applications_of_a_factory_are_independent(host):
    def create_app(name: str) -> Flask:
        app = make_app(name)
        app.extensions["socket"] = io.listen(app, log=False)
        greet_with_context(app.extensions["socket"])

        @app.get("/count")
        def count() -> str:
            return str(len(current_app.extensions["socket"].clients))

        return app

    one, two = host(create_app("one")), host(create_app("two"))
    client = WebSocket(one).open()
    client.send("who is there?")
    assert client.receive() == "one"
    assert [HTTP(port).request("GET", "/count").text for port in (one, two)] == ["1", "0"]


@pytest.mark.parametrize("client", DEFAULT, ids=lambda client: client.transport)
def test_a_dispatcher_may_mount_the_application_below_a_path(app, host, client):
    lines = Lines()
    greet_with_context(io.listen(app, log=lines))
    site = DispatcherMiddleware(make_app("front"), {"/app": app})
    port = host(site)
    opened = mounted(client, "/app")(port).open()
    opened.send("who is there?")
    assert opened.receive() == "site"
    assert HTTP(port).request("GET", "/app/").text == "GET site"
    assert HTTP(port).request("GET", "/").text == "GET front"
    assert not any("it is not below" in line for line in lines)


def test_views_send_to_clients_and_end_them(app, host):
    gone = Event()
    listener = io.listen(app, log=False)

    @app.post("/news")
    def news() -> str:
        listener.broadcast(request.get_data(as_text=True))
        for client in list(listener.clients.values()):
            client.disconnect()
        return "told"

    @listener.on("clientDisconnect")
    def left(client: io.Client) -> None:
        assert current_app.name == "site"
        assert "view" not in g
        gone.set()

    app.before_request(lambda: g.setdefault("view", None))
    port = host(app)
    client = WebSocket(port).open()
    assert HTTP(port).request("POST", "/news", "the news").text == "told"
    assert client.receive() == "the news"
    assert client.wait_closed() == 1000
    assert gone.wait(DEADLINE)
