"""Connections that end, or end one direction, at an unexpected point."""

from __future__ import annotations

import itertools

import pytest
from support.attackers import half_close, open_poll, open_stream, open_websocket, post, request
from support.client_frames import MASK, header
from support.doors import head

UNKNOWN = "0123456789abcdef" * 2 + "01234567"


def in_a_request_line(siege):
    return siege.connect(b"GET /socket.io/xhr-poll")


def in_a_head(siege):
    return siege.connect(head("xhr-polling")[:-5])


def in_a_handshake(siege):
    return siege.connect(head("websocket")[:-2])


def in_an_old_handshake(siege):
    """A draft whose last eight bytes do not come."""
    lines = ["Upgrade: WebSocket", "Connection: Upgrade", "Origin: http://x"]
    lines += ["Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"]
    return siege.connect(request("GET", "/socket.io/websocket", *lines) + b"^n:")


def in_a_body(siege):
    raw, session_id = open_poll(siege)
    raw.send(post(session_id, b"data=~m~5~m~hello")[:-3])
    return raw


def in_a_body_for_nobody(siege):
    return siege.connect(post(UNKNOWN, b"data=~m~5~m~hello")[:-3])


def in_a_chunk(siege):
    raw, session_id = open_poll(siege)
    place = f"/socket.io/xhr-polling/{session_id}/send"
    raw.send(request("POST", place, "Transfer-Encoding: chunked", body=b"11\r\ndata=~m~"))
    return raw


def in_a_poll(siege):
    raw, session_id = open_poll(siege)
    raw.send(head("xhr-polling", session_id))
    return raw


def in_an_old_poll(siege):
    raw, session_id = open_poll(siege, "jsonp-polling")
    raw.send(head("jsonp-polling", session_id))
    return raw


def in_a_stream(siege):
    return open_stream(siege, "server-events")[0]


def in_a_page(siege):
    return open_stream(siege, "htmlfile")[0]


def in_a_websocket(siege):
    return open_websocket(siege)[0]


def in_a_frame(siege):
    raw, _ = open_websocket(siege)
    raw.send(header(1, 1000) + MASK + b"~m~")
    return raw


MIDDLES = {
    "heads": [in_a_request_line, in_a_head, in_a_handshake, in_an_old_handshake],
    "bodies": [in_a_body, in_a_body_for_nobody, in_a_chunk],
    "answers": [in_a_poll, in_an_old_poll, in_a_stream, in_a_page],
    "sockets": [in_a_websocket, in_a_frame],
}
middles = pytest.mark.parametrize("middles", MIDDLES.values(), ids=MIDDLES)


@middles
def test_a_client_that_ends_its_direction_is_not_waited_for(besiege, middles):
    """The client still reads: the server has to end the connection."""
    turn = itertools.cycle(middles)

    def attack(siege):
        raw = next(turn)(siege)
        half_close(raw)
        raw.end()
        raw.close()

    with besiege() as siege:
        siege.run(attack)


@middles
def test_a_reset_leaves_nothing_behind(besiege, middles):
    turn = itertools.cycle(middles)

    def attack(siege):
        next(turn)(siege).reset()

    with besiege() as siege:
        siege.run(attack)
