"""XHR polling: waiting, answering, and clients that go away meanwhile."""

import socket as stdlib_socket
import struct

import gevent
import pytest
from support import framing
from support.clients import Polling
from support.http import DEADLINE, HTTP, connect
from support.times import bring_forward, wait_hung_up
from support.waiting import wait_until

from sockio_gevent.client import session_of


def opened_with_session(served):
    client = Polling(served.port).open()
    return client, served.wait("connection")[1]


def test_messages_of_connection_handlers_come_with_the_id(serve):
    served = serve(on_connection=lambda client: client.send("welcome"))
    messages = Polling(served.port).poll()
    assert messages[1:] == ["welcome"]


def test_a_handler_that_blocks_does_not_delay_the_id(serve):
    release = gevent.event.Event()
    served = serve(on_connection=lambda client: release.wait())
    assert len(Polling(served.port).poll()) == 1
    release.set()


def test_a_waiting_poll_ends_when_something_is_sent(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    session.send("one")
    session.send({"two": 2})
    assert client.finish_poll() == ["one", '~j~{"two":2}']


def test_a_poll_without_messages_is_answered_empty(serve):
    served = serve(transport_options={"xhr-polling": {"duration": 0.1}})
    client, session = opened_with_session(served)
    assert client.poll() == []
    assert client.poll() == []
    assert session.connected


def test_the_last_answer_is_given_up_if_it_is_not_taken_in_time(serve):
    served = serve(max_buffer=100_000_000, body_timeout=0.1)
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    downlink = session_of(session).downlink
    session.send("x" * 50_000_000)
    session.disconnect()
    with gevent.Timeout(DEADLINE):
        downlink.wait_over()
    served.wait("disconnect")


def test_a_waiting_poll_ends_when_its_session_does(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    session.disconnect()
    assert client.finish_poll() == []
    served.wait("disconnect")


def test_a_vanished_poll_does_not_swallow_the_next_message(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    client.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    session.send("kept")
    assert client.resume().poll() == ["kept"]


def test_a_poll_that_vanishes_in_the_same_tick_gives_its_message_back(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    client.vanish()
    wait_hung_up(session)
    session.send("kept")  # before the loop can see that the client has gone
    wait_until(lambda: session_of(session).downlink is None)
    assert client.resume().poll() == ["kept"]


def reset(client):
    """End a client's connections with a reset, although bytes are unread."""
    for connection in (client.get, client.post):
        linger = struct.pack("ii", 1, 0)
        connection.socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, linger)
    client.vanish()


def stuck_poll(served, size):
    """A poll whose answer is too large for the sockets, and whose client does not read it."""
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    downlink = session_of(session).downlink
    session.send("x" * size)
    wait_until(lambda: not downlink.ready)
    gevent.idle()
    assert session_of(session).downlink is downlink, "the socket took everything"
    return client, session


HUGE = 12 * 1024 * 1024


def test_an_answer_that_breaks_off_is_given_to_the_next_poll(serve):
    served = serve(max_buffer=2 * HUGE)
    client, session = stuck_poll(served, HUGE)
    session.send("after")
    reset(client)
    wait_until(lambda: session_of(session).downlink is None)
    assert [len(message) for message in client.resume().poll()] == [HUGE, len("after")]


def test_an_answer_that_is_given_up_is_given_to_the_newer_poll(serve):
    served = serve(max_buffer=2 * HUGE)
    client, _ = stuck_poll(served, HUGE)
    assert [len(message) for message in client.resume().poll()] == [HUGE]


def test_an_answer_that_is_never_read_ends_the_session(serve):
    served = serve(max_buffer=2 * HUGE)
    client, session = stuck_poll(served, HUGE)
    bring_forward(session)
    served.wait("disconnect")
    served.wait_line("was not taken in time")
    client.vanish()


def test_a_newer_poll_replaces_the_older(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    older = session_of(session).downlink
    newer = client.resume()
    newer.begin_poll()
    wait_until(lambda: session_of(session).downlink is not older)
    assert client.finish_poll() == []
    session.send("to the newer")
    assert newer.finish_poll() == ["to the newer"]
    assert session.connections == 3
    assert session.connected


def test_messages_are_posted_while_a_poll_waits_and_while_none_does(echo):
    client = Polling(echo().port).open()
    client.begin_poll()
    answer = client.send("one")
    assert (answer.status, answer.body) == (200, b"ok")
    assert client.finish_poll() == ["one"]
    client.send("two", "three")
    assert client.poll() == ["two", "three"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param("", 400, "no data field", id="empty"),
        pytest.param("text=~m~1~m~x", 400, "no data field", id="another field"),
        pytest.param("data=%ff", 400, "not UTF-8", id="not UTF-8"),
        pytest.param("data=%7", 400, "percent escape", id="broken escape"),
        pytest.param("data=", 400, "empty", id="empty payload"),
        pytest.param("data=nonsense", 400, "no ~m~", id="no frame"),
        pytest.param("data=~m~9~m~x", 400, "past the end", id="too long a length"),
    ],
)
def test_a_bad_body_gets_a_clear_answer(echo, body, status, reason):
    served = echo()
    client = Polling(served.port).open()
    path = f"/socket.io/xhr-polling/{client.session_id}/send"
    answer = client.post.request("POST", path, body)
    assert answer.status == status
    assert reason in answer.text
    assert sum(reason in line for line in served.lines) == 1
    assert client.send("fine").status == 200
    assert client.receive() == "fine"


def test_a_form_may_have_plus_signs_and_more_fields(echo):
    client = Polling(echo().port).open()
    path = f"/socket.io/xhr-polling/{client.session_id}/send"
    body = "before=1&data=~m~5~m~a+b%2Bc&after=2"
    assert client.post.request("POST", path, body).status == 200
    assert client.receive() == "a b+c"


def test_a_payload_of_the_limit_is_accepted_and_one_byte_more_is_refused(echo):
    client = Polling(echo(max_message_size=5000).port).open()
    assert client.send("é" * 2495).status == 200
    assert client.receive() == "é" * 2495
    assert client.send("é" * 2495 + "x").status == 413
    path = f"/socket.io/xhr-polling/{client.session_id}/send"
    answer = HTTP(client.port).request("POST", path, "data=" + framing.encode("x" * 4991))
    assert answer.status == 413
    assert "over 5000 bytes" in answer.text


def test_a_body_over_the_limit_is_refused_unread(echo):
    served = echo(max_message_size=5000)
    client = Polling(served.port).open()
    raw = connect(served.port)
    raw.sendall(
        f"POST /socket.io/xhr-polling/{client.session_id}/send HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 99999999999\r\n\r\ndata=".encode()
    )
    with gevent.Timeout(DEADLINE):
        assert raw.recv(65536).startswith(b"HTTP/1.1 413 ")
    client.send("fine")
    assert client.receive() == "fine"


def test_a_chunked_body_is_taken_up_to_the_limit(echo):
    client = Polling(echo(max_message_size=5000).port).open()
    path = f"/socket.io/xhr-polling/{client.session_id}/send"
    chunks = [b"data=", framing.encode("in chunks").encode()]
    assert client.post.request("POST", path, iter(chunks)).status == 200
    assert client.receive() == "in chunks"
    flood = HTTP(client.port)
    assert flood.request("POST", path, iter([b"x" * 4000] * 5)).status == 413


def test_a_client_that_hangs_up_in_a_body_leaves_its_session_alone(echo):
    served = echo()
    client = Polling(served.port).open()
    raw = connect(served.port)
    raw.sendall(
        f"POST /socket.io/xhr-polling/{client.session_id}/send HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 100\r\n\r\ndata=~m~1~m~x".encode()
    )
    raw.close()
    served.wait_line("ended too early")
    assert served.happened("message") == []
    client.send("fine")
    assert client.receive() == "fine"


def test_a_poll_can_be_pipelined_behind_another(serve):
    served = serve()
    client, session = opened_with_session(served)
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    path = f"/socket.io/xhr-polling/{client.session_id}/2"
    client.get.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    gevent.idle()
    session.send("first")
    assert client.finish_poll() == ["first"]
    session.send("second")
    with gevent.Timeout(DEADLINE):
        received = b""
        while b"~m~6~m~second" not in received:
            received += client.get.socket.recv(65536)
