"""Four workers with one port, where any of them gets the next request of a session."""

from __future__ import annotations

import os
import signal

import gevent
import pytest
from support import engineio
from support.clients import JSONP, HTMLFile, Polling, ServerEvents, WebSocket, XHRMultipart
from support.http import DEADLINE, HTTP, Ended
from support.nginx import ROUND_ROBIN, Nginx
from support.node import Node
from support.npm import RELEASED
from support.servers import DEPLOYMENT, CommandLine, Gunicorn

READY = r"Worker is ready \(pid: (\d+)\)"
OPTIONS = {"dialects": ["classic", "engine.io"]}
STREAMS = [ServerEvents, HTMLFile, XHRMultipart, WebSocket]
AT_ONCE = 8.0  # seconds; a worker that may still be there is waited for longer


def start(deploy, *arguments, **more):
    """Four workers, all of which know each other."""
    server = deploy(Gunicorn, "gevent", "--workers=4", *arguments, **more).listening()
    server.wait_line(READY, 4)
    return server


@pytest.fixture(scope="module", params=["gunicorn", "command line"])
def server(request, deploying):
    """With gunicorn, each request has a connection of its own."""
    with deploying() as deploy:
        if request.param == "gunicorn":
            server = start(deploy, "--keep-alive=0", options=OPTIONS)
        else:
            server = deploy(CommandLine, "--workers=4", options=OPTIONS).listening()
        yield server
    assert server.problems() == [], str(server)


def handed_over(server):
    """How many connections the workers have handed over, as far as they were asked."""
    pages = {server.ask("/given")["handed_over"] for _ in range(60)}
    return sum(pages)


def talk_classic(server, kind):
    """Exchange messages over one connection after the other."""
    client = server.client(kind).open()
    for number in range(4):
        # Without a stream, a session with a stream ends: the new one comes before.
        client, before = client.resume(), client
        client.send(f"hello {number}")
        assert client.receive() == f"hello {number}"
        before.vanish()
    client.vanish()


def talk_engineio(server, kind, version):
    first = kind(server.port, version, wrap=server.wrap).open()
    for number in range(4):
        # gunicorn closes the connections after their first request.
        client = kind(server.port, version, session_id=first.session_id, wrap=server.wrap)
        client.send(f"hello {number}")
        assert client.receive() == f"hello {number}"
        client.vanish()
    upgraded = engineio.WebSocket(server.port, version, first.session_id, wrap=server.wrap)
    upgraded.put("2probe")
    assert upgraded.packet() == "3probe"
    upgraded.put("5")
    upgraded.send("upgraded")
    assert upgraded.receive() == "upgraded"
    upgraded.leave()
    first.vanish()


def test_hundreds_of_sessions_over_all_transports(server):
    talks = []
    for _ in range(20):
        talks += [(talk_classic, kind) for kind in (Polling, JSONP)]
        talks += [
            (talk_engineio, kind, version)
            for kind in (engineio.Polling, engineio.JSONP)
            for version in (4, 3)
        ]
    for _ in range(10):
        talks += [(talk_classic, kind) for kind in STREAMS]
    assert len(talks) > 150
    running = [gevent.spawn(talk, server, *what) for talk, *what in talks]
    with gevent.Timeout(3 * DEADLINE):
        gevent.joinall(running, raise_error=True)
    assert handed_over(server) > 0


def test_a_session_whose_worker_is_killed_is_unknown_at_once(deploy):
    server = start(deploy, options=OPTIONS)
    sessions = [engineio.Polling(server.port).open() for _ in range(20)]
    victim = int(server.found(READY)[0][1])
    lost = server_sessions(server, victim)
    os.kill(victim, signal.SIGKILL)
    server.wait_line(READY, 5)
    for session in sessions:
        with gevent.Timeout(AT_ONCE):
            for _ in range(4):
                client = engineio.Polling(server.port, session_id=session.session_id)
                answer = client.put("4hello")
                if session.session_id in lost:
                    engineio.refused(answer, 400, 1, "Session ID unknown")
                else:
                    assert (answer.status, answer.text) == (200, "ok")
                    assert client.receive() == "hello"
                client.vanish()
        session.vanish()


def test_a_reload_leaves_no_request_without_an_answer(deploy):
    """Sessions of the workers before are unknown to those after, at once."""
    server = start(deploy, options=OPTIONS)
    sessions = [engineio.Polling(server.port).open() for _ in range(10)]
    for session in sessions:
        session.vanish()
    server.process.send_signal(signal.SIGHUP)
    server.wait_line(READY, 8)
    server.wait_line("Worker exiting", 4)
    for session in sessions:
        http = HTTP(server.port)
        with gevent.Timeout(AT_ONCE):
            answer = http.request("GET", session.address)
        engineio.refused(answer, 400, 1, "Session ID unknown")
        http.close()
    new = engineio.Polling(server.port).open()
    new.send("hello")
    assert new.receive() == "hello"
    new.vanish()
    assert server.problems() == []


def server_sessions(server, pid):
    """The ids of the sessions of one worker, as text."""
    with gevent.Timeout(DEADLINE, AssertionError(f"no answer of {pid}")):
        while True:
            http = HTTP(server.port)
            page = http.request("GET", "/")
            if f'"pid": {pid}' in page.text:
                found = http.request("GET", "/sessions").text
                http.close()
                return found
            http.close()


@pytest.fixture(scope="module", params=["fresh", "kept", "nginx", "command line"])
def told(request, deploying, certificate):
    """The stories on four workers.

    They are of gunicorn, with connections for one request or for many, or of nginx; or of the
    command line.
    """
    with deploying() as deploy:
        released = DEPLOYMENT.parent / "released"
        application = "story_application:application"
        if request.param == "command line":
            server = deploy(
                CommandLine, "--workers=4", application=application, places=[released]
            ).listening()
        else:
            server = start(
                deploy,
                "--keep-alive=0" if request.param == "fresh" else "--keep-alive=60",
                f"--pythonpath={released}",
                application=application,
            )
        if request.param == "nginx":
            yield deploy(Nginx, certificate, server, changes=ROUND_ROBIN).listening()
        else:
            yield server
    assert server.problems() == [], str(server)


# A restart is for one process.
WITHOUT = ["the server restarts"]


@pytest.mark.parametrize("mode", ["polling", "upgrade"])
@pytest.mark.parametrize("client", RELEASED)
def test_a_released_client_does_all_stories(told, released_packages, client, mode):
    with gevent.Timeout(2 * DEADLINE):
        done = Node(
            f"http://127.0.0.1:{told.port}",
            pytest.fail,
            client=client,
            folder=str(released_packages),
            mode=mode,
            without=WITHOUT,
        )
    assert {story: problem for story, problem in done.results.items() if problem} == {}
    assert len(done.results) >= 4


def test_behind_nginx_that_takes_one_server_after_the_other(deploying, certificate):
    """With connections that are kept, each carries requests of many sessions."""
    with deploying() as deploy:
        server = start(deploy, "--keep-alive=60", options={**OPTIONS, "trusted_proxies": 1})
        proxy = deploy(
            Nginx,
            certificate,
            server,
            changes=ROUND_ROBIN,
        ).listening()
        running = [
            gevent.spawn(talk, proxy, *what)
            for talk, *what in 3
            * [
                (talk_engineio, engineio.Polling, 4),
                (talk_engineio, engineio.JSONP, 3),
                (talk_classic, Polling),
                (talk_classic, ServerEvents),
            ]
        ]
        gevent.joinall(running, raise_error=True)
        assert handed_over(server) > 0
        assert server.problems() == [], str(server)
        with pytest.raises(Ended):
            Polling(proxy.port, "0" * 40).poll()
        assert proxy.process.poll() is None
