"""Reading the stream of a real Redis, which may lose some of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from support.redis_server import RedisServer

from sockio_gevent.cluster.lag import Lag
from sockio_gevent.cluster.redis_stream import StreamReader

STREAM = "socket.io"


@pytest.fixture
def client(shared_redis: RedisServer) -> Iterator[redis.Redis]:
    with shared_redis.client() as client:
        client.flushall()
        yield client


class Reader:
    """Reads what there is.

    Attributes:
        came: the values that have come.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.came: list[bytes] = []
        self.stream = StreamReader(client, STREAM, lambda fields: self.came.append(fields[b"v"]))
        self.stream.find_place()

    def read(self, client: redis.Redis) -> list[bytes]:
        """Read up to an end that is written now; return what came before that."""
        end = f"end {time.monotonic_ns()}".encode()
        write(client, end)
        while end not in self.came:
            self.stream.read()
        found, self.came = self.came[:-1], []
        return found


def write(client: redis.Redis, value: Any, place: Any = "*") -> bytes:
    written: Any = client.xadd(STREAM, {"v": value}, id=place)
    return bytes(written)


def test_it_reads_what_is_written_after_it_has_begun(client: redis.Redis) -> None:
    write(client, b"before")
    reader = Reader(client)
    write(client, b"one")
    write(client, b"two")
    assert reader.read(client) == [b"one", b"two"]
    reader.stream.find_place()
    write(client, b"three")
    assert reader.read(client) == [b"three"]


def replace(client: redis.Redis, count: int) -> None:
    """Let another Redis take the place, which has only the first entries."""
    entries: Any = client.xrange(STREAM)
    client.delete(STREAM)
    for place, fields in entries[:count]:
        write(client, fields[b"v"], place)


@pytest.mark.parametrize("count", [200, 350])
def test_a_redis_without_the_last_entries_is_read_on_behind_those_that_it_has(
    client: redis.Redis, count: int
) -> None:
    for number in range(150):
        write(client, number)
    reader = Reader(client)
    for number in range(250):
        write(client, number)
    assert len(reader.read(client)) == 250
    replace(client, count)
    write(client, b"new")
    write(client, b"newer")
    reader.stream.find_place()
    assert reader.read(client) == [b"new", b"newer"]


def test_what_was_written_before_the_start_does_not_come_after_a_loss(client: redis.Redis) -> None:
    for number in range(150):
        write(client, number)
    reader = Reader(client)
    replace(client, 100)
    reader.stream.find_place()
    assert reader.read(client) == []


def test_a_clock_that_goes_behind_loses_nothing(client: redis.Redis) -> None:
    reader = Reader(client)
    write(client, b"one")
    assert reader.read(client) == [b"one"]
    client.delete(STREAM)
    write(client, b"of a new stream", "1-1")
    reader.stream.find_place()
    assert reader.read(client) == [b"of a new stream"]


def test_a_stream_that_was_cut_is_read_from_where_it_was(client: redis.Redis) -> None:
    reader = Reader(client)
    write(client, b"one")
    assert reader.read(client) == [b"one"]
    for number in range(300):
        write(client, number)
    client.xtrim(STREAM, 120, approximate=False)
    reader.stream.find_place()
    assert reader.read(client) == [b"%d" % number for number in range(180, 300)]


def test_the_lag_is_by_the_clock_of_redis(client: redis.Redis) -> None:
    reader = Reader(client)
    seconds, _ = client.time()
    write(client, b"late", f"{(int(seconds) - 30) * 1000}-1")
    assert reader.stream.lag.seconds == 0
    reader.read(client)
    assert 29 < reader.stream.lag.seconds < 60


def test_the_lag_is_the_longest_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sockio_gevent.cluster.lag.monotonic", lambda: now)
    lag = Lag()
    assert lag.seconds == 0
    lag.note(2.0)
    lag.note(0.5)
    assert lag.seconds == 2.0
    now += 6
    lag.note(1.0)
    assert lag.seconds == 2.0
    now += 5
    assert lag.seconds == 1.0
    now += 30
    assert lag.seconds == 0
