"""A listener that gets its application later: ``listen()``, then ``attach()``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import bottle
import flask
import pytest
from gevent.pywsgi import WSGIServer
from support.block_helpers import serve
from support.clients import WebSocket
from support.http import HTTP

import sockio_gevent as io
from sockio_gevent.testing import Client, Refused


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def test_handlers_middleware_and_namespaces_may_be_added_before_the_application() -> None:
    socket = io.listen()
    admin = socket.of("/admin")
    assert socket.server is socket.application is None

    @socket.on("chat")
    def chat(client: io.Client, text: str) -> str:
        return f"{client.data['name']} said {text}"

    @socket.use
    def name(client: io.Client) -> None:
        client.data["name"] = client.auth["name"]

    @admin.use
    def refuse(client: io.Client) -> None:
        raise io.Refused("for administrators")

    socket.attach(application)
    assert socket.server is socket.application is application
    with Client(socket, dialect="socket.io", auth={"name": "ann"}) as client:
        assert client.call("chat", "hello") == "ann said hello"
        with pytest.raises(Refused, match="for administrators"):
            client.connect("/admin")


def test_options_are_those_of_listen() -> None:
    connected = []
    socket = io.listen(resource="live", dialects=["classic"], on_connection=connected.append)
    socket.attach(application)
    with serve(socket) as port:
        assert HTTP(port).request("GET", "/").text == "hello"
        WebSocket(port, path="/live/websocket").open()
    assert len(connected) == 1


def test_the_origins_may_be_set_before_the_application_is_there() -> None:
    socket = io.listen()
    socket.set_origins("https://example.com")
    socket.attach(application)
    with Client(socket, environ={"HTTP_ORIGIN": "https://example.com"}) as client:
        assert client.connected


def test_a_server_may_be_attached() -> None:
    socket = io.listen()
    server = WSGIServer(("127.0.0.1", 0), application, log=None)
    socket.attach(server)
    server.start()
    assert WebSocket(server.server_port).open().session_id in socket.clients
    socket.close(0)
    server.stop(0)


def test_bottle_may_be_attached() -> None:
    socket, app = io.listen(), bottle.Bottle()
    socket.attach(app)
    with serve(app) as port:
        assert WebSocket(port).open().session_id in socket.clients


def test_flask_gives_its_context_and_its_json_when_it_is_attached() -> None:
    socket, app = io.listen(), flask.Flask("shop")
    said: list[str] = []

    @socket.on("price")
    def price(client: io.Client) -> dict[str, Decimal]:
        said.append(flask.current_app.name)
        return {"price": Decimal("1.50")}

    socket.init_app(app)
    with serve(app) as port:
        assert WebSocket(port).open().session_id in socket.clients
    with Client(socket, dialect="socket.io") as client:
        assert client.call("price") == {"price": "1.50"}
    assert said == ["shop"]


def test_handlers_of_patterns_may_be_added_before_the_application() -> None:
    socket = io.listen()
    socket.of(re.compile("/doc-[0-9]+")).on("name", lambda client: client.namespace.name)
    socket.attach(application)
    with Client(socket, dialect="socket.io", namespace="/doc-7") as client:
        assert client.call("name") == "/doc-7"


def test_what_is_sent_before_there_is_an_application_reaches_nobody() -> None:
    socket = io.listen()
    socket.emit("chat", "hello")
    socket.of("/admin").broadcast("hello")
    with pytest.raises(TypeError):
        socket.emit("chat", object())
    assert socket.stats()["messages"]["out"] == 0
    socket.close(0)


NOT_ATTACHED = "this listener has no application yet, so nobody can connect"


@pytest.mark.parametrize(
    "use",
    [
        lambda socket: socket({}, print),
        lambda socket: Client(socket),
        lambda socket: socket.serve_on(WSGIServer(("127.0.0.1", 0), None, log=None), application),
    ],
)
def test_a_listener_without_an_application_cannot_be_served(use: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match=NOT_ATTACHED):
        use(io.listen())


@pytest.mark.parametrize("make", [io.listen, lambda app: io.listen().attach(app)])
def test_none_is_no_application(make: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="it cannot be called"):
        make(None)


def test_the_error_names_the_function_that_was_called() -> None:
    with pytest.raises(TypeError, match=r"^attach\(\) takes a gevent"):
        io.listen().attach("chat:app")


@pytest.mark.parametrize("first", ["listen", "attach"])
def test_a_listener_serves_one_application(first: str) -> None:
    socket = io.listen() if first == "attach" else io.listen(application)
    if first == "attach":
        socket.attach(application)
    with pytest.raises(RuntimeError, match=r"serves <function application .* already.*once"):
        socket.attach(bottle.Bottle())


def test_a_mistake_leaves_the_listener_without_an_application() -> None:
    socket = io.listen()
    taken = io.listen(application)
    with pytest.raises(ValueError, match=r"there is a listener at 'socket\.io' already"):
        socket.attach(taken)
    assert socket.server is None
    socket.attach(application)
    with Client(socket) as client:
        assert client.connected
