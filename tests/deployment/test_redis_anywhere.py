"""Any request at any process, where the processes share nothing but a Redis."""

from __future__ import annotations

import itertools
import json
import signal

import gevent
import pytest
from support.clients import Polling as ClassicPolling
from support.clients import WebSocket
from support.http import HTTP
from support.servers import Clustered
from support.waiting import wait_until

SIZE = 700_000
AT_ONCE = 8.0  # seconds; a worker that may still be there is waited for longer


@pytest.fixture
def ports(redis_server, deploy):
    made = [deploy(Clustered, options={"cluster": redis_server.url}) for _ in range(3)]
    yield [each.listening().port for each in made]
    assert [each.problems() for each in made] == [[]] * 3


@pytest.fixture
def anywhere(ports):
    """The ports, one after the other."""
    return itertools.cycle(ports)


def wait_members(ports):
    def members(port):
        return json.loads(HTTP(port).request("GET", "/stats").text)["cluster"]["members"]

    for port in ports:
        wait_until(lambda port=port: members(port) >= 3, "three members")


class Poller:
    """A client of Socket.IO 4 that polls, each request at another server."""

    def __init__(self, anywhere):
        self._anywhere = anywhere
        self.path = "/socket.io/?EIO=4&transport=polling"
        opened = self.request("GET")
        self.sid = json.loads(opened[1:])["sid"]
        self.path += f"&sid={self.sid}"
        assert self.send("0") == "ok"
        self.packets = []
        assert self.wait("40")

    def request(self, method, body=None):
        connection = HTTP(next(self._anywhere))
        answer = connection.request(method, self.path, body, Connection="close")
        assert answer.status == 200, answer.text
        connection.close()
        return answer.text

    def send(self, *messages):
        return self.request("POST", "\x1e".join(f"4{each}" for each in messages))

    def wait(self, start):
        while True:
            for packet in self.packets:
                if packet.startswith(start):
                    self.packets.remove(packet)
                    return packet
            self.packets += self.request("GET").split("\x1e")

    def order(self, *what):
        assert self.send("2" + json.dumps(["message", list(what)])) == "ok"


def test_polls_and_posts_reach_their_session_from_anywhere(ports, anywhere):
    wait_members(ports)
    pollers = [Poller(anywhere) for _ in range(4)]
    for poller in pollers:
        poller.wait('42["hello"')
    for number, poller in enumerate(pollers):
        poller.order("all", number, "ü" * 1000)
    for poller in pollers:
        found = {json.loads(poller.wait('42["event"')[2:])[1] for _ in pollers}
        assert found == set(range(len(pollers)))
    # A large message, in several pieces, both ways.
    pollers[0].order("room", "nobody")
    pollers[0].order("all", "x" * SIZE)
    for poller in pollers:
        assert len(poller.wait('42["event"')) > SIZE


def test_a_websocket_takes_the_session_over_anywhere(ports, anywhere):
    wait_members(ports)
    for port in ports:
        poller = Poller(anywhere)
        poller.wait('42["hello"')
        path = f"/socket.io/?EIO=4&transport=websocket&sid={poller.sid}"
        socket = WebSocket(port, path=path)
        socket.send_payload("2probe")
        assert bytes(socket.frame().data) == b"3probe"
        socket.send_payload("5")
        for number in range(20):
            socket.send_payload("42" + json.dumps(["message", ["all", number, "y" * 10_000]]))
        for number in range(20):
            event = json.loads(bytes(socket.frame().data)[2:])
            assert event[:2] == ["event", number]
        socket.close()


def test_classic_clients_come_back_anywhere(ports, anywhere):
    wait_members(ports)
    client = ClassicPolling(next(anywhere)).open()
    for number in range(6):
        again = ClassicPolling(next(anywhere), client.session_id)
        answer = again.send("~j~" + json.dumps(["all", number]))
        assert answer.status == 200
        again.vanish()
        again = ClassicPolling(next(anywhere), client.session_id)
        while True:
            event = json.loads(again.receive().removeprefix("~j~"))
            if event["name"] == "event":
                break
        assert event["args"] == [number]
        again.vanish()


def test_a_session_of_a_dead_process_is_unknown_at_once(redis_server, deploy):
    made = [deploy(Clustered, options={"cluster": redis_server.url}) for _ in range(2)]
    first, second = [each.listening() for each in made]
    opened = HTTP(first.port).request("GET", "/socket.io/?EIO=4&transport=polling").text
    sid = json.loads(opened[1:])["sid"]
    path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
    waiting = gevent.spawn(HTTP(second.port).request, "GET", path)
    gevent.sleep(0.3)
    first.process.send_signal(signal.SIGKILL)
    first.wait_end()
    with gevent.Timeout(AT_ONCE):
        waiting.join()  # it is answered, or its connection ends
        answer = HTTP(second.port).request("GET", path)
    assert answer.status == 400
    assert json.loads(answer.text)["code"] == 1
