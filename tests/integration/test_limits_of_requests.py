"""How large the head of a request may be, and how long a client may take over HTTP."""

from __future__ import annotations

import gevent
import pytest
from gevent import ssl
from gevent.pywsgi import WSGIServer
from support import framing
from support.attackers import half_close
from support.client_frames import frame
from support.clients import Polling, ServerEvents, WebSocket
from support.http import DEADLINE, HTTP, connect
from support.limits import exceeded, wait_exceeded
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.wire.websocket import TEXT

TIME = 0.3
PATHS = ["/socket.io/xhr-polling//1", "/elsewhere"]


def head(path, *lines):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def send_until_it_ends(raw, data, pause=0.0):
    """Send the same bytes again and again, and read nothing."""
    with gevent.Timeout(DEADLINE):
        try:
            while True:
                raw.socket.sendall(data)
                gevent.sleep(pause)
        except OSError:
            pass


def of_size(path, size):
    rest = size - len(head(path, "X: "))
    return head(path, "X: " + "x" * rest)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("most", [300, 5000, 16 * 1024, 40_000])
def test_a_head_of_exactly_the_size_is_accepted_and_a_larger_one_refused(
    serve_in_both_ways, path, most
):
    served = serve_in_both_ways(max_header_size=most)
    raw = Raw(served.port, of_size(path, most))
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw = Raw(served.port, of_size(path, most + 1))
    assert raw.end().startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    wait_exceeded(served, "max_header_size")


def test_by_default_a_head_may_have_16_kib(serve):
    served = serve()
    assert Raw(served.port, of_size(PATHS[0], 16 * 1024)).head()[0] == "HTTP/1.1 200 OK"
    assert Raw(served.port, of_size(PATHS[0], 16 * 1024 + 1)).end()[9:12] == b"431"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("most", [3, 80, 99])
def test_a_head_of_exactly_the_number_of_lines_is_accepted_and_a_longer_one_refused(
    serve_in_both_ways, path, most
):
    served = serve_in_both_ways(max_header_count=most)
    lines = [f"X-{number}: x" for number in range(most)]
    assert Raw(served.port, head(path, *lines[1:])).head()[0] == "HTTP/1.1 200 OK"
    assert Raw(served.port, head(path, *lines)).end().startswith(b"HTTP/1.1 431 ")
    wait_exceeded(served, "max_header_count")


def test_a_head_that_never_ends_is_not_kept(serve_in_both_ways):
    served = serve_in_both_ways()
    raw = Raw(served.port, b"GET / HTTP/1.1\r\nX: ")
    send_until_it_ends(raw, b"x" * 4096)
    wait_exceeded(served, "max_header_size")


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\n", head(PATHS[0])[:-2]])
def test_a_client_that_does_not_send_a_head_in_time_is_cut_off(serve_in_both_ways, said):
    served = serve_in_both_ways(handshake_timeout=TIME)
    raw = Raw(served.port, said)
    # A part of it had come, or nothing.
    assert raw.end()[:21] == (b"HTTP/1.1 408 Request " if said else b"")
    wait_exceeded(served, "handshake_timeout")
    assert "closed a connection from 127.0.0.1: " in served.lines[-1]


def test_a_head_that_comes_bit_by_bit_gets_no_more_time(serve_in_both_ways):
    served = serve_in_both_ways(handshake_timeout=TIME, keepalive_timeout=60)
    raw = Raw(served.port, head("/elsewhere"))
    assert raw.until(b"hello").startswith(b"HTTP/1.1 200 OK")
    # The first is behind it: the next head is late on its own.
    raw.send(b"GET /")
    send_until_it_ends(raw, b"x", 0.01)
    wait_exceeded(served, "handshake_timeout")


def test_a_connection_is_kept_for_the_next_request_and_then_closed(serve_in_both_ways):
    served = serve_in_both_ways(handshake_timeout=60, keepalive_timeout=TIME)
    raw = Raw(served.port, head("/elsewhere"))
    assert raw.until(b"hello").startswith(b"HTTP/1.1 200 OK")
    raw.send(head(PATHS[0]))
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw.take(48)
    assert raw.end() == b""
    assert exceeded(served) == {}


def test_streams_websockets_and_polls_are_not_cut_off(serve_in_both_ways):
    served = serve_in_both_ways(handshake_timeout=TIME, keepalive_timeout=TIME, body_timeout=TIME)
    stream, websocket = ServerEvents(served.port).open(), WebSocket(served.port).open()
    poll = Polling(served.port).open()
    poll.listen(served.listener.clients[poll.session_id])
    with connect(served.port) as silent:
        assert silent.recv(1) == b""
    # So are the connections that the others have opened for what they send.
    wait_exceeded(served, "handshake_timeout", 3)
    served.listener.broadcast("still there")
    for client in (stream, websocket, poll):
        assert client.receive() == "still there"


def test_a_client_without_a_tls_handshake_in_time_is_cut_off(serve, tls):
    server = WSGIServer(("127.0.0.1", 0), None, log=None, **tls[1])
    served = serve(server=server, handshake_timeout=TIME)
    assert Raw(served.port, b"\x16\x03\x01").end() == b""
    wait_exceeded(served, "handshake_timeout")
    assert "no TLS handshake" in served.lines[-1]
    # And one that shakes hands, and then sends nothing.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls[0].configure_trust(context)
    raw = Raw(served.port, wrap=lambda each: context.wrap_socket(each, server_hostname="localhost"))
    assert raw.end() == b""
    assert exceeded(served) == {"handshake_timeout": 2}


@pytest.mark.parametrize("how", [half_close, Raw.reset], ids=["half-closed", "reset"])
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n"], ids=["nothing", "no TLS"])
def test_handshakes_for_tls_that_fail_are_logged_in_few_lines(serve, tls, capfd, said, how):
    served = serve(server=WSGIServer(("127.0.0.1", 0), None, log=None, **tls[1]))
    raws = []
    for _ in range(30):
        raws.append(Raw(served.port, said))
        how(raws[-1])
    wait_until(lambda: len(served.lines) >= 10)
    for raw in raws:
        raw.close()
    # All have been seen when this is answered.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls[0].configure_trust(context)
    raw = Raw(served.port, wrap=lambda each: context.wrap_socket(each, server_hostname="localhost"))
    raw.close()
    assert all("no TLS with " in line for line in served.lines)
    assert len(served.lines) == 10
    assert capfd.readouterr().err == ""


POST = "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\ndata=~m~"


def test_a_body_that_does_not_come_in_time_is_given_up(serve_in_both_ways):
    served = serve_in_both_ways(body_timeout=TIME)
    client = Polling(served.port).open()
    raw = Raw(served.port, POST.format(client.path("send")).encode())
    status, headers = raw.head()
    assert (status, headers["Connection"]) == ("HTTP/1.1 408 Request Timeout", "close")
    wait_exceeded(served, "body_timeout")
    assert client.send("x").status == 200


def test_the_rest_of_a_body_that_was_refused_is_not_waited_for(serve_in_both_ways):
    served = serve_in_both_ways(body_timeout=TIME)
    raw = Raw(served.port, POST.format("/socket.io/xhr-polling/unknown/send").encode())
    assert raw.head()[0] == "HTTP/1.1 404 Not Found"
    raw.end()


def test_a_refused_body_that_was_read_to_its_end_keeps_the_connection(
    serve_in_both_ways,
):
    served = serve_in_both_ways()
    client = Polling(served.port).open()
    http, path = HTTP(served.port), client.path("send")
    for size in (10, 9000, 100_000):
        assert http.request("POST", path, "&" * size).status == 400
    assert http.request("POST", path, "data=~m~1~m~x").status == 200
    assert http.socket.fileno() >= 0
    assert [event[1] for event in served.happened("message")] == ["x"]


def test_the_rest_of_an_unread_body_is_not_waited_for(serve_in_both_ways):
    served = serve_in_both_ways(body_timeout=TIME)
    for path in ("/elsewhere", PATHS[0]):
        raw = Raw(served.port, f"GET {path} HTTP/1.1\r\nContent-Length: 30\r\n\r\nx".encode())
        assert raw.head()[0] == "HTTP/1.1 200 OK"
        raw.end()
    assert exceeded(served) == {"body_timeout": 2}


def test_answers_that_are_not_taken_in_time_are_given_up(serve_in_both_ways):
    served = serve_in_both_ways(body_timeout=TIME)
    raw = Raw(served.port)
    request = head("/socket.io/socket.io.js")
    send_until_it_ends(raw, request)
    wait_exceeded(served, "body_timeout")


PING = b"\x89\xfd\0\0\0\0" + b"x" * 125


def test_a_websocket_that_floods_pings_and_reads_no_pongs_is_ended(serve):
    served = serve(transport_options={"websocket": {"heartbeat_interval": TIME, "timeout": TIME}})
    client = WebSocket(served.port).open()
    flood = gevent.spawn(send_until_it_ends, client, PING * 100)
    served.wait("disconnect")
    flood.kill()
    served.wait_line("no echo of a heartbeat")
    assert served.listener.stats()["closes"]["heartbeat_lost"] == 1


def test_a_websocket_that_reads_its_pongs_late_continues(serve):
    served = serve()
    client = WebSocket(served.port).open()
    (session,) = served.listener.clients.values()
    flood = gevent.spawn(client.socket.sendall, PING * 20_000)
    wait_until(lambda: session_of(session).downlink._websocket.choked)
    assert not session_of(session).downlink.has_unread()
    assert client.socket.recv(1) == b"\x8a"
    raw = client.socket.recv
    wait_until(lambda: flood.dead or not raw(65536))
    client.send_bytes(frame(TEXT, framing.encode("hello").encode()))
    wait_until(lambda: served.happened("message") or not raw(65536))
    assert session.connected


def test_without_timeouts_a_client_may_take_any_time(serve_in_both_ways):
    served = serve_in_both_ways(handshake_timeout=None, keepalive_timeout=None, body_timeout=None)
    http = HTTP(served.port)
    assert http.request("GET", "/elsewhere").status == 200
    assert served.server.handler_class.timeouts.deadlines.here()._slots == {}


def test_on_another_server_the_head_that_a_session_keeps_is_bounded():
    lines = []
    listener = io.listen(lambda environ, start_response: [], log=lines.append, max_header_size=500)
    server = WSGIServer(("127.0.0.1", 0), listener, log=None)
    server.start()
    statuses = [
        HTTP(server.server_port).request("GET", PATHS[0], X="x" * size).status
        for size in (400, 501)
    ]
    listener.close()
    server.stop()
    assert statuses == [200, 431]
    assert "(option 'max_header_size')" in lines[1]
