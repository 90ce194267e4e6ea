"""Processes that know of each other only by a Redis."""

from __future__ import annotations

import json
import signal

import gevent
import msgpack
import pytest
import redis
from support.cluster_stories import (
    check_all,
    check_emitter,
    check_numbers,
    check_story,
    check_threads,
    wait_numbers,
)
from support.clustered import everybody, place, place_all
from support.http import DEADLINE, HTTP
from support.ledger import Load
from support.servers import Clustered, Gunicorn
from support.socketio import SocketIO
from support.waiting import wait_until

import sockio_gevent as io

WORKERS = 3


@pytest.fixture
def servers(deploy, redis_server):
    made = [deploy(Clustered, options={"cluster": redis_server.url}) for _ in range(WORKERS)]
    return [each.listening() for each in made]


def test_all_that_is_meant_for_all_reaches_all(servers):
    placed = place_all(servers)
    check_all(placed)
    check_story(placed)
    assert [server.problems() for server in servers] == [[]] * WORKERS


def test_an_emitter_reaches_all_from_outside(servers, redis_server):
    emitter = io.Emitter(redis_server.url)
    check_emitter(emitter, place_all(servers))
    emitter.close()


def test_numbers_arrive_everywhere_in_order_and_once(servers):
    placed = place_all(servers)
    check_numbers(placed, 300)


def test_threads_are_heard_everywhere_in_their_order(servers):
    check_threads(place_all(servers))


def cluster_of(pid, servers):
    """The statistics of the bus, of one of the servers."""
    (port,) = (server.port for server in servers if server.process.pid == pid)
    return json.loads(HTTP(port).request("GET", "/stats").text)["cluster"]


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
        told = cluster_of(voices[0].pid, servers)
        assert not told["connected"]
        assert told["lag"] > 0
    redis_server.start()
    wait_numbers(placed, [str(pid) for pid in placed], 100)
    for server in servers:
        server.wait_line("is reachable again")
        assert cluster_of(server.process.pid, servers)["connected"]
        assert len(server.found("not reachable")) == len(server.found("reachable again")) == 1
    check_all(placed)


def test_a_namespace_that_is_made_just_now_finds_the_others(servers):
    placed = place_all(servers)
    voices = [placed[server.process.pid][1] for server in servers]
    for number in range(10):
        for count, voice in enumerate(voices):
            voice.ask("fresh", f"/fresh{number}")
            others = sorted(each.pid for each in voices[:count])
            assert sorted(voice.wait("fresh", number + 1)) == others


def test_a_question_does_not_overtake_what_was_emitted_before(servers):
    placed = place_all(servers)
    asking, hearing = (placed[server.process.pid][1] for server in servers[:2])
    for rounds in range(1, 6):
        asking.ask("overtake", 300)
        asking.wait("asked", rounds)
        hearing.wait("number", rounds * 301)
    heard = [number for _, number in hearing.named("number")]
    assert heard == 5 * [*range(301)]


def test_a_question_without_a_time_to_wait_ends_when_whoever_is_asked_leaves(servers):
    placed = place_all(servers)
    asking, asked = (placed[server.process.pid][1] for server in servers[:2])
    asking.ask("call", asked.id, None)
    asked.wait("question")
    asked.leave()
    assert asking.wait("answers") == [{}, [asked.id]]


def test_what_a_pattern_is_sent_keeps_its_order_and_waits_for_redis(servers, redis_server):
    placed = place_all(servers)
    asking = placed[servers[0].process.pid][1]
    client = SocketIO(servers[1].port)
    client.connect()
    client.tell("0/room-1,")

    def numbers(count):
        found = []
        with gevent.Timeout(DEADLINE):
            while len(found) < count:
                packet = client.packet()
                if packet.startswith("2/room-1,"):
                    found.append(json.loads(packet.partition(",")[2])[2])
        return found

    while not client.packet().startswith("0/room-1,"):
        pass
    asking.ask("matching", "/room-1", 200)
    assert numbers(200) == [*range(200)]
    redis_server.stop(signal.SIGKILL)
    for server in servers:
        server.wait_line("is not reachable")
    asking.ask("matching", "/room-1", 20)
    redis_server.start()
    assert numbers(20) == [*range(20)]
    client.vanish()


def test_questions_to_all_tell_that_redis_is_away(servers, redis_server):
    placed = place_all(servers)
    redis_server.stop(signal.SIGKILL)
    for server in servers:
        server.wait_line("is not reachable")
    voice = placed[servers[0].process.pid][1]
    voice.ask("unanswered", 0.2)
    failed = voice.wait("unanswered")
    assert ["2 servers have not answered" in text for text in failed] == [True] * 2
    servers[0].wait_line("2 servers have not listed their clients")
    # Nothing has to be written for the worker to find out that Redis is back.
    redis_server.start()
    wait_until(lambda: all(cluster_of(pid, servers)["connected"] for pid in placed), "connected")
    voice.ask("unanswered", DEADLINE)
    assert voice.wait("unanswered", 2) == []


def test_redis_that_is_killed_under_load_costs_nothing(servers, redis_server):
    load = Load(everybody(place_all(servers)))
    load.wait_more()
    redis_server.stop(signal.SIGKILL)
    for server in servers:
        server.wait_line("is not reachable, clients of this worker are still served")
    before = dict(load.sent)
    wait_until(lambda: all(load.sent[each] > before[each] + 20 for each in before), "20 sent")
    redis_server.start()
    load.wait_more()
    load.end()
    load.check()


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
    wait_until(lambda: cluster_of(ann.pid, servers)["members"] == WORKERS - 1, "one has gone")


def test_a_worker_that_stops_reports_no_failure(servers):
    """Its connections are in use until then."""
    placed = place_all(servers)
    for number in range(50):
        next(iter(placed.values()))[1].ask("all", number)
    for server in servers:
        assert server.stop() == 0
        assert server.problems() == []


@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["", "preload"])
def test_two_gunicorns_are_together(deploy, redis_server, more):
    options = {"cluster": redis_server.url}
    arguments = ("gevent", "--workers=2", *more)
    made = [
        deploy(Gunicorn, *arguments, application="clustered:application", options=options)
        for _ in range(2)
    ]
    check_all(place_all([server.listening() for server in made], 2))


def test_malformed_messages_of_others_do_nothing_but_a_line(servers, redis_server):
    placed = place_all(servers)
    prefix = "socket.io"
    client = redis.Redis.from_url(redis_server.url)
    packed = [msgpack.packb(each) for each in MALFORMED]
    for each in (b"", b"\xc1", b"\x93\x01", *packed):
        client.publish(f"{prefix}#/#", each)
        client.publish(f"{prefix}#workers#", each)
    for each in MALFORMED:
        if isinstance(each, dict) and "data" in each:
            kind, data = str(each["type"]), json.dumps(each["data"])
            client.xadd(prefix, {"uid": "x", "nsp": "/", "type": kind, "data": data})
    for fields in ({"a": "b"}, {"uid": "x", "nsp": "/", "type": "abc"}, {"uid": b"\xff"}):
        client.xadd(prefix, fields)
    check_all(placed)
    for server in servers:
        assert server.wait_line("is malformed")
        assert not server.found("Traceback"), server
    client.close()


def message_of(kind, data):
    return {"uid": "x", "nsp": "/", "type": kind, "data": data}


MALFORMED = [
    5,
    [],
    {},
    {"uid": 5, "nsp": "/", "type": 3},
    *[message_of(9, {"packet": each}) for each in (None, 5, [], "connect", [{"a": 1}])],
    *[message_of(3, {"packet": each}) for each in (None, 5, {}, {"data": []}, {"data": [["x"]]})],
    message_of(3, {"packet": {"data": ["e", 1]}, "opts": 5}),
    message_of(3, {"packet": {"data": ["e", 1]}, "opts": {}}),
    message_of(3, {"packet": {"data": ["e", 1]}, "opts": {"rooms": [], "flags": 5}}),
    *[message_of(4, {"opts": {"rooms": []}, "rooms": each}) for each in ("abc", 5, [5])],
    message_of(6, {"opts": 5}),
    message_of(7, {}),
    message_of(99, {}),
]
