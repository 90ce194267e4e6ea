"""Packets of Socket.IO that are wrong or too large end their session, over each transport."""

from __future__ import annotations

import json
import re

import pytest
from gevent.event import Event
from support.engineio import ALL, BARE, Kind, WebSocket
from support.http import DEADLINE
from support.limits import exceeded
from support.socketio import open_client
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.session import memberships

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)


def refuse(client):
    raise io.Refused("no")


def assert_ended(served, opened, answer, line):
    """Check that a session has ended, for one reason that one line of the log says."""
    served.wait("disconnect")
    assert line in served.wait_line(" ended: ")
    assert len([each for each in served.lines if " ended: " in each or "refused" in each]) == 1
    assert dict(served.listener.clients) == {}
    if opened.name == "websocket":
        assert opened.wait_closed() is not None
    else:
        assert answer.status in (400, 413, 429)


BAD = {
    "a type": ["49"],
    "no array": ['42{"a":1}'],
    "an empty array": ["42[]"],
    "broken JSON": ['42["a"'],
    "no JSON": ["42[NaN]"],
    "a reserved name": ['42["disconnect"]'],
    "an attachment where none is due": [b"\x00"],
    "an attachment that does not come": ['451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
    "a placeholder without its attachment": ['451-["a",{"_placeholder":true,"num":1}]', b"x"],
    "another namespace": ['42/admin,["a"]'],
    "an acknowledgement that is no array": ["430{}"],
    "an error of the server's": ["44{}"],
}


@kinds
@pytest.mark.parametrize("packets", BAD.values(), ids=BAD)
def test_a_bad_packet_ends_the_session_with_one_line(socketio, kind, packets):
    served = socketio()
    opened = open_client(served, kind)
    answer = opened.put(*packets)
    assert_ended(served, opened, answer, "protocol error")
    assert served.happened("message") == []


@kinds
def test_events_before_a_bad_packet_are_delivered(socketio, kind):
    served = socketio()
    opened = open_client(served, kind)
    opened.put('42["message","one"]', "42x", '42["message","two"]')
    served.wait("disconnect")
    assert [event[1] for event in served.happened("message")] == ["one"]


@kinds
def test_an_event_has_only_so_many_attachments(socketio, kind):
    served = socketio(max_attachments=2)
    opened = open_client(served, kind)
    places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(3))
    opened.put(f'452-["message",[{places[: places.rindex(",{")]}]]', b"a", b"b")
    assert served.wait("message")[1] == [b"a", b"b"]
    answer = opened.put(f'453-["message",[{places}]]')
    assert_ended(served, opened, answer, "over 2 attachments")


@kinds
def test_what_waits_for_its_attachments_is_counted_and_bounded(socketio, kind):
    served = socketio(max_message_size=100_000)
    opened = open_client(served, kind)
    [client] = served.listener.clients.values()
    places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(4))
    opened.put(f'454-["message",{places}]', b"x" * 40_000)
    wait_until(lambda: session_of(client).held > 40_000)
    opened.put(b"x" * 40_000)
    answer = opened.put(b"x" * 40_000)
    assert_ended(served, opened, answer, "over 100000 bytes")
    wait_until(lambda: session_of(client).held == 0)


@kinds
def test_a_namespace_that_a_client_was_refused_does_not_count(socketio, kind):
    served = socketio(max_namespaces_per_session=3)
    served.listener.of("/a"), served.listener.of("/b")
    opened = open_client(served, kind)
    for number in range(3):
        opened.put(f"40/{number},")
        assert opened.packet().startswith(f"44/{number},")
    opened.put("40/a,", "40/b,")
    assert [opened.packet().partition(",")[0] for _ in range(2)] == ["40/a", "40/b"]
    assert served.happened("disconnect") == []


@kinds
def test_what_a_client_sends_where_it_was_refused_is_dropped(socketio, kind):
    served = socketio()
    served.listener.of("/closed").use(refuse)
    opened = open_client(served, kind)
    for _ in range(2):
        opened.put("40/closed,")
        assert opened.packet().startswith("44/closed,")
        opened.put('42/closed,["message","to nobody"]', "41/closed,", '42["message","hello"]')
    assert [served.wait("message", count)[1] for count in (1, 2)] == ["hello"] * 2


@kinds
def test_a_client_that_is_refused_again_and_again_is_let_go(socketio, kind):
    served = socketio(max_namespaces_per_session=3)
    opened = open_client(served, kind)
    for number in range(3):
        opened.put(f"40/{number},")
        assert opened.packet().startswith(f"44/{number},")
    opened.put("40/0,")
    served.wait("disconnect")
    served.wait_line("asked for 4 namespaces in vain within 60 s")
    assert exceeded(served) == {"max_namespaces_per_session": 1}


def test_a_client_that_is_refused_now_and_then_stays(socketio, monkeypatch):
    monkeypatch.setattr(memberships, "_REFUSALS", 0.0)
    served = socketio(max_namespaces_per_session=3)
    opened = open_client(served, Kind(WebSocket, 4))
    for _ in range(10):
        opened.put("40/no,")
        assert opened.packet().startswith("44/no,")
    assert served.happened("disconnect") == []


@kinds
def test_a_namespace_that_the_application_ends_does_not_count(socketio, kind):
    served = socketio(max_namespaces_per_session=2)
    served.listener.of(re.compile(r"/\d")).on("leave", lambda client: client.disconnect())
    opened = open_client(served, kind)
    for number in range(5):
        opened.put(f"40/{number},")
        assert opened.packet().startswith(f"40/{number},")
        opened.put(f'42/{number},["leave"]')
        assert opened.packet() == f"41/{number},"
        # It did not know that yet.
        opened.put(f'42/{number},["leave"]')
    opened.put('42["message","hello"]')
    assert served.wait("message")[1] == "hello"


@kinds
def test_a_session_asks_for_only_so_many_namespaces(socketio, kind):
    served = socketio(max_namespaces_per_session=3)
    opened = open_client(served, kind)
    answer = opened.put(*[f"40/{number}," for number in range(5)])
    served.wait("disconnect")
    wait_until(lambda: exceeded(served) == {"max_namespaces_per_session": 1})
    if opened.name == "websocket":
        assert opened.wait_closed() == 1008
    else:
        assert answer.status == 429


@kinds
@pytest.mark.parametrize(
    ("options", "packet"),
    [
        ({"max_json_elements": 3}, '42["message",[1,2,3,4]]'),
        ({"max_json_depth": 2}, '42["message",[[[]]]]'),
    ],
    ids=["max_json_elements", "max_json_depth"],
)
def test_json_has_its_limits(socketio, kind, options, packet):
    served = socketio(**options)
    opened = open_client(served, kind)
    answer = opened.put(packet)
    served.wait("disconnect")
    wait_until(lambda: exceeded(served) == dict.fromkeys(options, 1))
    if opened.name == "websocket":
        assert opened.wait_closed() == 1009
    else:
        assert answer.status == 413
    assert served.happened("message") == []


@kinds
@pytest.mark.parametrize("ping_interval", [BARE["ping_interval"], 25.0])
def test_a_client_that_connects_to_nothing_is_not_kept(socketio, kind, ping_interval):
    """Those of protocol 4 are in the main namespace from the beginning."""
    served = socketio(connect_timeout=0.2, ping_interval=ping_interval)
    opened = kind(served.port).open()
    if kind.version == 3:
        assert opened.packet() == "40"
        served.wait("connection")
        opened.put('42["message","hello"]')
        assert served.wait("message")[1] == "hello"
        return
    served.wait_line("ended: it did not connect to a namespace in 0.2 s")
    if kind.client is WebSocket:
        assert opened.wait_closed() is not None


@kinds
def test_a_namespace_that_is_not_ascii_can_be_used(socketio, kind):
    served = socketio(transports=["websocket", "xhr-polling", "jsonp-polling"])
    served.listener.of("/ñ").on("é", lambda client, text: f"{text}ü")
    opened = open_client(served, kind)
    opened.put("40/ñ,")
    assert opened.packet().startswith("40/ñ,")
    opened.put('42/ñ,7["é","ö"]')
    head, _, answer = opened.packet().partition("[")
    assert (head, json.loads(f"[{answer}")) == ("43/ñ,7", ["öü"])
    opened.put("40/ü,")
    assert opened.packet().startswith("44/ü,")


def test_a_client_whose_wish_waits_for_middleware_is_kept(socketio):
    served = socketio(connect_timeout=0.2)
    go_on = Event()
    served.listener.use(lambda client: go_on.wait(DEADLINE))
    opened = Kind(WebSocket, 4)(served.port).open()
    opened.put("40")
    # The time of one that comes later is over after that of the first.
    later = Kind(WebSocket, 4)(served.port).open()
    assert later.wait_closed() is not None
    go_on.set()
    assert opened.packet().startswith("40{")


def test_a_client_that_was_refused_and_connects_to_nothing_is_not_kept(socketio):
    served = socketio(connect_timeout=0.2)
    served.listener.use(refuse)
    opened = Kind(WebSocket, 4)(served.port).open()
    opened.put("40")
    assert opened.packet().startswith("44{")
    served.wait_line("ended: it did not connect to a namespace in 0.2 s")
