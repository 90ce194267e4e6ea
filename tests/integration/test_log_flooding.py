"""Lines that clients can cause again and again do not fill the log or hide other lines."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from support.clients import Polling, WebSocket
from support.http import HTTP
from support.raw import Raw

import sockio_gevent as io
from sockio_gevent.testing import Client

MOST = 10  # lines of a kind in ten seconds
MANY = 40


def count(served, part):
    return sum(part in line for line in served.lines)


def fail_with(kind):
    def handler(*arguments):
        raise {"key": KeyError, "index": IndexError}[kind](f"a mistake with {kind}")

    return handler


@pytest.mark.parametrize("kind", [WebSocket, Polling], ids=lambda kind: kind.transport)
def test_messages_that_make_a_handler_fail_do_not_fill_the_log(serve, kind):
    served = serve()

    @served.listener.on("connection")
    def connected(client):
        @client.on("message")
        def own(message):
            raise LookupError(f"a mistake with {message}")

    clients = [kind(served.port).open() for _ in range(4)]
    for number in range(MANY):
        clients[number % 4].send(f"number {number}")
    served.wait("message", MANY)
    # Each client has its own handler, but all make the same mistake.
    assert count(served, "a handler of 'message' failed") == MOST
    assert count(served, "LookupError: a mistake with number ") == MOST


def test_mistakes_of_another_kind_are_still_logged(serve):
    served = serve()

    def another(message, client):
        fail_with("key")()

    for handler in (fail_with("key"), fail_with("index"), another):
        served.listener.on("clientMessage", handler)
    client = WebSocket(served.port).open()
    for number in range(MANY):
        client.send(f"number {number}")
    served.wait("message", MANY)
    assert count(served, "KeyError: 'a mistake with key'") == 2 * MOST
    assert count(served, "IndexError: a mistake with index") == MOST


def test_connections_that_make_a_handler_fail_do_not_fill_the_log(serve):
    served = serve(on_connection=fail_with("key"), on_client_disconnect=fail_with("index"))
    for _ in range(MANY):
        WebSocket(served.port).open().close()
    served.wait("disconnect", MANY)
    assert count(served, "a handler of 'connection' failed") == MOST
    assert count(served, "a handler of 'clientDisconnect' failed") == MOST


def test_messages_that_make_the_context_fail_do_not_fill_the_log(serve):
    @contextmanager
    def context():
        raise LookupError("no context")
        yield

    served = serve(context=context)
    client = WebSocket(served.port).open()
    for number in range(MANY):
        client.send(f"number {number}")
    client.close()
    served.wait_line("ended: ")
    assert count(served, "the context of a handler failed") == MOST


def test_bad_payloads_of_many_sessions_do_not_fill_the_log(serve):
    served = serve()
    for _ in range(MANY):
        client = Polling(served.port).open()
        client.send_payload("~m~-")
    assert count(served, "sent a bad payload") == MOST


def test_bad_payloads_of_one_session_do_not_hide_those_of_others(serve):
    served = serve()
    first, second = Polling(served.port).open(), Polling(served.port).open()
    for _ in range(MANY):
        first.send_payload("~m~-")
    second.send_payload("~m~-")
    for client in (first, second):
        assert count(served, f"session {client.session_id[:8]} (xhr-polling, 127.0.0.1) sent") == 1


def test_malformed_policy_requests_do_not_fill_the_log(serve):
    served = serve()
    for _ in range(MANY):
        Raw(served.port, b"<policy-file-regrets/>\0").end()
    assert count(served, "a Flash policy file was not served") == MOST


def test_cookies_that_make_authorize_fail_do_not_fill_the_log(serve):
    served = serve(authorize=lambda environ: json.loads(environ["HTTP_COOKIE"]))
    http = HTTP(served.port)
    for _ in range(MANY):
        assert http.request("GET", "/socket.io/xhr-polling", Cookie="{=1").status == 500
    assert count(served, "the option 'authorize' failed") == MOST


def test_a_test_client_learns_of_exceptions_that_are_not_logged():
    lines = []
    listener = io.listen(lambda environ, start_response: [], log=lines.append)
    listener.on("clientMessage", fail_with("key"))
    with Client(listener) as client:
        for _ in range(MANY):
            with pytest.raises(KeyError, match="a mistake"):
                client.send("hello")
    assert sum("KeyError" in line for line in lines) == MOST
