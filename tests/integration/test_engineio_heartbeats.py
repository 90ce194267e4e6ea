"""Heartbeats of Engine.IO: pings of the server in version 4, of the client in version 3."""

from __future__ import annotations

from time import monotonic

import gevent
import pytest
from support.engineio import (
    ALL,
    BARE,
    POLLING,
    Kind,
    Polling,
    WebSocket,
    address,
    open_session,
    refused,
    wait_polling,
)
from support.http import HTTP, LONG, Ended
from support.times import bring_forward, stand_still
from support.waiting import wait_until

from sockio_gevent.client import session_of

FOUR = [each for each in ALL if each.version == 4]
THREE = [each for each in ALL if each.version == 3]
four = pytest.mark.parametrize("kind", FOUR, ids=repr)
three = pytest.mark.parametrize("kind", THREE, ids=repr)
polls = pytest.mark.parametrize("kind", POLLING, ids=repr)


def begin(opened, client):
    """Let a client that polls wait for what comes."""
    if opened.name != "websocket":
        opened.begin_poll()
        wait_polling(client)


def come_due(client) -> None:
    """Let the deadline of a session come now, and wait until that was noticed."""
    session = session_of(client)
    bring_forward(client, 0)
    set_to = session._deadline
    wait_until(lambda: session._deadline != set_to)


def ended(opened) -> None:
    """Check that a client learns the end of its session."""
    if opened.name == "websocket":
        opened.wait_closed()
    else:
        assert opened.packet() == "1"


def lost(served, opened, text: str) -> None:
    """Check that a session has ended because its client was not heard."""
    served.wait("disconnect")
    served.wait_line(f"ended: {text}")
    assert served.listener.stats()["closes"]["heartbeat_lost"] == 1
    ended(opened)


def silent_for(client, seconds: float) -> None:
    """Make believe that nothing has come from a client of version 3 for so long."""
    session_of(client)._heard -= seconds


# Version 4.


@four
def test_the_server_pings_and_a_pong_keeps_the_session(engine, kind):
    served = engine(ping_interval=0.1)
    opened, client = open_session(served, kind)
    for _ in range(3):
        assert opened.packet() == "2"
        opened.put("3")
    assert client.connected


@four
def test_a_waiting_poll_is_answered_by_the_ping(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    begin(opened, client)
    come_due(client)
    assert opened.packet() == "2"


@four
def test_a_ping_that_nobody_waits_for_is_kept_like_a_message(engine, kind):
    opened, client = open_session(engine(), kind)
    client.send("before")
    gevent.sleep(0)
    come_due(client)
    client.send("after")
    assert [opened.packet() for _ in range(3)] == ["4before", "2", "4after"]


@four
def test_a_session_whose_ping_is_not_answered_ends(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    begin(opened, client)
    come_due(client)
    assert opened.packet() == "2"
    begin(opened, client)
    bring_forward(client, 0)
    lost(served, opened, f"no answer to a ping in {LONG:g} s")


@four
def test_a_session_that_nobody_polls_ends_in_time(engine, kind):
    served = engine(ping_interval=0.1, ping_timeout=0.1)
    opened = kind(served.port).open()
    served.wait("disconnect")
    opened.vanish()


@four
@pytest.mark.parametrize("packet", ["4hello", b"\x01\x02", "3", "3x", "6", "5"], ids=repr)
def test_any_packet_answers_a_ping(engine, kind, packet):
    opened, client = open_session(engine(), kind)
    begin(opened, client)
    come_due(client)
    assert opened.packet() == "2"
    session = session_of(client)
    assert session._awaits_answer
    opened.put(packet)
    wait_until(lambda: not session._awaits_answer)
    # The next deadline is one for another ping, not for the end.
    begin(opened, client)
    come_due(client)
    assert opened.packet() == "2"
    assert client.connected


def test_an_answer_that_came_but_was_not_read_yet_counts(engine):
    """A loop that stood still must not look like a silent client."""
    served = engine()
    opened, client = open_session(served, WebSocket)
    come_due(client)
    assert opened.packet() == "2"
    bring_forward(client, 0.1)
    opened.put("3")
    stand_still(0.3)
    session = session_of(client)
    wait_until(lambda: not session._awaits_answer)
    assert client.connected


# Version 3.


@three
def test_a_ping_of_the_client_is_answered_with_its_data(engine, kind):
    opened, _ = open_session(engine(), kind)
    opened.put("2")
    assert opened.packet() == "3"
    opened.put("2probe é")
    assert opened.packet() == "3probe é"


@three
def test_a_ping_between_messages_is_answered(engine_echo, kind):
    opened, _ = open_session(engine_echo(), kind)
    opened.put("4one", "2", "4two")
    packets = {opened.packet() for _ in range(3)}
    assert packets == {"4one", "3", "4two"}


@three
def test_a_session_from_which_nothing_comes_ends(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    served.wait("connection")
    begin(opened, client)
    silent_for(client, 2 * LONG + 10)
    bring_forward(client, 0)
    lost(served, opened, f"nothing came for {2 * LONG:g} s")


@three
def test_a_silent_client_s_session_ends_in_time(engine, kind):
    served = engine(ping_interval=0.1, ping_timeout=0.2)
    opened = kind(served.port).open()
    served.wait("disconnect")
    served.wait_line("ended: nothing came for 0.3 s")
    opened.vanish()


@three
@pytest.mark.parametrize("packet", ["2", "4hello", b"\x01\x02", "6"], ids=repr)
def test_any_packet_is_a_sign_of_life(engine, kind, packet):
    opened, client = open_session(engine(), kind)
    session = session_of(client)
    silent_for(client, 2 * LONG - 10)
    silent_since = session._heard
    opened.put(packet)
    wait_until(lambda: session._heard > silent_since)
    come_due(client)
    assert client.connected


@three
def test_polls_alone_are_no_sign_of_life(engine, kind):
    """A client whose pings are lost must find that out."""
    served = engine()
    opened, client = open_session(served, kind)
    served.wait("connection")
    heard = session_of(client)._heard
    begin(opened, client)
    assert session_of(client)._heard == heard


# Both.


def overdue(opened, client) -> None:
    """Let the deadline of a session pass without the loop having looked at it."""
    session = session_of(client)
    if opened.version == 3:
        silent_for(client, 2 * LONG + 10)
    else:
        come_due(client)
        assert opened.packet() == "2"
        session._deadline = monotonic() - 1
    assert session.is_overdue


@polls
def test_a_poll_for_a_session_that_is_overdue_comes_too_late(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    served.wait("connection")
    overdue(opened, client)
    with pytest.raises(Ended, match="400"):
        opened.packet()
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["heartbeat_lost"] == 1


@polls
def test_a_sign_of_life_that_comes_too_late_is_refused(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    served.wait("connection")
    overdue(opened, client)
    assert opened.put("3" if kind.version == 4 else "2").status == 400
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["heartbeat_lost"] == 1


@polls
def test_a_sign_of_life_that_the_server_was_too_busy_to_read_counts(engine, kind):
    opened, client = open_session(engine(), kind)
    overdue(opened, client)
    session_of(client).loop.deadlines._ticked -= 10
    assert opened.put("3" if kind.version == 4 else "2").status == 200
    assert not session_of(client).is_overdue
    assert client.connected


@three
def test_a_client_that_was_heard_is_not_overdue_when_the_first_deadline_passes(engine, kind):
    opened, client = open_session(engine(), kind)
    opened.put("2")
    assert opened.packet() == "3"
    session_of(client)._deadline = monotonic() - 1
    assert not session_of(client).is_overdue


def test_a_ping_comes_in_the_time_that_the_open_packet_tells(engine):
    """Never later: a client counts from its last packet."""
    served = engine(ping_interval=0.5)
    opened = WebSocket(served.port).open()
    began = monotonic()
    assert opened.packet() == "2"
    # It may come late where the machine is busy, but not early: there would be more of them.
    assert monotonic() - began > 0.2


def test_heartbeats_of_many_sessions_do_not_end_those_that_answer(engine):
    served = engine(**{**BARE, "ping_interval": 0.2})
    opened = [Kind(WebSocket, 4)(served.port).open() for _ in range(20)]
    for _ in range(3):
        for each in opened:
            assert each.packet() == "2"
            each.put("3")
    assert len(served.listener.clients) == 20


def test_an_unknown_session_stays_unknown(engine):
    served = engine(ping_interval=0.1, ping_timeout=0.1)
    opened = Polling(served.port).open()
    served.wait("disconnect")
    http = HTTP(served.port)
    for method in ("GET", "POST"):
        answer = http.request(method, address("polling", opened.session_id))
        refused(answer, 400, 1, "Session ID unknown")
    http.close()
    with pytest.raises(Ended, match="400"):
        opened.packet()
