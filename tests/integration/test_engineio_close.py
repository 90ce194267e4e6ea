"""The end of a listener, threads that send, and handlers that take too long."""

from __future__ import annotations

import json
import threading

import gevent
import pytest
from support.engineio import ALL, POLLING, Polling, WebSocket, address, open_session, wait_polling
from support.http import DEADLINE, HTTP, Ended
from support.limits import wait_exceeded
from support.waiting import wait_until

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)
polls = pytest.mark.parametrize("kind", POLLING, ids=repr)


def read_all(opened):
    """The messages up to the end, and what the end was."""
    messages = []
    try:
        while True:
            messages.append(opened.receive())
    except Ended as ended:
        return messages, ended.args[0]


@kinds
def test_close_delivers_what_was_sent_and_then_says_that_the_server_goes_away(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    if opened.name != "websocket":
        opened.begin_poll()
        wait_polling(client)
    reading = gevent.spawn(read_all, opened)
    client.send("last words")
    client.send(b"\x00")
    served.listener.close(DEADLINE)
    said = 1001 if opened.name == "websocket" else "a close packet"
    assert reading.get(timeout=DEADLINE) == (["last words", b"\x00"], said)
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["going_away"] == 1


@polls
def test_a_client_between_polls_may_come_back_for_its_messages(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    client.send("last words")
    gevent.sleep(0)
    closing = gevent.spawn(served.listener.close, DEADLINE)
    wait_until(lambda: served.listener.closing)
    assert opened.packet() == "4last words"
    assert opened.packet() == "1"
    closing.get(timeout=DEADLINE)


@polls
def test_a_waiting_poll_without_messages_gets_a_close_packet(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    served.listener.close(DEADLINE)
    assert opened.finish_poll() == ["1"]


@kinds
def test_a_listener_that_closes_opens_no_sessions(engine, kind):
    served = engine()
    served.listener.close(1)
    http = HTTP(served.port)
    path = address(
        kind.client.name if kind.client is WebSocket else "polling",
        version=kind.version,
        more=kind.client.more_query,
    )
    headers = {"Sec_Fetch_Site": "same-origin"}
    if kind.client is WebSocket:
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
        headers |= {"Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "A" * 22 + "=="}
    answer = http.request("GET", path, **headers)
    http.close()
    assert answer.status == 503
    assert json.loads(answer.body) == {"code": 3, "message": "the server goes away"}


@kinds
def test_a_thread_may_send_at_any_time(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)

    def send() -> None:
        for number in range(100):
            client.send(str(number) if number % 2 else bytes([number]))

    thread = threading.Thread(target=send)
    thread.start()
    expected = [str(number) if number % 2 else bytes([number]) for number in range(100)]
    assert [opened.receive() for _ in range(100)] == expected
    thread.join()


@kinds
def test_a_handler_that_takes_too_long_ends_its_session(engine, kind):
    served = engine(handler_timeout=0.2)
    served.listener.on("clientMessage", lambda message, client: gevent.sleep(DEADLINE))
    opened, client = open_session(served, kind)
    if opened.name != "websocket":
        opened.begin_poll()
        wait_polling(client)
    opened.send("hello")
    with pytest.raises(Ended):
        opened.receive()
    wait_exceeded(served, "handler_timeout")
    served.wait("disconnect")


@kinds
def test_a_handler_that_raises_ends_nothing(engine, kind):
    served = engine()

    def fail(message: object, client: object) -> None:
        if message == "fail":
            raise LookupError("a mistake")

    served.listener.on("clientMessage", fail)
    opened, client = open_session(served, kind)
    opened.send("fail")
    opened.send("go on")
    served.wait("message", 2)
    assert client.connected
    served.wait_line("LookupError: a mistake")


@kinds
def test_messages_before_a_disconnect_are_handled_before_it(engine, kind):
    served = engine()
    opened, _ = open_session(served, kind)
    opened.send(*map(str, range(20)))
    opened.leave()
    served.wait("disconnect")
    kinds = [event[0] for event in served.events]
    assert kinds == ["connection", *["message"] * 20, "disconnect"]


def test_a_client_that_does_not_read_is_cut_off_in_time(engine):
    served = engine(body_timeout=0.2)
    opened, client = open_session(served, WebSocket)
    poller, other = open_session(served, Polling)
    poller.begin_poll()
    wait_polling(other)
    for each in (client, other):
        each.send("x" * 900_000)
    served.listener.close(0.5)
    wait_until(lambda: len(served.listener._sessions.closing_sessions) == 0)
    opened.vanish()
    poller.vanish()
