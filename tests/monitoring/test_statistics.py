"""The statistics of a listener: stats(), over real sockets."""

from __future__ import annotations

import json
import threading
from typing import Any

import gevent
import pytest
from support import framing
from support.clients import ALL, Polling, WebSocket
from support.http import HTTP
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.compiled import FORM
from sockio_gevent.monitoring.reasons import CloseReason, Limit
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.refusal import Reason
from sockio_gevent.wire.packet import OVERHEAD


def size(*messages: str) -> int:
    """How many bytes the payload of these messages has."""
    return len(framing.encode(*messages).encode())


GREETING = size("x" * 40)  # session ids have 40 characters


def without_uptime(stats: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stats.items() if name != "uptime"}


def test_in_the_beginning_all_is_zero(serve):
    assert without_uptime(serve().listener.stats()) == {
        "form": FORM,
        "opened": 0,
        "sessions": {name: {"open": 0, "away": 0} for name in KNOWN_TRANSPORTS},
        "dialects": {"classic": 0, "socket.io": 0},
        "closes": {cause.value: 0 for cause in CloseReason},
        "refused": {reason.value: 0 for reason in Reason},
        "messages": {"in": 0, "out": 0},
        "bytes": {"in": 0, "out": 0},
        "buffered": 0,
        "limits": {limit.value: 0 for limit in Limit},
        "cluster": {
            "members": 1,
            "connected": True,
            "lag": 0.0,
            "messages": {"in": 0, "out": 0},
            "bytes": {"in": 0, "out": 0},
            "dropped": 0,
            "handed_over": 0,
            "relayed": 0,
        },
    }


def test_stats_are_plain_data_and_new_each_time(serve):
    served = serve()
    client = WebSocket(served.port).open()
    stats = served.listener.stats()
    assert json.loads(json.dumps(stats)) == stats
    before = json.dumps(without_uptime(stats))
    stats["sessions"]["websocket"]["open"] = 99
    stats["messages"].clear()
    assert json.dumps(without_uptime(served.listener.stats())) == before
    client.close()


def test_uptime_grows(serve):
    listener = serve().listener
    first = listener.stats()["uptime"]
    assert first >= 0
    wait_until(lambda: listener.stats()["uptime"] > first)


def test_only_enabled_transports_are_listed(serve):
    listener = serve(transports=["xhr-polling", "websocket"]).listener
    assert list(listener.stats()["sessions"]) == ["xhr-polling", "websocket"]


def test_sessions_are_counted_by_transport_and_state(serve):
    served = serve()
    expected = {name: {"open": 0, "away": 0} for name in KNOWN_TRANSPORTS}
    opened = [client(served.port).open() for client in ALL for _ in range(2)]
    for client in opened:
        # A poll is over with its answer, which was the session id.
        expected[client.transport]["open" if client.streams else "away"] += 1
    wait_until(lambda: served.listener.stats()["sessions"] == expected)
    assert served.listener.stats()["opened"] == len(opened)

    polling = next(client for client in opened if isinstance(client, Polling))
    polling.listen(served.listener.clients[polling.session_id])
    expected[polling.transport] = {"open": 1, "away": 1}
    assert served.listener.stats()["sessions"] == expected

    opened[0].close()
    expected[opened[0].transport]["open"] = 1
    served.wait("disconnect")
    stats = served.listener.stats()
    assert stats["sessions"] == expected
    assert stats["opened"] == len(opened)
    assert sum(stats["closes"].values()) == 1


@pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)
def test_messages_and_bytes_are_exact(echo, client):
    served = echo()
    listener = served.listener
    opened = client(served.port).open()
    served.wait("connection")
    stats = listener.stats()
    assert stats["messages"] == {"in": 0, "out": 0}
    assert stats["bytes"] == {"in": 0, "out": GREETING}

    texts = ["hello", "é😀", "", "x" * 100_000]
    for text in texts:
        opened.send(text)
        assert opened.receive() == text
    stats = listener.stats()
    each = sum(map(size, texts))
    assert stats["messages"] == {"in": len(texts), "out": len(texts)}
    assert stats["bytes"] == {"in": each, "out": GREETING + each}

    opened.send("one", "two")
    assert [opened.receive(), opened.receive()] == ["one", "two"]
    stats = listener.stats()
    assert stats["messages"] == {"in": len(texts) + 2, "out": len(texts) + 2}
    assert stats["bytes"]["in"] == each + size("one", "two")
    assert stats["bytes"]["out"] == GREETING + each + size("one", "two")
    assert stats["buffered"] == 0


def test_json_counts_as_it_is_spelled_and_heartbeats_as_bytes_only(serve):
    served = serve(transport_options={"websocket": {"heartbeat_interval": 0.05, "timeout": 600}})
    client = WebSocket(served.port).open()
    heartbeat = client.receive()
    assert heartbeat == "~h~1"
    client.send('~j~{"a":1}', heartbeat)
    assert served.wait("message")[1] == {"a": 1}
    stats = served.listener.stats()
    assert stats["messages"] == {"in": 1, "out": 0}
    assert stats["bytes"]["in"] == size('~j~{"a":1}', "~h~1")
    assert stats["bytes"]["out"] == GREETING + size("~h~1")


def test_a_broadcast_counts_once_for_each_receiver_and_while_it_is_under_way(serve):
    served = serve()
    clients = [client(served.port).open() for client in ALL for _ in range(3)]
    served.wait("connection", len(clients))
    for polling in clients:
        polling.listen(served.listener.clients[polling.session_id])
    before = served.listener.stats()
    during: list[dict[str, Any]] = []

    def said(message: Any, client: Any) -> None:
        for _ in range(3):
            served.listener.broadcast("news", exclude=clients[0].session_id)
            during.append(served.listener.stats())

    served.listener.on("clientMessage", said)
    clients[0].send("tell them")
    for client in clients[1:]:
        assert [client.receive() for _ in range(3)] == ["news"] * 3
    receivers = len(clients) - 1
    # A message is sent when the tick ends; until then it waits.
    assert [stats["messages"]["out"] for stats in during] == [n * receivers for n in (1, 2, 3)]
    waiting = [n * receivers * size("news") for n in (1, 2, 3)]
    # The memory that it takes, which is more.
    cost = size("news") + OVERHEAD
    assert [stats["buffered"] for stats in during] == [n * receivers * cost for n in (1, 2, 3)]
    assert all(stats["bytes"]["out"] == before["bytes"]["out"] for stats in during)
    after = served.listener.stats()
    assert after["messages"]["out"] == 3 * receivers
    assert after["bytes"]["out"] == before["bytes"]["out"] + waiting[-1]
    assert after["buffered"] == 0


def test_the_last_messages_to_a_client_are_counted(serve):
    served = serve()
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]
    session.send("goodbye")
    session.disconnect()
    assert client.receive() == "goodbye"
    stats = served.listener.stats()
    assert stats["messages"]["out"] == 1
    assert stats["bytes"]["out"] == GREETING + size("goodbye")
    session.send("nobody is there")
    assert served.listener.stats()["messages"]["out"] == 1


def test_messages_that_a_reader_does_not_take_are_buffered(serve):
    served = serve(max_buffer=64 * 1024 * 1024)
    stopped, reading = WebSocket(served.port).open(), WebSocket(served.port).open()
    session = served.listener.clients[stopped.session_id]
    served.wait("connection", 2)
    text = "x" * 1024 * 1024
    sent = 0
    while not served.listener.stats()["buffered"]:
        session.send(text)
        sent += 1
        gevent.sleep(0)
    while sent < 20:
        session.send(text)
        sent += 1
    stats = served.listener.stats()
    assert stats["buffered"] == session_of(session).buffered > 0
    assert stats["messages"]["out"] == sent
    served.listener.clients[reading.session_id].send("hello")
    assert reading.receive() == "hello"
    for _ in range(sent):
        assert stopped.receive() == text
    wait_until(lambda: served.listener.stats()["buffered"] == 0)
    expected = 2 * GREETING + sent * size(text) + size("hello")
    assert served.listener.stats()["bytes"]["out"] == expected


def test_each_refusal_counts_once_by_its_reason(serve):
    served = serve(transports=["xhr-polling"])
    http = HTTP(served.port)
    expected = dict.fromkeys((reason.value for reason in Reason), 0)

    def refuse(reason: str, status: int, method: str, path: str, **headers: str) -> None:
        answer = http.request(method, f"/socket.io/{path}", **headers)
        assert answer.status == status
        expected[reason] += 1
        assert served.listener.stats()["refused"] == expected

    refuse("origin", 403, "GET", "xhr-polling", Origin="https://evil.example")
    refuse("session", 404, "GET", f"xhr-polling/{'0' * 40}")
    refuse("session", 404, "POST", f"xhr-polling/{'0' * 40}/send")
    refuse("request", 404, "GET", "htmlfile")
    refuse("request", 405, "DELETE", "xhr-polling")
    refuse("request", 405, "POST", "socket.io.js")
    served.listener.close()
    refuse("unavailable", 503, "GET", "xhr-polling")
    assert len(served.lines) == sum(expected.values())
    assert served.listener.stats()["opened"] == 0


def test_stats_may_be_called_from_another_thread(serve):
    """For example, by a server for metrics that has its own thread."""
    served = serve()
    failures: list[BaseException] = []
    done = threading.Event()
    asked = 0

    def ask() -> None:
        nonlocal asked
        try:
            while not done.is_set():
                served.listener.stats()
                asked += 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(5):
            for client in [WebSocket(served.port).open() for _ in range(20)]:
                client.close()
        wait_until(lambda: asked > 100 or failures)
    finally:
        done.set()
        thread.join()
    assert failures == []
