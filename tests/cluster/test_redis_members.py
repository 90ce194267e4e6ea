"""Who is there, as a real Redis knows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import inf
from typing import Any

import gevent
import pytest
import redis
from support.redis_server import RedisServer
from support.waiting import wait_until

from sockio_gevent.cluster import redis_members
from sockio_gevent.cluster.redis_members import RedisMembers

ANN, BEN = "a" * 10, "b" * 10
PREFIX = "socket.io#workers#"


class Link:
    """The connections of Ann.

    Attributes:
        up_for: for how long Redis has been there.
    """

    up = True

    def __init__(self, client: redis.Redis) -> None:
        self.up_for = inf
        self._client = client

    def ask(self, *command: Any) -> Any:
        return self._client.execute_command(*command)


class Others:
    """What Ann knows of the others.

    Attributes:
        gone: those that have gone.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.link: Any = Link(client)
        self.gone: list[str] = []
        self.members = RedisMembers(self.link, PREFIX, ANN, self.gone.append)
        self._client = client
        self._listening: Any = None

    def ben_comes(self) -> None:
        self._listening = self._client.pubsub()
        self._listening.subscribe(self.members.channel_of(BEN))
        assert self._listening.get_message(timeout=5)["type"] == "subscribe"

    def ben_goes(self) -> None:
        self._listening.close()
        wait_until(lambda: not self.members.is_there(BEN))

    def settle(self) -> None:
        wait_until(lambda: not self.members._doubted)


@pytest.fixture
def others(shared_redis: RedisServer) -> Iterator[Others]:
    with shared_redis.client() as client:
        found = Others(client)
        # Redis can be asked in a greenlet that is not the hub's, and all of these are.
        found.ben_comes()
        found.members.look()
        assert found.members.names == {BEN}
        yield found
        found.members.close()
        found.ben_goes()


def test_a_worker_that_subscribes_again_at_once_has_not_gone(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_members, "_BLINK", 1.0)
    others.ben_goes()
    others.members.look()
    asked = gevent.spawn(others.members.has_gone, BEN)
    gevent.idle()
    others.ben_comes()
    assert not asked.get()
    others.settle()
    assert others.members.names == {BEN}
    assert others.gone == []


def test_a_worker_that_says_hello_has_not_gone(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its channel may be missing again when it is looked for."""
    monkeypatch.setattr(redis_members, "_BLINK", 1.0)
    others.ben_goes()
    asked = gevent.spawn(others.members.has_gone, BEN)
    gevent.idle()
    others.members.add(BEN)
    assert not asked.get()


def test_a_worker_that_does_not_come_back_has_gone_soon(others: Others) -> None:
    others.ben_goes()
    before = time.monotonic()
    others.members.look()
    others.members.look()
    wait_until(lambda: others.gone)
    assert time.monotonic() - before >= redis_members._BLINK
    assert others.gone == [BEN]
    assert others.members.names == frozenset()
    assert others.members.has_gone(BEN)


def test_workers_may_come_back_one_after_the_other_when_redis_was_away(others: Others) -> None:
    others.link.up_for = 1.0
    others.ben_goes()
    others.members.look()
    others.settle()
    assert others.members.names == {BEN}
    assert not others.members.has_gone(BEN)
    others.link.up_for = inf
    assert others.members.has_gone(BEN)
