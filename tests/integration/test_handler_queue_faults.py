"""The handler queue where it is easy to get wrong: ends, kills, context variables, counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import gevent
import pytest
from gevent import socket as sockets
from gevent.pywsgi import WSGIServer

import sockio_gevent

CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


def framed(text: str) -> str:
    return f"~m~{len(text)}~m~{text}"


def frame(*texts: str) -> bytes:
    payload = "".join(map(framed, texts)).encode()
    size = len(payload)
    head = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + head + b"\0\0\0\0" + payload


class Server:
    def __init__(self, spawn: Any = "default", **options: Any) -> None:
        self.server = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None, spawn=spawn)
        self.listener = sockio_gevent.listen(
            self.server, flash_policy_port=None, log=False, **options
        )
        self.server.start()

    def connect(self) -> Any:
        return sockets.create_connection(("127.0.0.1", self.server.server_port))

    def websocket(self) -> Any:
        client = self.websocket_begun()
        received = b""
        while b"~m~40~m~" not in received:
            received += client.recv(4096)
        return client

    def websocket_begun(self) -> Any:
        client = self.connect()
        client.sendall(
            b"GET /socket.io/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        return client

    def poll(self) -> str:
        client = self.connect()
        client.sendall(b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b"~m~40~m~" not in received:
            received += client.recv(4096)
        client.close()
        return received[-40:].decode()

    def post(self, client: Any, session_id: str, *texts: str) -> None:
        body = b"data=" + "".join(map(framed, texts)).encode()
        client.sendall(
            b"POST /socket.io/xhr-polling/%b/send HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (session_id.encode(), len(body), body)
        )


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(90, AssertionError("it takes too long")):
        yield


def until(condition: Any) -> None:
    while not condition():
        gevent.sleep(0.02)


def test_a_handler_that_begins_after_the_end_of_its_session_is_stopped_in_time() -> None:
    gone: list[Any] = []
    server = Server(handler_timeout=0.3, on_client_disconnect=gone.append)
    server.listener.on("clientMessage", lambda message, client: gevent.sleep(1000))
    server.websocket().sendall(frame("hello") + CLOSE)
    until(lambda: gone)


def test_the_handlers_behind_one_that_is_stopped_do_not_begin_after_the_end() -> None:
    begun: list[Any] = []
    gone: list[Any] = []
    server = Server(handler_timeout=0.3, on_client_disconnect=gone.append)

    @server.listener.on("clientMessage")
    def block(message: Any, client: Any) -> None:
        begun.append(message)
        gevent.sleep(1000)

    client = server.websocket()
    client.sendall(frame("1", "2", "3"))
    until(lambda: begun)
    client.sendall(CLOSE)
    until(lambda: gone)
    assert begun == ["1"]


def test_no_heartbeat_is_missed_while_the_queue_is_between_half_and_full() -> None:
    begun: list[Any] = []
    go_on = gevent.event.Event()
    times = {"websocket": {"heartbeat_interval": 0.2, "timeout": 0.2}}
    server = Server(max_message_size=64 * 1024, transport_options=times)

    @server.listener.on("clientMessage")
    def block(message: Any, client: Any) -> None:
        begun.append(message)
        if len(begun) == 2:
            go_on.wait()
        gevent.sleep(0.01)

    client = server.websocket()

    def echo() -> None:
        while data := client.recv(4096):
            for part in data.split(b"~h~")[1:]:
                client.sendall(frame("~h~" + part.partition(b"\x81")[0].decode()))

    gevent.spawn(echo)
    for _ in range(4):
        client.sendall(frame("x" * 30000))
    until(lambda: len(begun) == 2)
    gevent.sleep(3)
    go_on.set()
    until(lambda: len(begun) == 4)
    gevent.sleep(1)
    assert len(server.listener.clients) == 1


def test_sessions_that_have_ended_let_go_of_what_waits_for_their_handlers() -> None:
    server = Server(max_memory=1024 * 1024)
    server.listener.on("clientMessage", lambda message, client: gevent.sleep(1000))
    for _ in range(10):
        client = server.websocket()
        client.sendall(b"".join([frame("x" * 50000)] * 9))
        gevent.sleep(0.05)
        client.sendall(CLOSE)
    until(lambda: not server.listener.clients)
    until(lambda: server.listener._sessions.memory.held <= 1024 * 1024)


def test_a_post_that_was_answered_is_kept_though_an_earlier_one_is_answered_later() -> None:
    handled: list[Any] = []
    server = Server()

    @server.listener.on("clientMessage")
    def first(message: Any, client: Any) -> None:
        handled.append(message)
        if message == "1":
            gevent.sleep(0.5)
            client.disconnect()

    session = server.listener._sessions
    session_id = server.poll()
    found = session.by_id[session_id]
    one, two = server.connect(), server.connect()
    gevent.sleep(0.5)
    server.post(two, session_id, "2", "3")
    server.post(one, session_id, "1")  # libev calls for the last one first
    time.sleep(0.5)  # both are there when the loop looks
    assert one.recv(4096).startswith(b"HTTP/1.1 200")
    answer = two.recv(4096)
    until(lambda: found.ending is not None and not found.handlers.calls)
    if answer.startswith(b"HTTP/1.1 200"):
        assert {"2", "3"} <= {*handled}


@pytest.mark.parametrize("text", ['~j~"\\ud83d\\ude00' + "a" * 40000 + '"'])
def test_escapes_cost_what_they_become(text: str) -> None:
    server = Server()
    server.listener.on("clientMessage", lambda message, client: gevent.sleep(1000))
    client = server.websocket()
    client.sendall(frame("first") + frame(text))
    session = next(iter(server.listener._sessions.by_id.values()))
    until(lambda: session.handlers.waiting)
    assert session.handlers.waiting >= 160000


def test_a_request_that_is_killed_in_a_handler_ends() -> None:
    begun: list[Any] = []
    server = Server(spawn=5, on_connection=lambda client: (begun.append(1), gevent.sleep(1000)))
    client = server.websocket_begun()
    until(lambda: begun)
    greenlets = list(server.server.pool)
    began = time.monotonic()
    server.server.stop(0)
    gevent.joinall(greenlets, timeout=60)
    assert time.monotonic() - began < 4
    client.close()


def test_a_limit_is_counted_though_the_client_closes_in_the_same_breath() -> None:
    server = Server(max_payload_messages=2)
    server.websocket().sendall(frame("1", "2", "3") + CLOSE)
    until(lambda: not server.listener.clients)
    assert server.listener.stats()["closes"]["limit_exceeded"] == 1


def test_a_message_before_a_close_sees_the_context_variables_of_its_connection() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="")
    seen: list[str] = []
    server = Server(on_connection=lambda client: variable.set("set"))
    server.listener.on("clientMessage", lambda message, client: seen.append(variable.get()))
    server.websocket().sendall(frame("1") + CLOSE)
    until(lambda: seen)
    assert seen == ["set"]
