"""The connections of a worker to a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import gevent
import pytest
import redis
from support.redis_server import RedisServer
from support.waiting import wait_until

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


def test_that_too_much_waits_is_logged_each_time_it_begins(
    link: RedisLink, lines: list[str], client: redis.Redis
) -> None:
    writing = gevent.spawn(link._write)
    for count in (1, 2):
        for _ in range(3):
            link.send("SET", "key", b"x" * 600)
        assert [line for line in lines if "too much waits" in line] == lines
        assert len(lines) == count
        wait_until(lambda: not link.size)
    writing.kill()
    assert link.dropped == 4
    assert client.get("key") == b"x" * 600


def test_that_too_much_waits_is_logged_after_a_refusal(link: RedisLink, lines: list[str]) -> None:
    writing = gevent.spawn(link._write)
    link.send("NO SUCH COMMAND")
    wait_until(lambda: link.dropped)
    for _ in range(3):
        link.send("SET", "key", b"x" * 600)
    wait_until(lambda: not link.size)
    writing.kill()
    assert ["refuses what" in line for line in lines] == [True, False]
    assert "too much waits" in lines[1]


@pytest.mark.parametrize("error", [ValueError, AttributeError, redis.ConnectionError])
def test_a_question_that_a_close_interrupts_fails_as_redis_that_is_away(
    link: RedisLink, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def interrupted(*command: object) -> None:
        link.close()
        raise error("I/O operation on closed file")

    monkeypatch.setattr(link._client, "execute_command", interrupted)
    with pytest.raises((OSError, redis.RedisError)):
        link.ask("PING")


def test_a_mistake_in_a_question_is_no_failure_of_redis(
    link: RedisLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*command: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(link._client, "execute_command", mistaken)
    with pytest.raises(ValueError, match="a mistake"):
        link.ask("PING")
