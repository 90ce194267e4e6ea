"""Messages from other threads arrive once, and in the order of each thread."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool
from support.clients import ALL, HTMLFile, Polling, ServerEvents, WebSocket, as_json
from support.http import DEADLINE, Ended
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent import testing
from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

MESSAGES = 3000
THREADS = 4


@pytest.fixture(autouse=True)
def switching_often():
    """Python switches threads a hundred times as often, so that their steps interleave."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


@contextmanager
def threads(work: Callable[[int], None], count: int = THREADS) -> Iterator[None]:
    """Run this in so many threads, given their numbers, until the block is left."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for each in running:
        each.start()
    try:
        yield
    finally:
        wait_until(lambda: not any(each.is_alive() for each in running))
    assert failures == []


def in_thread(work: Callable[[], Any]) -> Any:
    """Run this in another thread while this one waits; return its result."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(DEADLINE)
    assert found, "the thread has not ended, or has failed"
    return found[0]


def check_order(messages: list[Any], count: int = THREADS, each: int = MESSAGES) -> None:
    """Check that all messages of all threads are there, those of each thread in order."""
    by_thread: dict[int, list[int]] = {number: [] for number in range(count)}
    for thread, number in messages:
        by_thread[thread].append(number)
    assert by_thread == {number: list(range(each)) for number in range(count)}


def test_broadcasts_of_several_threads_reach_each_client_once_and_in_order(serve):
    served = serve(max_buffer=64 * 1024 * 1024)
    clients = [kind(served.port).open() for kind in ALL]
    served.wait("connection", len(clients))
    received = [gevent.spawn(receive, client, THREADS * MESSAGES) for client in clients]

    def work(thread: int) -> None:
        for number in range(MESSAGES):
            served.listener.broadcast([thread, number])

    with threads(work):
        gevent.joinall(received, timeout=DEADLINE, raise_error=True)
    for each in received:
        check_order(each.value)
    sent = served.listener.stats()["messages"]["out"]
    assert sent == len(clients) * THREADS * MESSAGES


def receive(client: Any, count: int) -> list[Any]:
    return [as_json(client.receive()) for _ in range(count)]


@pytest.mark.parametrize(
    "kind", [WebSocket, ServerEvents, Polling], ids=lambda kind: kind.transport
)
def test_messages_of_threads_of_a_pool_arrive(serve, kind):
    served = serve(max_buffer=64 * 1024 * 1024)
    client = kind(served.port).open()
    session = served.wait("connection")[1]
    pool = ThreadPool(THREADS)

    def work(thread: int) -> None:
        for number in range(MESSAGES):
            session.send([thread, number])

    running = [pool.spawn(work, thread) for thread in range(THREADS)]
    try:
        check_order(receive(client, THREADS * MESSAGES))
        gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    finally:
        pool.kill()
    client.vanish()


def test_messages_that_a_thread_sends_before_it_disconnects_a_client_arrive(serve):
    served = serve()
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]

    def work(thread: int) -> None:
        for number in range(10):
            session.send([thread, number])
        session.disconnect()
        session.send("too late")

    with threads(work, count=1):
        check_order(receive(client, 10), count=1, each=10)
        assert client.wait_closed() == 1000
    assert served.listener.stats()["messages"]["out"] == 10


def test_a_message_of_a_thread_is_sent_while_the_loop_is_idle(serve):
    """The loop sleeps: the thread wakes it."""
    served = serve()
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]
    with threads(lambda _: session.send([0, 0]), count=1):
        check_order(receive(client, 1), count=1, each=1)


def test_a_thread_that_sends_before_anything_else_was_sent_is_bound_to_no_loop(serve):
    """It broadcasts when the client has just been let in."""
    served = serve()

    @served.listener.on("clientConnect")
    def connected(client):
        in_thread(lambda: served.listener.broadcast("early") or True)

    for kind in (WebSocket, Polling, HTMLFile):
        client = kind(served.port).open()
        assert client.receive() == "early"
        client.vanish()


def test_a_listener_that_another_thread_has_used_first_serves_here(serve):
    served = serve()
    in_thread(lambda: served.listener.broadcast("nobody is there") or True)
    in_thread(lambda: served.listener.stats())
    client = WebSocket(served.port).open()
    client.send("hello")
    assert served.wait("message")[1] == "hello"


def test_clients_may_be_iterated_over_while_others_come_and_go(serve):
    served = serve()
    stop = threading.Event()
    rounds = Counter[int]()

    def work(thread: int) -> None:
        while not stop.is_set():
            for client in served.listener.clients.values():
                client.send("tick")
            rounds[thread] += len(list(served.listener.clients)) + 1

    with threads(work, count=2):
        try:
            for _ in range(5):
                for client in [WebSocket(served.port).open() for _ in range(5)]:
                    client.vanish()
            wait_until(lambda: len(rounds) == 2)
        finally:
            stop.set()


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def served_in_a_thread(listener: io.Listener) -> Iterator[int]:
    """Serve a listener in a thread, as fixtures of test suites do; yield the port."""
    ready, stopped = threading.Event(), threading.Event()
    ports: list[int] = []

    def run() -> None:
        server = WSGIServer(("127.0.0.1", 0), listener, log=None)
        server.start()
        ports.append(server.server_port)
        ready.set()
        while not stopped.is_set():
            gevent.sleep(0.001)
        server.stop(0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(ready.is_set)
        yield ports[0]
    finally:
        stopped.set()
        wait_until(lambda: not thread.is_alive())


def use(listener: io.Listener) -> bool:
    """Talk to a listener in this thread, without a server."""
    with testing.Client(listener) as client:
        client.send("hello")
        listener.broadcast("news")
        return client.receive() == "news"


def test_a_second_server_in_another_thread_serves_like_the_first():
    listener = io.listen(hello, log=False, transports=KNOWN_TRANSPORTS)
    in_thread(lambda: use(listener))
    heard: list[Any] = []
    listener.on("clientMessage", lambda message, client: heard.append(message))
    for turn in range(3):
        with served_in_a_thread(listener) as port:
            clients = [kind(port).open() for kind in ALL]
            for each in clients:
                each.send(f"{turn} {each.transport}")
            listener.broadcast([0, 0])
            for each in clients:
                check_order(receive(each, 1), count=1, each=1)
            wait_until(lambda: len(heard) == len(ALL))
            assert {f"{turn} {kind.transport}" for kind in ALL} == set(heard)
            heard.clear()
            for each in clients:
                each.vanish()
            wait_until(
                lambda: not any(not session_of(client).away for client in listener.clients.values())
            )


def test_sessions_end_with_the_thread_that_serves_them():
    lines: list[str] = []
    gone: list[Any] = []
    listener = io.listen(hello, log=lines.append)
    listener.on("clientDisconnect", gone.append)
    with served_in_a_thread(listener) as port:
        left = [WebSocket(port).open(), Polling(port).open(), ServerEvents(port).open()]
        wait_until(lambda: len(listener.clients) == len(left))
        before = listener.stats()
        loops = listener._sessions.loops.all()
    # Messages to them go nowhere, and that is not an error.
    listener.broadcast("anyone there?")
    with served_in_a_thread(listener) as port:
        client = WebSocket(port).open()
        client.send("hello")
        wait_until(lambda: len(gone) == len(left) and not listener._sessions.closing_sessions)
        assert list(listener.clients) == [client.session_id]
        assert sum(" the thread that served it has ended" in line for line in lines) == len(left)
        # The counts of the other thread are kept.
        wait_until(lambda: listener.stats()["bytes"]["out"] > before["bytes"]["out"])
        assert listener._sessions.quota._total == 1
        assert len(listener._sessions.loops.all()) == 1
        assert listener._sessions.loops.all() != loops, (
            "the loop of a thread that has ended is kept"
        )
        client.vanish()
    for each in left:
        each.vanish()


def test_a_listener_is_closed_from_another_thread_than_the_one_that_serves():
    listener = io.listen(hello, log=False, transports=KNOWN_TRANSPORTS)
    with served_in_a_thread(listener) as port:
        clients = [WebSocket(port).open(), ServerEvents(port).open()]
        wait_until(lambda: len(listener.clients) == len(clients))
        closing = gevent.spawn(listener.close, DEADLINE)
        assert clients[0].wait_closed() == 1001
        clients[1].wait_closed()
        closing.join(DEADLINE)
        assert closing.ready()
        assert not listener.clients
        assert not listener._sessions.closing_sessions


def test_several_threads_may_close_a_listener_at_once():
    listener = io.listen(hello, log=False, transports=KNOWN_TRANSPORTS)
    with served_in_a_thread(listener) as port:
        client = WebSocket(port).open()
        wait_until(lambda: len(listener.clients) == 1)
        with threads(lambda _: listener.close(DEADLINE), count=3):
            assert client.wait_closed() == 1001
        assert not listener.clients


def test_close_does_not_wait_for_sessions_of_a_thread_that_has_ended():
    gone: list[Any] = []
    listener = io.listen(hello, log=False, on_client_disconnect=gone.append)
    with served_in_a_thread(listener) as port:
        client = WebSocket(port).open()
        client.send_bytes(b"\x81\xff" + (100_000).to_bytes(8, "big") + bytes(4) + b"x" * 50_000)
        wait_until(lambda: listener._sessions.memory.held > 40_000)
    with gevent.Timeout(DEADLINE):
        listener.close(None)
    assert len(gone) == 1
    assert listener._sessions.memory.held == 0
    # Its connection is closed, too.
    client.wait_closed()


def test_a_request_for_a_session_of_another_thread_is_refused(serve):
    """Two servers of one listener, each in a thread of its own."""
    served = serve()
    client = Polling(served.port).open()
    with served_in_a_thread(served.listener) as port:
        with pytest.raises(Ended) as refused:
            Polling(port, client.session_id).poll()
        assert refused.value.args[0] == 421
        # There it has sessions of its own, and a broadcast reaches both.
        other = Polling(port).open()
        served.listener.broadcast([0, 0])
        check_order(receive(other, 1), count=1, each=1)
        check_order(receive(client, 1), count=1, each=1)


def test_a_broadcast_gives_no_work_to_a_thread_without_clients():
    """The thread has served, and its loop does not run any more."""
    listener = io.listen(hello, log=False)
    done, stopped = threading.Event(), threading.Event()

    def use_and_stay() -> None:
        use(listener)
        done.set()
        stopped.wait(DEADLINE)

    thread = threading.Thread(target=use_and_stay)
    thread.start()
    try:
        wait_until(done.is_set)
        for _ in range(100):
            listener.broadcast("news")
        assert [len(loop._calls) for loop in listener._sessions.loops.all()] == [0]
    finally:
        stopped.set()
        thread.join(DEADLINE)
