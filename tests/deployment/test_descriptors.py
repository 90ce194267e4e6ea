"""Servers that have no file descriptor left for one more connection."""

from __future__ import annotations

import json
from time import monotonic

import gevent
import pytest
from support.clients import ALL
from support.command import ECHO, Command, write
from support.descriptors import Scarcity
from support.http import DEADLINE, HTTP
from support.ports import reserve
from support.raw import Raw
from support.servers import Gunicorn, Program
from support.waiting import wait_until

from sockio_gevent.server.http.accepting import PAUSE

SAID = "no more connections can be accepted: Too many open files"
ATTEMPTS = 4  # attempts must have failed before the test believes that all do


def open_sessions(server):
    """A session over each transport, with all its connections already open."""
    sessions = [server.client(kind).open() for kind in ALL]
    exchange(sessions, "first")
    return sessions


def exchange(sessions, *messages):
    for session in sessions:
        session.send(*messages)
        assert [session.receive() for _ in messages] == list(messages)


@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "TLS"])
def test_the_server_pauses_logs_one_line_and_continues(deploy, certificate, with_tls):
    server = deploy(Program, "counted", certificate=certificate if with_tls else None).listening()
    sessions = open_sessions(server)
    asking = HTTP(server.port, server.wrap)

    def attempts():
        return json.loads(asking.request("GET", "/attempts").text)

    assert attempts() > 0
    scarcity = Scarcity(server.process.pid, server.port, lambda: server.found(SAID), server.wrap)
    began, before = monotonic(), attempts()  # in this order: the answer may be late
    with gevent.Timeout(DEADLINE):
        while (made := attempts() - before) < ATTEMPTS:
            exchange(sessions, "one", "two")
    # One attempt in each pause: the loop was not busy with them.
    assert made <= (monotonic() - began) / PAUSE + 1
    assert not scarcity.waiting.ready()
    scarcity.free_one()
    assert isinstance(scarcity.waiting.get(timeout=DEADLINE), Raw)
    exchange(sessions, "last")
    (said,) = server.found(SAID)
    assert server.problems() == [said.string]
    limit = r"of this process, which is \d+: 'ulimit -n', or LimitNOFILE"
    assert server.found(f"sockio_gevent ERROR {SAID}. Open sessions continue, .*{limit}")
    for session in sessions:
        session.vanish()
    scarcity.end()


def test_a_server_that_stops_meanwhile_stays_stopped(deploy):
    server = deploy(Program, "counted").listening()
    Scarcity(server.process.pid, server.port, lambda: server.found(SAID))
    assert server.stop() == 0
    assert len(server.problems()) == 1


def test_the_port_of_policy_files_is_served_again_too(deploy):
    with reserve() as reserved:
        port = reserved.getsockname()[1]
        server = deploy(Program, "counted", options={"flash_policy_port": port}).listening()
        scarcity = Scarcity(server.process.pid, server.port, lambda: server.found(SAID))
        asking = Raw(port, b"<policy-file-request/>\0")
        server.wait_line(SAID, 2)
        scarcity.free_one()
        # Each server has one that waits, and either may be faster.
        scarcity.free_one()
        assert asking.until(b"\0").startswith(b"<?xml")
        assert scarcity.waiting.get(timeout=DEADLINE)
        assert len(server.problems()) == 2


def test_the_command_line_pauses_too(tmp_path):
    write(tmp_path, "chat", ECHO)
    command = Command(tmp_path, "chat")
    try:
        scarcity = Scarcity(command.process.pid, command.port, lambda: command.count(SAID))
        scarcity.free_one()
        assert scarcity.waiting.get(timeout=DEADLINE)
        assert command.count(SAID) == 1
        assert command.count("Traceback") == 0
        assert command.stop() == 0
    finally:
        command.kill()


def test_the_client_file_is_there_without_a_file_to_read_it_from(deploy):
    server = deploy(Program, "counted").listening()
    asking = HTTP(server.port)
    assert asking.request("GET", "/").status == 200
    Scarcity(server.process.pid, server.port, lambda: server.found(SAID))
    answer = asking.request("GET", "/socket.io/socket.io.js")
    assert answer.status == 200
    assert len(answer.body) > 1000


@pytest.mark.parametrize("worker", ["gevent", "gevent_pywsgi"])
def test_under_gunicorn_sessions_continue_and_connections_wait(deploy, worker):
    """gunicorn reports it in its own way, with a traceback for each attempt."""
    server = deploy(Gunicorn, worker).listening()
    sessions = open_sessions(server)
    pid = server.ask("/")["pid"]

    def said():
        return server.found("Too many open files")

    scarcity = Scarcity(pid, server.port, said)
    exchange(sessions, "one", "two")
    wait_until(lambda: len(said()) > ATTEMPTS)
    exchange(sessions, "three")
    scarcity.free_one()
    assert isinstance(scarcity.waiting.get(timeout=DEADLINE), Raw)
    exchange(sessions, "last")
    scarcity.end()
