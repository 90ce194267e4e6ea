"""Three servers over one Redis behind a balancer that takes turns, and one of Node.

A ledger counts what clients send to all and to a room: nothing is lost, doubled or out of order.
"""

from __future__ import annotations

import gevent
import pytest
from support import engineio
from support.balancer import Balancer
from support.clustered import ModernVoice
from support.http import DEADLINE, LONG
from support.node_server import NodeServer
from support.redis_server import RedisServer
from support.servers import Clustered
from support.travellers import CLASSIC, MODERN, ClassicTraveller, ModernTraveller

ROUNDS = 15


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def servers(tmp_path, redis_server):
    """Three of ours."""
    options = {"cluster": redis_server.url, "ping_interval": LONG}
    made = [Clustered(tmp_path, options=options) for _ in range(3)]
    yield [each.listening() for each in made]
    for each in made:
        each.stop()


@pytest.fixture
def theirs(released_packages, redis_server):
    """One of Node."""
    server = NodeServer(released_packages, redis_server.url)
    yield server
    server.stop()


@pytest.fixture
def balancer(servers):
    made = Balancer([each.port for each in servers])
    yield made
    made.close()


def connect_all(balancer, theirs):
    """A client of each kind behind the balancer, and two at Node's server, by their names."""
    voices = {}
    for kind in CLASSIC:
        voices[f"classic {kind.transport}"] = ClassicTraveller(balancer.port, kind)
    for kind in MODERN:
        voices[repr(kind)] = ModernTraveller(balancer.port, kind)
    for version in (4, 3):
        kind = engineio.Kind(engineio.Polling, version)
        voices[f"upgraded {version}"] = ModernTraveller(balancer.port, kind, upgrades=True)
    for number in range(2):
        voices[f"of node {number}"] = ModernVoice(theirs.port)
    return voices


def acquaint(voices):
    """Wait until each server hears each other: until all get what each has sent."""
    by_server = {voice.pid: voice for voice in voices.values()}
    with gevent.Timeout(DEADLINE):
        for pid, sender in by_server.items():
            while not all([pid] in voice.named("event") for voice in by_server.values()):
                sender.ask("all", pid)
                gevent.sleep(0.05)


def test_nothing_is_lost_doubled_or_out_of_order(servers, theirs, balancer):
    voices = connect_all(balancer, theirs)
    assert len({voice.pid for voice in voices.values()}) == 4
    acquaint(voices)
    inside = list(voices)[::2]
    for name in inside:
        voices[name].ask("join", "red")
    for name in inside:
        # It is answered behind the order to join.
        voices[name].ask("room", voices[name].id, "joined")
        with gevent.Timeout(DEADLINE):
            while ["joined"] not in voices[name].named("event"):
                gevent.sleep(0.01)

    def send(name):
        for number in range(ROUNDS):
            voices[name].ask("all", "all", name, number)
            voices[name].ask("room", "red", "red", name, number)

    gevent.joinall([gevent.spawn(send, name) for name in voices], raise_error=True)

    # The ledger: what each sender has sent, in its order.
    to_all = [[where, number] for number in range(ROUNDS) for where in ("all", "red")]
    expected = {
        name: to_all if name in inside else [each for each in to_all if each[0] == "all"]
        for name in voices
    }
    wrong = {}
    for name, voice in voices.items():
        wanted = len(voices) * len(expected[name])

        def came(voice=voice):
            return [event for event in voice.named("event") if event[0] in ("all", "red")]

        with gevent.Timeout(DEADLINE, False):
            while len(came()) < wanted and not voice.ended:
                gevent.sleep(0.02)
        for sender in voices:
            from_one = [[where, number] for where, who, number in came() if who == sender]
            if from_one != expected[name]:
                wrong[sender, name] = from_one
    assert wrong == {}
    assert min(balancer.taken.values()) > 100
    for voice in voices.values():
        voice.leave()
    assert [each.problems() for each in servers] == [[]] * 3
