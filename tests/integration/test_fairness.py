"""No client delays the others, whatever it sends or withholds."""

import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import gevent
import pytest
from support import framing
from support.clients import ALL, JSONP, Polling, WebSocket
from support.http import DEADLINE, HTTP, LONG, connect
from support.times import bring_forward
from support.waiting import wait_until
from websockets.frames import Frame, Opcode

from sockio_gevent.client import session_of
from sockio_gevent.hub.deadlines import RESOLUTION

FLOOD = str(Path(__file__).parents[1] / "support/flood.py")


def masked(opcode, data):
    return Frame(Opcode(opcode), data).serialize(mask=True)


FLOODS = {
    "pings": masked(Opcode.PING, b"ping"),
    "pongs": masked(Opcode.PONG, b""),
    "messages": masked(Opcode.TEXT, framing.encode("x").encode()),
    "batches": masked(Opcode.TEXT, framing.encode(*["x"] * 1000).encode()),
    "fragments": masked(Opcode.TEXT, b"~m~0~m~").replace(b"\x81", b"\x01", 1)
    + masked(Opcode.CONT, b"").replace(b"\x80", b"\x00", 1) * 100
    + masked(Opcode.CONT, b""),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_does_not_delay_other_clients(echo, flood):
    # Room for the echoes of a flood while its client has no time to read them.
    served = echo(max_buffer=64 * 1024 * 1024)
    good = WebSocket(served.port).open()
    command = [sys.executable, FLOOD, str(served.port), flood.hex()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            served.wait("connection", 2)
            # The flood lasts until these have come back.
            for _ in range(5):
                good.send("hello")
                assert good.receive() == "hello"
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_does_not_cost_other_clients_their_heartbeats(echo, flood):
    times = {"websocket": {"heartbeat_interval": 0.1, "timeout": LONG}}
    served = echo(max_buffer=64 * 1024 * 1024, transport_options=times)
    good = WebSocket(served.port).open()
    command = [sys.executable, FLOOD, str(served.port), flood.hex()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            served.wait("connection", 2)
            # The next one is sent only when the last has come back.
            for number in range(1, 6):
                assert good.receive() == f"~h~{number}"
                good.send(f"~h~{number}")
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["pongs", "fragments", "nothing"])
def test_a_flood_is_no_echo_of_a_heartbeat(serve, name):
    """There are always unread bytes, and never an echo among them."""
    flood = {**FLOODS, "nothing": masked(Opcode.TEXT, b"no message")}[name]
    served = serve(transport_options={"websocket": {"heartbeat_interval": 0.1, "timeout": 0.2}})
    command = [sys.executable, FLOOD, str(served.port), flood.hex()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            served.wait("disconnect")
            assert served.listener.stats()["closes"]["heartbeat_lost"] == 1
        finally:
            process.kill()


def test_a_form_in_which_everything_is_escaped_takes_little_memory(echo):
    served = echo()
    good = WebSocket(served.port).open()
    polling = Polling(served.port).open()
    tracemalloc.start()
    assert polling.send("x" * 1_000_000).status == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The client of this test has its share in it, too.
    assert peak < 100_000_000
    good.send("hello")
    assert good.receive() == "hello"


@pytest.mark.parametrize("client", [Polling, JSONP], ids=lambda client: client.transport)
def test_a_message_that_meets_the_end_of_a_poll_does_not_end_the_session(serve, client):
    served = serve(transport_options={client.transport: {"duration": LONG}})
    opened = [client(served.port).open() for _ in range(50)]
    sessions = [served.listener.clients[each.session_id] for each in opened]
    received = []

    def run(each):
        while "last" not in (messages := each.poll()):
            received.extend(messages)

    running = [gevent.spawn(run, each) for each in opened]
    for number in range(10):
        wait_until(
            lambda: all(
                session_of(each).downlink and session_of(each).downlink.ready for each in sessions
            )
        )
        for session in sessions:
            bring_forward(session)
        # The polls end in the middle of these times, or one tick of the deadlines later.
        gevent.sleep(RESOLUTION * (1 + 2 * number / 10))
        served.listener.broadcast(str(number))
    served.listener.broadcast("last")
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert all(session.connected for session in sessions)
    assert served.happened("disconnect") == []


def test_a_client_that_leaves_while_its_handler_sends_is_noticed(serve):
    left = []

    def flood(client):
        while client.connected:
            client.send("x" * 1000)
            gevent.sleep(0.001)
        left.append(client)

    served = serve(on_connection=flood)
    WebSocket(served.port).open().vanish()
    wait_until(lambda: left)
    served.wait("disconnect")


def test_a_client_that_leaves_while_its_handler_blocks_is_noticed(serve):
    release = gevent.event.Event()
    times = {"websocket": {"heartbeat_interval": 0.1, "timeout": 0.1}}
    served = serve(on_connection=lambda client: release.wait(), transport_options=times)
    opened = WebSocket(served.port).open()
    session = served.listener.clients[opened.session_id]
    opened.vanish()
    wait_until(lambda: not session.connected)
    release.set()
    served.wait("disconnect")


def test_a_timeout_in_a_handler_is_an_error_like_any_other(echo):
    served = echo()

    @served.listener.on("clientMessage")
    def slow(message, client):
        with gevent.Timeout(0.01):
            gevent.sleep(10)

    for kind in ALL:
        opened = kind(served.port).open()
        opened.send("one", "two")
        assert [opened.receive(), opened.receive()] == ["one", "two"]
        opened.vanish()
    served.wait_line("a handler of 'clientMessage' failed")


def test_other_threads_may_send(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    thread = threading.Thread(target=served.listener.broadcast, args=("from afar",))
    thread.start()
    assert opened.receive() == "from afar"
    thread.join()
    served.listener.broadcast("from here")
    assert opened.receive() == "from here"


@pytest.mark.parametrize("way", ["disconnect", "too much"])
def test_a_session_that_another_thread_ends_stays_ended(serve, way):
    served = serve(max_buffer=1000)
    opened = Polling(served.port).open()
    (_, client) = served.wait("connection")
    wait_until(lambda: session_of(client).away)
    calls = {"disconnect": client.disconnect, "too much": lambda: send_much(client)}
    thread = threading.Thread(target=calls[way])
    thread.start()
    served.wait("disconnect")
    thread.join()
    assert not client.connected
    opened.vanish()


def send_much(client):
    for _ in range(10):
        client.send("x" * 500)


def test_bad_payloads_do_not_fill_the_log(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    for _ in range(100):
        opened.send_payload("nonsense")
    opened.send("good")
    served.wait("message")
    assert sum("bad payload" in line for line in served.lines) == 1


def test_a_refused_body_is_not_read_for_ever(echo):
    served = echo(max_message_size=1000)
    client = Polling(served.port).open()
    raw = connect(served.port)
    raw.sendall(
        f"POST /socket.io/xhr-polling/{client.session_id}/send HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 999999999999\r\n\r\n".encode()
    )
    sent = 0
    with gevent.Timeout(DEADLINE):
        try:
            while True:
                sent += raw.send(b"x" * 65536)
        except OSError:
            pass
    assert sent < 64 * 1024 * 1024


def test_a_head_request_gets_no_body_and_keeps_the_connection(serve):
    connection = HTTP(serve().port)
    assert connection.request("HEAD", "/socket.io/xhr-polling/").status == 405
    assert connection.request("GET", "/").body == b"hello"


def test_an_origin_with_a_line_break_is_refused(serve):
    served = serve(origins="*:*")
    raw = connect(served.port)
    raw.sendall(
        b"GET /socket.io/xhr-polling/ HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n b\r\n\r\n"
    )
    with gevent.Timeout(DEADLINE):
        assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert served.listener.clients == {}
