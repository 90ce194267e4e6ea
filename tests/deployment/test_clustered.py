"""Several workers, each a process: what is meant for all reaches the clients of all."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path

import gevent
import pytest
from support.clustered import ClassicVoice, ModernVoice, place
from support.http import HTTP
from support.servers import Gunicorn

WORKERS = 3


def gunicorn(deploy, runtime, *arguments, workers=WORKERS, options=None):
    environ = {"XDG_RUNTIME_DIR": str(runtime), "SOCKIO_TEST_DEBUG": "yes"}
    server = deploy(
        Gunicorn,
        "gevent",
        f"--workers={workers}",
        *arguments,
        application="clustered:application",
        environ=environ,
        options=options,
    )
    return server.listening()


@pytest.fixture
def runtime():
    """A directory in place of that of the user's session. Its path is short, as theirs are."""
    with tempfile.TemporaryDirectory(prefix="run") as made:
        yield Path(made)


@pytest.fixture(params=["", "--preload"])
def server(request, deploy, runtime):
    return gunicorn(deploy, runtime, *filter(None, [request.param]))


def everybody(placed):
    return [voice for voices in placed.values() for voice in voices]


def check_all(placed, number):
    """A client of each worker sends to all, and each gets each once."""
    for voices in placed.values():
        voices[number % 2].ask("all", number, voices[0].pid)
    expected = sorted([number, pid] for pid in placed)
    for voice in everybody(placed):
        voice.wait("event", len(placed))
        gevent.sleep(0)
        assert sorted(voice.named("event")) == expected
        voice.events.clear()


def test_all_that_is_meant_for_all_reaches_all(server):
    placed = place(server.port, WORKERS)
    check_all(placed, 1)
    check_all(placed, 2)
    (ann, ann2), (ben, ben2), (cem, cem2) = placed.values()

    # Rooms, and a client by its id.
    for voice in (ann, ben, cem2):
        voice.ask("join", "red")
        voice.ask("room", voice.id, "joined")
        assert voice.wait("event") == ["joined"]
        voice.events.clear()
    ben2.ask("room", "red", "for red")
    ben2.ask("join all", "red", "blue")
    ben2.ask("room", "blue", "for blue")
    cem2.ask("room", ann2.id, "for one")
    for voice in (ann, ben, cem2):
        voice.wait("event", 2)
        assert voice.named("event") == [["for red"], ["for blue"]]
    assert ann2.wait("event") == ["for one"]

    # Those who ask and answer, and the list of clients.
    ann2.answer, cem2.answer = "ann", ["cem"]
    ann2.ask("join", "asked")
    cem2.ask("join", "asked")
    ben2.ask("join", "asked")
    for voice in (ann2, ben2, cem2):  # what they have asked before has happened
        voice.ask("pids")
        assert sorted(voice.wait("pids")) == sorted(placed.keys() - {voice.pid})
    ben.ask("call", "asked", 1.0)
    answers, missing = ben.wait("answers")
    assert answers == {ann2.id: "ann", cem2.id: ["cem"]}
    assert missing == [ben2.id]
    ben.ask("clients", "asked")
    assert ben.wait("clients") == [{ann2.id: False, ben2.id: True, cem2.id: False}]

    # This worker alone, and all others.
    for voice in everybody(placed):
        voice.events.clear()
    ann.ask("local", "for ann's worker")
    cem.ask("others", "for all but cem")
    ann.wait("event", 2)
    ben2.wait("event")
    assert ben2.named("event") == [["for all but cem"]]
    ben2.ask("disconnect", "red")
    for voice in (ann, ben, cem2):
        if isinstance(voice, ModernVoice):
            # Only its namespace is left: its session goes on.
            gevent.sleep(0)
        else:
            voice.wait_end()
    assert server.problems() == []


def test_numbers_arrive_everywhere_in_order_and_once(server):
    placed = place(server.port, WORKERS)
    count = 600
    for voices in placed.values():
        voices[1].ask("numbers", str(voices[1].pid), count)
    for voice in everybody(placed):
        voice.wait("number", WORKERS * count)
    for voice in everybody(placed):
        for pid in placed:
            mine = [number for name, number in voice.named("number") if name == str(pid)]
            assert mine == list(range(count))
    stats = json.loads(HTTP(server.port).request("GET", "/stats").text)["cluster"]
    assert stats["members"] == WORKERS
    assert stats["dropped"] == 0
    assert stats["messages"]["in"] >= (WORKERS - 1) * count
    assert server.problems() == []


def test_a_killed_worker_is_gone_and_another_takes_its_place(deploy, runtime):
    server = gunicorn(deploy, runtime)
    placed = place(server.port, WORKERS)
    pid, voices = placed.popitem()
    os.kill(pid, signal.SIGKILL)
    for voice in voices:
        voice.wait_end()
    ann = everybody(placed)[1]
    ann.ask("pids")  # who is not there any more is not waited for
    assert set(ann.wait("pids")) >= placed.keys() - {ann.pid}
    server.wait_line("Booting worker", WORKERS + 1)
    again = place(server.port, WORKERS)
    assert pid not in again
    check_all(again, 3)
    # Only living workers have sockets.
    (folder,) = (runtime / "sockio_gevent").iterdir()
    assert len(list(folder.iterdir())) == WORKERS
    assert server.stop() == 0
    assert list((runtime / "sockio_gevent").iterdir()) == []


def test_a_stopped_worker_delays_nobody_and_misses_nothing(deploy, runtime):
    server = gunicorn(deploy, runtime)
    placed = place(server.port, WORKERS)
    stopped, voices = next(iter(placed.items()))
    others = [voice for voice in everybody(placed) if voice.pid != stopped]
    os.kill(stopped, signal.SIGSTOP)
    try:
        others[0].ask("numbers", "x", 400)
        for voice in others:
            voice.wait("number", 400)
        assert not voices[0].named("number")
    finally:
        os.kill(stopped, signal.SIGCONT)
    for voice in everybody(placed):
        voice.wait("number", 400)
        assert [number for _, number in voice.named("number")] == list(range(400))
    assert server.problems() == []


def test_workers_of_a_reload_are_together(deploy, runtime):
    server = gunicorn(deploy, runtime)
    placed = place(server.port, WORKERS)
    check_all(placed, 1)
    server.process.send_signal(signal.SIGHUP)
    for voice in everybody(placed):
        voice.wait_end()
    server.wait_line("Worker exiting", WORKERS)
    again = place(server.port, WORKERS)
    assert not placed.keys() & again.keys()
    check_all(again, 2)
    server.process.send_signal(signal.SIGTTIN)
    more = place(server.port, WORKERS + 1)
    check_all(more, 3)
    server.process.send_signal(signal.SIGTTOU)
    server.wait_line("Worker exiting", WORKERS + 1)
    assert server.problems() == []


def test_a_single_worker_sends_nothing_to_others(deploy, runtime):
    server = gunicorn(deploy, runtime, workers=1)
    placed = place(server.port, 1)
    check_all(placed, 1)
    stats = json.loads(HTTP(server.port).request("GET", "/stats").text)["cluster"]
    assert stats["members"] == 1
    assert stats["messages"] == {"in": 0, "out": 0}


def test_without_a_place_to_meet_the_start_says_so(deploy, runtime):
    place_of_others = runtime / "sockio_gevent"
    place_of_others.mkdir(mode=0o755)
    server = gunicorn(deploy, runtime)
    voice = ClassicVoice(server.port)
    server.wait_line("there is no bus between the workers, because others may enter", WORKERS)
    voice.ask("all", "here")
    assert voice.wait("event") == ["here"]


def test_processes_that_name_the_same_directory_are_together(deploy, runtime):
    folder = runtime / "w"
    options = {"cluster": str(folder)}
    servers = [gunicorn(deploy, runtime, workers=1, options=options) for _ in range(2)]
    placed = {}
    for server in servers:
        placed.update(place(server.port, 1))
    ann, ben = (voices[0] for voices in placed.values())
    ann.ask("members")
    while ann.wait("members")[0] < 2:
        ann.events.clear()
        ann.ask("members")
    ann.ask("all", "both")
    assert ben.wait("event") == ["both"]
