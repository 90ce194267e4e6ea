"""Clients that ask for answers and do not read them."""

from __future__ import annotations

import itertools

import pytest
from support.attackers import open_poll, open_stream, open_websocket, request
from support.doors import head
from support.siege import MEGABYTE

POLLS = ("xhr-polling", "jsonp-polling")
STREAMS = ("server-events", "htmlfile", "xhr-multipart")
NEWS = 100_000  # bytes
# The buffers of both sockets, and then the outbox (option max_buffer).
ENOUGH = 3 * MEGABYTE // NEWS


def listen_only(siege, transport):
    """Open a session whose messages nobody reads."""
    if transport == "websocket":
        raw, _ = open_websocket(siege)
    elif transport in STREAMS:
        raw, _ = open_stream(siege, transport)
    else:
        raw, session_id = open_poll(siege, transport)
        raw.send(head(transport, session_id))
    siege.hold()
    raw.close()


@pytest.mark.parametrize(
    "transports", [["websocket"], STREAMS, POLLS], ids=["websocket", "streams", "polls"]
)
def test_a_reader_that_stops_keeps_no_broadcast_from_others(besiege, transports):
    turn = itertools.cycle(transports)
    with besiege() as siege:

        def tell_news():
            for _ in range(ENOUGH):
                siege.bystanders.wait_news(siege.target.ask(f"/news/{NEWS}"))

        siege.run(lambda siege: listen_only(siege, next(turn)), meanwhile=tell_news)
        assert siege.counted("closes", "buffer_full") == siege.counted("opened")


# Hundreds of answers that nobody reads, each far too long for the socket buffers.
PIPELINES = {
    "pages of the application": request("GET", "/plain/100000"),
    "the client file": request("GET", "/socket.io/socket.io.js"),
    "refusals": request("GET", "/socket.io/websocket"),
    "preflights": request("OPTIONS", "/socket.io/xhr-polling"),
    "new sessions": request("GET", "/socket.io/xhr-polling"),
}


@pytest.mark.parametrize("asked", PIPELINES.values(), ids=PIPELINES)
def test_answers_that_nobody_reads_take_no_memory(besiege, asked):
    def attack(siege):
        raw = siege.connect()
        siege.pour(raw, asked * 50)
        raw.close()

    with besiege() as siege:
        siege.run(attack)
