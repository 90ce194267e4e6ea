"""Processes that were forked between listen() and serving: each has all that it needs."""

from __future__ import annotations

import json

import pytest
from support.clients import ALL, Polling, WebSocket
from support.http import LONG
from support.ports import reserve
from support.raw import Raw
from support.servers import Gunicorn, Program, order
from support.times import POLLING
from support.together import Together, exchange
from support.waiting import wait_until

READY = r"Worker is ready \(pid: (\d+)\)"
FORKED = r"^parent (\d+), child (\d+)"
FORKS = ["os.fork", "gevent.os.fork"]

SOON = 0.5  # seconds
# Heartbeats, and the ends of polls and of sessions without a connection, come soon; but a client
# that has to wait for its processor must come in time.
SHORT = {
    name: {"duration": SOON, "close_timeout": 6 * SOON}
    if name in POLLING
    else {"heartbeat_interval": SOON, "timeout": LONG}
    for name in [client.transport for client in ALL]
}

kinds = pytest.mark.parametrize("kind", [*FORKS, "gunicorn"])


@pytest.fixture
def start(deploy):
    """Start two processes: start('os.fork', **options)."""
    started = []

    def start(kind, **options):
        if kind == "gunicorn":
            options = {"cluster": None, **options}  # each for itself
            server = deploy(Gunicorn, "gevent", "--workers=2", "--preload", options=options)
            server.listening().wait_line(READY, 2)
            pids = [int(match[1]) for match in server.found(READY)]
        else:
            server = deploy(Program, "forked", kind, options=options)
            pids = list(map(int, server.listening().wait_line(FORKED).groups()))
        server.together = Together(server, pids)
        started.append((kind, server))
        return server

    yield start
    for kind, server in started:
        for pid in server.together.pids:
            # gunicorn's master ends its workers, and puts another in place of one that has ended.
            server.together.hang_up(pid) if kind == "gunicorn" else server.together.stop(pid)


def ask(http, path):
    return json.loads(http.request("GET", path).text)


@kinds
def test_each_process_has_its_own_sessions_and_statistics(start, kind):
    server = start(kind)
    together = server.together
    asking = [together.asking(pid) for pid in together.pids]
    assert [ask(http, "/")["pid"] for http in asking] == together.pids
    sessions = [together.open_all(pid) for pid in together.pids]
    ids = [{session.session_id for session in group} for group in sessions]
    assert len(ids[0] | ids[1]) == 2 * len(ALL)
    for group in sessions:
        exchange(group, "one", "two")
    for http, own in zip(asking, ids, strict=True):
        assert set(ask(http, "/sessions")) == own
        stats = ask(http, "/stats")
        assert stats["opened"] == len(ALL)
        assert stats["messages"]["in"] == stats["messages"]["out"] == 3 * len(ALL)
    assert server.problems() == []


@kinds
def test_messages_stay_in_the_process_of_their_session(start, kind):
    server = start(kind)
    first, second = map(server.together.open_all, server.together.pids)
    first[0].send(order(broadcast="to the first"))
    assert [session.receive() for session in first] == ["to the first"] * len(ALL)
    for group in (second, first):
        for session in group:
            session.send(order(send_from_thread="from a thread"))
            assert session.receive() == "from a thread"
    exchange([*first, *second], "nothing else came")


@kinds
def test_each_process_has_its_own_deadlines(start, kind):
    server = start(kind, transport_options=SHORT)
    for pid in server.together.pids:
        with server.together.only(pid):
            socket = server.client(WebSocket).open()
            polling = server.client(Polling).open()
            assert polling.poll() == []
        for number in (1, 2):
            assert socket.receive() == f"~h~{number}"
            socket.send(f"~h~{number}")
        polling.vanish()
        server.wait_line(f"session {polling.session_id[:8]} .* ended: away for longer than")
        socket.vanish()


@kinds
@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
def test_a_process_that_closes_its_listener_leaves_the_other_alone(start, kind, which):
    server = start(kind)
    pids = server.together.pids
    asking = [server.together.asking(pid) for pid in pids]
    sessions = [server.together.open_all(pid) for pid in pids]
    other, others_page = sessions[1 - which], asking[1 - which]
    ask(asking[which], "/close")
    for session in sessions[which]:
        if isinstance(session, WebSocket):
            assert session.wait_closed() == 1001
    wait_until(lambda: not ask(asking[which], "/sessions"), "no sessions are left")
    exchange(other, "one")
    assert not any(ask(others_page, "/stats")["closes"].values())
    server.together.stop(pids[which])
    exchange(other, "two", "three")
    assert set(ask(others_page, "/sessions")) == {session.session_id for session in other}
    if kind == "gunicorn":
        # If it starts another worker when it is stopped, it may wait for that until it gives up.
        server.wait_line(READY, 3)


@pytest.mark.parametrize("kind", FORKS)
def test_policy_files_are_served_by_the_process_that_is_left(start, kind):
    with reserve() as reserved:
        port = reserved.getsockname()[1]
        server = start(kind, flash_policy_port=port)
        together = server.together
        for pid in together.pids:
            with together.only(pid):
                assert policy(port).startswith(b"<?xml")
        parent, child = together.pids
        ask(together.asking(parent), "/close")
        with together.only(child):
            assert policy(port).startswith(b"<?xml")
        together.stop(parent)
        assert policy(port).startswith(b"<?xml")
        assert server.problems() == []


def policy(port):
    raw = Raw(port, b"<policy-file-request/>\0")
    answer = raw.until(b"\0")
    raw.close()
    return answer
