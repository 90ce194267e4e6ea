"""Frames that no well-behaved client sends."""

from __future__ import annotations

import itertools

import pytest
from support.attackers import open_websocket, until_closed
from support.client_frames import MASK, frame, header
from support.framing import encode

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

BEGUN = frame(TEXT, b"~m~", final=False)

# The bytes of a client, and the close code that it gets.
TOO_LONG = {
    "4 GiB": (header(TEXT, 1 << 32) + MASK + b"~m~", 1009),
    "2^63-1 bytes": (header(TEXT, (1 << 63) - 1) + MASK + b"~m~", 1009),
    "fragments without end": (
        BEGUN + frame(CONTINUATION, b"x" * 1024, final=False) * 65,
        1009,
    ),
    "a fragment of 4 GiB": (BEGUN + header(CONTINUATION, 1 << 32) + MASK, 1009),
    "2^63 bytes": (header(TEXT, 1 << 63) + MASK, 1002),
    "a long control frame": (header(PING, 1 << 32) + MASK, 1002),
}
FORBIDDEN = {
    "a reserved bit": (header(TEXT, 5, reserved=4) + MASK + b"hello", 1002),
    "an opcode nobody knows": (header(3, 0) + MASK, 1002),
    "no mask": (header(TEXT, 5, masked=False) + b"hello", 1002),
    "a binary message": (frame(BINARY, b"~m~5~m~hello"), 1003),
    "a frame that continues nothing": (frame(CONTINUATION, b"hello"), 1002),
    "a message in a message": (BEGUN + frame(TEXT, b"hello"), 1002),
    "a close code that is none": (frame(CLOSE, b"\x03\xed"), 1002),
}
NOT_UTF_8 = {
    "a byte": (frame(TEXT, b"~m~1~m~\xff"), 1007),
    "half a character": (frame(TEXT, "~m~1~m~é".encode()[:-1]), 1007),
    "a surrogate": (frame(TEXT, b"~m~1~m~\xed\xa0\x80"), 1007),
    "an overlong NUL": (frame(TEXT, b"~m~1~m~\xc0\x80"), 1007),
    "a reason": (frame(CLOSE, b"\x03\xe8\xc0\x80"), 1007),
}


@pytest.mark.parametrize(
    "table", [TOO_LONG, FORBIDDEN, NOT_UTF_8], ids=["too-long", "forbidden", "not-UTF-8"]
)
def test_a_protocol_error_ends_only_its_own_connection(besiege, table):
    turn = itertools.cycle(table.items())

    def attack(siege):
        raw, _ = open_websocket(siege)
        what, (data, code) = next(turn)
        raw.send(data)
        assert until_closed(raw) == code, what
        raw.close()

    with besiege() as siege:
        siege.run(attack)
        too_long = siege.counted("closes", "limit_exceeded")
        assert siege.counted("closes", "protocol_error") + too_long == siege.counted("opened")
        assert siege.counted("limits", "max_message_size") == too_long
        assert (too_long > 0) == (table is TOO_LONG)


# Where a connection is reset.
MIDDLES = {
    "a frame's header": header(TEXT, 1000)[:2],
    "a mask": header(TEXT, 1000) + MASK[:2],
    "a frame": header(TEXT, 1000) + MASK + b"~m~5~m~hello",
    "a long frame": header(TEXT, 60_000) + MASK + b"x" * 50_000,
    "a message": BEGUN,
    "a ping in a message": BEGUN + header(PING, 9) + MASK,
    "a close frame": header(CLOSE, 9) + MASK + b"\x03",
    "nothing": b"",
}


def test_a_reset_in_the_middle_of_something_ends_the_session(besiege):
    turn = itertools.cycle(MIDDLES.values())

    def attack(siege):
        raw, _ = open_websocket(siege)
        raw.send(next(turn))
        raw.reset()

    with besiege() as siege:
        siege.run(attack)
        opened = siege.counted("opened")
        siege.wait_counted(opened, "closes", "connection_lost")
        assert siege.counted("closes", "connection_lost") == opened


# Sent again and again, as fast as the server takes it.
FLOODS = {
    "pings": frame(PING, b"x" * 125),
    "empty-pings": frame(PING),
    "pongs": frame(PONG, b"x" * 125),
    "empty-fragments": frame(CONTINUATION, final=False),
    "messages": frame(TEXT, encode("x").encode()),
    "batches": frame(TEXT, encode(*["x"] * 1000).encode()),
    "empty-batches": frame(TEXT, encode(*[""] * 9000).encode()),
    "heartbeats": frame(TEXT, encode(*["~h~1"] * 1000).encode()),
    "not-even-messages": frame(TEXT, b"~m~" * 1000),
    "no-JSON": frame(TEXT, encode(*["~j~["] * 1000).encode()),
    "deep-JSON": frame(TEXT, encode("~j~" + "[" * 60_000).encode()),
    "deep-and-sound-JSON": frame(TEXT, encode("~j~" + "[" * 960 + "]" * 960).encode()),
    "long-numbers": frame(TEXT, encode("~j~" + "9" * 60_000).encode()),
    "odd-JSON": frame(TEXT, encode(*["~j~1e999", "~j~NaN", '~j~"\\ud800"'] * 300).encode()),
}


@pytest.mark.parametrize(("name", "data"), FLOODS.items(), ids=FLOODS)
def test_a_client_that_floods_and_never_reads_does_not_delay_others(besiege, name, data):
    """Its session ends: the outbox is full, or the echo of a heartbeat is missing."""
    times = {"websocket": {"heartbeat_interval": 0.5, "timeout": 10.0}}  # bystanders have it, too
    begin = BEGUN if name == "empty-fragments" else b""

    def attack(siege):
        raw, _ = open_websocket(siege)
        raw.send(begin)
        siege.pour(raw, data * max(1, 8192 // len(data)))
        raw.close()

    with besiege(times=times) as siege:
        siege.run(attack, 100)
