"""The addresses of Redis: over TLS, with a password, over a Unix socket; sentinels and clusters."""

from __future__ import annotations

import json
import shutil

import pytest
import redis
import trustme
from support.cluster_stories import check_all, check_emitter, check_story
from support.clustered import everybody, place_all
from support.ledger import Load
from support.redis_server import RedisServer
from support.redis_servers import RedisCluster, WatchedPair
from support.servers import Clustered

import sockio_gevent as io


def with_password(folder):
    server = RedisServer(folder)
    server.arguments = ["--requirepass", "sesame"]
    server.url = f"redis://:sesame@127.0.0.1:{server.port}/0"
    return server.start()


def over_tls(folder):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    server = RedisServer(folder)
    server.arguments = ["--port", "0", "--tls-port", str(server.port), "--tls-auth-clients", "no"]
    server.arguments += ["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]
    server.arguments += ["--tls-ca-cert-file", "authority.pem", "--requirepass", "sesame"]
    options = f"ssl_ca_certs={folder / 'authority.pem'}"
    server.url = f"rediss://:sesame@localhost:{server.port}/0?{options}"
    return server.start()


def over_a_unix_socket(folder):
    server = RedisServer(folder)
    server.arguments = ["--unixsocket", "redis.sock"]
    server.url = f"unix://{folder / 'redis.sock'}"
    return server.start()


def valkey(folder):
    if shutil.which("valkey-server") is None:
        pytest.skip("no valkey-server: not every Debian has it")
    server = RedisServer(folder, "valkey-server")
    server.start()
    server.url = server.url.replace("redis://", "valkey://")
    return server


KINDS = [with_password, over_tls, over_a_unix_socket, valkey, WatchedPair, RedisCluster]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_workers_and_an_emitter_meet_at_an_address(tmp_path, deploy, kind):
    server = kind(tmp_path)
    try:
        made = [deploy(Clustered, options={"cluster": server.url}) for _ in range(3)]
        placed = place_all([each.listening() for each in made])
        check_all(placed)
        check_story(placed)
        emitter = io.Emitter(server.url)
        check_emitter(emitter, place_all(made))
        emitter.close()
        assert [each.problems() for each in made] == [[]] * 3
        assert "sesame" not in "".join(line for each in made for line in each.lines)
    finally:
        server.stop()


def held_by(server, load):
    """The events of a load that the stream holds, by the ids of the clients."""
    held = {sender: set() for sender in load.voices}
    with server.client() as client:
        for _, fields in client.xrange("socket.io"):
            name, *rest = json.loads(fields[b"data"])["packet"]["data"]
            if name == "event" and rest[0] in held:
                held[rest[0]].add(rest[1])
    return held


def test_another_master_takes_the_place_of_one_that_is_killed(tmp_path, deploy):
    pair = WatchedPair(tmp_path)
    try:
        made = [deploy(Clustered, options={"cluster": pair.url}) for _ in range(3)]
        placed = place_all([each.listening() for each in made])
        emitter = io.Emitter(pair.url)
        for number in range(20):
            emitter.emit("outside", number)
        load = Load(everybody(placed))
        load.wait_more()
        pair.kill_master()
        for each in made:
            each.wait_line("is not reachable, clients of this worker are still served")
        pair.wait_failover()
        for each in made:
            each.wait_line("is reachable again")
        load.wait_more()
        load.end()
        held = held_by(pair.replica, load)
        assert all(held.values())
        load.check(held)
        try:
            emitter.emit("outside", 20)
        except redis.ConnectionError:  # it had a connection that is lost
            emitter.emit("outside", 20)
        for voice in everybody(placed):
            voice.wait("outside", 21)
            assert voice.named("outside") == [[number] for number in range(21)]
        emitter.close()
        problems = [line for each in made for line in each.problems()]
        assert [line for line in problems if "is not reachable" not in line] == []
    finally:
        pair.stop()


def test_another_node_of_a_cluster_gets_the_stream(tmp_path, deploy):
    cluster = RedisCluster(tmp_path)
    try:
        made = [deploy(Clustered, options={"cluster": cluster.url}) for _ in range(3)]
        placed = place_all([each.listening() for each in made])
        load = Load(everybody(placed))
        load.wait_more()
        owner = cluster.owner("socket.io")
        cluster.move("socket.io")
        load.wait_more()
        for each in made:
            each.wait_line("is reachable again")
        load.end()
        assert held_by(cluster.nodes[(owner + 1) % 3], load)
        # Nothing was lost on the way.
        load.check()
    finally:
        cluster.stop()
