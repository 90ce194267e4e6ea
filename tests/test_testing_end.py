"""The test client: how its session ends, and what is left."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import gevent
import greenlet
import pytest
from gevent.event import Event
from support.http import DEADLINE
from support.in_process import echo, listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.monitoring.log import failures
from sockio_gevent.testing import Client, Disconnected

LONG = 1000.0


def greenlets() -> set[greenlet.greenlet]:
    gc.collect()
    found = (each for each in gc.get_objects() if isinstance(each, greenlet.greenlet))
    return {each for each in found if not each.dead}


def test_messages_from_before_the_end_are_received_first() -> None:
    with Client(listen()) as client:
        client.session.send("first")
        client.session.send("last")
        client.session.disconnect()
        assert not client.connected
        assert client.receive() == "first"
        assert client.receive() == "last"
        for _ in range(2):
            with pytest.raises(Disconnected) as disconnected:
                client.receive(timeout=None)
            assert disconnected.value.reason == "disconnected by the application"
            assert "has ended: disconnected by the application" in str(disconnected.value)


def test_the_end_wakes_all_waiting_calls() -> None:
    client = Client(listen())
    waiting = [gevent.spawn(client.receive, timeout=None) for _ in range(3)]
    gevent.spawn(client.session.disconnect)
    gevent.joinall(waiting, DEADLINE)
    assert [type(each.exception) for each in waiting] == [Disconnected] * 3
    client.disconnect()


def test_a_client_may_be_disconnected_by_the_handlers_of_its_connection() -> None:
    def connected(session: io.Client) -> None:
        session.send("no")
        session.disconnect()

    with Client(listen(on_connection=connected)) as client:
        assert not client.connected
        assert client.receive() == "no"
        with pytest.raises(Disconnected):
            client.receive()


def test_nothing_can_be_sent_after_the_end() -> None:
    heard: list[Any] = []
    client = Client(listen(on_client_message=lambda message, client: heard.append(message)))
    client.disconnect()
    with pytest.raises(Disconnected, match="the client has left"):
        client.send("too late")
    assert heard == []


def test_disconnect_ends_the_session_whatever_its_close_timeout() -> None:
    gone: list[io.Client] = []
    listener = listen(
        transport_options={"xhr-polling": {"close_timeout": LONG}},
        on_client_disconnect=gone.append,
    )
    client = Client(listener, transport="xhr-polling")
    client.disconnect()
    assert not client.connected
    assert not client.session.connected
    assert not listener.clients
    assert gone == [client.session]
    client.disconnect()
    assert gone == [client.session]
    assert listener.stats()["closes"]["client_closed"] == 1


def test_disconnect_waits_for_its_handlers() -> None:
    listener = listen()
    release = Event()
    steps: list[str] = []

    @listener.on("connection")
    def connected(session: io.Client) -> None:
        @session.on("disconnect")
        def gone() -> None:
            gevent.spawn(release.set)
            release.wait()
            steps.append("disconnect")

    listener.on("clientDisconnect", lambda session: steps.append("clientDisconnect"))
    client = Client(listener)
    client.disconnect()
    assert steps == ["disconnect", "clientDisconnect"]


def test_disconnect_waits_for_the_handlers_of_an_end_by_the_application() -> None:
    gone: list[io.Client] = []
    listener = listen(on_client_disconnect=gone.append)
    listener.on("clientMessage", lambda message, session: session.disconnect())
    client = Client(listener)
    client.send("bye")
    assert not client.connected
    client.disconnect()
    assert gone == [client.session]


def test_disconnect_does_not_wait_for_ever() -> None:
    release = Event()
    before = greenlets()
    client = Client(listen(on_client_disconnect=lambda session: release.wait()))
    with pytest.raises(TimeoutError, match=r"handlers of .* have not ended within 0\.02 s"):
        client.disconnect(timeout=0.02)
    assert len(greenlets() - before) == 1, "only who runs the handlers goes on"
    release.set()
    client.disconnect()


def test_the_end_of_a_with_block_disconnects() -> None:
    listener = listen()
    with Client(listener) as client:
        assert client.connected
    assert not client.connected
    assert not listener.clients


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
def test_nothing_is_left_of_a_client(transport: str) -> None:
    listener = echo(transport_options={"websocket": {"heartbeat_interval": 0.01}})
    Client(listener).disconnect()
    wait_until(lambda: listener._sessions.loops.here().deadlines._timer is None, "idle")
    before, watchers = greenlets(), gevent.get_hub().loop.activecnt

    client = Client(listener, transport=transport)
    client.send("hello")
    assert client.receive() == "hello"
    with pytest.raises(TimeoutError):
        client.receive(timeout=0.01)
    client.disconnect()

    assert not listener.clients
    assert not listener._sessions.closing_sessions
    assert failures.get() is None
    assert not listener._sessions.loops.here().deadlines._slots
    assert greenlets() <= before
    assert gevent.get_hub().loop.activecnt <= watchers
    wait_until(lambda: listener._sessions.loops.here().deadlines._timer is None, "idle")

    session = weakref.ref(client.session)
    del client
    gc.collect()
    assert session() is None
