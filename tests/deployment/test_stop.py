"""SIGTERM under each server: every client gets its messages, and learns of the end."""

from __future__ import annotations

import signal

import pytest
from support.clients import HTTPClient, Polling, ServerEvents, WebSocket
from support.http import Ended
from support.servers import CommandLine, Gunicorn, Program, order

BIG = 3_000_000
OPTIONS = {"max_buffer": 16 * 1024 * 1024}

SERVERS = {
    "command line": (CommandLine, ()),
    "gunicorn gevent": (Gunicorn, ("gevent",)),
    "gunicorn gevent_pywsgi": (Gunicorn, ("gevent_pywsgi",)),
    "stop, then close": (Program, ("stopped_first",)),
    "close, then stop": (Program, ("closed_first",)),
}
ACCEPTING = ("command line", "close, then stop")


def started(deploy, name, *arguments, **more):
    kind, given = SERVERS[name]
    return deploy(kind, *given, *arguments, **more).listening()


def open_client(server, kind):
    """A client with only the connection for its messages: the server waits for idle ones."""
    client = server.client(kind).open()
    if isinstance(client, HTTPClient):
        client.post.close()
    return client


def check_end(server, clients):
    """Check that the process ends as it should, and that nothing is left."""
    for client in clients:
        client.vanish()
    assert server.wait_end() == 0, str(server)
    for client in clients:
        assert len(server.found(f"gone {client.session_id}")) == 1, str(server)
    assert len(server.found("gone ")) == len(clients)
    assert server.problems() == []
    left = r"left: 0 clients, 0 closing sessions, greenlets \[\]$"
    assert len(server.found(left)) == 1, str(server)


def open_fleet(server):
    """A client of each kind and in each state. All were sent messages; some did not get theirs."""
    websocket, stream = open_client(server, WebSocket), open_client(server, ServerEvents)
    waiting = open_client(server, Polling)
    away = [open_client(server, Polling) for _ in range(2)]
    for client in away:
        server.wait_state(client.session_id, "away")
    websocket.send(order(send=BIG), order(broadcast="hello"))
    assert stream.receive() == "hello"
    assert waiting.receive() == "hello"
    waiting.begin_poll()
    server.wait_state(waiting.session_id, "open")
    return websocket, stream, waiting, away


@pytest.mark.parametrize("name", SERVERS)
def test_term_loses_no_message(deploy, name):
    server = started(deploy, name, options=OPTIONS)
    websocket, stream, waiting, away = open_fleet(server)
    server.process.send_signal(signal.SIGTERM)
    assert waiting.finish_poll() == []
    stream.wait_closed()
    stream.vanish()  # for its connection could be used for another request
    assert len(websocket.receive()) == BIG
    assert websocket.receive() == "hello"
    assert websocket.wait_closed() == 1001
    if name in ACCEPTING:
        with pytest.raises(Ended, match="503"):
            server.client(Polling).open()
        away[0].get.close()  # and connects again, as a proxy does for every request
    for client in away:
        assert client.poll() == ["hello"]
    check_end(server, [websocket, stream, waiting, *away])
    assert server.found("closed: 5 sessions ended$"), str(server)


@pytest.mark.parametrize("name", SERVERS)
def test_the_stop_waits_until_the_deadline_for_a_client_that_does_not_come_back_and_logs_it(
    deploy, name
):
    arguments = ("--graceful-timeout=6",) if "gunicorn" in name else ()
    server = started(deploy, name, *arguments)
    client, silent = (open_client(server, Polling) for _ in range(2))
    for each in (client, silent):
        server.wait_state(each.session_id, "away")
    sender = open_client(server, WebSocket)
    sender.send(order(broadcast="hello"))
    assert sender.receive() == "hello"
    if "gunicorn" not in name:  # which does not wait for a client without a connection
        silent.vanish()
    server.process.send_signal(signal.SIGTERM)
    assert sender.wait_closed() == 1001
    assert client.poll() == ["hello"]
    server.wait_line("closed: 3 sessions ended, 1 of them did not come back for 12 bytes")
    check_end(server, [sender, client, silent])


@pytest.mark.parametrize("name", [name for name in SERVERS if "gunicorn" in name])
def test_gunicorn_does_not_wait_for_a_client_without_a_connection(deploy, name):
    server = started(deploy, name, "--graceful-timeout=600")
    client = open_client(server, Polling)
    server.wait_state(client.session_id, "away")
    sender = open_client(server, WebSocket)
    sender.send(order(broadcast="hello"))
    assert sender.receive() == "hello"
    client.vanish()
    server.process.send_signal(signal.SIGTERM)
    assert sender.wait_closed() == 1001
    check_end(server, [sender, client])
    assert server.found("closed: 2 sessions ended, 1 of them did not come back for 12 bytes")
