"""Requests on streams to other workers that were kept, and what happens if no answer comes.

The bus is a stand-in: what the other worker does, and when, is the test's.
"""

from __future__ import annotations

import json
import os
from typing import Any

import gevent
import pytest
from gevent import socket
from support.http import DEADLINE
from support.stand_in_bus import ask, with_stand_in
from support.waiting import wait_until

from sockio_gevent.cluster.bus import WorkerGone, WorkerSilent
from sockio_gevent.gateway import other_workers
from sockio_gevent.server.handover import relay

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def served(serve: Any) -> Any:
    """A listener with such a bus."""
    return with_stand_in(serve)


def keep_a_stream(served: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Relay a request over a stream that is kept; return its other end, and how to ask again."""
    monkeypatch.setattr(relay, "_QUIET", 0.05)
    streams: list[Any] = []

    def take(descriptor: int) -> bool:
        streams.append(socket.socket(fileno=os.dup(descriptor)))
        return True

    served.bus.answers["request"] = take
    asking = gevent.spawn(ask, served)
    wait_until(lambda: streams)
    streams[0].sendall(ANSWER)
    assert asking.get(timeout=DEADLINE).text == "ok"
    served.bus.given.clear()
    return streams[0], lambda: gevent.spawn(ask, served)


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Begin to note each wait for an answer, behind which the worker is checked."""
    checks: list[Any] = []
    head_soon = relay.RelayedAnswer._head_soon

    def count(answer: Any) -> Any:
        checks.append(answer)
        return head_soon(answer)

    monkeypatch.setattr(relay.RelayedAnswer, "_head_soon", count)
    return checks


def test_a_request_on_a_kept_stream_is_refused_while_its_worker_stands_still(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, ask_again = keep_a_stream(served, monkeypatch)
    served.bus.answers["runs"] = WorkerSilent("no answer")
    with stream:
        answer = ask_again().get(timeout=DEADLINE)
        assert answer.status == 503
        assert json.loads(answer.text)["message"] == "the worker of this session does not answer"
        # The worker is not to answer it, when it goes on.
        assert stream.recv(100_000)
        with gevent.Timeout(DEADLINE):
            assert stream.recv(1) == b""
    assert served.bus.given[0] == "connection"
    assert set(served.bus.given[1:]) == {"runs"}


@pytest.mark.parametrize("sign", [b"taken", WorkerGone("it has not taken the message")])
def test_a_poll_on_a_kept_stream_waits_for_a_worker_that_runs(
    served: Any, monkeypatch: pytest.MonkeyPatch, sign: Any
) -> None:
    monkeypatch.setattr(other_workers, "_COUNTS_FOR", 0.0)
    stream, ask_again = keep_a_stream(served, monkeypatch)
    served.bus.answers["runs"] = sign
    with stream:
        poll = ask_again()
        wait_until(lambda: served.bus.given.count("runs") > 2)
        assert not poll.ready()
        stream.sendall(ANSWER)
        assert poll.get(timeout=DEADLINE).text == "ok"


def test_a_request_is_refused_if_the_bus_has_given_its_silent_worker_up(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stands still is cut off when too much waits for it; its stream stays open."""
    stream, ask_again = keep_a_stream(served, monkeypatch)
    served.bus.answers["runs"] = WorkerGone("there is no such worker")
    monkeypatch.setattr(served.bus, "members", frozenset())
    with stream:
        assert ask_again().get(timeout=DEADLINE).status == 503


def test_a_request_waits_for_redis_longer_than_for_its_worker(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, ask_again = keep_a_stream(served, monkeypatch)
    checks = count_checks(monkeypatch)

    def lose(*_: Any) -> bytes:
        served.bus.reached = False
        raise WorkerSilent("no answer")

    # Redis goes while the worker is asked; then it is not asked any more.
    monkeypatch.setattr(served.bus, "ask", lose)
    with stream:
        poll = ask_again()
        wait_until(lambda: len(checks) > 3)
        stream.sendall(ANSWER)
        assert poll.get(timeout=DEADLINE).text == "ok"
    assert not served.bus.reached


def test_polls_of_one_worker_share_its_sign_of_life(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_workers, "_COUNTS_FOR", 1000.0)
    stream, ask_again = keep_a_stream(served, monkeypatch)
    checks = count_checks(monkeypatch)
    served.bus.answers["runs"] = b"taken"
    with stream:
        poll = ask_again()
        wait_until(lambda: len(checks) > 3)
        assert served.bus.given.count("runs") <= 1
        stream.sendall(ANSWER)
        assert poll.get(timeout=DEADLINE).text == "ok"
