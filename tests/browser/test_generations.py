"""Pages with clients of all generations chat in one room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.framing import TRICKY
from support.npm import bundle

SERVER = "tests/released/story_server.py"
GENERATIONS = ["classic", "socket.io-client-1.7", "socket.io-client-2.5", "socket.io-client-4.8"]

CLASSIC = """() => {
  window.messages = [];
  window.socket = new io.Socket(null, {resource: 'room', rememberTransport: false});
  socket.on('message', message => messages.push(message));
  socket.connect();
}"""
TODAY = """() => {
  window.messages = [];
  window.waves = [];
  window.socket = io({path: '/room', transports: ['websocket', 'polling']});
  socket.on('message', message => messages.push(message));
  socket.on('wave', (...values) => waves.push(values.map(
    value => value instanceof ArrayBuffer ? Array.from(new Uint8Array(value)) : value)));
}"""


def wait(page: Any, name: str, values: list[Any]) -> None:
    """Wait until a page has received as much, and compare."""
    page.wait_for_function(f"count => {name}.length >= count", arg=len(values))
    assert page.evaluate(name) == values


@pytest.fixture
def pages(start, new_page, released_packages) -> Callable[[], dict[str, Any]]:
    """Open one page for each generation, and let them enter the room."""

    def opened() -> dict[str, Any]:
        server = start(SERVER, "--clients", str(released_packages))
        pages = {}
        for name in GENERATIONS:
            script = "room/socket.io.js"
            if name != "classic":
                script = bundle(released_packages, name)
            pages[name] = new_page(f"{server.url}/?script={script}")
            pages[name].evaluate(CLASSIC if name == "classic" else TODAY)
            wait(pages[name], "messages", ["welcome"])
            pages[name].evaluate("socket.send('join')")
            wait(pages[name], "messages", ["welcome", "joined"])
        return pages

    return opened


def test_what_one_generation_says_reaches_all(pages):
    room = pages()
    expected = ["welcome", "joined"]
    for name, page in room.items():
        texts = [f"{name} {text}" for text in TRICKY]
        page.evaluate("texts => texts.forEach(text => socket.send(text))", texts)
        expected += texts
        for other in room.values():
            wait(other, "messages", expected)


def test_a_named_event_reaches_a_classic_client_as_json(pages):
    room = pages()
    classic = room.pop("classic")
    expected: list[Any] = ["welcome", "joined"]
    for name, page in room.items():
        answer = "values => new Promise(done => socket.emit('wave', ...values, done))"
        assert page.evaluate(answer, [name, {"é": [1]}]) == "waved"
        expected.append({"name": "wave", "args": [name, {"é": [1]}]})
    wait(
        classic,
        "messages.map(each => typeof each === 'string' ? each : JSON.parse(JSON.stringify(each)))",
        expected,
    )
    for name, page in room.items():
        # Not its own.
        others = [[other, {"é": [1]}] for other in room if other != name]
        wait(page, "waves", others)


def test_bytes_pass_a_classic_client_over(pages):
    room = pages()
    sender = room["socket.io-client-4.8"]
    sender.evaluate("socket.emit('wave', new Uint8Array([0, 128, 255]))")
    sender.evaluate("socket.send('done')")
    wait(room["classic"], "messages", ["welcome", "joined", "done"])
    for name in "socket.io-client-1.7", "socket.io-client-2.5":
        wait(room[name], "waves", [[[0, 128, 255]]])
