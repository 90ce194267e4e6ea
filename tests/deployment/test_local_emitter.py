"""The emitter to workers of this machine, from a process that is none of them."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from support.cluster_stories import check_all, check_emitter
from support.clustered import clustered_gunicorn, everybody, place, place_all
from support.http import DEADLINE
from support.processes import ROOT
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.cluster import local_sender
from sockio_gevent.cluster import place as place_of_workers
from sockio_gevent.cluster.place import of_resource

WORKERS = 3


@pytest.fixture
def here(runtime, monkeypatch):
    """The directory of the user's session, for this process too; other programs may use others."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(place_of_workers, "_bases", lambda: [runtime / "sockio_gevent"])
    return runtime


@pytest.fixture
def server(deploy, here):
    return clustered_gunicorn(deploy, here, workers=WORKERS)


def run(*arguments):
    """The command "emit", in a process of its own."""
    command = [sys.executable, "-m", "sockio_gevent", "emit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


def test_it_finds_the_only_gunicorn_of_this_user(server):
    emitter = io.Emitter("auto")
    check_emitter(emitter, place(server.port, WORKERS))
    emitter.close()
    assert server.problems() == []


def test_it_goes_on_with_the_workers_of_a_reload_and_of_a_restart(deploy, here):
    server = clustered_gunicorn(deploy, here, workers=2)
    emitter = io.Emitter("auto")
    check_emitter(emitter, place(server.port, 2))
    server.process.send_signal(signal.SIGHUP)
    server.wait_line("Worker exiting", 2)
    check_emitter(emitter, place(server.port, 2))
    server.stop()
    with pytest.raises(ConnectionError, match="no server of this user has workers"):
        emitter.emit("event", "x")
    server = clustered_gunicorn(deploy, here, workers=2)
    check_emitter(emitter, place(server.port, 2))
    emitter.close()


def test_it_reaches_workers_that_meet_in_a_directory(deploy, here):
    options = {"cluster": str(here / "w")}
    servers = [clustered_gunicorn(deploy, here, workers=1, options=options) for _ in range(2)]
    emitter = io.Emitter(here / "w")
    check_emitter(emitter, place_all(servers))
    emitter.close()
    for path, text in ((here / "none", "no worker"), ("auto", "no server of this user")):
        with pytest.raises(ConnectionError, match=text):
            io.Emitter(path).emit("event", "x")


def test_of_two_gunicorns_it_needs_the_directory_of_one(deploy, here):
    servers = [clustered_gunicorn(deploy, here, workers=2) for _ in range(2)]
    both = [place(server.port, 2) for server in servers]
    with pytest.raises(ConnectionError, match="2 servers of this user") as caught:
        io.Emitter("auto").emit("event", "x")
    (of_first,) = (here / "sockio_gevent").glob(f"{servers[0].process.pid}-*")
    assert str(of_first) in str(caught.value)
    emitter = io.Emitter(of_first)
    emitter.emit("event", "for the first")
    for voice in everybody(both[0]):
        assert voice.wait("event") == ["for the first"]
    check_all(both[1])  # theirs have got nothing else


PROGRAM = """
import sys
import sockio_gevent as io
from gevent._hub_local import get_hub_if_exists

for number in range(int(sys.argv[2])):
    io.Emitter("auto").to(sys.argv[1]).emit("number", "x", number, b"bytes")
assert get_hub_if_exists() is None
assert "redis" not in sys.modules
"""


def test_any_process_sends_without_a_loop(server):
    placed = place(server.port, WORKERS)
    ann = placed[next(iter(placed))][1]
    subprocess.run([sys.executable, "-c", PROGRAM, ann.id, "3"], check=True, timeout=120, cwd=ROOT)
    ann.wait("number", 3)
    assert ann.named("number") == [["x", number, list(b"bytes")] for number in range(3)]


def test_the_command_sends_an_event(server, here):
    placed = place(server.port, WORKERS)
    ann, ben, *_ = everybody(placed)
    done = run("--to", ann.id, "--to", ben.id, "--except", ben.id, "event", "3", '{"x": "ü"}')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ann.wait("event") == [3, {"x": "ü"}]
    check_all(placed)
    done = run("--cluster", str(here / "none"), "event")
    assert done.returncode == 2
    assert "it was not sent: there is no worker in the directory" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_one_thread_sends_arrives_everywhere_in_its_order(server):
    placed = place(server.port, WORKERS)
    emitter, count = io.Emitter("auto"), 200

    def emit(thread):
        for number in range(count):
            emitter.emit("number", str(thread), number)

    threads = [threading.Thread(target=emit, args=(each,)) for each in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: not any(thread.is_alive() for thread in threads))
    for voice in everybody(placed):
        voice.wait("number", 3 * count)
        for thread in range(3):
            assert voice.numbers(str(thread)) == list(range(count))
    emitter.close()


def test_a_forked_child_has_connections_of_its_own(server):
    placed = place(server.port, WORKERS)
    emitter = io.Emitter("auto")
    emitter.emit("number", "parent", 0)
    child = os.fork()
    if not child:
        status = 1
        try:
            for number in range(100):
                emitter.emit("number", "child", number)
            status = 0
        finally:
            os._exit(status)
    for number in range(1, 100):
        emitter.emit("number", "parent", number)
    assert os.waitpid(child, 0)[1] == 0
    for voice in everybody(placed):
        voice.wait("number", 200)
        assert voice.numbers("parent") == voice.numbers("child") == list(range(100))
    emitter.close()
    assert server.problems() == []


def test_a_worker_that_does_not_read_does_not_keep_it_from_the_others(server, monkeypatch):
    placed = place(server.port, WORKERS)
    monkeypatch.setattr(local_sender, "_PATIENCE", 2.0)  # long enough for workers that read
    emitter = io.Emitter("auto")
    stopped, theirs = next(iter(placed.items()))
    others = [voice for voice in everybody(placed) if voice.pid != stopped]
    sent = []

    def emit_until_it_fails():
        for number in itertools.count():
            emitter.to("nobody").emit("event", "x" * 20_000)
            sent.append(number)
            emitter.emit("number", "x", number)

    os.kill(stopped, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError, match=f"1 of {WORKERS} workers have not taken"):
            emit_until_it_fails()
        with pytest.raises(TimeoutError):
            io.Emitter("auto").emit("number", "y", 0)
        for voice in others:
            assert voice.wait("number", len(sent) + 1)
    finally:
        os.kill(stopped, signal.SIGCONT)
    monkeypatch.setattr(local_sender, "_PATIENCE", DEADLINE)
    emitter.emit("event", "again")
    for voice in everybody(placed):
        assert voice.wait("event") == ["again"]
    # What the stopped worker had taken has arrived there, in order and once.
    assert theirs[0].numbers("x") == list(range(len(theirs[0].numbers("x"))))


def test_a_worker_that_refuses_the_connection_is_named(here):
    folder = of_resource(here / "w", "socket.io")
    folder.mkdir(parents=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / ("a" * 10)))
        listening.listen()

        def refuse():
            connection, _ = listening.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ConnectionError, match="refuses the connection: its log says why"):
            io.Emitter(here / "w").emit("event", "x")
        thread.join()
