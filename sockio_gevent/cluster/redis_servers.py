"""Which of several Redis servers to connect to, asked again for each connection.

Sentinels tell which server is the master now. In a Redis Cluster it is the node that has the
stream: everything goes through that one, because all workers need the same stream and see the
channels of one node only. Importing this needs the library ``redis``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from redis import Connection, ConnectionPool, SSLConnection
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.exceptions import RedisClusterException
from redis.sentinel import MasterNotFoundError, Sentinel

__all__ = ["pool_of_cluster", "pool_of_sentinels"]

_SENTINEL_PORT, _NODE_PORT = 26379, 6379
_OF_SENTINEL = "sentinel_"  # what the names of options of the sentinels begin with

Find = Callable[[], "tuple[str, int]"]


class _Found(Connection):
    """A connection to the server that is found when it connects.

    Args:
        find: returns the host and the port.
        **options: see :class:`redis.Connection`.
    """

    def __init__(self, find: Find, **options: Any) -> None:
        self._find = find
        super().__init__(**options)

    def _connect(self) -> Any:
        self.host, self.port = self._find()
        return super()._connect()


class _FoundOverTLS(_Found, SSLConnection):
    """The same over TLS."""


def pool_of_sentinels(address: str, **options: Any) -> Any:
    """The connections to the master that sentinels name.

    Args:
        address: ``redis+sentinel://:password@host:26379,host2:26379/service/db``. The user and
            the password are those of the master; those of the sentinels are
            ``?sentinel_username=…&sentinel_password=…``.
        **options: options of connections.

    Raises:
        ValueError: if it is none.
    """
    scheme, hosts, path, read = _read(address, _SENTINEL_PORT)
    service, _, database = path.partition("/")
    if not service:
        raise ValueError("the address of sentinels ends with the name of their service: …/service")
    if database:
        read["db"] = _number(database, "number of a database")
    own = {name: read.pop(name) for name in list(read) if name.startswith(_OF_SENTINEL)}
    secure = {name: each for name, each in read.items() if name.startswith("ssl_")}
    if scheme == "rediss":
        secure["ssl"] = True
    told = {name.removeprefix(_OF_SENTINEL): each for name, each in own.items()}
    sentinels = Sentinel(hosts, sentinel_kwargs={**options, **secure, **told})

    def find() -> tuple[str, int]:
        try:
            host, port = sentinels.discover_master(service)
        except MasterNotFoundError:
            # Some versions of the library put passwords into the text of theirs.
            raise redis.ConnectionError(f"no sentinel names a master of {service!r}") from None
        return str(host), int(port)

    return _pool(scheme, find, {**read, **options})


def pool_of_cluster(address: str, key: str, **options: Any) -> Any:
    """The connections to the node of a Redis Cluster that has a key.

    Args:
        address: ``redis+cluster://:password@host:6379,host2:6379``.
        key: the key.
        **options: options of connections.

    Raises:
        ValueError: if it is none.
    """
    scheme, hosts, path, read = _read(address, _NODE_PORT)
    if path not in ("", "0"):
        raise ValueError("a Redis Cluster has only the database 0")
    read.pop("db", None)
    secure = {"ssl": True} if scheme == "rediss" else {}
    of_cluster = {**read, **options, **secure}

    def find() -> tuple[str, int]:
        nodes = [ClusterNode(host, port) for host, port in hosts]
        try:
            with RedisCluster(startup_nodes=nodes, **of_cluster) as cluster:
                node = cluster.get_node_from_key(key)
        except RedisClusterException as error:  # not one of redis.RedisError
            raise redis.ConnectionError(str(error)) from None
        if node is None:
            raise redis.ConnectionError("no node of the Redis Cluster has the stream")
        return str(node.host), int(node.port)

    return _pool(scheme, find, {**read, **options})


def _pool(scheme: str, find: Find, options: dict[str, Any]) -> Any:
    kind = _FoundOverTLS if scheme == "rediss" else _Found
    return ConnectionPool(connection_class=kind, find=find, **options)


def _read(address: str, port: int) -> tuple[str, list[tuple[str, int]], str, dict[str, Any]]:
    """The scheme without what is behind its ``+``, the hosts, the path, and the options."""
    scheme, _, rest = address.partition("://")
    scheme = scheme.partition("+")[0]
    rest, mark, query = rest.partition("?")
    place, _, path = rest.partition("/")
    user, at, listed = place.rpartition("@")
    hosts = [_host(each, port) for each in listed.split(",")]
    # The library reads the rest as it reads the address of one server.
    options: dict[str, Any] = parse_url(f"{scheme}://{user}{at}any{mark}{query}")
    for name in ("host", "port", "connection_class"):
        options.pop(name, None)
    return scheme, hosts, path.strip("/"), options


def _host(text: str, port: int) -> tuple[str, int]:
    """A host, and its port, which may be left out. An address of IPv6 has brackets."""
    if text.startswith("["):
        host, _, behind = text[1:].partition("]")
        given = behind.removeprefix(":")
    else:
        host, _, given = text.partition(":")
    if not host:
        raise ValueError("the address of several Redis servers has a host that is empty")
    return host, _number(given, "port") if given else port


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit():
        # Without the text: it may be a part of a password.
        raise ValueError(
            f"a {what} in the address of several Redis servers is no number; "
            "in a password, write %2F for /, %3F for ? and %40 for @"
        )
    return int(text)
