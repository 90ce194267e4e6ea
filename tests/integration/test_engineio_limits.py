"""The limits of messages, bodies and sessions over the transports of Engine.IO."""

from __future__ import annotations

import json

import gevent
import pytest
from support.engineio import (
    ALL,
    JSONP,
    POLLING,
    SOCKETS,
    Polling,
    WebSocket,
    address,
    open_session,
)
from support.http import HTTP, Ended
from support.limits import exceeded, wait_exceeded
from support.raw import Raw
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)
polls = pytest.mark.parametrize("kind", POLLING, ids=repr)
sockets = pytest.mark.parametrize("kind", SOCKETS, ids=repr)


def refused_for(answer, status):
    """Check the answer to a request that is over a limit; return its text."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = json.loads(answer.body)
    assert error["code"] == 3
    return error["message"]


def over(opened, served, answer, status, code):
    """Check that a client was told of a limit, and that its session has ended."""
    if opened.name == "websocket":
        assert opened.wait_closed() == code
    else:
        refused_for(answer, status)
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1


@kinds
def test_a_message_may_be_as_large_as_the_limit(engine_echo, kind):
    opened, _ = open_session(engine_echo(max_message_size=1000), kind)
    # A payload of version 3 has a length, too.
    text = "x" * (999 if kind.version == 4 or opened.name == "websocket" else 990)
    opened.send(text)
    assert opened.receive() == text


@kinds
def test_a_larger_message_ends_the_session(engine, kind):
    served = engine(max_message_size=1000, max_body_size=100_000)
    opened, _ = open_session(served, kind)
    answer = opened.send("x" * 1001)
    over(opened, served, answer, 413, 1009)
    wait_exceeded(served, "max_message_size")
    assert served.happened("message") == []


@polls
def test_a_body_over_the_limit_is_refused_before_it_is_read(engine, kind):
    served = engine(max_message_size=1000)
    opened, client = open_session(served, kind)
    most = 6 * 1000 + 2 if kind.client is JSONP else 1000 + 2
    raw = Raw(
        served.port,
        f"POST {opened.address} HTTP/1.1\r\nHost: a\r\nContent-Length: {most + 1}\r\n\r\n".encode(),
    )
    status, headers = raw.head()
    assert status == "HTTP/1.1 413 Content Too Large"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(raw.take(int(headers["Content-Length"])))["code"] == 3
    raw.close()
    assert exceeded(served) == {"max_body_size": 1}
    assert client.connected


@polls
def test_a_body_that_does_not_come_in_time_is_refused(engine, kind):
    served = engine(body_timeout=0.2)
    opened, _ = open_session(served, kind)
    raw = Raw(
        served.port,
        f"POST {opened.address} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4".encode(),
    )
    assert raw.head()[0].split()[1] == "408"
    raw.close()
    wait_exceeded(served, "body_timeout")
    assert served.happened("message") == []


@polls
def test_too_many_packets_in_one_payload_end_the_session(engine, kind):
    served = engine(max_payload_messages=10)
    opened, _ = open_session(served, kind)
    assert opened.send(*["x"] * 10).status == 200
    served.wait("message", 10)
    answer = opened.send(*["x"] * 11)
    over(opened, served, answer, 413, None)
    wait_exceeded(served, "max_payload_messages")
    assert len(served.happened("message")) == 10


@kinds
def test_messages_that_come_too_fast_end_the_session(engine, kind):
    served = engine(max_message_rate=5)
    opened, _ = open_session(served, kind)
    answer = opened.send(*map(str, range(50)))
    over(opened, served, answer, 429, 1008)
    wait_exceeded(served, "max_message_rate")
    # Those before are taken, in their order.
    taken = [event[1] for event in served.happened("message")]
    assert taken == [str(number) for number in range(len(taken))]
    assert len(taken) < 50


@pytest.mark.parametrize("kind", [each for each in ALL if each.version == 3], ids=repr)
def test_pings_do_not_count_as_messages(engine, kind):
    served = engine(max_message_rate=1)
    opened, client = open_session(served, kind)
    opened.put(*["2"] * 50)
    assert [opened.packet() for _ in range(50)] == ["3"] * 50
    assert client.connected


@kinds
def test_a_client_that_takes_no_messages_is_let_go(engine, kind):
    served = engine(max_buffer=100_000)
    opened, client = open_session(served, kind)
    served.wait("connection")
    with gevent.Timeout(30):
        while client.connected:
            client.send("x" * 10_000)
            gevent.sleep(0)
    served.wait("disconnect")
    wait_exceeded(served, "max_buffer")
    assert served.listener.stats()["closes"]["buffer_full"] == 1
    opened.vanish()


@pytest.mark.parametrize(
    "limit", [{"max_sessions": 2}, {"max_sessions_per_address": 2}], ids=lambda limit: str(*limit)
)
@kinds
def test_there_are_only_so_many_sessions(engine, kind, limit):
    [name] = limit
    served = engine(**limit, trusted_proxies=1)
    # Addresses of the machine itself do not count.
    headers = {"X-Forwarded-For": "192.0.2.1"}
    opened = [kind(served.port, headers=headers).open() for _ in range(2)]
    if kind.client is WebSocket:
        with pytest.raises(InvalidStatus) as raised:
            kind(served.port, headers=headers)
        response = raised.value.response
        assert response.status_code in (429, 503)
        assert response.headers["Content-Type"] == "application/json"
    else:
        http = HTTP(served.port, headers=headers)
        path = address(version=kind.version, more=kind.client.more_query)
        answer = http.request("GET", path, Sec_Fetch_Site="same-origin")
        refused_for(answer, answer.status)
        assert answer.status in (429, 503)
        http.close()
    wait_exceeded(served, name)
    opened[0].leave()
    served.wait("disconnect")
    wait_until(lambda: len(served.listener.clients) == 1)
    assert kind(served.port, headers=headers).open().session_id


def test_a_head_over_the_limit_is_refused(engine):
    served = engine(max_header_size=2000)
    http = HTTP(served.port)
    answer = http.request("GET", address(more="&x=" + "y" * 3000))
    assert answer.status in (414, 431)
    http.close()
    assert served.listener.stats()["opened"] == 0


@kinds
def test_a_handler_queue_that_is_full_stops_the_reading_and_loses_nothing(engine, kind):
    served = engine(max_message_size=64 * 1024)
    door = gevent.event.Event()
    served.listener.on("clientMessage", lambda message, client: door.wait())
    opened, client = open_session(served, kind)
    texts = [f"{number}" + "x" * 30_000 for number in range(8)]
    sending = gevent.spawn(lambda: [opened.send(text) for text in texts])
    served.wait("message")
    gevent.sleep(0)
    door.set()
    sending.get(timeout=60)
    served.wait("message", 8)
    assert [event[1] for event in served.happened("message")] == texts
    assert client.connected


@sockets
def test_a_frame_over_the_limit_is_refused_by_its_header(engine, kind):
    """The payload need not come."""
    served = engine(max_message_size=1000)
    opened, _ = open_session(served, kind)
    opened.link.send_bytes(b"\x81\xfe\xff\xff\0\0\0\0")
    assert opened.wait_closed() == 1009
    wait_exceeded(served, "max_message_size")


def test_a_session_over_its_memory_ends(engine):
    served = engine(max_memory=200_000)
    clients = [open_session(served, kind) for kind in (Polling, WebSocket)]
    served.wait("connection", 2)
    for _ in range(40):
        clients[0][1].send("x" * 10_000)
    served.wait("disconnect")
    wait_exceeded(served, "max_memory")
    assert clients[1][1].connected
    with pytest.raises(Ended):
        clients[0][0].packet()
