"""The library that speaks with Redis, which is optional, and the client that it makes."""

from __future__ import annotations

from typing import Any

from gevent import monkey

__all__ = [
    "FAILURES",
    "REFUSALS",
    "check_libraries",
    "check_redis",
    "is_not_ready",
    "make_client",
    "shown",
]

_OF_REDIS = {"valkey": "redis", "valkeys": "rediss"}
_CONNECTING = 3.0  # seconds
#: Seconds that an answer may take; longer than any command waits.
_ANSWERING = 10.0

#: What is raised when Redis is not reachable, or is not ready. The errors of the library are
#: added when it is used first.
FAILURES: list[type[Exception]] = [OSError]


# What Redis answers while it cannot take a command yet.
_NOT_READY: list[type[Exception]] = []

# Older versions of the library have no class for what a node of a cluster answers.
_OF_CLUSTERS = ("MOVED ", "ASK ", "CLUSTERDOWN ")

#: What Redis answers if it does not take a command, now or at all.
REFUSALS: list[type[Exception]] = []


def check_libraries() -> None:
    """Check that the libraries are installed.

    Raises:
        ImportError: if one is missing, or too old.
    """
    try:
        import msgpack
        import redis
    except ImportError as error:
        raise ImportError(
            "Redis needs two libraries: pip install 'sockio_gevent[redis]'",
            name=error.name,
        ) from error
    if int(redis.__version__.partition(".")[0]) < 5:
        raise ImportError(
            f"the library redis {redis.__version__} is too old: pip install 'redis>=5'"
        )
    assert msgpack


def check_redis() -> None:
    """Check that workers can use Redis.

    Raises:
        ImportError: see :func:`check_libraries`.
        RuntimeError: if sockets are not monkey-patched: then a wait for Redis would stop the
            whole server.
    """
    check_libraries()
    if not monkey.is_module_patched("socket"):
        raise RuntimeError(
            "option 'cluster': with Redis, sockets must be monkey-patched, or each wait for Redis "
            "would stop the server: call gevent.monkey.patch_all() before all other imports"
        )


def make_client(address: str, stream: str) -> Any:
    """Make a client; it does not connect yet.

    Args:
        address: such as ``redis://:password@host:6379/0``; see :mod:`.redis_servers` for those
            of several servers.
        stream: the name of the stream. In a Redis Cluster, the client is one of the node that
            has it.

    Raises:
        ValueError: if it is no address.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import AskError, ClusterDownError
    from redis.retry import Retry

    FAILURES[:] = [OSError, redis.RedisError]
    _NOT_READY[:] = [redis.ConnectionError, redis.ReadOnlyError, AskError, ClusterDownError]
    REFUSALS[:] = [redis.ResponseError]
    scheme, mark, rest = address.partition("://")
    scheme, plus, kind = scheme.partition("+")
    address = f"{_OF_REDIS.get(scheme, scheme)}{plus}{kind}{mark}{rest}"
    options: dict[str, Any] = {
        "socket_connect_timeout": _CONNECTING,
        "socket_timeout": _ANSWERING,
        # The bus tries again itself: it knows what must not be sent twice.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if not kind:
        return redis.Redis.from_url(address, **options)
    from .redis_servers import pool_of_cluster, pool_of_sentinels

    if kind == "sentinel":
        return redis.Redis(connection_pool=pool_of_sentinels(address, **options))
    return redis.Redis(connection_pool=pool_of_cluster(address, stream, **options))


def is_not_ready(error: Exception) -> bool:
    """Whether Redis may take the same command later, or another server does now."""
    return isinstance(error, tuple(_NOT_READY)) or str(error).startswith(_OF_CLUSTERS)


def shown(address: str) -> str:
    """An address without its password, for logs."""
    scheme, mark, rest = address.partition("://")
    before, _, query = rest.partition("?")
    _, found, place = before.rpartition("@")
    if not found and "@" in query:  # perhaps the question mark is a part of the password
        place = "…"
    return f"{scheme}{mark}{place}"
