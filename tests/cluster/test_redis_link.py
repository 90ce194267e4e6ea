"""The connections of a worker to a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import gevent
import pytest
import redis
from support.redis_server import RedisServer
from support.workers import wait_until

from sockio_gevent.cluster.redis_link import RedisLink
from sockio_gevent.monitoring.log import Log


@pytest.fixture
def client(shared_redis: RedisServer) -> Iterator[redis.Redis]:
    with shared_redis.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def lines() -> list[str]:
    """What was logged."""
    return []


@pytest.fixture
def link(client: redis.Redis, lines: list[str]) -> RedisLink:
    """Connections that are not started."""
    nothing = lambda *_: None  # noqa: E731
    return RedisLink(client, "here", Log(lines.append), "socket.io", 1000, nothing, nothing)


def test_redis_is_back_before_somebody_writes_into_the_stream(
    link: RedisLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link._stream, "read", lambda: gevent.sleep(inf))
    link._down.add("stream")
    link.up = False
    reading = gevent.spawn(link._read)
    wait_until(lambda: link.up)
    reading.kill()
