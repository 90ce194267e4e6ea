"""Streams whose readers are slow, stop, or go away in the middle of a batch."""

import gevent
import pytest
from support import framing
from support.hixie import Hixie
from support.http import DEADLINE, LONG
from support.streams import STREAMS, Stream, chunk, get, times
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import session_of

HUGE = 12 * 1024 * 1024  # more than the buffers of a connection take

streams = pytest.mark.parametrize("name", STREAMS)


def opened(served, name):
    """A stream whose client reads no more than its session id."""
    slow = Stream(served.port, name)
    slow.head()
    slow.until(b"~m~40~m~")
    return slow, served.listener.clients[slow.take(40).decode()]


def stuck(served, name):
    """A stream in the middle of a huge message, whose client does not read."""
    slow, session = opened(served, name)
    downlink = session_of(session).downlink
    session.send("x" * HUGE)
    wait_until(lambda: not downlink.ready)
    gevent.idle()
    assert not downlink.ready, "the socket took everything"
    assert session_of(session).downlink is downlink
    return slow, session


def check_next(served, name, session, *messages):
    """The next attach gets these messages as one batch."""
    again = Stream(served.port, name, f"{session.session_id}/2")
    again.head()
    batch = chunk(again.preamble) + chunk(again.carried(framing.encode(*messages)))
    assert again.take(len(batch)) == batch
    return again


@streams
def test_a_reader_that_stops_is_closed_at_its_limit_and_delays_no_other_client(serve, name):
    served = serve(max_buffer=2 * HUGE + 100, **times(name, timeout=LONG, close_timeout=LONG))
    good = Hixie(served.port, Origin="").open()
    slow, session = stuck(served, name)
    downlink = session_of(session).downlink
    for _ in range(12):  # above the limit together with the written bytes and the framing
        assert session.connected
        session.send("y" * 1024 * 1024)
    assert not session.connected
    served.wait("disconnect")
    assert session.session_id[:8] in served.wait_line("bytes wait and are not taken")
    with gevent.Timeout(DEADLINE):
        downlink.wait_over()
    served.listener.broadcast("alive")
    assert good.receive() == "alive"
    assert list(served.listener.clients) == [good.session_id]
    slow.close()


@streams
def test_messages_that_a_slow_reader_did_not_take_arrive_in_order_when_it_reads(serve, name):
    served = serve(max_buffer=2 * HUGE)
    slow, session = stuck(served, name)
    slow.until(b"\r\n")
    for number in range(20):
        session.send(str(number))
        gevent.idle()
    expected = chunk(slow.carried(framing.encode("x" * HUGE)))
    expected += chunk(slow.carried(framing.encode(*map(str, range(20)))))
    assert slow.take(len(expected)) == expected


@streams
def test_send_never_waits_for_a_reader_that_stops(serve, name):
    served = serve(max_buffer=2 * HUGE)
    slow, session = stuck(served, name)
    switched = []
    gevent.spawn(switched.append, True)
    for _ in range(100):
        session.send("x")
    assert switched == []
    assert session.connected
    slow.close()


@streams
def test_a_lost_heartbeat_ends_a_reader_that_stops(serve, name):
    seconds = times(name, heartbeat_interval=LONG, timeout=0.2)
    served = serve(max_buffer=2 * HUGE, body_timeout=0.1, **seconds)
    slow, session = stuck(served, name)
    bring_forward(session)
    downlink = session_of(session).downlink
    served.wait("disconnect")
    assert session.session_id[:8] in served.wait_line("no echo of a heartbeat in 0.2 s")
    with gevent.Timeout(DEADLINE):
        downlink.wait_over()
    assert served.listener.clients == {}
    slow.close()


@streams
def test_a_batch_that_a_lost_heartbeat_cut_off_goes_to_the_next_attach(serve, name):
    seconds = {"heartbeat_interval": LONG, "timeout": 0.1, "close_timeout": LONG}
    served = serve(max_buffer=2 * HUGE, **times(name, **seconds))
    slow, session = stuck(served, name)
    bring_forward(session)
    wait_until(lambda: session_of(session).downlink is None)
    session.send("after")
    again = Stream(served.port, name, f"{session.session_id}/2")
    again.head()
    again.until(chunk(again.preamble))
    batch = again.take(int(again.until(b"\r\n"), 16))
    begin, end = again.carried("|").split(b"|")
    messages = framing.decode(batch.removeprefix(begin).removesuffix(end).decode())
    expected = ["x" * HUGE, "after"]
    assert [text for text in messages if not text.startswith("~h~")] == expected
    slow.close()


@streams
@pytest.mark.parametrize("when", ["in a batch", "with the last batch"])
def test_the_end_of_a_session_does_not_wait_for_a_reader_that_stops(serve, name, when):
    served = serve(max_buffer=2 * HUGE, body_timeout=0.1)
    if when == "in a batch":
        slow, session = stuck(served, name)
        downlink = session_of(session).downlink
    else:
        slow, session = opened(served, name)
        downlink = session_of(session).downlink
        session.send("x" * HUGE)
    session.disconnect()
    served.wait("disconnect")
    with gevent.Timeout(DEADLINE):
        downlink.wait_over()
    assert served.listener.clients == {}
    slow.close()


@streams
def test_closing_the_listener_does_not_wait_for_a_reader_that_stops(serve, name):
    served = serve(max_buffer=2 * HUGE)
    slow, session = stuck(served, name)
    downlink = session_of(session).downlink
    with gevent.Timeout(DEADLINE):
        served.listener.close(0.2)
        downlink.wait_over()
    slow.close()


@streams
def test_a_batch_that_breaks_off_goes_to_the_next_attach(serve, name):
    served = serve(max_buffer=2 * HUGE, **times(name, close_timeout=LONG))
    slow, session = stuck(served, name)
    session.send("after")
    slow.reset()
    wait_until(lambda: session_of(session).downlink is None)
    again = check_next(served, name, session, "x" * HUGE, "after")
    session.send("and on")
    batch = chunk(again.carried(framing.encode("and on")))
    assert again.take(len(batch)) == batch
    assert served.happened("disconnect") == []


@streams
def test_a_batch_that_breaks_off_after_a_pipelined_request_is_kept_too(serve, name):
    served = serve(max_buffer=2 * HUGE, **times(name, close_timeout=LONG))
    slow, session = stuck(served, name)
    slow.send(get(name))  # ends the watch for a hang-up
    gevent.idle()
    slow.reset()
    wait_until(lambda: session_of(session).downlink is None)
    check_next(served, name, session, "x" * HUGE)


@streams
def test_a_batch_that_is_given_up_goes_to_the_newer_stream(serve, name):
    served = serve(max_buffer=2 * HUGE, **times(name, close_timeout=LONG))
    slow, session = stuck(served, name)
    older = session_of(session).downlink
    session.send("after")
    check_next(served, name, session, "x" * HUGE, "after")
    with gevent.Timeout(DEADLINE):
        older.wait_over()
    assert session.connected
    assert session.connections == 2
    slow.close()


@streams
def test_a_stream_that_breaks_off_ends_a_session_that_is_not_kept(serve, name):
    served = serve(max_buffer=2 * HUGE)
    slow, session = stuck(served, name)
    slow.reset()
    served.wait("disconnect")
    assert not session.connected
    assert served.listener.clients == {}
