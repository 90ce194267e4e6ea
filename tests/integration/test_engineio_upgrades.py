"""The way of a session from polls to a WebSocket, and what may end in between."""

from __future__ import annotations

import gevent
import pytest
from support.engineio import (
    POLLING,
    Kind,
    Polling,
    WebSocket,
    address,
    open_session,
    wait_polling,
)
from support.http import DEADLINE, HTTP, Ended
from support.limits import exceeded
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

from sockio_gevent.client import session_of

polls = pytest.mark.parametrize("kind", POLLING, ids=repr)
versions = pytest.mark.parametrize("version", [4, 3])


def probe(served, opened):
    """Open a WebSocket beside the polls, and try it."""
    link = WebSocket(served.port, opened.version, opened.session_id)
    link.put("2probe")
    assert link.packet() == "3probe"
    return link


def probing(served, kind):
    """Open a session, and try a WebSocket beside its polls."""
    opened, client = open_session(served, kind)
    return opened, client, probe(served, opened)


def upgraded(served, opened):
    """Let a client go on with a WebSocket, as the released clients do."""
    link = probe(served, opened)
    link.put("5")
    return link


@polls
def test_a_session_goes_on_with_a_websocket(engine_echo, kind):
    served = engine_echo()
    opened, client = open_session(served, kind)
    link = upgraded(served, opened)
    wait_until(lambda: client.transport == "websocket")
    for message in ("text", "é😀", b"\x00\x01", ""):
        link.send(message)
        assert link.receive() == message
    client.send("from the server")
    assert link.receive() == "from the server"
    assert client.connected
    assert client.connections == 2
    assert len(served.happened("connection")) == 1
    assert served.happened("disconnect") == []


@polls
def test_what_was_sent_over_the_websocket_before_a_request_comes_first(engine, kind):
    served = engine()
    opened, client, link = probing(served, kind)
    assert opened.packet() == "6"
    for connection in (opened.get, opened.post):
        connection.request("OPTIONS", opened.address)  # the server waits for the next request
    # Both arrive before the server reads either: the client does not switch in between.
    link.put("5")
    opened.begin_poll()
    opened.begin_put("4too late")
    with pytest.raises(Ended, match="400"):
        opened.finish_poll()
    assert opened.post.finish().status == 400
    link.send("in time")
    assert served.wait("message")[1] == "in time"
    assert client.transport == "websocket"


@polls
def test_a_waiting_poll_ends_with_a_noop_when_the_probe_comes(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    link = probe(served, opened)
    assert opened.finish_poll() == ["6"]
    # A client that polls once more before it pauses does not wait either.
    assert opened.packet() == "6"
    link.put("5")
    client.send("over the WebSocket")
    assert link.receive() == "over the WebSocket"


@versions
def test_a_poll_that_waits_at_the_end_of_the_upgrade_is_answered(engine, version):
    """A client that sends the end of the upgrade before its poll is over gets both."""
    served = engine()
    opened, client, link = probing(served, Kind(Polling, version))
    link.put("5")
    opened.begin_poll()
    answer = opened.get.finish()
    # Unless it came after the upgrade.
    assert answer.status == 400 or opened.decode(answer) == ["6"]
    client.send("hello")
    assert link.receive() == "hello"
    assert client.connected


@versions
def test_polls_are_over_after_the_upgrade(engine, version):
    served = engine()
    opened, client = open_session(served, Kind(Polling, version))
    link = upgraded(served, opened)
    wait_until(lambda: client.transport == "websocket")
    with pytest.raises(Ended, match="400"):
        opened.packet()
    assert opened.send("by a POST").status == 400
    link.send("by the WebSocket")
    assert served.wait("message")[1] == "by the WebSocket"
    assert len(served.happened("message")) == 1
    assert client.connected


@polls
def test_until_the_end_of_the_upgrade_messages_go_by_polling(engine, kind):
    served = engine()
    opened, client, link = probing(served, kind)
    client.send("one")
    client.send("two")
    assert [opened.receive(), opened.receive()] == ["one", "two"]
    assert opened.send("posted").status == 200
    assert served.wait("message")[1] == "posted"
    link.put("5")
    client.send("three")
    assert link.receive() == "three"


@versions
def test_messages_that_wait_at_the_end_of_the_upgrade_go_over_the_websocket(engine, version):
    served = engine()
    _, client, link = probing(served, Kind(Polling, version))
    for number in range(10):
        client.send(str(number))
    link.put("5")
    assert [link.receive() for _ in range(10)] == [str(number) for number in range(10)]


@versions
def test_what_follows_the_end_of_the_upgrade_in_one_write_is_taken(engine, version):
    served = engine()
    _, _, link = probing(served, Kind(Polling, version))
    link.put("5", "4one", "4two", b"\x03")
    served.wait("message", 3)
    assert [event[1] for event in served.happened("message")] == ["one", "two", b"\x03"]


@versions
def test_a_probe_and_the_end_of_the_upgrade_may_come_in_one_write(engine_echo, version):
    served = engine_echo()
    opened, client = open_session(served, Kind(Polling, version))
    link = WebSocket(served.port, version, opened.session_id)
    link.put("2probe", "5", "4hello")
    assert link.packet() == "3probe"
    assert link.receive() == "hello"
    assert client.transport == "websocket"


@versions
def test_a_second_probe_on_the_same_websocket_is_answered(engine, version):
    served = engine()
    _, client, link = probing(served, Kind(Polling, version))
    link.put("2probe")
    assert link.packet() == "3probe"
    link.put("5")
    client.send("hello")
    assert link.receive() == "hello"


# What ends in between.


@versions
@pytest.mark.parametrize(
    "packet",
    ["5", "4hello", "2", "3", "3probe", "1", "6", "", "x", "2prob", b"\x00", b"2probe"],
    ids=repr,
)
@pytest.mark.parametrize("probed", [False, True], ids=["at once", "after the probe"])
def test_anything_else_on_a_probing_websocket_closes_it(engine_echo, version, packet, probed):
    if probed and packet == "5":
        return
    served = engine_echo()
    opened, client = open_session(served, Kind(Polling, version))
    link = (probe if probed else WebSocket)(
        *((served, opened) if probed else (served.port, version, opened.session_id))
    )
    link.put(packet)
    assert link.wait_closed() is not None
    assert client.connected
    opened.send("by polling")
    assert opened.receive() == "by polling"
    assert served.happened("message")[0][1] == "by polling"
    # Another one may be tried.
    link = upgraded(served, opened)
    link.send("by WebSocket")
    assert link.receive() == "by WebSocket"


@versions
@pytest.mark.parametrize("waits", [False, True], ids=["between polls", "while a poll waits"])
@pytest.mark.parametrize("probed", [False, True], ids=["at once", "after the probe"])
@pytest.mark.parametrize("how", ["vanish", "leave"])
def test_a_probing_websocket_that_ends_leaves_the_session_as_it_was(
    engine_echo, version, how, probed, waits
):
    served = engine_echo()
    opened, client = open_session(served, Kind(Polling, version))
    link = WebSocket(served.port, version, opened.session_id)
    wait_until(lambda: session_of(client).upgrade is not None)
    if probed:
        link.put("2probe")
        assert link.packet() == "3probe"
    if waits and not probed:
        opened.begin_poll()
        wait_polling(client)
    getattr(link, how)()
    wait_until(lambda: session_of(client).upgrade is None)
    client.send("one")
    assert opened.receive() == "one"
    opened.send("two")
    assert opened.receive() == "two"
    if not waits:
        opened.begin_poll()
        wait_polling(client)  # no noop any more
    assert client.connected
    assert served.happened("disconnect") == []


@versions
@pytest.mark.parametrize("probed", [False, True], ids=["silent", "after the probe"])
def test_an_upgrade_that_is_not_finished_in_time_is_given_up(engine_echo, version, probed):
    served = engine_echo(upgrade_timeout=0.1)
    opened, client = open_session(served, Kind(Polling, version))
    link = WebSocket(served.port, version, opened.session_id)
    if probed:
        link.put("2probe")
        assert link.packet() == "3probe"
    assert link.wait_closed() == 1008
    assert session_of(client).upgrade is None
    opened.send("hello")
    assert opened.receive() == "hello"


@versions
def test_a_finished_upgrade_is_never_given_up(engine_echo, version):
    served = engine_echo(upgrade_timeout=1.0)
    opened, client = open_session(served, Kind(Polling, version))
    link = WebSocket(served.port, version, opened.session_id)
    link.put("2probe", "5")
    assert link.packet() == "3probe"
    wait_until(lambda: client.transport == "websocket")
    gevent.sleep(1.2)  # longer than the time that must not count any more
    link.send("hello")
    assert link.receive() == "hello"


@versions
@pytest.mark.parametrize("probed", [False, True], ids=["before", "after"])
def test_a_second_websocket_beside_a_probing_one_is_closed(engine_echo, version, probed):
    served = engine_echo()
    opened, client = open_session(served, Kind(Polling, version))
    link = WebSocket(served.port, version, opened.session_id)
    wait_until(lambda: session_of(client).upgrade is not None)
    if probed:
        link.put("2probe")
        assert link.packet() == "3probe"
    second = WebSocket(served.port, version, opened.session_id)
    assert second.wait_closed() is not None
    link.put("5") if probed else link.put("2probe", "5")
    if not probed:
        assert link.packet() == "3probe"
    link.send("hello")
    assert link.receive() == "hello"
    assert client.connected


@versions
def test_a_websocket_beside_that_of_an_upgraded_session_is_closed(engine_echo, version):
    served = engine_echo()
    opened, _ = open_session(served, Kind(Polling, version))
    link = upgraded(served, opened)
    link.send("hello")
    assert link.receive() == "hello"
    second = WebSocket(served.port, version, opened.session_id)
    assert second.wait_closed() is not None
    link.send("still here")
    assert link.receive() == "still here"


@versions
def test_a_session_has_only_so_many_websockets_that_are_tried_or_being_closed(engine_echo, version):
    served = engine_echo(max_requests_per_session=3)
    opened, client = open_session(served, Kind(Polling, version))
    links = []
    for number in range(3):
        # A client that answers no close frame.
        link = HTTP(served.port)
        link.begin(
            "GET",
            address("websocket", opened.session_id, version),
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        )
        wait_until(lambda count=number + 1: len(session_of(client).replaced) == count)
        links.append(link)
    with pytest.raises(InvalidStatus, match="429"):
        WebSocket(served.port, version, opened.session_id)
    assert exceeded(served) == {"max_requests_per_session": 1}
    for link in links:
        link.close()
    wait_until(lambda: all(each.is_over for each in session_of(client).replaced))
    link = WebSocket(served.port, version, opened.session_id)
    link.put("2probe", "5")
    assert link.packet() == "3probe"
    link.send("hello")
    assert link.receive() == "hello"
    assert not session_of(client).replaced


@versions
def test_close_waits_for_a_websocket_that_is_tried(engine, version):
    served = engine()
    opened, _, link = probing(served, Kind(Polling, version))
    closing = gevent.spawn(served.listener.close, None)
    assert opened.packet() == "1"
    served.wait("disconnect")
    opened.vanish()
    assert not closing.ready()
    assert link.wait_closed() == 1001
    closing.get(timeout=DEADLINE)
