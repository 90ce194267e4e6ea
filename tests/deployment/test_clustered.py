"""Several workers, each a process: what is meant for all reaches the clients of all."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from time import monotonic

import gevent
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.cluster_stories import (
    check_all,
    check_numbers,
    check_story,
    check_threads,
    wait_numbers,
)
from support.clustered import (
    ClassicVoice,
    clustered_gunicorn,
    everybody,
    place,
    place_all,
)
from support.http import HTTP

WORKERS = 3


@pytest.fixture(params=["", "--preload"])
def server(request, deploy, runtime):
    return clustered_gunicorn(deploy, runtime, *filter(None, [request.param]), workers=WORKERS)


def test_all_that_is_meant_for_all_reaches_all(server):
    placed = place(server.port, WORKERS)
    check_all(placed)
    check_story(placed)
    assert server.problems() == []


def test_numbers_arrive_everywhere_in_order_and_once(server):
    placed = place(server.port, WORKERS)
    count = 600
    check_numbers(placed, count)
    stats = json.loads(HTTP(server.port).request("GET", "/stats").text)["cluster"]
    assert stats["members"] == WORKERS
    assert stats["dropped"] == 0
    assert stats["connected"] is True
    assert stats["messages"]["in"] >= (WORKERS - 1) * count
    assert server.problems() == []


def metrics(port):
    """What one of the workers tells Prometheus: the sums by the names and the processes."""
    text = HTTP(port).request("GET", "/metrics").text
    found = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, int(sample.labels["worker"])] += sample.value
    return found


def test_any_worker_tells_the_metrics_of_all(server):
    placed = place(server.port, WORKERS, each=2)
    found = metrics(server.port)
    for pid in placed:
        assert found["sockio_cluster_members", pid] == WORKERS
        assert found["sockio_cluster_connected", pid] == 1
        assert found["sockio_sessions", pid] >= 4
    assert len([key for key in found if key[0] == "sockio_start_time_seconds"]) == WORKERS
    # The time of a start does not change from one answer to the next.
    again = metrics(server.port)
    for pid in placed:
        start = "sockio_start_time_seconds", pid
        assert abs(found[start] - again[start]) < 1


def test_threads_are_heard_everywhere_in_their_order(server):
    placed = place(server.port, WORKERS)
    check_threads(placed)


def test_a_killed_worker_is_gone_and_another_takes_its_place(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
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
    check_all(again)
    # Only living workers have sockets.
    (folder,) = (runtime / "sockio_gevent").iterdir()
    assert len(list(folder.iterdir())) == WORKERS
    assert server.stop() == 0
    assert list((runtime / "sockio_gevent").iterdir()) == []


def test_a_stopped_worker_delays_nobody_and_misses_nothing(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    placed = place(server.port, WORKERS)
    stopped, voices = next(iter(placed.items()))
    others = [voice for voice in everybody(placed) if voice.pid != stopped]
    os.kill(stopped, signal.SIGSTOP)
    try:
        others[0].ask("numbers", "x", 400)
        since = monotonic()
        for voice in others:
            voice.wait("number", 400)
        assert not voices[0].named("number")
        gevent.sleep(max(0.0, since + 0.5 - monotonic()))  # so long they wait at least
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_numbers(placed, ["x"], 400)
    found = metrics(server.port)
    late = [pid for pid in placed if found["sockio_cluster_lag_seconds", pid] > 0.3]
    assert stopped in late
    assert server.problems() == []


def test_workers_of_a_reload_are_together(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    placed = place(server.port, WORKERS)
    check_all(placed)
    server.process.send_signal(signal.SIGHUP)
    for voice in everybody(placed):
        voice.wait_end()
    server.wait_line("Worker exiting", WORKERS)
    again = place(server.port, WORKERS)
    assert not placed.keys() & again.keys()
    check_all(again)
    server.process.send_signal(signal.SIGTTIN)
    more = place(server.port, WORKERS + 1)
    check_all(more)
    server.process.send_signal(signal.SIGTTOU)
    server.wait_line("Worker exiting", WORKERS + 1)
    assert server.problems() == []


def test_after_a_master_that_was_killed_the_next_begins_anew(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    placed = place(server.port, WORKERS)
    server.process.kill()
    for voice in everybody(placed):
        voice.wait_end()
    server.wait_end()  # all of its processes have ended
    again = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    check_all(place(again.port, WORKERS))
    (folder,) = (runtime / "sockio_gevent").iterdir()
    assert folder.name.startswith(f"{again.process.pid}-")


def test_a_single_worker_sends_nothing_to_others(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=1)
    placed = place(server.port, 1)
    check_all(placed)
    stats = json.loads(HTTP(server.port).request("GET", "/stats").text)["cluster"]
    assert stats["members"] == 1
    assert stats["messages"] == {"in": 0, "out": 0}


def test_without_a_place_to_meet_the_start_says_so(deploy, runtime):
    place_of_others = runtime / "sockio_gevent"
    place_of_others.mkdir(mode=0o755)
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    voice = ClassicVoice(server.port)
    server.wait_line("there is no bus between the workers, because others may enter", WORKERS)
    voice.ask("all", "here")
    assert voice.wait("event") == ["here"]


def test_processes_that_name_the_same_directory_are_together(deploy, runtime):
    folder = runtime / "w"
    options = {"cluster": str(folder)}
    servers = [clustered_gunicorn(deploy, runtime, workers=1, options=options) for _ in range(2)]
    placed = place_all(servers)
    check_all(placed)
