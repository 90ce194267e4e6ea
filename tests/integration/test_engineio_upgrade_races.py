"""Messages both ways while a session goes from polls to a WebSocket: none is lost or doubled."""

from __future__ import annotations

import random

import gevent
import pytest
from support.engineio import Kind, Polling, WebSocket, open_session, wait_polling
from support.http import DEADLINE, HTTP, LONG, Ended
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import session_of

versions = pytest.mark.parametrize("version", [4, 3])

COUNT = 200


class Upgrading:
    """A client that upgrades like the released ones, and counts what it sends and gets.

    Args:
        served: the server.
        version: the version of Engine.IO.
        choice: decides when it does what.
    """

    def __init__(self, served, version, choice):
        self.opened, self.client = open_session(served, Kind(Polling, version))
        self.received = []
        self._served = served
        self._choice = choice
        self._pausing = False
        self._link = None
        self._next = 0
        self._poller = gevent.spawn(self._poll)

    def _pause(self):
        """Let the others run, for none or a few turns of the loop."""
        for _ in range(self._choice.randrange(4)):
            gevent.sleep(0)

    def _poll(self):
        while not self._pausing:
            self._take(self.opened.more())
            self._pause()

    def _take(self, packets):
        for packet in packets:
            if packet == "1":
                raise Ended("a close packet")
            if packet != "6":
                self.received.append(packet if isinstance(packet, bytes) else packet[1:])

    def send(self, count):
        for _ in range(count):
            number = str(self._next)
            if self._link is None:
                assert self.opened.send(number).status == 200
            else:
                self._link.send(number)
            self._next += 1
            self._pause()

    def upgrade(self):
        """Go on with a WebSocket."""
        link = WebSocket(self._served.port, self.opened.version, self.opened.session_id)
        self._pause()
        link.put("2probe")
        assert link.packet() == "3probe"
        self._pausing = True
        self._poller.get(timeout=DEADLINE)  # the last poll is answered, by a noop at the latest
        self._pause()
        link.put("5")
        self._link = link
        self._poller = gevent.spawn(self._read)

    def break_off(self, step):
        """Try a WebSocket, and lose it after some steps."""
        link = WebSocket(self._served.port, self.opened.version, self.opened.session_id)
        self._pause()
        if step > 0:
            link.put("2probe")
        self._pause()
        if step > 1:
            assert link.packet() == "3probe"
        self._pause()
        link.vanish()
        wait_until(lambda: session_of(self.client).upgrade is None)

    def _read(self):
        while True:
            self._take(self._link.more())

    def wait(self, messages):
        wait_until(lambda: len(self.received) >= len(messages))
        gevent.sleep(0)
        assert self.received == messages

    def stop(self):
        self._poller.kill()


def talk(client, choice):
    """The application's part: numbered messages, some of them binary."""
    messages = [str(n) if n % 5 else str(n).encode() for n in range(COUNT)]
    for message in messages:
        client.send(message)
        if choice.random() < 0.5:
            gevent.sleep(0)
    return messages


@versions
@pytest.mark.parametrize("seed", range(12))
def test_messages_of_both_sides_keep_their_order_while_upgrading(engine, version, seed):
    choice = random.Random(seed)
    served = engine()
    page = Upgrading(served, version, choice)
    talking = gevent.spawn(talk, page.client, random.Random(-seed))
    page.send(choice.randrange(10))
    page.upgrade()
    page.send(20)
    page.wait(talking.get(timeout=DEADLINE))
    served.wait("message", page._next)
    assert [event[1] for event in served.happened("message")] == list(map(str, range(page._next)))
    page.stop()


@versions
@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_websocket_that_is_lost_while_upgrading_loses_no_message(engine, version, step, seed):
    choice = random.Random(seed)
    served = engine()
    page = Upgrading(served, version, choice)
    talking = gevent.spawn(talk, page.client, random.Random(-seed))
    page.send(2)
    page.break_off(step)
    page.send(2)
    page.break_off(step)
    page.upgrade()
    page.send(5)
    page.wait(talking.get(timeout=DEADLINE))
    served.wait("message", page._next)
    assert [event[1] for event in served.happened("message")] == list(map(str, range(page._next)))
    page.stop()


# The session ends while the client tries a WebSocket.


def probing(served, version, probed=True):
    opened, client = open_session(served, Kind(Polling, version))
    served.wait("connection")
    link = WebSocket(served.port, version, opened.session_id)
    wait_until(lambda: session_of(client).upgrade is not None)
    if probed:
        link.put("2probe")
        assert link.packet() == "3probe"
    return opened, client, link


probes = pytest.mark.parametrize("probed", [False, True], ids=["not probed", "probed"])


@versions
@probes
def test_a_disconnect_by_the_application_while_probing_closes_both(engine, version, probed):
    served = engine()
    opened, client, link = probing(served, version, probed)
    if not probed:
        opened.begin_poll()
        wait_polling(client)
    client.disconnect()
    assert link.wait_closed() == 1000
    served.wait("disconnect")
    if not probed:
        assert opened.finish_poll() == ["1"]
    else:
        assert opened.packet() == "1"
    with pytest.raises(Ended, match="400"):
        opened.packet()
    assert session_of(client).upgrade is None


@versions
@pytest.mark.parametrize("first", ["a poll", "the WebSocket"])
def test_last_words_while_probing_arrive_once_whichever_way_the_client_goes(engine, version, first):
    served = engine()
    opened, client, link = probing(served, version)
    client.send("last words")
    client.disconnect()
    served.wait("disconnect")
    if first == "a poll":
        assert opened.packet() == "4last words"
        link.put("5")
        assert link.packet() == "1"
    else:
        link.put("5")
        assert link.packet() == "4last words"
        assert opened.packet() == "1"
    with pytest.raises(Ended, match="1000"):
        link.packet()
    with pytest.raises(Ended, match="400"):
        opened.packet()


@versions
@probes
def test_a_close_packet_by_polling_while_probing_closes_both(engine, version, probed):
    served = engine()
    opened, client, link = probing(served, version, probed)
    assert opened.put("4last words", "1").status == 200
    assert link.wait_closed() is not None
    served.wait("disconnect")
    assert served.wait("message")[1] == "last words"
    assert not client.connected


@versions
@probes
def test_the_end_of_the_server_while_probing_closes_both(engine, version, probed):
    served = engine()
    _, client, link = probing(served, version, probed)
    closing = gevent.spawn(served.listener.close, 5)
    assert link.wait_closed() == 1001
    closing.get(timeout=DEADLINE)
    assert not client.connected


@versions
@probes
def test_a_lost_heartbeat_while_probing_closes_both(engine, version, probed):
    served = engine()
    _, client, link = probing(served, version, probed)
    session = session_of(client)
    if version == 4:
        session._awaits_answer = 100
    else:
        session._heard -= 3 * LONG
    bring_forward(client, 0)
    served.wait("disconnect")
    assert link.wait_closed() is not None
    assert served.listener.stats()["closes"]["heartbeat_lost"] == 1


@versions
def test_a_poll_that_hangs_up_while_probing_ends_the_session(engine, version):
    served = engine()
    opened, client, link = probing(served, version, probed=False)
    opened.begin_poll()
    wait_polling(client)
    opened.get.close()
    served.wait("disconnect")
    assert link.wait_closed() is not None
    assert not client.connected


@versions
def test_the_end_of_an_upgrade_that_comes_after_the_session_has_ended_revives_nothing(
    engine, version
):
    served = engine()
    opened, client, link = probing(served, version)
    client.disconnect()
    link.put("5", "4hello")
    link.wait_closed()
    served.wait("disconnect")
    assert served.happened("message") == []
    assert opened.session_id not in served.listener.clients


@versions
def test_two_polls_at_once_while_probing_end_both(engine, version):
    served = engine()
    opened, client, link = probing(served, version, probed=False)
    opened.begin_poll()
    wait_polling(client)
    http = HTTP(served.port)
    assert http.request("GET", opened.address).status == 400
    http.close()
    assert link.wait_closed() is not None
    served.wait("disconnect")


@versions
def test_bytes_that_are_no_websocket_on_a_probing_one_leave_the_session_as_it_was(
    engine_echo, version
):
    served = engine_echo()
    opened, client, link = probing(served, version)
    link.link.send_bytes(b"\xff" * 100)
    assert link.wait_closed() == 1002
    opened.send("still here")
    assert opened.receive() == "still here"
    assert client.connected


@versions
def test_a_message_that_is_too_large_on_a_probing_websocket_closes_only_that(engine_echo, version):
    served = engine_echo(max_message_size=1000)
    opened, client, link = probing(served, version)
    link.put("4" + "x" * 2000)
    assert link.wait_closed() == 1009
    opened.send("still here")
    assert opened.receive() == "still here"
    assert client.connected
