"""Clients of Socket.IO that send more than their handlers take."""

from __future__ import annotations

import tracemalloc

import gevent
import pytest
from gevent.event import Event
from support.in_process import listen

from sockio_gevent.testing import Client

FLOODS = [["40/a,", "41/a,"], ["40/a,"], ['42["a"]'], ['42/a,["a"]'], ['42["message","a"]']]


@pytest.mark.parametrize("flood", FLOODS, ids=["rejoin", "connect", "event", "elsewhere", "send"])
def test_what_waits_for_a_handler_is_counted_as_what_it_takes(flood: list[str]) -> None:
    listener = listen()
    listener.of("/a")
    over = Event()
    listener.on("block", lambda client: over.wait())
    client = Client(listener, dialect="socket.io")
    session = client._session
    session.receive(["40/a,", '42["block"]'])
    session.start_handlers()
    gevent.sleep(0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2000):
            session.receive(flood)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert session.handlers.waiting >= 0.6 * taken
    while not session.handlers.full:  # the client is not read from any more
        session.receive(flood)
    over.set()
    client.disconnect()
