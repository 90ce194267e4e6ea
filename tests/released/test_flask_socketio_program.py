"""A program for Flask-SocketIO, with the import changed: clients of python-socketio and Node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from python_clients import MODES, Told, options, run_in_order
from support.http import DEADLINE, HTTP
from support.npm import node
from support.processes import Process

PROGRAM = "tests/programs/flask_socketio_app.py"
IN_NODE = Path(__file__).parent / "flask_socketio.js"


class Connected:
    """A client of python-socketio, and what it was told."""

    def __init__(self, url: str, mode: str, namespace: str = "/", **more: Any) -> None:
        self.client = socketio.Client(reconnection=False, **options())
        run_in_order(self.client.eio)
        self.namespace = namespace
        self.told = Told()
        self.client.on("*", lambda name, *values: self.told[name].put(values), namespace=namespace)
        self.client.on(
            "disconnect", lambda reason: self.told["disconnect"].put(reason), namespace=namespace
        )
        self.client.on(
            "connect_error", lambda *values: self.told["refused"].put(values), namespace=namespace
        )
        self.client.on("question", lambda text: f"{text} indeed", namespace=namespace)
        self.client.connect(
            url,
            transports=MODES[mode],
            namespaces=[namespace],
            wait_timeout=DEADLINE,
            **more,
        )

    def next(self, event: str) -> Any:
        values = self.told[event].get(timeout=DEADLINE)
        return values[0] if isinstance(values, tuple) and len(values) == 1 else values

    def emit(self, event: str, *values: Any) -> None:
        self.client.emit(event, values, namespace=self.namespace)

    def call(self, event: str, *values: Any) -> Any:
        return self.client.call(event, values, namespace=self.namespace, timeout=DEADLINE)


@pytest.fixture(scope="module", params=[(), ("--debug",)], ids=["run()", "run(debug=True)"])
def program(request: pytest.FixtureRequest) -> Iterator[Process]:
    process = Process(PROGRAM, *request.param)
    try:
        yield process.start()
    finally:
        process.stop()


@pytest.fixture(params=MODES)
def connect(request: pytest.FixtureRequest, program: Process) -> Iterator[Callable[..., Connected]]:
    clients = []

    def connect_one(*arguments: Any, **more: Any) -> Connected:
        clients.append(Connected(program.url, request.param, *arguments, **more))
        return clients[-1]

    yield connect_one
    for each in clients:
        each.client.disconnect()


def test_what_the_connect_handler_sends_arrives(connect, program):
    first = connect()
    assert first.next("welcome") == {"name": "stranger", "sid": first.client.get_sid()}
    answer = HTTP(program.port).request("GET", "/login/ann")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert connect(headers={"Cookie": cookie}).next("welcome")["name"] == "ann"


def test_a_refusal_says_why(connect):
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect(auth={"token": "wrong"})
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect("/admin", auth={"password": "guessed"})
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect("/nowhere")


def test_messages_answers_and_sessions(connect):
    ann, ben = connect(), connect()
    ann.client.send("hello")
    assert ann.next("message") == ben.next("message") == "hello"
    assert ann.call("json", [1, 2, 3]) == 3
    assert ann.next("json") == [1, 2, 3]
    for total in (2, 4):
        ann.emit("count", {"by": 2})
        assert ann.next("counted") == total
    ben.emit("count", {"by": 1})
    assert ben.next("counted") == 1
    ann.emit("picture", b"\0\1\2")
    assert ann.next("picture") == b"\2\1\0"
    ann.emit("unheard of", 1, "two")
    assert ann.next("other") == ("unheard of", [1, "two"])


def test_rooms(connect):
    ann, ben, eve = connect(), connect(), connect()
    ann.emit("join", {"room": "lobby"})
    ann.next("in")
    ben.emit("join", {"room": "lobby"})
    assert ben.next("in") == {"rooms": sorted(["lobby", ben.client.get_sid()])}
    ann.emit("to_others", "lobby", "hello")
    ann.emit("count", {"by": 1})
    assert ben.next("heard") == "hello"
    ann.next("counted")
    assert ann.told["heard"].empty()
    ann.emit("close", {"room": "lobby"})
    ann.next("closing"), ben.next("closing")
    assert ben.call("leave", {"room": "lobby"}) == [ben.client.get_sid()]
    assert eve.told["closing"].empty()


def test_the_server_asks_and_disconnects(connect):
    ann, ben = connect(), connect()
    assert ann.call("ask", "is it so?") == "is it so? indeed"
    sid = ann.client.get_sid()
    ann.emit("goodbye")
    assert ann.next("disconnect")
    left = ben.next("left")
    while left["sid"] != sid:
        left = ben.next("left")  # a client of the test before
    assert left["reason"] == "server disconnect"


def test_a_class_has_the_handlers_of_its_namespace(connect):
    admin = connect("/admin", auth={"password": "secret"})
    other = connect("/admin", auth={"password": "secret"})
    assert admin.call("who") == ("/admin", "/admin")
    admin.emit("shout", "hey")
    assert other.next("shouted") == "hey"
    assert admin.call("fail") == "ValueError: failed on purpose"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_client_in_node_talks_with_it(program, released_packages, transport):
    told = {"packages": str(released_packages), "url": program.url, "transport": transport}
    command = [node(), str(IN_NODE), json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert json.loads(done.stdout) == {
        "welcome": "stranger",
        "answer": 2,
        "json": [1, 2],
        "counted": 5,
        "picture": "0302ff",
        "other": ["unheard of", [1, "two"]],
        "refused": ["wrong token", {"try": "again"}],
    }


def test_views_are_served_too(program):
    http = HTTP(program.port)
    assert http.request("GET", "/").text == "async_mode is gevent"
    broken = http.request("GET", "/broken")
    assert broken.status == 500
    assert ("broken on purpose" in broken.text) == ("--debug" in program.command)


def test_it_starts_again_when_a_file_has_changed(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "programs" / "flask_socketio_app.py"
    copy = tmp_path / "changing.py"
    copy.write_text(source.read_text())
    process = Process(str(copy), "--debug", "--reload").start()
    try:
        ann = Connected(process.url, "websocket")
        ann.next("welcome")
        copy.write_text(source.read_text().replace("async_mode is", "it has changed, and is"))
        # If a thread still served while Python exits, Python would crash now and then.
        process.wait_line("closed: 1 session ended")
        process.wait_line("Open http", 2)
        assert HTTP(process.port).request("GET", "/").text == "it has changed, and is gevent"
        Connected(process.url, "polling").client.disconnect()
    finally:
        process.stop()
