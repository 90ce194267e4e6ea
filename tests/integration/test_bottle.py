"""A listener inside a Bottle object, which stays a Bottle object."""

from __future__ import annotations

import threading
import warnings
from typing import Any
from wsgiref.simple_server import make_server

import bottle
import pytest
from bottle import Bottle
from gevent.pywsgi import WSGIServer
from support.clients import DEFAULT, WebSocket
from support.http import HTTP
from support.lines import Lines
from support.processes import Process

import sockio_gevent as io


def make_app() -> Bottle:
    app = Bottle()

    @app.route("/", method=["GET", "POST"])
    def index() -> str:
        return f"{bottle.request.method} {bottle.request.path}"

    return app


def answer_all(listener: io.Listener, name: str = "hello") -> None:
    listener.on("clientMessage", lambda message, client: client.send(f"{name} {message}"))


@pytest.fixture
def app() -> Bottle:
    return make_app()


@pytest.fixture(scope="module")
def program():
    process = Process("tests/programs/bottle_app.py")
    try:
        yield process.start()
    finally:
        process.stop()


@pytest.mark.parametrize("client", DEFAULT, ids=lambda client: client.transport)
def test_every_transport_works_under_bottle_s_run(program, client):
    opened = client(program.port).open()
    for text in ("hello", "é😀", "x" * 100_000):
        opened.send(text)
        assert opened.receive() == text
    opened.close()


def test_the_default_application_is_served_as_before(program):
    assert HTTP(program.port).request("GET", "/").text == "hello from Bottle"
    assert HTTP(program.port).request("GET", "/nowhere").status == 404
    assert not any("Warning" in line or "Traceback" in line for line in program.log())


def test_the_application_stays_a_bottle_with_its_routes(app, host):
    listener = io.listen(app, log=False)
    answer_all(listener)

    @app.get("/later")
    def later() -> dict[str, str]:
        return {"added": "after the listener"}

    @app.error(404)
    def lost(error: Any) -> str:
        return "lost"

    assert isinstance(app, Bottle)
    assert listener.server is app
    assert [route.rule for route in app.routes] == ["/", "/", "/later"]
    http = HTTP(host(app))
    assert http.request("GET", "/").text == "GET /"
    assert http.request("POST", "/").text == "POST /"
    assert http.request("GET", "/later").text == '{"added": "after the listener"}'
    assert http.request("GET", "/nowhere").text == "lost"
    assert http.request("PUT", "/").status == 405


def test_plugins_still_work_for_routes(app, host):
    class Counting:
        api = 2

        def __init__(self) -> None:
            self.calls = 0

        def apply(self, callback: Any, route: Any) -> Any:
            def counted(*arguments: Any, **named: Any) -> Any:
                self.calls += 1
                return callback(*arguments, **named)

            return counted

    before, after = app.install(Counting()), Counting()
    answer_all(io.listen(app, log=False))
    app.install(after)
    port = host(app)
    client = WebSocket(port).open()
    client.send("plugin")
    assert client.receive() == "hello plugin"
    assert HTTP(port).request("GET", "/").text == "GET /"
    assert before.calls == after.calls == 1
    app.uninstall(after)
    HTTP(port).request("GET", "/")
    assert (before.calls, after.calls) == (2, 1)


def test_other_applications_may_be_mounted_in_it(app, host):
    answer_all(io.listen(app, log=False))
    app.mount("/bottle/", make_app())
    app.mount("/wsgi/", make_app().wsgi)
    port = host(app)
    for path in ("/", "/bottle/", "/wsgi/"):
        assert HTTP(port).request("GET", path).text.startswith("GET /")
    client = WebSocket(port).open()
    client.send("mount")
    assert client.receive() == "hello mount"


def test_two_listeners_with_resources_of_their_own(app, host):
    answer_all(io.listen(app, log=False), "chat")
    answer_all(io.listen(app, resource="news", log=False), "news")
    port = host(app)
    for path, name in (("/socket.io/websocket", "chat"), ("/news/websocket", "news")):
        client = WebSocket(port, path=path).open()
        client.send("who?")
        assert client.receive() == f"{name} who?"
    assert HTTP(port).request("GET", "/").text == "GET /"
    with pytest.raises(ValueError, match="give this one another 'resource'"):
        io.listen(app, resource="news")


def test_a_server_with_the_application_can_be_listened_to(app, serve):
    served = serve(server=WSGIServer(("127.0.0.1", 0), app, log=None))
    answer_all(served.listener)
    client = WebSocket(served.port).open()
    client.send("server")
    assert client.receive() == "hello server"
    assert HTTP(served.port).request("GET", "/").text == "GET /"


def test_handlers_read_the_request_that_connected(app, host):
    listener = io.listen(app, log=False)

    @listener.on("connection")
    def connected(client: io.Client) -> None:
        request = bottle.LocalRequest(client.environ)
        client.send(f"hello, {request.get_cookie('name', secret='for tests')}")

    @app.post("/login/<name>")
    def login(name: str) -> None:
        bottle.response.set_cookie("name", name, secret="for tests")

    port = host(app)
    cookie = HTTP(port).request("POST", "/login/Ada").headers["set-cookie"].partition(";")[0]
    assert WebSocket(port, headers={"Cookie": cookie}).open().receive() == "hello, Ada"
    assert WebSocket(port).open().receive() == "hello, None"


WARNING = r"mounted in another one, .* call listen\(\) with the outer one"


def test_mounting_a_bottle_that_has_a_listener_causes_a_warning(app):
    io.listen(app, log=False)
    with pytest.warns(RuntimeWarning, match=WARNING):
        Bottle().mount("/app/", app)


def test_listening_to_a_mounted_bottle_causes_a_warning(app, host):
    outer = Bottle()
    outer.mount("/app/", app)
    with pytest.warns(RuntimeWarning, match=WARNING):
        io.listen(app, log=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer_all(io.listen(outer, resource="app/socket.io", log=False))
    client = WebSocket(host(outer), path="/app/socket.io/websocket").open()
    client.send("outer")
    assert client.receive() == "hello outer"


def test_bottle_s_default_server_serves_the_pages_and_refuses_sessions(app):
    lines = Lines()
    io.listen(app, log=lines)
    # In another thread, because it blocks its thread.
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        port = server.server_address[1]
        assert HTTP(port).request("GET", "/").text == "GET /"
        answer = HTTP(port).request("GET", "/socket.io/xhr-polling//1")
        assert answer.status == 503
        assert "does not run requests in greenlets" in answer.text
        lines.wait("Serve the application with 'python -m sockio_gevent'")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
