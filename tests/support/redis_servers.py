"""Several servers of Redis: a master and a replica that a sentinel watches, and a cluster."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import redis

from .ports import reserve
from .redis_server import RedisServer
from .waiting import wait_until

__all__ = ["RedisCluster", "WatchedPair"]

SERVICE = "mine"
_SLOTS = 16384

# Milliseconds after which a sentinel takes a master that does not answer for dead: one that only
# waits for the disk or for the processor must stay what it is.
_PATIENT, _SOON = 600_000, 1000


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


class WatchedPair:
    """A master, its replica, and a sentinel that makes the replica the master when that is dead.

    Attributes:
        master, replica: the two, as they were at the start.
        sentinel: the sentinel.
        url: the address for workers. The first sentinel that it names is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.master = RedisServer(_folder(folder, "master")).start()
        self.replica = RedisServer(_folder(folder, "replica"))
        self.replica.arguments = ["--replicaof", f"127.0.0.1 {self.master.port}"]
        self.replica.start()
        place = _folder(folder, "sentinel")
        self.sentinel = RedisServer(place)
        # It writes into its configuration what it learns.
        (place / "sentinel.conf").write_text(
            f"""
            sentinel monitor {SERVICE} 127.0.0.1 {self.master.port} 1
            sentinel down-after-milliseconds {SERVICE} {_PATIENT}
            sentinel failover-timeout {SERVICE} 5000
            """
        )
        self.sentinel.is_sentinel = True
        self.sentinel.start()
        self._nobody = reserve()
        nobody = self._nobody.getsockname()[1]
        hosts = f"127.0.0.1:{nobody},127.0.0.1:{self.sentinel.port}"
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/0"
        with self.replica.client() as client:
            wait_until(lambda: client.info()["master_link_status"] == "up", "the replica has all")
        with self.sentinel.client() as client:
            wait_until(lambda: _state(client)["num-slaves"] == 1, "the sentinel knows the replica")

    def kill_master(self) -> None:
        """Kill the master; the sentinel, which has been patient so far, soon notices that."""
        self.master.stop(signal.SIGKILL)
        with self.sentinel.client() as client:
            client.sentinel_set(SERVICE, "down-after-milliseconds", str(_SOON))

    def wait_failover(self) -> None:
        """Wait until the replica is the master."""
        wait_until(self._is_promoted, "the replica is the master")

    def _is_promoted(self) -> bool:
        try:
            with self.replica.client() as client:
                return bool(client.info()["role"] == "master")
        except redis.ConnectionError:
            return False  # sentinels cut the connections of a server that they change

    def stop(self) -> None:
        for each in (self.sentinel, self.replica, self.master):
            each.stop(signal.SIGKILL)


def _state(client: redis.Redis) -> dict[str, Any]:
    state: dict[str, Any] = client.sentinel_master(SERVICE)
    return state


class RedisCluster:
    """A Redis Cluster of three nodes.

    Attributes:
        nodes: the nodes; each has a third of the slots.
        url: the address for workers, with the first node.
    """

    def __init__(self, folder: Path) -> None:
        self.nodes = [RedisServer(_folder(folder, f"node{number}")) for number in range(3)]
        self._reserved = [reserve() for _ in self.nodes]
        for node, bus in zip(self.nodes, self._reserved, strict=True):
            port = str(bus.getsockname()[1])
            node.arguments = ["--cluster-enabled", "yes", "--cluster-port", port]
            node.start()
        self.url = f"redis+cluster://127.0.0.1:{self.nodes[0].port}"
        shares = [range(_SLOTS)[number::3] for number in range(3)]
        for node, share in zip(self.nodes, shares, strict=True):
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTS", *share)
                first = self.nodes[0].port, self._reserved[0].getsockname()[1]
                client.execute_command("CLUSTER MEET", "127.0.0.1", *first)
        for node in self.nodes:
            with node.client() as client:
                wait_until(
                    lambda client=client: self._is_complete(client), "the cluster is complete"
                )

    def _is_complete(self, client: redis.Redis) -> bool:
        told: Any = client.execute_command("CLUSTER INFO")
        text = told if isinstance(told, dict) else dict(_lines(told))
        return text["cluster_state"] == "ok" and text["cluster_known_nodes"] == "3"

    def owner(self, key: str) -> int:
        """Which node has a key."""
        with self.nodes[0].client() as client:
            return int(client.execute_command("CLUSTER KEYSLOT", key)) % 3

    def move(self, key: str) -> None:
        """Let the next node have the slot of a key."""
        slot_of = self.owner(key)
        source, target = self.nodes[slot_of], self.nodes[(slot_of + 1) % 3]
        with source.client() as here, target.client() as there:
            slot = here.execute_command("CLUSTER KEYSLOT", key)
            ours, theirs = (_text(each.execute_command("CLUSTER MYID")) for each in (here, there))
            there.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ours)
            here.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", theirs)
            here.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 10_000)
            for client in (there, here):
                client.execute_command("CLUSTER SETSLOT", slot, "NODE", theirs)

    def stop(self) -> None:
        for node in self.nodes:
            node.stop(signal.SIGKILL)


def _text(told: Any) -> str:
    return told.decode() if isinstance(told, bytes) else str(told)


def _lines(told: Any) -> Any:
    return [line.split(":", 1) for line in _text(told).split()]
