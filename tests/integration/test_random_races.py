"""Sessions that end for two or three reasons in one tick, in any order, hundreds of times.

The number of a case is its seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import gevent
import pytest
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from support.clients import ALL, Polling, WebSocket
from support.in_process import fail
from support.races import Ends, reset
from support.waiting import wait_until

from sockio_gevent.client import session_of

SESSIONS = 4
BATCHES = [range(first, first + 25) for first in range(0, 500, 25)]


class Case:
    """A few clients of one server, and the ways in which their sessions may end.

    Args:
        number: the seed.
        serve: the fixture.
    """

    def __init__(self, number: int, serve: Any) -> None:
        self.random = random.Random(number)
        pool = Pool() if self.random.random() < 0.5 else None
        server = WSGIServer(("127.0.0.1", 0), spawn=pool or "default", log=None)
        self.pool = pool
        self.served = serve(server=server, max_buffer=100_000)
        self.ends = Ends(self.served, greenlets=False)
        if self.random.random() < 0.3:
            self.served.listener.on("clientDisconnect", fail)
        self.served.listener.on("clientMessage", lambda message, client: client.disconnect())
        self.rests = self.random.choice([0, 0.1, 0.5])  # iterations of the loop in between
        self.closing: list[gevent.Greenlet] = []
        self.sessions = [self._join(self.random.choice(ALL)) for _ in range(SESSIONS)]

    def _join(self, kind: Any) -> tuple[Any, Any]:
        client = kind(self.served.port).open()
        session = self.served.listener.clients[client.session_id]
        if client.streams:
            wait_until(lambda: session_of(session).downlink.ready)
        elif self.random.random() < 0.7:
            client.begin_poll()
            wait_until(lambda: session_of(session).downlink is not None)
        else:
            wait_until(lambda: session_of(session).away)
        return client, session

    def disconnect(self, client: Any, session: Any) -> None:
        session.disconnect()

    def disconnect_in_thread(self, client: Any, session: Any) -> None:
        gevent.get_hub().threadpool.spawn(session.disconnect)

    def leave(self, client: Any, session: Any) -> None:
        if isinstance(client, WebSocket):
            # Raw, for it may have been reset: an empty close frame, masked with zeros.
            client.socket.sendall(b"\x88\x80\0\0\0\0")
        else:
            client.vanish()

    def vanish(self, client: Any, session: Any) -> None:
        client.vanish()

    def reset(self, client: Any, session: Any) -> None:
        reset(client)

    def overflow(self, client: Any, session: Any) -> None:
        for _ in range(3):
            session.send("x" * 90_000)

    def say_goodbye(self, client: Any, session: Any) -> None:
        session.send("goodbye")

    def expire(self, client: Any, session: Any) -> None:
        for _ in range(2):
            if session.connected:
                session_of(session)._on_deadline()

    def ask_for_the_end(self, client: Any, session: Any) -> None:
        if isinstance(client, WebSocket):
            client.socket.sendall(b"\x81\x88\0\0\0\0~m~1~m~x")
        else:
            client.begin_send("x")

    def break_the_protocol(self, client: Any, session: Any) -> None:
        if isinstance(client, WebSocket):
            client.socket.sendall(b"\x81\x01x")

    def come_again(self, client: Any, session: Any) -> None:
        if isinstance(client, Polling):
            again = client.resume()
            again.begin_poll()
            self.sessions.append((again, session))

    def close_listener(self, client: Any, session: Any) -> None:
        self.closing.append(gevent.spawn(self.served.listener.close, 0.1))

    def kill_greenlets(self, client: Any, session: Any) -> None:
        if self.pool is not None:
            self.pool.kill(block=False)

    def run(self) -> None:
        acts = [(each, *at) for at in self.sessions for each in self.random.choices(CAUSES, k=3)]
        self.random.shuffle(acts)
        for act, client, session in acts:
            try:
                act(self, client, session)
            except (OSError, HTTPException):
                pass  # the client has closed its socket, or has a request under way
            if self.random.random() < self.rests:
                gevent.sleep(0)
        gevent.sleep(0)
        for client, _ in self.sessions:
            client.vanish()
        self.served.listener.close(0)
        gevent.joinall(self.closing, raise_error=True)
        self.ends.check()
        self.served.server.stop(0)


CAUSES: list[Callable[[Case, Any, Any], None]] = [
    Case.disconnect,
    Case.disconnect_in_thread,
    Case.leave,
    Case.vanish,
    Case.reset,
    Case.overflow,
    Case.say_goodbye,
    Case.expire,
    Case.ask_for_the_end,
    Case.break_the_protocol,
    Case.come_again,
    Case.close_listener,
    Case.kill_greenlets,
]


@pytest.mark.parametrize("numbers", BATCHES, ids=str)
def test_each_session_ends_once_whatever_raced(serve, numbers):
    for number in numbers:
        try:
            Case(number, serve).run()
        except BaseException:
            print(f"case {number}")
            raise
