"""Logs that cannot be written: clients do not notice."""

from __future__ import annotations

import os
import signal

import pytest
from support.clients import ALL, DEFAULT, Polling
from support.command import ECHO, Command, write
from support.http import DEADLINE, HTTP
from support.missing import missing
from support.ports import reserve
from support.raw import Raw
from support.servers import Program, order
from support.waiting import wait_until

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNKNOWN = "0123456789" * 4
# Beside stdout and stderr: the access log, the option 'log', a handler of the module logging.
PLACES = {"stderr": (), "a file": ("file",), "a function": ("function",), "a handler": ("handler",)}


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def server(request, deploy):
    if not os.path.exists("/dev/full"):
        missing("there is no /dev/full")
    return deploy(Program, "full", *request.param, full=True).listening()


def ask(raw, path):
    """The status of a request on a connection that is kept."""
    raw.send(GET % path.encode())
    status, headers = raw.head()
    raw.take(int(headers.get("Content-Length", "0")))
    return status.split(" ", 2)[1]


def test_sessions_continue_whatever_is_logged_about_them(server):
    sessions = [server.client(kind).open() for kind in ALL]
    for count in range(3):
        for session in sessions:
            session.send("before")
            session.send(order(fail="a handler"))
            session.send_payload(f"bad payload {count}")
            session.send("after")
            assert [session.receive(), session.receive()] == ["before", "after"]
    known = server.ask("/sessions")
    assert set(known) == {session.session_id for session in sessions}
    for session in sessions:
        session.send(order(disconnect=True))
        server.wait_state(session.session_id, None)
        session.vanish()


def test_requests_are_answered_and_the_connection_is_kept(server):
    raw = Raw(server.port)
    expected = {
        "/page": "200",
        "/socket.io/socket.io.js": "200",
        f"/socket.io/xhr-polling/{UNKNOWN}/1": "404",
        f"/socket.io/xhr%2Dpolling/{UNKNOWN}/1": "404",
        "/socket.io/xhr-polling/": "200",
        "/socket.io/htmlfile/../1": "404",
        "/lose": "200",
    }
    for _ in range(3):
        assert {path: ask(raw, path) for path in expected} == expected
    raw.close()


def test_a_failing_request_is_answered_and_others_are_accepted(server):
    for _ in range(3):
        answered = Raw(server.port, GET % b"/fail")
        assert answered.head()[0] == "HTTP/1.1 500 Internal Server Error"
        malformed = Raw(server.port, b"GET /socket.io/websocket HTTP/7.1\r\n\r\n")
        assert malformed.head()[0] == "HTTP/1.1 400 Bad Request"
        unreadable = Raw(server.port, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
        assert unreadable.head()[0] == "HTTP/1.1 400 Bad Request"
        for raw in (answered, malformed, unreadable):
            raw.end()
            raw.close()
    assert HTTP(server.port).request("GET", "/page").status == 200


def test_the_command_line_serves_and_stops(tmp_path):
    write(tmp_path, "chat", ECHO)
    with reserve() as reserved:
        port = reserved.getsockname()[1]
        command = Command(tmp_path, "chat", "--port", str(port), full=True)
        try:
            wait_until(lambda: answers(port))
            for kind in DEFAULT:
                session = kind(port).open()
                session.send("hello")
                assert session.receive() == "hello"
                session.vanish()
            assert Polling(port).open()
            command.send(signal.SIGTERM)
            # Python itself exits with 120 if it cannot write all of its output.
            assert command.process.wait(DEADLINE) in (0, 120)
        finally:
            command.kill()


def answers(port):
    try:
        return HTTP(port).request("GET", "/").status == 200
    except ConnectionRefusedError:
        return False
