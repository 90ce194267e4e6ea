"""Clients that read slowly or stop reading: what is kept for them, and for how long."""

import gevent
from support.clients import WebSocket
from support.http import LONG
from support.waiting import wait_until

from sockio_gevent.client import session_of


def fill(served, session, size=64 * 1024, many=200):
    """Send until the socket of a reader that does not read is full; return how much was sent."""
    text = "x" * size
    for count in range(many):
        session.send(text)
        gevent.idle()
        if session_of(session).downlink is None or session_of(session).downlink.writing:
            return count + 1
    raise AssertionError("the socket took everything")


def test_a_reader_that_stops_is_closed_at_its_limit_and_delays_no_other_client(echo):
    served = echo(max_buffer=256 * 1024, transport_options={"websocket": {"timeout": LONG}})
    slow = WebSocket(served.port).open()
    good = WebSocket(served.port).open()
    session = served.listener.clients[slow.session_id]
    fill(served, session)
    assert session.connected
    for _ in range(5):
        session.send("x" * 64 * 1024)
    assert not session.connected
    served.wait("disconnect")
    assert slow.session_id[:8] in served.wait_line("bytes wait and are not taken")
    good.send("alive")
    assert good.receive() == "alive"


def test_messages_that_a_slow_reader_did_not_take_arrive_when_it_reads(serve):
    served = serve(max_buffer=4 * 1024 * 1024)
    slow = WebSocket(served.port).open()
    session = served.listener.clients[slow.session_id]
    sent = fill(served, session)
    session.send("the last")
    texts = [slow.receive() for _ in range(sent + 1)]
    assert texts == ["x" * 64 * 1024] * sent + ["the last"]


def test_send_never_switches_greenlets(serve):
    served = serve()
    slow = WebSocket(served.port).open()
    session = served.listener.clients[slow.session_id]
    fill(served, session)
    switched = []
    gevent.spawn(switched.append, True)
    for _ in range(100):
        session.send("x")
    assert switched == []


def test_messages_that_a_broken_socket_did_not_take_go_to_the_next_one(serve):
    served = serve(
        max_buffer=4 * 1024 * 1024, transport_options={"websocket": {"close_timeout": LONG}}
    )
    slow = WebSocket(served.port).open()
    session = served.listener.clients[slow.session_id]
    fill(served, session)
    for number in range(10):
        session.send(str(number))
    slow.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    again = slow.resume()
    received = again.receive()
    while received != "0":  # the last of the large ones, cut in the middle before
        assert received == "x" * 64 * 1024
        received = again.receive()
    assert [again.receive() for _ in range(9)] == list("123456789")
