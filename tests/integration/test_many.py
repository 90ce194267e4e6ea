"""Many sessions at once, and what is left when they have gone."""

import gc
import resource
import time

import gevent
import pytest
from gevent.pool import Pool
from gevent.socket import wait_read
from support.clients import Polling, WebSocket
from support.http import DEADLINE, LONG
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import Client, session_of
from sockio_gevent.server.stream.connection import Connection
from sockio_gevent.server.stream.hang_up import HangUpWatch
from sockio_gevent.server.stream.websocket import WebSocket as ServerWebSocket
from sockio_gevent.transports.downlink import Downlink
from sockio_gevent.wire.classic import encode_text
from sockio_gevent.wire.packet import OVERHEAD
from sockio_gevent.wire.websocket import TEXT, encode_frame

SESSIONS = 1000
BROADCASTS = 20


@pytest.fixture(autouse=True)
def many_files():
    """Both ends of all connections are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * SESSIONS if hard == resource.RLIM_INFINITY else min(8 * SESSIONS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.timeout(300)
def test_a_thousand_sessions_get_every_broadcast_once_and_in_order(serve):
    # The connections of all for their POSTs have no request until all broadcasts are there.
    served = serve(handshake_timeout=LONG)
    expected = [f"broadcast {number} 😀" for number in range(BROADCASTS)]
    received = {}

    def run(number):
        client = (Polling if number % 4 == 0 else WebSocket)(served.port).open()
        received[client.session_id] = []
        while len(received[client.session_id]) < BROADCASTS:
            received[client.session_id].append(client.receive())
        client.send("done")
        client.close()

    clients = [gevent.spawn(run, number) for number in range(SESSIONS)]
    wait_until(lambda: len(received) == SESSIONS, deadline=120)
    for text in expected:
        served.listener.broadcast(text)
        gevent.sleep(0)
    gevent.joinall(clients, timeout=120, raise_error=True)
    assert list(received.values()) == [expected] * SESSIONS
    served.wait("message", SESSIONS)


class Crowd:
    """A thousand bare sockets, and what a broadcast to them costs the server.

    Args:
        served: the server that they connect to.
        stalled: how many of them never read.
    """

    def __init__(self, served, stalled):
        self.served = served
        opened = [WebSocket(served.port).open() for _ in range(SESSIONS)]
        self.reading = [each.socket._sock for each in opened[stalled:]]
        self.stalled = [served.listener.clients[each.session_id] for each in opened[:stalled]]
        for session in self.stalled:
            # More than the kernel will ever take for a socket that nobody reads.
            while session_of(session).buffered < 16 * 1024 * 1024:
                session.send("x" * 65536)
                gevent.sleep(0)
        self.opened = opened

    def broadcast(self, text):
        """Processor time until all sockets have been given it; then they read it."""
        started = time.process_time()
        self.served.listener.broadcast(text)
        gevent.sleep(0)
        spent = time.process_time() - started
        expected = encode_frame(TEXT, encode_text(text))
        for socket in self.reading:
            assert read(socket) == expected
        return spent


def read(socket):
    """What a client has been sent; hardly ever the system has not brought it yet."""
    while True:
        try:
            return socket.recv(65536)
        except BlockingIOError:
            wait_read(socket.fileno(), DEADLINE)


@pytest.mark.timeout(300)
def test_one_stalled_reader_slows_a_thousand_others_by_less_than_a_tenth(serve):
    crowds = [Crowd(serve(max_buffer=64 * 1024 * 1024), stalled) for stalled in (0, 1)]
    stalled = crowds[1].stalled[0]
    least = [float("inf"), float("inf")]

    def measure():
        # Alternately, and the smallest time counts: other load of the machine affects both.
        for number in range(20):
            for index in (number % 2, 1 - number % 2):
                spent = crowds[index].broadcast(f"broadcast {number}")
                least[index] = min(least[index], spent)
        return least[1] < 1.1 * least[0]

    wait_until(measure)
    assert stalled.connected
    wait_until(lambda: session_of(stalled).downlink.writing)
    # It is ended at its limit, and the others are not.
    stalled.send("x" * (64 * 1024 * 1024 - session_of(stalled).buffered - 100_000))
    while stalled.connected:
        crowds[1].served.listener.broadcast("x" * 1000)
        gevent.sleep(0)
        for socket in crowds[1].reading:
            assert len(read(socket)) > 1000
        assert not stalled.connected or session_of(stalled).buffered <= 64 * 1024 * 1024 + OVERHEAD
    assert len(crowds[1].served.listener.clients) == SESSIONS - 1


def quota():
    """The numbers of things that could be left behind."""
    gc.collect()
    kinds = (Client, Connection, ServerWebSocket, Downlink, HangUpWatch, gevent.Greenlet)
    kinds += (gevent.socket.socket,)
    found = [sum(isinstance(each, kind) for each in gc.get_objects()) for kind in kinds]
    return dict(zip([kind.__name__ for kind in kinds], found, strict=True))


def visit(served, number):
    """Connect and leave, in one of many ways."""
    way = number % 8
    client = (WebSocket if way < 4 else Polling)(served.port).open()
    session = served.listener.clients[client.session_id]

    @session.on("message")
    def message(text):
        session.send(text)  # a handler that keeps its client, as handlers do

    if way == 0:
        client.close()
    elif way == 1:
        client.vanish()
    elif way == 2:
        session.disconnect()
        client.wait_closed()
    elif way == 3:
        client.send_bytes(b"garbage!")
        client.wait_closed()
    elif way == 4:
        client.send("hello")
        assert client.receive() == "hello"
    elif way == 5:
        client.begin_poll()
    elif way == 6:
        client.begin_poll()
        wait_until(lambda: session_of(session).downlink is not None)
        session.disconnect()
        assert client.finish_poll() == []
    elif way == 7:
        client.begin_poll()
        client.resume().begin_poll()
    client.vanish()


def end_who_is_away(sessions):
    """Wait until no client polls any more, and end the sessions without a connection."""
    wait_until(lambda: all(session_of(session).downlink is None for session in sessions.values()))
    for session in sessions.values():
        bring_forward(session)


def test_a_thousand_sessions_leave_nothing_behind(serve):
    served = serve()
    # The greenlets that read sockets and run handlers are kept for the next time.
    visit(served, 0)
    visit(served, 4)
    end_who_is_away(served.listener.clients)
    served.wait("disconnect", 2)
    served.events.clear()
    served.lines.clear()
    wait_until(lambda: served.listener._sessions.loops.here().deadlines._timer is None)
    before = quota()
    pool = Pool(50)
    visits = [pool.spawn(visit, served, number) for number in range(SESSIONS)]
    assert len(gevent.joinall(visits, timeout=2 * DEADLINE, raise_error=True)) == SESSIONS
    del visits
    end_who_is_away(served.listener.clients)
    served.wait("disconnect", SESSIONS)
    assert served.listener.clients == {}
    ended = [line for line in served.lines if " ended: " in line]
    assert len(ended) == SESSIONS, "one line for each end"
    served.events.clear()
    wait_until(lambda: served.listener._sessions.loops.here().deadlines._timer is None)
    gevent.idle()
    assert served.listener._sessions.loops.here().deadlines._slots == {}

    def left():
        after = quota()
        return {kind: after[kind] for kind in after if after[kind] > before[kind]}

    with gevent.Timeout(DEADLINE, False):
        while left():
            gevent.sleep(0.1)
    assert left() == {}
