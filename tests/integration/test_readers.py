"""Quiet WebSockets have no greenlet of their own; handlers may block all the same."""

import gc
import os
from contextvars import ContextVar

import gevent
import pytest
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from support import framing
from support.certificates import Certificate
from support.client_frames import frame
from support.clients import WebSocket
from support.http import DEADLINE, LONG, Ended
from support.waiting import wait_until
from websockets.frames import Frame, Opcode

from sockio_gevent.client import session_of
from sockio_gevent.server.stream import readers
from sockio_gevent.wire.websocket import CLOSE, TEXT

QUIET = 30


def greenlets():
    gc.collect()
    return sum(isinstance(each, gevent.Greenlet) and not each.dead for each in gc.get_objects())


@pytest.fixture(params=["plain", "tls"])
def wrapped_echo(request, echo, serve, tmp_path):
    """An echo over plain sockets or TLS, and the wrapper for the sockets of clients."""
    if request.param == "plain":
        return echo(), None
    certificate = Certificate(tmp_path)
    files = {"keyfile": str(certificate.keyfile), "certfile": str(certificate.certfile)}
    served = serve(server=WSGIServer(("127.0.0.1", 0), None, log=None, **files))
    served.listener.on("clientMessage", lambda message, client: client.send(message))
    return served, certificate.wrap


def test_quiet_connections_have_no_greenlets(wrapped_echo):
    served, wrap = wrapped_echo
    before = greenlets()
    opened = [WebSocket(served.port, wrap=wrap).open() for _ in range(QUIET)]
    wait_until(lambda: greenlets() < before + QUIET)
    for each in opened:
        each.send("one", "two")
    for each in opened:
        assert [each.receive(), each.receive()] == ["one", "two"]
    assert greenlets() < before + QUIET
    for each in opened:
        each.close()
    served.wait("disconnect", QUIET)


def test_a_message_that_is_larger_than_one_read_arrives_whole(wrapped_echo):
    served, wrap = wrapped_echo
    opened = WebSocket(served.port, wrap=wrap).open()
    texts = ["x" * 300_000, *map(str, range(2000)), "y" * 200_000]
    sending = gevent.spawn(opened.send, *texts)
    assert [opened.receive() for _ in texts] == texts
    sending.get(timeout=DEADLINE)


def test_frames_right_after_the_handshake_are_read(echo):
    served = echo()
    frame = Frame(Opcode.TEXT, framing.encode("early").encode()).serialize(mask=True)
    with gevent.socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(
            b"GET /socket.io/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + frame
        )
        served.wait("message")
        assert served.happened("message")[0][1] == "early"


def test_a_pool_of_the_server_still_limits_connections(serve):
    served = serve(server=WSGIServer(("127.0.0.1", 0), None, log=None, spawn=2))
    first, second = WebSocket(served.port).open(), WebSocket(served.port).open()
    assert served.server.pool.free_count() == 0
    third = gevent.spawn(lambda: WebSocket(served.port).open())
    second.send("still here")
    served.wait("message")
    assert len(served.listener.clients) == 2
    first.close()
    assert third.get(timeout=DEADLINE).session_id in served.listener.clients


def test_handlers_of_many_clients_block_at_the_same_time(serve):
    served = serve()
    before = greenlets()
    inside, release = [], Event()

    @served.listener.on("clientMessage")
    def block(message, client):
        inside.append(client)
        release.wait()
        client.send(message)

    many = 3 * readers._MOST_PARKED
    opened = [WebSocket(served.port).open() for _ in range(many)]
    for number, each in enumerate(opened):
        each.send(str(number))
        each.send("again")
    wait_until(lambda: len(inside) == many)
    # The messages of a client wait for each other, and not for those of other clients.
    assert len(set(inside)) == many
    release.set()
    for number, each in enumerate(opened):
        assert [each.receive(), each.receive()] == [str(number), "again"]
    wait_until(lambda: greenlets() <= before + readers._MOST_PARKED)


def test_while_a_handler_blocks_its_client_costs_the_loop_nothing(serve):
    served = serve()
    release = Event()
    served.listener.on("clientMessage", lambda message, client: release.wait())
    opened = WebSocket(served.port).open()
    opened.send("block")
    served.wait("message")
    large = "x" * (served.listener.options.max_message_size // 2)
    sending = gevent.spawn(lambda: [opened.send(large) for _ in range(8)])
    # Some of it stays unread, and readable.
    (client,) = served.listener.clients.values()
    wait_until(lambda: session_of(client).downlink._connection._paused)
    iterations = []
    check = gevent.get_hub().loop.check()
    check.start(lambda: iterations.append(None))
    gevent.sleep(0.2)
    check.stop()
    check.close()
    # The loop's own timers cause a few iterations; an unread socket would cause thousands.
    assert len(iterations) < 1000
    release.set()
    served.wait("message", 9)
    sending.join()


def test_a_message_that_comes_with_a_close_has_the_context_variables_of_its_connection(serve):
    name = ContextVar("name", default="nobody")
    seen = []
    served = serve(on_connection=lambda client: name.set("somebody"))
    served.listener.on("clientMessage", lambda message, client: seen.append(name.get()))
    opened = WebSocket(served.port).open()
    hello = frame(TEXT, framing.encode("hello").encode())
    opened.send_bytes(hello + frame(CLOSE, b"\x03\xe8"))
    served.wait("disconnect")
    assert seen == ["somebody"]


def test_context_variables_are_the_connections_own(serve):
    name = ContextVar("name", default="nobody")
    served = serve()
    seen = []

    @served.listener.on("connection")
    def connected(client):
        name.set(f"number {client.number}")

    served.listener._Emitter__handlers["connection"].insert(
        0, lambda client: setattr(client, "number", len(served.listener.clients))
    )

    @served.listener.on("clientMessage")
    def message(text, client):
        seen.append((client.number, name.get()))
        name.set(f"number {client.number}")

    opened = [WebSocket(served.port).open() for _ in range(3)]
    for _ in range(2):
        for each in opened:
            each.send("hello")
    served.wait("message", 6)
    assert len(seen) == 6
    assert all(value == f"number {number}" for number, value in seen)


@pytest.mark.parametrize("error", [gevent.GreenletExit, SystemError])
def test_a_handler_that_ends_its_greenlet_ends_one_connection(echo, error):
    served = echo()

    @served.listener.on("clientMessage")
    def end(message, client):
        if message == "end":
            raise error

    good, bad = WebSocket(served.port).open(), WebSocket(served.port).open()
    bad.send("end")
    if error is gevent.GreenletExit:
        bad.wait_closed()
        served.wait("disconnect")
    else:
        assert bad.receive() == "end"
    good.send("hello")
    assert good.receive() == "hello"


def test_readers_that_somebody_kills_are_replaced(echo):
    served = echo()
    opened = WebSocket(served.port).open()
    opened.send("one")
    assert opened.receive() == "one"
    gevent.killall(list(readers.Readers.of_this_hub()._parked))
    opened.send("two")
    assert opened.receive() == "two"


def test_a_reader_that_something_else_wakes_stays_parked(echo):
    served = echo()
    blocked, release = [], Event()

    @served.listener.on("clientMessage")
    def handle(message, client):
        if message == "leave":
            gevent.get_hub().loop.run_callback(gevent.getcurrent().switch)
        elif message == "block":
            blocked.append(client)
            release.wait()

    one, two, three = (WebSocket(served.port).open() for _ in range(3))
    one.send("leave")
    assert one.receive() == "leave"
    gevent.idle()
    two.send("block")
    wait_until(lambda: blocked)
    three.send("hello")
    assert three.receive() == "hello"
    release.set()
    assert two.receive() == "block"


def test_messages_of_a_connection_handler_do_not_wait_for_its_end(serve):
    release = Event()

    def connected(client):
        client.send("x" * 3_000_000)
        wait_until(lambda: session_of(client).downlink.writing)
        release.wait()
        client.send("the rest")
        release.clear()
        release.wait()

    served = serve(max_buffer=8_000_000, on_connection=connected)
    opened = WebSocket(served.port).open()
    assert opened.receive() == "x" * 3_000_000
    session = served.listener.clients[opened.session_id]
    wait_until(lambda: session_of(session).buffered == 0)
    release.set()
    assert opened.receive() == "the rest"
    release.set()


def test_nothing_is_written_after_a_close_frame(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    session = served.listener.clients[opened.session_id]
    downlink = session_of(session).downlink
    opened.send_bytes(Frame(Opcode.BINARY, b"x").serialize(mask=True))
    wait_until(lambda: downlink._websocket.closed)
    session.send("behind")
    session.disconnect()
    with pytest.raises(Ended):
        opened.receive()
    assert opened.close_code == 1003


def test_with_a_pool_stopping_the_server_ends_handlers(serve):
    inside, ended = [], []

    def block(message, client):
        inside.append(client)
        try:
            gevent.sleep(LONG)
        except gevent.GreenletExit:
            ended.append(client)
            raise

    server = WSGIServer(("127.0.0.1", 0), None, log=None, spawn=5)
    served = serve(server=server, on_client_message=block)
    opened = WebSocket(served.port).open()
    opened.send("block")
    wait_until(lambda: inside)
    server.stop(timeout=0.1)
    wait_until(lambda: ended)
    served.wait("disconnect")


def test_a_request_that_is_killed_in_its_first_handler_ends(serve):
    inside, ended = [], []

    def block(client):
        inside.append(client)
        try:
            gevent.sleep(LONG)
        except gevent.GreenletExit:
            ended.append(client)
            raise

    server = WSGIServer(("127.0.0.1", 0), None, log=None, spawn=5)
    served = serve(server=server, on_connection=block)
    opened = WebSocket(served.port).open()
    wait_until(lambda: inside)
    requests = list(server.pool)
    downlink = session_of(inside[0]).downlink
    server.stop(timeout=0)
    # The request does not wait for the closing handshake, whose time is long in these tests.
    assert len(gevent.joinall(requests, timeout=DEADLINE)) == len(requests)
    assert len(ended) == 1
    assert downlink.is_over
    opened.vanish()


def test_a_socket_that_is_closed_on_this_side_ends_the_connection(serve):
    server = WSGIServer(("127.0.0.1", 0), None, log=None, spawn=5)
    served = serve(server=server)
    opened = WebSocket(served.port).open()
    session = served.listener.clients[opened.session_id]
    session_of(session).downlink._connection._socket._drop_events_and_close(closefd=True)
    served.wait("disconnect")
    wait_until(lambda: server.pool.free_count() == 5)
    with pytest.raises(Ended):
        opened.receive()


def test_sockets_are_closed_in_the_end(echo):
    served = echo()

    def files():
        return len(os.listdir("/proc/self/fd"))

    first = WebSocket(served.port).open()
    first.close()
    served.wait("disconnect")
    gevent.idle()
    before = files()
    for number in range(20):
        opened = WebSocket(served.port).open()
        if number % 2:
            opened.close()
        else:
            opened.vanish()
    served.wait("disconnect", 21)
    wait_until(lambda: files() <= before)


def test_timers_run_between_long_time_slices(serve):
    served = serve()
    ticks, order = [], []

    @served.listener.on("clientMessage")
    def busy(message, client):
        order.append("message")
        end = gevent.get_hub().loop.now() + 0.004
        while gevent.get_hub().loop.now() < end:
            gevent.get_hub().loop.update_now()

    opened = [WebSocket(served.port).open() for _ in range(50)]
    timer = gevent.get_hub().loop.timer(0.01, 0.01)
    timer.start(lambda: order.append("timer"))
    for each in opened:
        each.send("work")
    served.wait("message", 50)
    timer.stop()
    timer.close()
    first, last = order.index("message"), len(order) - 1 - order[::-1].index("message")
    ticks = order[first:last].count("timer")
    assert ticks >= 3, "they come between the messages of one turn"
