"""Times to wait and callbacks are checked by each method that takes them, before it acts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.in_process import listen

import sockio_gevent as io
from sockio_gevent.testing import Client

CALLS: dict[str, Callable[[io.Listener, Client, Any], Any]] = {
    "call() of a client": lambda _, client, time: client.session.call("ask", timeout=time),
    "call() of a target": lambda socket, _, time: socket.to("hall").call("ask", timeout=time),
    "call() of a namespace": lambda socket, _, time: socket.of("/a").call("ask", timeout=time),
    "call() of a listener": lambda socket, _, time: socket.call("ask", timeout=time),
    "server_side_call()": lambda socket, _, time: socket.server_side_call("ask", timeout=time),
    "stats_of_workers()": lambda socket, _, time: socket.stats_of_workers(time),
    "close()": lambda socket, _, time: socket.close(time),
    "call() in a test": lambda _, client, time: client.call("ask", timeout=time),
    "receive() in a test": lambda _, client, time: client.receive(time),
    "disconnect() in a test": lambda _, client, time: client.disconnect(time),
    "leave() in a test": lambda _, client, time: client.leave(time),
}
WITHOUT_END = {"server_side_call()", "stats_of_workers()"}
NO_TIME: dict[str, tuple[Any, type[Exception]]] = {
    "a text": ("5", TypeError),
    "a truth": (True, TypeError),
    "NaN": (math.nan, ValueError),
    "infinity": (math.inf, ValueError),
    "negative": (-1, ValueError),
}


async def later(*arguments: Any) -> None:
    raise AssertionError("nobody awaits it")


def piecemeal(*arguments: Any) -> Iterator[None]:
    yield


@pytest.fixture
def listener() -> io.Listener:
    return listen(log=False)


@pytest.fixture
def client(listener: io.Listener) -> Client:
    client = Client(listener, dialect="socket.io")
    client.session.join("hall")
    return client


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("time", "error"), NO_TIME.values(), ids=NO_TIME)
def test_what_is_no_time_to_wait_is_refused_before_anything_is_sent(
    listener: io.Listener,
    client: Client,
    call: Callable[[io.Listener, Client, Any], Any],
    time: Any,
    error: type[Exception],
) -> None:
    asked: list[Any] = []
    listener.on("ask", asked.append)
    with pytest.raises(error, match=r"^timeout .* seconds"):
        call(listener, client, time)
    assert client.connected
    assert not listener.closing
    assert asked == []
    with pytest.raises(TimeoutError):
        client.receive(0)


@pytest.mark.parametrize("name", CALLS)
def test_none_waits_for_ever_where_that_can_be(
    listener: io.Listener, client: Client, name: str
) -> None:
    if name in WITHOUT_END:
        with pytest.raises(TypeError, match="timeout is a number of seconds, not None"):
            CALLS[name](listener, client, None)
        return
    client.on("ask", lambda: "answer")
    listener.on("ask", lambda client: "answer")
    listener.send("for receive()")
    CALLS[name](listener, client, None)


@pytest.mark.parametrize("callback", [5, later, piecemeal], ids=["5", "async", "yield"])
def test_what_cannot_be_called_is_no_callback(
    listener: io.Listener, client: Client, callback: Any
) -> None:
    with pytest.raises(TypeError, match="cannot be the callback of an answer: it "):
        client.session.emit("ask", callback=callback)
    with pytest.raises(TypeError, match="cannot be the callback of an answer: it "):
        client.emit("ask", callback=callback)
    with pytest.raises(TypeError, match="cannot be a handler of 'ask': it "):
        client.on("ask", callback)
    with pytest.raises(TimeoutError):
        client.receive(0)
