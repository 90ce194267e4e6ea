"""When a gunicorn worker stops, for any reason, its clients are told and find the next one."""

from __future__ import annotations

import signal

import gevent
from support.clients import Polling, WebSocket
from support.fleet import check_all_work, check_told, open_all
from support.http import HTTP
from support.servers import Gunicorn

GEVENT_WEBSOCKET = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
WORKERS = ["gevent", "gevent_pywsgi", GEVENT_WEBSOCKET]


def with_each(workers, story):
    """Do the same with each class of workers, at the same time."""
    gevent.joinall([gevent.spawn(story, worker) for worker in workers], raise_error=True)


def test_term_tells_all_clients_and_stops(deploy):
    def story(worker):
        server = deploy(Gunicorn, worker, "--graceful-timeout=600").listening()
        clients = open_all(server)
        server.process.send_signal(signal.SIGTERM)
        check_told(server, clients)
        assert server.wait_end() == 0, "long before its graceful timeout"
        assert server.problems() == []

    with_each(WORKERS, story)


SLOW = """
from pathlib import Path

from gevent import sleep
import sockio_gevent as io

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"up"]

application = io.listen(application)

@application.on("clientMessage")
def message(text, client):
    print("begins", text, flush=True)
    while not Path("go on").exists():
        sleep(0.01)
    print("ends", text, flush=True)

@application.on("clientDisconnect")
def gone(client):
    print("gone", flush=True)
"""


def test_answered_messages_are_handled_though_no_client_is_connected(deploy, tmp_path):
    def story(worker):
        folder = tmp_path / worker
        folder.mkdir()
        (folder / "slow.py").write_text(SLOW)
        server = deploy(Gunicorn, worker, f"--chdir={folder}", application="slow:application")
        client = server.listening().client(Polling).open()
        assert client.send("one", "two").status == 200
        server.wait_line("begins one")
        client.vanish()
        server.process.send_signal(signal.SIGTERM)
        # There is no connection that the worker would wait for.
        server.wait_line("Worker exiting")
        (folder / "go on").touch()
        assert server.wait_end() == 0
        lines = [line for line in server.lines if line.startswith(("begins", "ends", "gone"))]
        assert lines == ["begins one", "ends one", "begins two", "ends two", "gone"]

    with_each(WORKERS[:2], story)


def test_hup_tells_all_clients_and_they_find_the_new_worker(deploy):
    def story(worker):
        server = deploy(Gunicorn, worker).listening()
        clients = open_all(server)
        old = server.ask("/")["pid"]
        server.process.send_signal(signal.SIGHUP)
        check_told(server, clients)
        server.wait_line(rf"Worker exiting \(pid: {old}\)")
        assert server.ask("/")["pid"] != old
        check_all_work(server)
        server.stop()
        assert server.problems() == []

    with_each(WORKERS, story)


def test_a_worker_that_reaches_max_requests_tells_all_clients(deploy):
    server = deploy(Gunicorn, "gevent", "--max-requests=200").listening()
    clients = open_all(server)
    old = server.ask("/")["pid"]
    while not server.found("Autorestarting worker"):
        server.ask("/")
    check_told(server, clients)
    server.wait_line(rf"Worker exiting \(pid: {old}\)")
    assert server.ask("/")["pid"] != old
    check_all_work(server)
    assert server.problems() == []


def test_a_client_that_does_not_leave_is_cut_off_within_the_graceful_timeout(deploy):
    def story(worker):
        server = deploy(Gunicorn, worker, "--graceful-timeout=6").listening()
        idle = HTTP(server.port)
        assert idle.request("GET", "/").status == 200
        silent = server.client(WebSocket).open()
        server.process.send_signal(signal.SIGTERM)
        server.wait_line(r"closed: 1 session ended, 1 of them cut off after [234](\.\d)? s$")
        server.wait_line(f"gone {silent.session_id}")
        assert server.wait_end() == 0
        idle.close()

    with_each(WORKERS, story)
