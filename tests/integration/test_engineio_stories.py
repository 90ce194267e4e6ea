"""The life of many sessions of Engine.IO at once, of each kind and of all kinds together."""

from __future__ import annotations

import gc

import gevent
import pytest
from support.engineio import ALL, Polling, WebSocket, open_session
from support.framing import TRICKY
from support.http import DEADLINE
from support.waiting import wait_until

from sockio_gevent.session.session import Session

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)

TEXTS = [f"{number} 😀" for number in range(10)]


def talk(served, kind):
    """Open a session, echo a few messages, and vanish; return what came back."""
    opened = kind(served.port).open()
    received = []
    for text in TEXTS:
        opened.send(text)
        received.append(opened.receive())
    opened.vanish()
    return received


def talk_and_upgrade(served, kind):
    """The same, with a WebSocket from the middle on."""
    opened = kind(served.port).open()
    received = []
    for text in TEXTS[:5]:
        opened.send(text)
        received.append(opened.receive())
    link = WebSocket(served.port, kind.version, opened.session_id)
    link.put("2probe")
    assert link.packet() == "3probe"
    link.put("5")
    for text in TEXTS[5:]:
        link.send(text)
        received.append(link.receive())
    link.leave()
    opened.vanish()
    return received


@kinds
def test_a_hundred_sessions_at_once(engine_echo, kind):
    served = engine_echo()
    running = [gevent.spawn(talk, served, kind) for _ in range(100)]
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert [each.value for each in running] == [TEXTS] * 100
    assert served.listener.stats()["opened"] == 100


@kinds
def test_a_hundred_clients_of_socketio_at_once_in_two_namespaces(engine, kind):
    served = engine(dialects=("classic", "socket.io"))
    for place in (served.listener, served.listener.of("/room")):
        place.on("ask", lambda client, text: (client.namespace.name, text))

    def run():
        opened = kind(served.port).open()
        if kind.version == 4:
            opened.send("0")
        assert opened.receive()[0] == "0"
        opened.send("0/room,")
        assert opened.receive().startswith("0/room,")
        answers = []
        for number in range(10):
            opened.send(f'2{number}["ask","no {number}"]', f'2/room,{number}["ask","no {number}"]')
            answers += [opened.receive(), opened.receive()]
        opened.vanish()
        return answers

    expected = []
    for number in range(10):
        expected += [f'3{number}["/","no {number}"]', f'3/room,{number}["/room","no {number}"]']
    running = [gevent.spawn(run) for _ in range(100)]
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert [each.value for each in running] == [expected] * 100


@pytest.mark.parametrize("kind", [each for each in ALL if each.client is Polling], ids=repr)
def test_a_hundred_sessions_upgrade_at_once_and_leave_nothing_behind(engine_echo, kind):
    served = engine_echo()
    running = [gevent.spawn(talk_and_upgrade, served, kind) for _ in range(100)]
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert [each.value for each in running] == [TEXTS] * 100
    served.wait("disconnect", 100)
    assert served.listener.stats()["closes"]["client_closed"] == 100
    served.events.clear()
    wait_until(lambda: not served.listener.clients)

    def left():
        gc.collect()
        return [
            each
            for each in gc.get_objects()
            if isinstance(each, Session) and each.host is served.listener._sessions
        ]

    running.clear()
    wait_until(lambda: not left())


def test_sessions_of_all_kinds_talk_at_once(engine_echo):
    served = engine_echo()
    running = [gevent.spawn(talk, served, kind) for kind in ALL for _ in range(10)]
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert [each.value for each in running] == [TEXTS] * len(running)


@kinds
def test_session_ids_never_repeat(engine, kind):
    served = engine()
    opened = [kind(served.port).open() for _ in range(20)]
    assert len({each.session_id for each in opened}) == 20


@kinds
def test_a_batch_is_one_payload_and_one_write(engine, kind):
    opened, client = open_session(engine(), kind)
    for text in TRICKY:
        client.send(text)
    gevent.sleep(0)
    packets = opened.more()
    if kind.client is not WebSocket:
        assert packets == [f"4{text}" for text in TRICKY]
    else:
        assert packets == [f"4{TRICKY[0]}"]
        # The others have come with it.
        assert len(opened.link.frames) == len(TRICKY) - 1
