"""Processes that know of each other only by a Redis."""

from __future__ import annotations

import json
import signal

import gevent
import pytest
from support.clustered import place
from support.http import HTTP
from support.redis_server import RedisServer
from support.servers import Clustered, Gunicorn

import sockio_gevent as io

WORKERS = 3


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def servers(deploy, redis_server):
    made = [deploy(Clustered, options={"cluster": redis_server.url}) for _ in range(WORKERS)]
    return [each.listening() for each in made]


def everybody(placed):
    return [voice for voices in placed.values() for voice in voices]


def place_all(servers):
    """A client of each dialect at each server."""
    placed = {}
    for server in servers:
        placed.update(place(server.port, 1))
    for voices in placed.values():
        while True:
            asked = len(voices[0].named("members"))
            voices[0].ask("members")
            if voices[0].wait("members", asked + 1)[0] >= len(servers):
                break
            gevent.sleep(0.05)
    return placed


def check_all(placed):
    for voice in everybody(placed):
        voice.events.clear()
    for pid, voices in placed.items():
        voices[1].ask("all", pid)
    for voice in everybody(placed):
        voice.wait("event", len(placed))
        assert sorted(voice.named("event")) == sorted([pid] for pid in placed)


def test_all_that_is_meant_for_all_reaches_all(servers):
    placed = place_all(servers)
    check_all(placed)
    for voice in everybody(placed):
        voice.events.clear()
    (ann, ann2), (ben, ben2), (cem, cem2) = placed.values()
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

    ann2.answer, cem2.answer = "ann", ["cem"]
    for voice in (ann2, cem2, ben2):
        voice.ask("join", "asked")
        voice.ask("pids")
        assert sorted(voice.wait("pids")) == sorted(placed.keys() - {voice.pid})
    ben.ask("call", "asked", 1.0)
    answers, missing = ben.wait("answers")
    assert answers == {ann2.id: "ann", cem2.id: ["cem"]}
    assert missing == [ben2.id]
    ben.ask("clients", "asked")
    assert ben.wait("clients") == [{ann2.id: False, ben2.id: True, cem2.id: False}]
    for voice in everybody(placed):
        voice.events.clear()
    ann.ask("local", "for ann's worker")
    cem.ask("others", "for all but cem")
    ann.wait("event", 2)
    ben2.wait("event")
    assert ben2.named("event") == [["for all but cem"]]
    ben2.ask("disconnect", "red")
    for voice in (ann, ben):
        voice.wait_end()
    assert [server.problems() for server in servers] == [[]] * WORKERS


def test_an_emitter_reaches_all_from_outside(servers, redis_server):
    placed = place_all(servers)
    ann = placed[servers[0].process.pid][0]
    ben = placed[servers[1].process.pid][1]
    emitter = io.Emitter(redis_server.url)
    emitter.to(ann.id, ben.id).join("red")
    emitter.to("red").emit("event", "for red")
    emitter.emit("event", "for all")
    for voice in everybody(placed):
        voice.wait("event", 2 if voice in (ann, ben) else 1)
        expected = [["for red"]] if voice in (ann, ben) else []
        assert voice.named("event") == [*expected, ["for all"]]
    emitter.server_side_emit("pid")
    emitter.to(ann.id).disconnect()
    ann.wait_end()
    emitter.close()


def test_numbers_arrive_everywhere_in_order_and_once(servers):
    placed = place_all(servers)
    count = 300
    for voices in placed.values():
        voices[1].ask("numbers", str(voices[1].pid), count)
    for voice in everybody(placed):
        voice.wait("number", WORKERS * count)
        for pid in placed:
            mine = [number for name, number in voice.named("number") if name == str(pid)]
            assert mine == list(range(count))


def test_threads_are_heard_everywhere_in_their_order(servers):
    placed = place_all(servers)
    for pid, voices in placed.items():
        voices[1].ask("threads", str(pid), 200)
    for voice in everybody(placed):
        voice.wait("number", WORKERS * 3 * 200)
        for name in [f"{pid} {thread}" for pid in placed for thread in range(3)]:
            mine = [number for each, number in voice.named("number") if each == name]
            assert mine == list(range(200))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_sent_while_redis_is_away_arrives_when_it_is_back(servers, redis_server, how):
    placed = place_all(servers)
    redis_server.stop(how)
    for server in servers:
        server.wait_line("is not reachable, clients of this worker are still served")
    for pid, voices in placed.items():
        voices[0].ask("numbers", str(pid), 100)
        for voice in voices:  # those of the same worker get it at once
            voice.wait("number", 100)
    redis_server.start()
    for voice in everybody(placed):
        voice.wait("number", WORKERS * 100)
        for pid in placed:
            mine = [number for name, number in voice.named("number") if name == str(pid)]
            assert mine == list(range(100))
    for server in servers:
        server.wait_line("is reachable again")
        assert len(server.found("not reachable")) == len(server.found("reachable again")) == 1
    check_all(placed)


def test_a_start_without_redis_goes_on_when_it_is_there(deploy, redis_server):
    redis_server.stop()
    options = {"cluster": redis_server.url}
    servers = [deploy(Clustered, options=options).listening() for _ in range(2)]
    voices = [place(server.port, 1)[server.process.pid] for server in servers]
    for server in servers:
        server.wait_line("is not reachable")
    voices[0][0].ask("all", "here")
    for voice in voices[0]:
        assert voice.wait("event") == ["here"]
    redis_server.start()
    for server in servers:
        server.wait_line("is reachable again")
    check_all(place_all(servers))


def test_a_worker_that_is_killed_is_gone(servers):
    placed = place_all(servers)
    servers[0].process.kill()
    ann = placed[servers[1].process.pid][1]
    ann.ask("pids")
    assert ann.wait("pids") == [servers[2].process.pid]
    stats = json.loads(HTTP(servers[1].port).request("GET", "/stats").text)
    while stats["cluster"]["members"] != WORKERS - 1:
        gevent.sleep(0.05)
        stats = json.loads(HTTP(servers[1].port).request("GET", "/stats").text)


@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["", "preload"])
def test_two_gunicorns_are_together(deploy, redis_server, more):
    options = {"cluster": redis_server.url}
    arguments = ("gevent", "--workers=2", *more)
    made = [
        deploy(Gunicorn, *arguments, application="clustered:application", options=options)
        for _ in range(2)
    ]
    placed = {}
    for server in made:
        placed.update(place(server.listening().port, 2))
    for voices in placed.values():
        while True:
            asked = len(voices[0].named("members"))
            voices[0].ask("members")
            if voices[0].wait("members", asked + 1)[0] >= 4:
                break
            gevent.sleep(0.05)
    check_all(placed)
