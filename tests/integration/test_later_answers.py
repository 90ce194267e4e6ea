"""Polls wait without a greenlet that wakes up for the answer; no difference is visible."""

from __future__ import annotations

from socket import SHUT_WR

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support.clients import Polling
from support.http import DEADLINE
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.compiled import FORM
from sockio_gevent.transports.classic_polling import XHRPollingTransport


def opened(served):
    client = Polling(served.port).open()
    return client, served.wait("connection")[1]


def begin_poll(client, session):
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)


def in_a_generator(application):
    def middleware(environ, start_response):
        yield from application(environ, start_response)

    return middleware


def in_a_list(application):
    return lambda environ, start_response: list(application(environ, start_response))


def with_a_pause(application):
    def middleware(environ, start_response):
        body = application(environ, start_response)
        gevent.sleep(0.01)
        return body

    return middleware


def with_a_header(application):
    def middleware(environ, start_response):
        return application(
            environ,
            lambda status, headers, *more: start_response(status, [*headers, ("X-A", "b")], *more),
        )

    return middleware


@pytest.mark.parametrize("middleware", [in_a_generator, in_a_list, with_a_pause, with_a_header])
def test_middleware_may_have_the_body_of_a_poll(serve, middleware):
    served = serve()
    served.server.application = middleware(served.server.application)
    client, session = opened(served)
    for number in range(3):
        begin_poll(client, session)
        session.send(f"message {number}")
        assert client.finish_poll() == [f"message {number}"]
    session.send("x" * 10_000)
    assert client.receive() == "x" * 10_000
    client.vanish()


def test_the_greenlet_of_a_poll_sends_what_the_socket_does_not_take_at_once(serve):
    served = serve()
    client, session = opened(served)
    raw = Raw(served.port)
    get = f"GET /socket.io/xhr-polling/{client.session_id}/1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    sent = 0
    downlink = None
    # Short answers, which nobody reads, until the socket is full.
    while downlink is None or downlink.is_over:
        raw.send(get)
        wait_until(lambda: session_of(session).downlink is not None)
        downlink = session_of(session).downlink
        session.send(f"{sent:04} " + "x" * 3000)
        sent += 1
        gevent.idle()
    assert downlink.writing
    for number in range(sent):
        size = int(raw.head()[1]["Content-Length"])
        assert raw.take(size).startswith(f"~m~3005~m~{number:04} ".encode())
    wait_until(lambda: downlink.is_over)
    raw.send(get)
    session.send("after")
    assert raw.take(int(raw.head()[1]["Content-Length"])) == b"~m~5~m~after"
    raw.close()


def test_a_request_that_comes_together_with_a_poll_is_answered_after_it(serve):
    served = serve()
    client, session = opened(served)
    get = f"GET /socket.io/xhr-polling/{client.session_id}/1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    raw = Raw(served.port, get * 2)
    wait_until(lambda: session_of(session).downlink is not None)
    for message in ("one", "two"):
        session.send(message)
        size = int(raw.head()[1]["Content-Length"])
        assert raw.take(size) == b"~m~3~m~%b" % message.encode()
    raw.close()


def test_an_answer_that_ends_the_connection_ends_it(serve):
    served = serve()
    client, session = opened(served)
    path = f"/socket.io/xhr-polling/{client.session_id}/1"
    raw = Raw(served.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    wait_until(lambda: session_of(session).downlink is not None)
    session.send("hello")
    answer = raw.end()
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n~m~5~m~hello")


def test_a_server_that_stops_ends_polls_and_connections_that_wait_for_a_request(serve, capfd):
    server = WSGIServer(("127.0.0.1", 0), spawn=10, log=None)
    served = serve(server=server)
    idle, session = opened(served)
    begin_poll(idle, session)
    session.send("hello")
    assert idle.finish_poll() == ["hello"]
    waiting = Polling(served.port).open()
    begin_poll(waiting, served.wait("connection", 2)[1])
    server.stop(timeout=0)
    with gevent.Timeout(DEADLINE):
        assert idle.get.socket.recv(1000) == b""
        assert waiting.get.finish().status == 500
    assert capfd.readouterr().err == ""


def half_closed(served, client, *, text, later):
    """A client that ends its half of the connection of a poll, and does not read the answer."""
    session = served.wait("connection")[1]
    get = f"GET /socket.io/xhr-polling/{client.session_id}/1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    if later:
        raw = Raw(served.port, get)
        wait_until(lambda: session_of(session).downlink is not None)
        session.send(text)
    else:
        session.send(text)
        raw = Raw(served.port, get)
    wait_until(lambda: session_of(session).downlink is not None)
    raw.take(1)
    raw.socket.shutdown(SHUT_WR)
    wait_until(lambda: session_of(session).downlink is None)
    return raw, session


@pytest.mark.parametrize("later", [True, False], ids=["there later", "there before"])
def test_a_hang_up_during_a_long_answer_is_noticed(serve, later):
    served = serve(max_buffer=20_000_000)
    client = Polling(served.port).open()
    raw, session = half_closed(served, client, text="x" * 10_000_000, later=later)
    assert session_of(session).undelivered > 10_000_000
    raw.close()


def test_a_call_that_comes_too_late_does_not_answer_the_next_poll(serve):
    """The loop looks at sockets between many callbacks, so a poll may come before the call."""
    served = serve()
    client, session = opened(served)
    get = f"GET /socket.io/xhr-polling/{client.session_id}/1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    raw = Raw(served.port, get)
    wait_until(lambda: session_of(session).downlink is not None)
    first = session_of(session).downlink
    calls, wake = [], first._wake
    first._wake = lambda: calls.append(wake)
    session.send("one")
    wait_until(lambda: calls)
    raw.send(get)  # wakes the greenlet, which answers the first poll and begins the second
    assert raw.take(int(raw.head()[1]["Content-Length"])) == b"~m~3~m~one"
    wait_until(lambda: session_of(session).downlink not in (None, first))
    gevent.get_hub().loop.run_callback(wake)
    gevent.idle()
    session.send("two")
    assert raw.take(int(raw.head()[1]["Content-Length"])) == b"~m~3~m~two"
    raw.close()


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
def test_a_failure_while_an_answer_is_begun_ends_the_session(serve, monkeypatch, capfd):
    def fail(*arguments):
        raise RuntimeError("a mistake")

    served = serve()
    client, session = opened(served)
    begin_poll(client, session)
    poll = session_of(session).downlink
    with monkeypatch.context() as patch:
        patch.setattr(XHRPollingTransport, "encode", fail)
        session.send("hello")
        assert client.get.finish().status == 500
    assert poll.is_over
    served.wait_line("an answer failed for")
    assert served.wait("disconnect")[1] is session
    assert served.listener.stats()["closes"]["failure"] == 1
    assert capfd.readouterr().err == ""
