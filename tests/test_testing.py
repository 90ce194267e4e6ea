"""The client for the tests of applications: messages, and the wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.http import DEADLINE
from support.in_process import echo, listen
from support.python_path import python_path
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.testing import Client

USERS_TESTS = """
import sys

import gevent.monkey
import pytest
import sockio_gevent as io
from sockio_gevent.testing import Client, Disconnected


def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


socket = io.listen(application)


@socket.on("connection")
def connected(client):
    name = client.environ.get("HTTP_COOKIE", "someone")
    client.broadcast({"joined": name})

    @client.on("message")
    def message(text):
        if text == "bye":
            client.disconnect()
        else:
            socket.broadcast({"from": name, "text": text})


@pytest.fixture
def alice():
    with Client(socket, environ={"HTTP_COOKIE": "alice"}) as client:
        yield client


def test_all_clients_receive_a_broadcast(alice):
    with Client(socket, environ={"HTTP_COOKIE": "bob"}) as bob:
        assert alice.receive() == {"joined": "bob"}
        bob.send("hi")
        assert alice.receive() == {"from": "bob", "text": "hi"}
        assert bob.receive() == {"from": "bob", "text": "hi"}


def test_a_client_that_says_bye_is_disconnected(alice):
    alice.send("bye")
    assert not alice.connected
    with pytest.raises(Disconnected, match="disconnected by the application"):
        alice.receive()


def test_nothing_is_patched_and_no_client_is_left():
    assert not gevent.monkey.is_anything_patched()
    assert "gevent.pywsgi" not in sys.modules
    assert not socket.clients
"""


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "",
        "😀 \u2028 ~m~5~m~",
        "~h~1",
        '~j~{"a":1}',
        "~j~{",
        {"a": [1, 2.5, None, True, "é"]},
        [],
        0,
        None,
    ],
)
@pytest.mark.parametrize("transport", ["websocket", "xhr-polling", "jsonp-polling"])
def test_a_message_is_echoed_unaltered(message: Any, transport: str) -> None:
    received = []
    listener = echo(
        on_client_message=lambda message, client: received.append(message),
        transports=[transport],
    )
    with Client(listener, transport=transport) as client:
        client.send(message)
        assert received == [message]
        assert client.receive() == message


def test_the_handlers_of_a_message_have_run_when_send_returns() -> None:
    listener = listen()
    heard = []

    @listener.on("connection")
    def connected(session: io.Client) -> None:
        session.on("message", lambda message: heard.append((message, gevent.getcurrent())))

    with Client(listener) as client:
        for number in range(10):
            client.send(number)
            assert heard[-1] == (number, gevent.getcurrent())
    assert [number for number, _ in heard] == list(range(10))


def test_messages_are_received_in_the_order_they_were_sent() -> None:
    with Client(listen()) as client:
        for number in range(100):
            client.session.send(number)
        assert [client.receive() for _ in range(100)] == list(range(100))


@pytest.mark.parametrize("handshake", ["plain", "json"])
def test_the_greeting_is_taken_on_connect(handshake: str) -> None:
    listener = listen(handshake=handshake, on_connection=lambda client: client.send("welcome"))
    with Client(listener) as client:
        assert client.session_id == client.session.session_id
        assert client.receive() == "welcome"


def test_all_events_fire_as_usual() -> None:
    listener = listen()
    events: list[tuple[Any, ...]] = []
    for name in listener.EVENTS:
        listener.on(name, lambda *arguments, name=name: events.append((name, *arguments)))

    @listener.on("connection")
    def connected(session: io.Client) -> None:
        session.on("message", lambda message: events.append(("message", message)))
        session.on("disconnect", lambda: events.append(("disconnect",)))

    client = Client(listener)
    session = client.session
    assert listener.clients == {client.session_id: session}
    assert session.connected
    assert session.connections == 1
    client.send("hello")
    client.disconnect()
    assert events == [
        ("clientConnect", session),
        ("connection", session),
        ("message", "hello"),
        ("clientMessage", "hello", session),
        ("disconnect",),
        ("clientDisconnect", session),
    ]


def test_a_broadcast_reaches_all_or_all_others() -> None:
    listener = listen()
    clients = [Client(listener) for _ in range(3)]
    listener.broadcast("to all")
    clients[1].session.broadcast("to others")
    for client in clients:
        assert client.receive() == "to all"
    assert clients[0].receive() == clients[2].receive() == "to others"
    with pytest.raises(TimeoutError):
        clients[1].receive(timeout=0)
    for client in clients:
        client.disconnect()


def test_heartbeats_are_answered_and_not_received() -> None:
    times = {"heartbeat_interval": 0.01, "timeout": 10 * DEADLINE}
    with Client(listen(transport_options={"websocket": times})) as client:
        wait_until(lambda: client._session._heartbeats >= 3, "three heartbeats")
        assert client.connected
        with pytest.raises(TimeoutError):
            client.receive(timeout=0)


def test_a_polling_session_outlives_its_polls() -> None:
    times = {"duration": 0.1}
    with Client(
        listen(transport_options={"xhr-polling": times}), transport="xhr-polling"
    ) as client:
        began = client._session._deadline
        wait_until(lambda: client._session._deadline > began + 0.2, "a third poll")
        client.session.send("still here")
        assert client.receive() == "still here"


@pytest.mark.parametrize("message", [b"bytes", object(), {"a": {1, 2}}])
def test_a_value_without_a_json_form_cannot_be_sent(message: Any) -> None:
    with Client(listen()) as client:
        with pytest.raises(TypeError):
            client.send(message)
        assert client.connected


def test_a_message_that_is_nested_deep_is_not_lost() -> None:
    heard: list[Any] = []
    refused = 0
    with Client(listen(on_client_message=lambda message, client: heard.append(message))) as client:
        nested: list[Any] = []
        for _ in range(1000):
            nested = [nested]
            try:
                client.send(nested)
            except ValueError:
                refused += 1
    assert len(heard) + refused == 1000


def test_limits_hold_in_both_directions() -> None:
    listener = echo(max_message_size=100, max_buffer=50)
    with Client(listener) as client:
        with pytest.raises(ValueError, match="over the option 'max_message_size' of 100"):
            client.send("x" * 100)
        with pytest.raises(ValueError, match="'max_buffer' of 50"):
            client.send("x" * 60)
        with pytest.raises(ValueError, match="JSON"):
            client.send(float("nan"))
        client.send("x")
        assert client.receive() == "x"


def test_a_client_that_has_received_nothing_yet_is_not_taken_for_a_slow_one() -> None:
    with Client(listen(max_buffer=100)) as client:
        for _ in range(100):
            client.session.send("x" * 50)
        assert [client.receive() for _ in range(100)] == ["x" * 50] * 100


def test_receive_lets_others_run_while_it_waits() -> None:
    with Client(listen()) as client:
        started, asked = Event(), Event()

        def work() -> None:
            started.set()
            asked.wait()
            client.session.send("done")

        gevent.spawn(work)
        started.wait()
        asked.set()
        assert client.receive(timeout=DEADLINE) == "done"


def test_receive_gives_up_after_its_timeout_and_says_so() -> None:
    with Client(listen()) as client:
        began = monotonic()
        with pytest.raises(TimeoutError, match=r"no message came to .*websocket.* within 0\.05 s"):
            client.receive(timeout=0.05)
        assert monotonic() - began >= 0.04
        client.session.send("late")
        assert client.receive() == "late"


def test_receive_returns_a_message_that_is_there_whatever_the_timeout() -> None:
    with Client(listen()) as client:
        # More than the loop does in one go.
        crowd = [gevent.spawn(sum, range(20_000)) for _ in range(500)]
        client.session.send("here")
        assert client.receive(timeout=0) == "here"
        gevent.joinall(crowd)


def test_receive_without_a_timeout_waits_for_ever() -> None:
    with Client(listen()) as client:
        waiting = gevent.spawn(client.receive, timeout=None)
        gevent.spawn(client.session.send, "at last")
        assert waiting.get(timeout=DEADLINE) == "at last"


def test_clients_work_in_many_greenlets_at_once() -> None:
    listener = echo()
    everybody = Event()

    def talk(number: int) -> list[Any]:
        with Client(listener) as client:
            if len(listener.clients) == 50:
                everybody.set()
            everybody.wait()
            client.send([number, "first"])
            client.send([number, "second"])
            return [client.receive(DEADLINE), client.receive(DEADLINE)]

    talks = [gevent.spawn(talk, number) for number in range(50)]
    gevent.joinall(talks, DEADLINE)
    assert [talk.get() for talk in talks] == [
        [[number, "first"], [number, "second"]] for number in range(50)
    ]
    assert not listener.clients


def test_a_test_needs_nothing_but_pytest(tmp_path: Path) -> None:
    (tmp_path / "test_chat.py").write_text(USERS_TESTS)
    package = Path(io.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": python_path(package)},
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
