"""A handler that raises a ``BaseException``: only its own session ends."""

from __future__ import annotations

import gevent
import pytest
from support.clients import ALL, Polling, WebSocket
from support.command import write
from support.http import HTTP
from support.waiting import wait_until

EXITING = """
    import gevent
    import sockio_gevent as io

    application = io.listen(lambda environ, start_response: [])

    @application.on("clientMessage")
    def received(message, client):
        if message == "exit":
            raise SystemExit(7)
        if message == "interrupt":
            raise KeyboardInterrupt
        client.send(message)
"""


class Alarm(BaseException):
    """A ``BaseException`` that no handler expects."""


def end(served, message):
    if message == "alarm":
        raise Alarm("ringing")
    if message == "leave":
        raise gevent.GreenletExit
    if message == "killed":
        gevent.getcurrent().kill()


@pytest.fixture
def ending(serve):
    """A server with a handler that can be ended."""
    served = serve()

    @served.listener.on("clientMessage")
    def received(message, client):
        end(served, message)
        client.send(f"echo {message}")

    return served


@pytest.mark.parametrize("how", ["alarm", "leave", "killed"])
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_the_session_ends_and_the_others_continue(ending, kind, how):
    other, client = WebSocket(ending.port).open(), kind(ending.port).open()
    client.begin_send(how)
    gone = ending.wait("disconnect")[1]
    assert gone.session_id == client.session_id
    assert ending.listener.stats()["closes"]["failure"] == 1
    ended = ending.wait_line(" ended: ")
    assert client.session_id[:8] in ended
    if how == "alarm":
        assert "Alarm: ringing" in "\n".join(ending.lines)
        assert "a handler failed" in ended
    else:
        assert "its handler was killed" in ended
    if isinstance(client, WebSocket):
        assert client.wait_closed() == 1011
    else:
        client.vanish()
    other.send("still here")
    assert other.receive() == "echo still here"
    another = kind(ending.port).open()
    another.send("as ever")
    assert another.receive() == "echo as ever"


@pytest.mark.parametrize("how", ["alarm", "leave", "killed"])
def test_connections_of_the_same_iteration_are_still_read(ending, how):
    clients = [WebSocket(ending.port).open() for _ in range(12)]
    ending.wait("connection", len(clients))
    # All messages that are sent before the loop runs are read in one iteration.
    for number, client in enumerate(clients):
        client.send(how if number % 3 == 0 else "hello")
    for number, client in enumerate(clients):
        if number % 3 == 0:
            assert client.wait_closed() == 1011
        else:
            assert client.receive() == "echo hello"


@pytest.mark.parametrize("event", ["connection", "clientDisconnect"])
def test_handlers_of_connection_and_disconnect_end_only_their_session_too(serve, event):
    def alarm(client):
        raise Alarm("ringing")

    served = serve()
    served.listener.on(event, alarm)
    for kind in (WebSocket, Polling):
        client = kind(served.port)
        if event == "clientDisconnect":
            client.open()
        if kind is WebSocket:
            if event == "connection":
                assert client.wait_closed() == 1011
            else:
                client.close()
        elif event == "connection":
            HTTP(served.port).request("GET", "/socket.io/xhr-polling")
        else:
            client.vanish()
            served.listener.clients[client.session_id].disconnect()
        wait_until(lambda: not served.listener.clients)
    wait_until(lambda: sum("Alarm: ringing" in line for line in served.lines) == 2)


@pytest.mark.parametrize(("message", "status"), [("exit", 7), ("interrupt", 130)])
@pytest.mark.parametrize("kind", [WebSocket, Polling], ids=lambda kind: kind.transport)
def test_an_exception_that_ends_the_program_ends_it_in_order(
    command, tmp_path, kind, message, status
):
    write(tmp_path, "exiting", EXITING)
    running = command("exiting")
    others = [WebSocket(running.port).open() for _ in range(3)]
    client = kind(running.port).open()
    client.begin_send(message)
    if kind is WebSocket:
        assert client.wait_closed() == 1011
    for other in others:
        assert other.wait_closed() == 1001
    client.vanish()
    assert running.finish() == status
    assert running.count(f"a handler failed for <Client {client.session_id[:8]}") == 1
