"""Requests of Engine.IO that overlap, and peers that hang up in the middle of one."""

from __future__ import annotations

import gevent
import pytest
from support.engineio import (
    POLLING,
    SOCKETS,
    Kind,
    Polling,
    WebSocket,
    open_session,
    refused,
    wait_polling,
)
from support.http import HTTP, Ended
from support.raw import Raw
from support.times import wait_hung_up
from support.waiting import wait_until

from sockio_gevent.client import session_of

polls = pytest.mark.parametrize("kind", POLLING, ids=repr)


def poll_beside(served, opened):
    """Poll over another connection."""
    http = HTTP(served.port)
    answer = http.request("GET", opened.address, Sec_Fetch_Site="same-origin")
    http.close()
    return answer


@polls
def test_a_second_poll_beside_a_waiting_one_ends_the_session(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    refused(poll_beside(served, opened), 400, 3, "Bad request")
    assert opened.finish_poll() == ["1"]
    served.wait("disconnect")
    served.wait_line("a poll came while another was waiting")
    assert served.listener.stats()["closes"]["protocol_error"] == 1
    assert not client.connected


@polls
def test_messages_that_were_sent_by_then_arrive_with_the_waiting_poll(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    second = HTTP(served.port)
    second.begin("GET", opened.address, Sec_Fetch_Site="same-origin")
    client.send("sent")
    packets = opened.finish_poll()
    # Whether the second poll came before the message was written or after that.
    assert packets in (["4sent"], ["4sent", "1"], ["1"])
    if packets == ["4sent"]:
        client.send("next")
        assert opened.decode(second.finish()) == ["4next"]
    second.close()


@polls
def test_a_poll_whose_peer_has_hung_up_does_not_count_as_waiting_for_ever(engine, kind):
    """It ends the session, and so the next poll finds none: it is not told of an overlap."""
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    opened.get.close()
    served.wait("disconnect")
    served.wait_line("ended: the client hung up")
    assert not client.connected
    refused(poll_beside(served, opened), 400, 1, "Session ID unknown")
    assert served.listener.stats()["closes"]["connection_lost"] == 1


@polls
def test_a_hang_up_between_polls_ends_nothing(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.vanish()
    opened.get, opened.post = HTTP(served.port), HTTP(served.port)
    client.send("still here")
    assert opened.receive() == "still here"
    assert client.connected
    assert served.happened("disconnect") == []


@polls
def test_a_poll_that_has_hung_up_when_a_message_is_sent_ends_the_session(engine, kind):
    """The hang-up was not noticed yet: the message is not written into the void."""
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    opened.get.close()
    wait_hung_up(client)
    client.send("too late")
    served.wait("disconnect")
    assert not client.connected


def begin_post(served, opened, body=b"4hello", more=0):
    """Send the head of a POST and a part of its body."""
    return Raw(
        served.port,
        f"POST {opened.address} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {len(body) + more}\r\n\r\n".encode()
        + body,
    )


@polls
def test_a_second_post_while_one_is_read_ends_the_session(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    first = begin_post(served, opened, more=5)
    wait_until(lambda: session_of(client).posts == 1)
    refused(opened.send("second"), 400, 3, "Bad request")
    served.wait("disconnect")
    served.wait_line("a POST came while another was read")
    assert served.happened("message") == []
    first.end()
    assert not client.connected


def test_posts_one_after_the_other_are_taken_even_before_the_answer_is_read(engine_echo):
    served = engine_echo()
    opened, _ = open_session(served, Polling)
    body = b"4one"
    head = f"POST {opened.address} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    raw = Raw(served.port, (head.encode() + body) * 3)
    for _ in range(3):
        assert raw.head()[0] == "HTTP/1.1 200 OK"
        assert raw.take(2) == b"ok"
    assert [opened.receive() for _ in range(3)] == ["one"] * 3
    raw.close()


def test_a_handler_that_blocks_does_not_make_the_next_post_an_overlap(engine):
    """An answer says that messages were taken, and not that handlers are done with them."""
    served = engine()
    doors = []

    def block(message, client):
        door = gevent.event.Event()
        doors.append(door)
        door.wait()

    served.listener.on("clientMessage", block)
    opened, client = open_session(served, Polling)
    for number in range(3):
        assert opened.send(str(number)).status == 200
    assert client.connected
    wait_until(lambda: doors)
    for _ in range(3):
        wait_until(lambda: doors)
        doors.pop().set()


@polls
def test_a_post_that_hangs_up_in_its_body_delivers_nothing_and_ends_nothing(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    raw = begin_post(served, opened, more=100)
    wait_until(lambda: session_of(client).posts == 1)
    raw.close()
    wait_until(lambda: session_of(client).posts == 0)
    assert opened.send("next").status == 200
    assert served.wait("message")[1] == "next"
    assert client.connected


@polls
def test_a_post_beside_a_waiting_poll_is_no_overlap(engine_echo, kind):
    opened, client = open_session(engine_echo(), kind)
    for number in range(5):
        opened.begin_poll()
        wait_polling(client)
        opened.send(str(number))
        assert opened.finish_poll() == [f"4{number}"]
    assert client.connected


@pytest.mark.parametrize("kind", SOCKETS, ids=repr)
def test_a_lost_websocket_ends_its_session(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    served.wait("connection")
    opened.vanish()
    served.wait("disconnect")
    served.wait_line("ended: the connection was lost")
    assert not client.connected


@pytest.mark.parametrize("kind", SOCKETS, ids=repr)
def test_a_second_websocket_for_a_websocket_session_is_closed(engine_echo, kind):
    served = engine_echo()
    opened, client = open_session(served, kind)
    second = kind(served.port, session_id=opened.session_id)
    assert second.wait_closed() is not None
    opened.send("still here")
    assert opened.receive() == "still here"
    assert client.connected


@polls
def test_a_poll_that_was_answered_can_be_followed_at_once(engine, kind):
    """On the same connection, before the server is done with the first answer."""
    served = engine()
    opened, client = open_session(served, kind)
    head = f"GET {opened.address} HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\n\r\n"
    client.send("one")
    raw = Raw(served.port, head.encode())
    _, headers = raw.head()
    raw.take(int(headers["Content-Length"]))
    raw.send(head.encode())
    wait_polling(client)
    client.send("two")
    _, headers = raw.head()
    assert b"two" in raw.take(int(headers["Content-Length"]))
    raw.close()
    served.wait("connection")


def test_a_session_that_has_ended_answers_one_poll(engine):
    served = engine()
    opened, client = open_session(served, Kind(Polling, 3))
    client.disconnect()
    assert opened.packet() == "1"
    with pytest.raises(Ended, match="400"):
        opened.packet()
    served.wait("disconnect")


def test_a_websocket_that_opens_a_session_is_no_upgrade(engine):
    served = engine()
    opened, client = open_session(served, WebSocket)
    opened.put("5")
    opened.send("hello")
    assert served.wait("message")[1] == "hello"
    assert client.connected
