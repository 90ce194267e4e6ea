"""The end of a session runs once, whatever happened at the same time."""

from __future__ import annotations

import threading
from itertools import product
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from support.clients import Polling, ServerEvents, WebSocket
from support.http import LONG
from support.in_process import fail
from support.races import Ends, reset
from support.times import change_times
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of

KINDS = [WebSocket, ServerEvents, Polling]

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
orders = pytest.mark.parametrize("server_first", [True, False], ids=["server", "client"])


@pytest.fixture
def race(serve):
    """Start a server whose sessions are watched: race(**options)."""

    def start(**options: Any) -> tuple[Any, Ends]:
        served = serve(**options)
        return served, Ends(served)

    return start


def join(served: Any, kind: Any) -> tuple[Any, Any]:
    """A connected client, and its session."""
    client = kind(served.port).open()
    session = served.listener.clients[client.session_id]
    if not client.streams:
        client.begin_poll()
    wait_until(
        lambda: session_of(session).downlink is not None and session_of(session).downlink.ready
    )
    return client, session


def end_by_client(client: Any) -> None:
    """Leave without waiting for anything."""
    if isinstance(client, WebSocket):
        client.protocol.send_close(1000)
        client._flush()
    else:
        client.vanish()


def both(server_first: bool, server: Any, client: Any) -> None:
    """Let both sides act in one tick."""
    for act in (server, client) if server_first else (client, server):
        act()


@kinds
@orders
def test_a_close_from_both_sides(race, kind, server_first):
    served, ends = race()
    client, session = join(served, kind)
    both(server_first, session.disconnect, lambda: end_by_client(client))
    ends.check(client, causes={"disconnected", "client_closed"})


@kinds
@orders
@pytest.mark.parametrize("cut", [lambda client: client.vanish(), reset], ids=["hang-up", "reset"])
def test_a_disconnect_and_a_connection_that_is_lost(race, kind, server_first, cut):
    served, ends = race()
    client, session = join(served, kind)
    both(server_first, session.disconnect, lambda: cut(client))
    ends.check(client, causes={"disconnected", "connection_lost"})


@kinds
@orders
def test_the_listener_s_close_and_the_client_s(race, kind, server_first):
    served, ends = race()
    client, _ = join(served, kind)
    closing = [gevent.Greenlet(served.listener.close, LONG) for _ in range(2)]
    both(server_first, lambda: [each.start() for each in closing], lambda: end_by_client(client))
    if client.streams:
        client.vanish()
    gevent.joinall(closing, raise_error=True)
    ends.check(client, causes={"going_away", "client_closed", "connection_lost", "away_too_long"})


@kinds
def test_a_disconnect_by_another_thread_while_the_client_leaves(race, kind):
    served, ends = race()
    client, session = join(served, kind)
    thread = threading.Thread(target=session.disconnect)
    thread.start()
    end_by_client(client)
    wait_until(lambda: not thread.is_alive())
    ends.check(client, causes={"disconnected", "client_closed", "connection_lost"})


@orders
def test_a_heartbeat_that_is_lost_while_a_flush_is_blocked(race, server_first):
    served, ends = race(max_buffer=64 * 1024 * 1024)
    change_times(served, "websocket", heartbeat_interval=LONG, timeout=LONG)
    client, session = join(served, WebSocket)
    session.send("x" * 32 * 1024 * 1024)
    wait_until(lambda: session_of(session).downlink.writing)
    session_of(session)._on_deadline()
    assert session.connected
    assert session_of(session).downlink.writing, "the heartbeat waits behind what is not taken"
    both(server_first, session_of(session)._on_deadline, lambda: reset(client))
    ends.check(client, causes={"heartbeat_lost"})


@kinds
@orders
def test_a_full_buffer_and_a_peer_that_resets(race, kind, server_first):
    served, ends = race(max_buffer=1_000_000)
    client, session = join(served, kind)

    def overflow() -> None:
        for _ in range(30):
            session.send("x" * 900_000)

    both(server_first, overflow, lambda: reset(client))
    if session.connected:  # a client that has lost a poll is away, and messages wait for it
        wait_until(lambda: session_of(session).downlink is None)
        overflow()
    ends.check(client, causes={"buffer_full", "connection_lost"})


MESSAGES = ["message", "clientMessage"]
ENDS = ["disconnect", "clientDisconnect"]


@kinds
@pytest.mark.parametrize("event", ["clientConnect", "connection", *MESSAGES, *ENDS])
def test_a_disconnect_inside_a_handler(race, kind, event):
    served, ends = race()

    def disconnect(client: io.Client) -> None:
        client.disconnect()
        client.send("too late")
        client.disconnect()

    if event in ("message", "disconnect"):

        @served.listener.on("connection")
        def connected(client: io.Client) -> None:
            client.on(event, lambda *_: disconnect(client))

    else:
        served.listener.on(event, lambda *arguments: disconnect(arguments[-1]))
    client = kind(served.port).open()
    if event in MESSAGES:
        client.begin_send("hello")
    if event in ENDS:
        served.wait("connection")[1].disconnect()
    served.wait("disconnect")
    ends.check(client, causes={"disconnected"})


@kinds
@pytest.mark.parametrize("event", ENDS)
def test_an_exception_in_a_handler_of_the_end(race, kind, event):
    served, ends = race()
    client, session = join(served, kind)
    told = []
    for emitter, name in ((session, "disconnect"), (served.listener, "clientDisconnect")):
        if name == event:
            emitter.on(name, fail)
        emitter.on(name, lambda *_, name=name: told.append(name))
    session.disconnect()
    ends.check(client, causes={"disconnected"})
    assert told == ["disconnect", "clientDisconnect"]
    assert sum("LookupError: a mistake" in line for line in served.lines) == 1


@kinds
def test_a_handler_that_runs_while_its_session_ends(race, kind):
    served, ends = race()
    client, session = join(served, kind)
    release, order = Event(), []

    @session.on("message")
    def message(text: str) -> None:
        order.append("begins")
        release.wait()
        session.disconnect()
        session.send("too late")
        order.append("is done")

    session.on("disconnect", lambda: order.append("disconnect"))
    client.begin_send("hello")
    wait_until(lambda: order)
    session.disconnect()
    end_by_client(client) if isinstance(client, WebSocket) else client.get.close()
    assert not session.connected
    release.set()
    if not isinstance(client, WebSocket):
        assert client.post.finish().status == 200
    ends.check(client, causes={"disconnected"})
    assert order == ["begins", "is done", "disconnect"]


@pytest.mark.parametrize("turns", range(6))
@orders
def test_a_poll_that_comes_in_the_tick_in_which_its_session_has_been_away_too_long(
    race, server_first, turns
):
    served, ends = race()
    client = Polling(served.port).open()
    session = served.listener.clients[client.session_id]
    wait_until(lambda: session_of(session).away)

    def expires() -> None:
        for _ in range(0 if server_first else turns):
            gevent.sleep(0)
        session_of(session)._on_deadline()

    both(server_first, expires, client.begin_poll)
    answer = client.get.finish()
    # The poll came in time and then ended; or it came too late.
    assert answer.status == (200 if session.connected else 404)
    client.vanish()
    if session.connected:
        wait_until(lambda: session_of(session).away)
        session_of(session)._on_deadline()
    ends.check(causes={"away_too_long"})


@kinds
@orders
def test_a_greenlet_that_is_killed_and_a_disconnect(race, kind, server_first):
    server = WSGIServer(("127.0.0.1", 0), spawn=Pool(), log=None)
    served, ends = race(server=server)
    client, session = join(served, kind)
    both(server_first, session.disconnect, lambda: server.pool.kill(block=False))
    ends.check(client, causes={"disconnected", "connection_lost"})


@kinds
def test_a_close_that_a_handler_has_begun(race, kind):
    served, ends = race()
    clients = [join(served, kind)[0] for _ in range(2)]
    closed = Event()

    @served.listener.on("clientMessage")
    def message(text: str, client: io.Client) -> None:
        gevent.spawn(served.listener.close, LONG).link(lambda _: closed.set())
        client.disconnect()

    for client in clients:
        client.begin_send("close")
    for client in clients:
        if isinstance(client, WebSocket):
            assert client.wait_closed() in (1000, 1001)
    closed.wait()
    ends.check(*clients, causes={"going_away", "disconnected"})


def test_two_listeners_of_one_server(race):
    served, ends = race()
    others: list[Any] = []
    lines: list[str] = []
    other = io.listen(
        served.server, resource="other", log=lines.append, on_client_disconnect=others.append
    )
    clients = [join(served, WebSocket)[0], WebSocket(served.port, path="/other/websocket").open()]
    closing = [
        gevent.spawn(listener.close, LONG)
        for listener, _ in product((served.listener, other), range(2))
    ]
    assert [client.wait_closed() for client in clients] == [1001, 1001]
    gevent.joinall(closing, raise_error=True)
    ends.check(*clients, causes={"going_away"})
    assert len(others) == 1
    assert sum(" ended: " in line for line in lines) == 1
    for printed in (lines, served.lines):
        assert sum("closed: 1 session ended" in line for line in printed) == 1
    assert not other.clients
    assert not other._sessions.closing_sessions
