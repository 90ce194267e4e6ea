"""A server of Node with the released adapter for Redis streams, among workers of this package."""

from __future__ import annotations

import itertools

import gevent
import pytest
from support.cluster_stories import call_in_vain
from support.clustered import ModernVoice, place
from support.node_server import NodeServer
from support.servers import Clustered
from support.waiting import wait_until

import sockio_gevent as io


@pytest.fixture
def together(tmp_path, redis_server, released_packages):
    """Two workers of this package and one server of Node, with a client of Socket.IO each."""
    options = {"cluster": redis_server.url}
    ours = [Clustered(tmp_path, options=options) for _ in range(2)]
    for server in ours:
        server.listening()
    theirs = NodeServer(released_packages, redis_server.url)
    voices = [place(server.port, 1)[server.process.pid][1] for server in ours]
    voices.append(ModernVoice(theirs.port))
    # All servers know each other when each gets what the others send.
    for number, sender in enumerate(voices):
        while not all([number] in voice.named("event") for voice in voices):
            sender.ask("all", number)
            gevent.sleep(0.1)
        sender.ask("all", number, "last")
    # What each has sent arrives in its order.
    for number, voice in itertools.product(range(len(voices)), voices):
        last = [number, "last"]
        wait_until(lambda voice=voice, last=last: last in voice.named("event"), f"{last}", voice)
    for voice in voices:
        voice.events.clear()
    yield voices, redis_server.url
    for server in [theirs, *ours]:
        server.stop()


def wait_all(voices, count):
    """Wait until each has so many events; return them, and forget them."""
    came = []
    for voice in voices:
        voice.wait("event", count)
    for voice in voices:
        came.append(voice.named("event"))
        voice.events.clear()
    return came


def test_node_and_this_server_share_rooms_and_broadcasts(together):
    together, url = together
    ann, ben, cem = together  # Cem's server is Node's
    cem.ask("all", "from node", {"a": [1, None]})
    assert wait_all(together, 1) == [[["from node", {"a": [1, None]}]]] * 3
    ann.ask("all", "from here", {"a": [1, None]})
    assert wait_all(together, 1) == [[["from here", {"a": [1, None]}]]] * 3
    cem.ask("bytes")
    assert wait_all(together, 1) == [[[[0, 255, 7]]]] * 3
    ann.ask("bytes")
    assert wait_all(together, 1) == [[[[0, 255, 7]]]] * 3
    emitter = io.Emitter(url)
    emitter.emit("event", "from outside")
    assert wait_all(together, 1) == [[["from outside"]]] * 3
    emitter.to(ann.id, cem.id).emit("event", "for two", b"\0\xff\7")
    assert wait_all([ann, cem], 1) == [[["for two", [0, 255, 7]]]] * 2
    emitter.close()

    for voice in (ann, cem):
        voice.ask("join", "red")
        voice.ask("room", voice.id, "joined")
        voice.wait("event")
        voice.events.clear()
    for sender in (ben, cem):
        sender.ask("room", "red", "for red")
        assert wait_all([ann, cem], 1) == [[["for red"]]] * 2
    ben.ask("room", cem.id, "for cem")
    cem.ask("room", ann.id, "for ann")
    assert wait_all([ann, cem], 1) == [[["for ann"]], [["for cem"]]]
    cem.ask("others", "not for cem")
    ann.ask("others", "not for ann")
    assert sorted(wait_all([ben], 2)[0]) == [["not for ann"], ["not for cem"]]
    assert wait_all([ann, cem], 1) == [[["not for cem"]], [["not for ann"]]]

    # Clients of the others join and leave rooms.
    ann.ask("join all", "red", "blue")
    ann.ask("room", "blue", "for blue")
    assert wait_all([ann, cem], 1) == [[["for blue"]]] * 2
    cem.ask("leave all", "blue", "red")
    cem.ask("room", "red", "for nobody")
    cem.ask("room", "blue", "for blue")
    assert wait_all([ann, cem], 1) == [[["for blue"]]] * 2
    assert ben.named("event") == []


def test_node_and_this_server_answer_each_other(together):
    together, _ = together
    ann, ben, cem = together
    ann.answer, cem.answer = "ann", "cem"
    for voice in together:
        voice.ask("join", "asked")
        voice.ask("room", voice.id, "joined")
        voice.wait("event")

    # Who is there.
    cem.ask("clients", "asked")
    (found,) = cem.wait("clients")
    assert sorted(found) == sorted(
        [voice.id, sorted([voice.id, "asked"]), {}] for voice in together
    )
    ann.ask("clients", "asked")
    assert ann.wait("clients") == [{ann.id: True, ben.id: False, cem.id: False}]

    # Servers.
    for voice in together:
        voice.ask("pids")
        others = sorted(other.pid for other in together if other is not voice)
        assert sorted(voice.wait("pids")) == others

    # Acknowledgements; Ben does not answer.
    answers, failed = call_in_vain(cem, "asked", 2)
    assert sorted(answers) == ["ann", "cem"]
    assert failed
    answers, missing = call_in_vain(ann, "asked", 2)
    assert sorted(answers.values()) == ["ann", "cem"]
    assert answers[ann.id] == "ann"
    assert missing == [ben.id]
    ben.answer = ["ben", {}]
    cem.events.clear()
    cem.ask("call", "asked", 30.0)
    answers, failed = cem.wait("answers")
    assert sorted(map(str, answers)) == sorted(map(str, ["ann", "cem", ["ben", {}]]))
    assert not failed
    ann.events.clear()
    ann.ask("call", "asked", 30.0)
    answers, missing = ann.wait("answers")
    assert missing == []
    assert answers[ben.id] == ["ben", {}]

    # Node disconnects clients of this package, and the other way round.
    cem.ask("disconnect", ben.id)
    wait_until(lambda: ben.left, "ben has left")
    ann.ask("disconnect", cem.id)
    wait_until(lambda: cem.left, "cem has left")
