"""Compressed messages that no well-behaved client sends: little data that costs much."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support import client_frames
from support.attackers import open_websocket, until_closed
from support.deflated_frames import MIB, RSV1, bomb, deflated, frame, message
from support.framing import encode
from support.siege import Siege

CONTINUATION, TEXT, PING = 0, 1, 9
ON = {"per_message_deflate": True}
EMPTY_BLOCKS = b"\0\0\0\xff\xff" * 200

# The bytes of a client, and the close code that it gets.
VIOLATIONS = {
    "a bomb": (bomb(100 * MIB), 1009),
    "a bomb in fragments": (message(b" " * 50 * MIB, 100, 1000), 1009),
    "a frame of 4 GiB": (client_frames.header(TEXT, 1 << 32, reserved=RSV1), 1009),
    "streams without end": (frame(TEXT, b"\x03\0" * 30_000 + b"\0"), 1007),
    "no DEFLATE data": (frame(TEXT, b"\xff" * 1000), 1007),
    "truncated data": (frame(TEXT, deflated(b"~m~5~m~hello")[:-3]), 1007),
    "a compressed ping": (frame(PING, deflated(b"?")), 1002),
    "a compressed continuation": (
        frame(TEXT, b"", final=False) + frame(CONTINUATION, deflated(b"x")),
        1002,
    ),
}

# Sent again and again, as fast as the server takes it.
FLOODS = {
    "bombs-just-under-the-limit": bomb(MIB),
    "large-messages": message(encode("x" * 1_000_000).encode()),
    "many-messages": message(encode(*["x"] * 1000).encode()),
    "empty-messages": frame(TEXT, b"\0"),
    "empty-blocks": frame(TEXT, EMPTY_BLOCKS + b"\0"),
    "several-streams": frame(TEXT, b"\x03\0" * 15 + b"\0"),
}


def opened(siege: Siege) -> Any:
    raw, _ = open_websocket(siege, Sec_WebSocket_Extensions="permessage-deflate")
    return raw


def test_a_violation_ends_only_its_own_connection(besiege: Any) -> None:
    turn = itertools.cycle(VIOLATIONS.items())

    def attack(siege: Siege) -> None:
        raw = opened(siege)
        what, (data, code) = next(turn)
        raw.send(data)
        assert until_closed(raw) == code, what
        raw.close()

    with besiege(**ON) as siege:
        siege.run(attack)
        too_long = siege.counted("closes", "limit_exceeded")
        assert too_long > 0
        assert siege.counted("closes", "protocol_error") + too_long == siege.counted("opened")
        assert siege.counted("limits", "max_message_size") == too_long


@pytest.mark.parametrize(("name", "data"), FLOODS.items(), ids=FLOODS)
def test_a_client_that_floods_and_never_reads_does_not_delay_others(
    besiege: Any, name: str, data: bytes
) -> None:
    """Its session ends: the outbox is full, or the echo of a heartbeat is missing."""
    times = {"websocket": {"heartbeat_interval": 0.5, "timeout": 10.0}}  # bystanders have it, too

    def attack(siege: Siege) -> None:
        raw = opened(siege)
        siege.pour(raw, data * max(1, 8192 // len(data)))
        raw.close()

    with besiege(times=times, **ON) as siege:
        siege.run(attack, 30)


def test_empty_blocks_in_fragments_without_end_are_over_the_limit(besiege: Any) -> None:
    fragment = client_frames.frame(CONTINUATION, EMPTY_BLOCKS, final=False)

    def attack(siege: Siege) -> None:
        raw = opened(siege)
        raw.send(frame(TEXT, EMPTY_BLOCKS, final=False))
        raw.send(fragment * 70)
        assert until_closed(raw) == 1009
        raw.close()

    with besiege(max_message_size=60_000, **ON) as siege:
        siege.run(attack)
        siege.check_limit("max_message_size")
