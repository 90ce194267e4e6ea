"""What a worker does when another one does not take what it should, on a real server.

The bus is a stand-in: no real worker can be made to fail at a certain moment.
"""

from __future__ import annotations

import json
import os
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from support import engineio
from support.raw import Raw
from support.stand_in_bus import ADDRESS, CLASSIC, OTHER, ask, with_stand_in
from support.waiting import wait_until

from sockio_gevent.cluster.bus import WorkerGone, WorkerSilent
from sockio_gevent.gateway import other_workers
from sockio_gevent.wire.handed_over import HandedOver


class Message:
    """A message of the other worker, with a descriptor."""

    def __init__(self, kind: str, body: bytes, descriptor: int) -> None:
        self.kind = kind
        self.body = body
        self._descriptor = descriptor
        self.taken = False
        self.sender = OTHER
        self.answers: list[bytes] = []

    def answer(self, body: bytes) -> None:
        self.answers.append(body)

    def take_descriptor(self) -> int:
        self.taken = True
        return self._descriptor


@pytest.fixture
def served(serve: Any) -> Any:
    """A listener with such a bus."""
    return with_stand_in(serve)


GET = f"GET {ADDRESS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_a_connection_that_may_have_been_taken_is_ended_with_an_answer(served: Any) -> None:
    served.bus.answers["connection"] = WorkerSilent("no answer")
    raw = Raw(served.port, GET)
    status, headers = raw.head()
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert headers["Connection"] == "close"
    assert json.loads(raw.end())["message"] == "the worker of this session does not answer"
    assert served.bus.given == ["connection"]
    assert served.listener.stats()["cluster"]["handed_over"] == 0


def test_the_session_of_a_worker_that_has_gone_with_a_connection_is_unknown(served: Any) -> None:
    def go(descriptor: int) -> bool:
        served.bus.there = False
        raise WorkerSilent("gone")

    served.bus.answers["connection"] = go
    raw = Raw(served.port, GET)
    assert raw.head()[0] == "HTTP/1.1 400 Bad Request"
    assert json.loads(raw.end()) == {"code": 1, "message": "Session ID unknown"}


def test_nothing_is_added_to_what_a_worker_has_answered(served: Any) -> None:
    def answer(descriptor: int) -> bool:
        os.write(descriptor, b"HTTP/1.1 200 OK\r\n")
        raise WorkerSilent("gone")

    served.bus.answers["connection"] = answer
    assert Raw(served.port, GET).end() == b"HTTP/1.1 200 OK\r\n"


def test_a_request_that_may_have_been_taken_is_refused(served: Any) -> None:
    """Nobody but this worker has its connection."""
    served.bus.answers["request"] = WorkerSilent("no answer")
    answer = ask(served)
    assert answer.status == 503
    assert json.loads(answer.text)["message"] == "the worker of this session does not answer"
    assert answer.headers["retry-after"] == "1"
    assert ask(served, CLASSIC).status == 503
    assert served.bus.given == 2 * ["connection", "request"]


def test_a_session_is_unknown_if_its_worker_takes_no_request_for_it(served: Any) -> None:
    served.bus.answers["tunnel"] = b""
    engineio.refused(ask(served), 400, 1, "Session ID unknown")
    assert served.bus.given == ["connection", "request", "tunnel"]


def test_a_session_is_unknown_if_its_worker_goes_before_it_takes_a_request_for_it(
    served: Any,
) -> None:
    def goes(descriptor: int) -> bool:
        served.bus.there = False
        return False

    served.bus.answers["request"] = goes
    served.bus.answers["tunnel"] = WorkerGone("it has gone")
    engineio.refused(ask(served), 400, 1, "Session ID unknown")
    assert served.bus.given == ["connection", "request", "tunnel"]


def test_a_session_is_not_unknown_if_its_worker_fails_to_take_a_request_and_lives(
    served: Any,
) -> None:
    served.bus.answers["tunnel"] = WorkerGone("it has not taken it")
    assert ask(served).status == 503
    wait_until(lambda: served.listener._attachment.gateway._others._tunnels._ends == {})


def test_a_worker_that_does_not_say_whether_it_takes_a_stream_is_not_waited_for(
    served: Any,
) -> None:
    served.bus.answers["tunnel"] = WorkerSilent("no answer")
    assert ask(served).status == 503
    wait_until(lambda: served.listener._attachment.gateway._others._tunnels._ends == {})


@pytest.mark.parametrize("kind", ["connection", "request", "tunnel"])
def test_a_worker_that_closes_takes_nothing_for_a_session_that_it_does_not_know(
    served: Any, kind: str
) -> None:
    ask(served, CLASSIC)
    served.listener._sessions.closing = True
    here, there = socket.socketpair()
    with here, there:
        told = HandedOver("id", ("127.0.0.1", 80), "", b"GET / HTTP/1.1\r\n\r\n")
        message = Message(kind, told.encode(), there.fileno())
        gevent.get_hub().loop.run_callback(served.bus.receivers[kind], message)
        gevent.idle()
        assert not message.taken
        assert message.answers == [b""]


def test_a_session_is_unknown_when_its_worker_has_gone_meanwhile(served: Any) -> None:
    def go(descriptor: int) -> bool:
        served.bus.there = False
        return False

    served.bus.answers["request"] = go
    engineio.refused(ask(served), 400, 1, "Session ID unknown")
    served.bus.there = True
    assert ask(served, CLASSIC).status == 404


def test_a_session_is_unknown_when_its_worker_goes_without_an_answer(served: Any) -> None:
    served.bus.answers["request"] = True  # the other end of the socket is closed then
    engineio.refused(ask(served), 400, 1, "Session ID unknown")


def test_a_worker_that_has_gone_is_not_asked(served: Any) -> None:
    served.bus.there = False
    engineio.refused(ask(served), 400, 1, "Session ID unknown")
    assert ask(served, CLASSIC).status == 404
    assert served.bus.given == []


def test_only_so_many_wait_for_one_worker(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_workers, "_MOST_WAITING", 3)
    over = Event()
    served.bus.answers["connection"] = lambda descriptor: over.wait()
    served.bus.answers["request"] = True
    request = f"GET {ADDRESS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    waiting = [Raw(served.port, request) for _ in range(3)]
    wait_until(lambda: len(served.bus.given) == 3)
    assert ask(served).status == 503
    assert served.bus.given == 3 * ["connection"]
    # Others are served.
    polling = engineio.Polling(served.port).open()
    polling.vanish()
    over.set()
    for raw in waiting:
        assert raw.end() == b""
    assert served.listener._attachment.gateway._others._waiting == {}
    assert served.listener.stats()["cluster"]["handed_over"] == 3


def test_a_request_that_was_ended_while_it_waited_ends_its_connection(served: Any) -> None:
    waits = []

    def wait(descriptor: int) -> bool:
        waits.append(gevent.getcurrent())
        gevent.sleep(100)
        return True

    served.bus.answers["connection"] = wait
    raw = Raw(served.port, f"GET {ADDRESS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    wait_until(lambda: waits)
    waits[0].kill()
    assert raw.end() == b""


def take(served: Any, kind: str, body: bytes) -> Message:
    """Give the worker a message with a file that is no socket."""
    ask(served, "/socket.io/xhr-polling/x/1")  # it knows its server by that
    reading, writing = os.pipe()
    os.close(writing)
    message = Message(kind, body, reading)
    gevent.get_hub().loop.run_callback(served.bus.receivers[kind], message)
    wait_until(lambda: any("a worker has handed" in line for line in served.lines))
    if not message.taken:
        os.close(reading)
    return message


@pytest.mark.parametrize("kind", ["connection", "request", "tunnel"])
def test_a_malformed_message_is_refused_and_logged(served: Any, kind: str) -> None:
    message = take(served, kind, b'["x"]\nGET / HTTP/1.1\r\n\r\n')
    assert not message.taken
    assert served.wait_line("a worker has handed a connection over wrongly: not the three values")


@pytest.mark.parametrize("kind", ["connection", "request"])
def test_what_is_no_socket_is_closed_and_logged(served: Any, kind: str) -> None:
    told = HandedOver("id", ("127.0.0.1", 80), "127.0.0.1:80", b"GET / HTTP/1.1\r\n\r\n")
    message = take(served, kind, told.encode())
    assert message.taken
    assert served.wait_line("a worker has handed over no socket")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(message._descriptor)


def test_what_is_handed_over_before_any_request_has_come_is_not_taken(served: Any) -> None:
    """No server is known through which it could come in."""
    ask(served, CLASSIC)
    served.listener._attachment.gateway._others._theirs.doors._doors.clear()
    here, there = socket.socketpair()
    told = HandedOver("id", ("127.0.0.1", 80), "127.0.0.1:80", b"GET / HTTP/1.1\r\n\r\n")
    message = Message("connection", told.encode(), there.fileno())
    gevent.get_hub().loop.run_callback(served.bus.receivers["connection"], message)
    gevent.idle()
    assert not message.taken
    here.close()
    there.close()
