"""The WebSocket transport, and RFC 6455 on a real socket."""

import gevent
import pytest
from support import framing
from support.clients import WebSocket
from support.http import DEADLINE, HTTP, LONG, Ended, connect
from support.times import bring_forward, change_times
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from sockio_gevent.client import session_of
from sockio_gevent.server.stream import websocket as server_websocket


def masked(opcode, data, fin=True):
    return Frame(Opcode(opcode), data, fin).serialize(mask=True)


def test_messages_of_one_tick_are_sent_in_one_write(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    for number in range(50):
        session.send(str(number))
    frames = b"".join(
        Frame(Opcode.TEXT, framing.encode(str(number)).encode()).serialize(mask=False)
        for number in range(50)
    )
    with gevent.Timeout(DEADLINE):
        assert opened.socket.recv(65536) == frames


def test_frames_that_come_with_the_handshake_are_not_lost(echo):
    served = echo()
    raw = connect(served.port)
    raw.sendall(
        b"GET /socket.io/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        + masked(Opcode.TEXT, b"~m~5~m~early")
    )
    received = b""
    with gevent.Timeout(DEADLINE):
        while b"~m~5~m~early" not in received:
            received += raw.recv(65536)
    head, _, frames = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=" in head
    assert frames.startswith(b"\x81")


@pytest.mark.parametrize("version", ["13", "8", "7"])
def test_each_version_connects(echo, version):
    opened = WebSocket(echo().port, version=version).open()
    opened.send("hello")
    assert opened.receive() == "hello"


def test_pings_inside_a_fragmented_message_are_answered(echo):
    opened = WebSocket(echo().port).open()
    opened.send_bytes(
        masked(Opcode.TEXT, b"~m~4~", fin=False)
        + masked(Opcode.PING, b"one")
        + masked(Opcode.CONT, b"m~", fin=False)
        + masked(Opcode.PING, b"two")
        + masked(Opcode.CONT, b"text")
    )
    assert [(frame.opcode, frame.data) for frame in (opened.frame(), opened.frame())] == [
        (Opcode.PONG, b"one"),
        (Opcode.PONG, b"two"),
    ]
    assert opened.receive() == "text"


def test_the_closing_handshake_is_completed(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    opened.protocol.send_close(3456, "mine")
    opened._flush()
    assert opened.wait_closed() == 3456
    served.wait("disconnect")
    served.wait_line("closed by the client with 3456")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002, id="unmasked"),
        pytest.param(b"\xc1\x80\0\0\0\0", 1002, id="reserved bit"),
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="reserved opcode"),
        pytest.param(masked(Opcode.TEXT, b"\xff"), 1007, id="not UTF-8"),
        pytest.param(b"\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0", 1009, id="4 GiB announced"),
        pytest.param(masked(Opcode.CLOSE, b"\x03\xed"), 1002, id="bad close code"),
        pytest.param(masked(Opcode.BINARY, b"x"), 1003, id="binary"),
    ],
)
def test_a_violation_ends_the_connection_with_its_code(echo, data, code):
    served = echo()
    bystander = WebSocket(served.port).open()
    opened = WebSocket(served.port).open()
    opened.send_bytes(masked(Opcode.TEXT, b"~m~6~m~before") + data)
    assert opened.wait_closed() == code
    assert [event[1] for event in served.happened("message")] == ["before"]
    served.wait("disconnect")
    ended = [line for line in served.lines if "ended" in line and opened.session_id[:8] in line]
    assert len(ended) == 1
    bystander.send("alive")
    assert bystander.receive() == "alive"


def test_a_payload_of_the_limit_is_accepted_and_one_byte_more_is_refused(echo):
    served = echo(max_message_size=5000)
    opened = WebSocket(served.port).open()
    opened.send("x" * (5000 - len("~m~4990~m~")))
    assert len(opened.receive()) == 4990
    opened.send("x" * (5001 - len("~m~4990~m~")))
    assert opened.wait_closed() == 1009


def test_a_lost_connection_ends_the_session_at_once(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    opened.vanish()
    served.wait("disconnect")
    served.wait_line("the connection was lost")


def test_a_heartbeat_without_its_echo_ends_the_session(serve):
    served = serve(transport_options={"websocket": {"heartbeat_interval": 0.1, "timeout": LONG}})
    opened = WebSocket(served.port).open()
    assert opened.receive() == "~h~1"
    change_times(served, "websocket", timeout=0.1)
    opened.send("~h~1")
    assert opened.receive() == "~h~2"
    opened.send("~h~1")
    served.wait("disconnect")
    served.wait_line("no echo of a heartbeat in 0.1 s")
    assert opened.wait_closed() == 1011
    assert served.happened("message") == []


def test_a_session_whose_handler_blocks_misses_no_heartbeat(serve):
    times = {"websocket": {"heartbeat_interval": LONG, "timeout": DEADLINE}}
    served = serve(transport_options=times)
    release = gevent.event.Event()
    served.listener.on("clientMessage", lambda message, client: release.wait())
    opened = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    opened.send("block")
    served.wait("message")
    bring_forward(session)
    assert opened.receive() == "~h~1"
    opened.send("~h~1")
    # The echo is taken while the handler blocks.
    wait_until(lambda: not session_of(session)._awaits_answer)
    assert session.connected
    bring_forward(session)
    assert opened.receive() == "~h~2"
    opened.send("~h~2")
    wait_until(lambda: not session_of(session)._awaits_answer)
    release.set()
    opened.send("still here")
    assert served.wait("message", 2)[1] == "still here"


def test_a_newer_socket_replaces_the_older(serve):
    served = serve(transport_options={"websocket": {"close_timeout": LONG}})
    older = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    newer = older.resume()
    assert older.wait_closed() == 1000
    session.send("to the newer")
    assert newer.receive() == "to the newer"
    assert session.connections == 2
    assert served.happened("disconnect") == []


def test_a_client_that_never_answers_the_close_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(server_websocket, "CLOSE_TIMEOUT", 0.1)
    served = serve()
    opened = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    session.disconnect()
    with gevent.Timeout(DEADLINE):
        received = b""
        while chunk := opened.socket.recv(65536):
            received += chunk
    assert received.startswith(b"\x88")


def handshake(served, path, headers):
    request = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **headers,
    }
    return HTTP(served.port).request("GET", path, **request)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-WebSocket-Key": "dG9vIHNob3J0"}, 400, id="short key"),
        pytest.param({"Sec-WebSocket-Key": "not base64!"}, 400, id="key not base64"),
        pytest.param({"Sec-WebSocket-Key": ""}, 400, id="no key"),
        pytest.param({"Sec-WebSocket-Version": "99"}, 426, id="unknown version"),
        pytest.param({"Sec-WebSocket-Version": ""}, 426, id="no version"),
    ],
)
@pytest.mark.parametrize("path", ["/socket.io/websocket", "/own"])
def test_a_bad_handshake_is_refused_before_the_upgrade(serve, headers, status, path):
    served = serve()
    answer = handshake(served, path, headers)
    assert answer.status == status
    if status == 426:
        assert answer.headers["sec-websocket-version"] == "13, 8, 7"
    assert served.listener.clients == {}


@pytest.mark.parametrize("header", ["Origin", "Sec-WebSocket-Origin"])
def test_a_foreign_origin_is_refused_before_the_upgrade(serve, header):
    served = serve()
    answer = handshake(served, "/socket.io/websocket", {header: "http://evil.example"})
    assert answer.status == 403
    assert served.listener.clients == {}
    served.wait_line("403")


def test_the_page_s_own_origin_may_connect(serve):
    served = serve()
    WebSocket(served.port, headers={"Origin": f"http://127.0.0.1:{served.port}"}).open()


def test_a_transport_that_is_not_enabled_is_refused(serve):
    served = serve(transports=["xhr-polling"])
    with pytest.raises(InvalidStatus) as refusal:
        WebSocket(served.port)
    assert refusal.value.response.status_code == 404
    assert b"not enabled" in refusal.value.response.body


def test_a_plain_get_is_answered_with_426(serve):
    answer = HTTP(serve().port).request("GET", "/socket.io/websocket")
    assert answer.status == 426
    assert answer.headers["upgrade"] == "websocket"


def test_a_client_that_hangs_up_in_the_handshake_leaves_nothing(serve):
    served = serve()
    for _ in range(20):
        raw = connect(served.port)
        raw.sendall(b"GET /socket.io/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websock")
        raw.close()
    gevent.idle()
    assert served.listener.clients == {}
    opened = WebSocket(served.port).open()
    opened.send_bytes(b"\x81\xfe")  # half a header
    opened.socket.shutdown(1)
    with pytest.raises(Ended):
        opened.frame()
    served.wait("disconnect")
