"""Connections to Redis that are lost for a moment, under sessions that are relayed."""

from __future__ import annotations

import json
import signal

import gevent
import pytest
from support.clients import WebSocket
from support.clustered import place_all
from support.engineio import address
from support.http import DEADLINE, HTTP
from support.servers import Clustered
from support.waiting import wait_until

from sockio_gevent.cluster.names import owner_of

ROUNDS = 6


@pytest.fixture
def servers(deploy, redis_server):
    made = [deploy(Clustered, options={"cluster": redis_server.url}) for _ in range(2)]
    return [each.listening() for each in made]


class Relayed:
    """A client whose session the first server owns, and whose WebSocket the second one has."""

    def __init__(self, owner, other):
        opened = HTTP(owner).request("GET", address("polling")).text
        self.sid = json.loads(opened[1:])["sid"]
        self.path = address("polling", self.sid)
        assert HTTP(owner).request("POST", self.path, "40").text == "ok"
        self.other = other
        self.socket = None

    def upgrade(self):
        self.socket = WebSocket(self.other, path=address("websocket", self.sid))
        self.socket.send_payload("2probe")
        assert bytes(self.socket.frame().data) == b"3probe"
        self.socket.send_payload("5")
        return self

    def read(self, count):
        """The next numbers that come, and those of the answers to :meth:`order`."""
        numbers = []
        while len(numbers) < count:
            packet = bytes(self.socket.frame().data)
            if packet.startswith(b'42["number"'):
                numbers.append(json.loads(packet[2:])[2])
            elif packet == b"2":
                self.socket.send_payload("3")
        return numbers

    def order(self, *what):
        self.socket.send_payload("42" + json.dumps(["message", list(what)]))


def blink(redis_server):
    """All workers lose their connections for channels at once."""
    with redis_server.client() as client:
        return client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


def wait_again(servers, count):
    for server in servers:
        if count:
            server.wait_line("is reachable again", count)


def test_a_relayed_websocket_misses_nothing_when_channels_are_lost(servers, redis_server):
    placed = place_all(servers)
    owner = placed[servers[0].process.pid][1]
    clients = [Relayed(servers[0].port, servers[1].port).upgrade() for _ in range(3)]
    with gevent.Timeout(DEADLINE):
        for number in range(1, ROUNDS + 1):
            assert blink(redis_server) == 2
            for client in clients:
                client.order("numbers", "up", 30)
            owner.ask("numbers", "down", 30)
            # Each of the clients has them all, those that it has ordered itself, too.
            for client in clients:
                numbers = client.read(30 * (len(clients) + 1))
                assert sorted(numbers) == sorted([*range(30)] * (len(clients) + 1))
            wait_again(servers, number)


@pytest.mark.parametrize("away", [0.0, 1.5])
def test_a_relayed_websocket_misses_nothing_when_redis_is_killed(servers, redis_server, away):
    placed = place_all(servers)
    owner = placed[servers[0].process.pid][1]
    client = Relayed(servers[0].port, servers[1].port).upgrade()
    with gevent.Timeout(DEADLINE):
        for number in range(1, 3):
            redis_server.stop(signal.SIGKILL)
            owner.ask("numbers", "down", 100)
            for server in servers:
                server.wait_line("is not reachable")
            gevent.sleep(away)
            redis_server.start()
            owner.ask("numbers", "again", 100)
            assert client.read(200) == [*range(100), *range(100)]
            wait_again(servers, number)


def test_relayed_requests_are_answered_when_channels_are_lost(servers, redis_server):
    place_all(servers)
    clients = [Relayed(servers[0].port, servers[1].port) for _ in range(3)]
    answers = []

    def post(client, number):
        body = "42" + json.dumps(["message", ["all", number]])
        answers.append(HTTP(servers[1].port).request("POST", client.path, body).status)

    for number in range(1, ROUNDS + 1):
        assert blink(redis_server) == 2
        posts = [gevent.spawn(post, client, number) for client in clients]
        gevent.joinall(posts, timeout=DEADLINE, raise_error=True)
        wait_again(servers, number)
    assert answers == [200] * len(clients) * ROUNDS


def test_a_worker_that_loses_its_channels_is_not_taken_for_dead(servers, redis_server):
    """Only the owner of the sessions loses them, again and again."""
    place_all(servers)
    clients = [Relayed(servers[0].port, servers[1].port) for _ in range(2)]
    clients[0].upgrade()
    owner = owner_of(clients[0].sid)
    answers = []

    def post():
        while number < 3 * ROUNDS:
            body = "42" + json.dumps(["message", ["local", 0]])
            answers.append(HTTP(servers[1].port).request("POST", clients[1].path, body).status)

    number = 0
    posting = gevent.spawn(post)
    with redis_server.client() as client, gevent.Timeout(DEADLINE):
        for number in range(1, 3 * ROUNDS + 1):
            wait_again(servers[:1], number - 1)
            kill_channel(client, owner)
    posting.get(timeout=DEADLINE)
    assert set(answers) == {200}
    clients[0].order("numbers", "still", 10)
    assert clients[0].read(10) == [*range(10)]


def kill_channel(client, worker):
    """End the connection that listens to the channel of a worker."""
    channel = f"socket.io#workers#{worker}#"
    wait_until(lambda: client.execute_command("PUBSUB", "NUMSUB", channel)[1], "it listens")
    for each in client.client_list(_type="pubsub"):
        client.client_kill_filter(_id=each["id"])
        if not client.execute_command("PUBSUB", "NUMSUB", channel)[1]:
            return
