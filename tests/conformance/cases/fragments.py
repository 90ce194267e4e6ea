"""Fragmentation: which sequences of data frames are messages."""

from __future__ import annotations

from itertools import combinations, pairwise, product

from support.client_frames import frame

from .case import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    Case,
    Frame,
    bytewise,
    echo,
    fragmented,
    refused,
)

SECTION = "5.4"

NAMES = {TEXT: "text", BINARY: "binary", CONTINUATION: "continuation"}
PAYLOAD = b"frag"


def _cut_in_all_ways(payload: bytes) -> list[list[bytes]]:
    places = range(1, len(payload))
    return [
        [payload[start:end] for start, end in pairwise([0, *cuts, len(payload)])]
        for count in range(len(payload))
        for cuts in combinations(places, count)
    ]


def _in_sequence(frames: tuple[tuple[int, bool], ...]) -> Case:
    """Frames of these opcodes, final or not; what they make follows from the section alone."""
    sent: list[bytes] = []
    messages: list[str | bytes] = []
    opened: int | None = None
    collected = b""
    for i, (opcode, final) in enumerate(frames):
        payload = b"%d" % i
        sent.append(frame(opcode, payload, final=final))
        if (opcode == CONTINUATION) == (opened is None):
            return Case([b"".join(sent)], echo(*messages, required=False), [PROTOCOL_ERROR])
        opened = opcode if opened is None else opened
        collected += payload
        if final:
            messages.append(collected.decode() if opened == TEXT else collected)
            opened, collected = None, b""
    return Case([b"".join(sent)], echo(*messages))


def _title(frames: tuple[tuple[int, bool], ...]) -> str:
    return ", ".join(NAMES[opcode] + ("" if final else "...") for opcode, final in frames)


def _with_control(opcode: int, place: int) -> Case:
    frames = fragmented(TEXT, [b"one ", b"two ", b"three"])
    frames.insert(place, frame(opcode, b"between"))
    answer = echo("one two three")
    if opcode == PING:
        answer.insert(len(answer) if place == 3 else 0, Frame(PONG, b"between"))
    return Case([b"".join(frames)], answer)


_KINDS = list(product(NAMES, (True, False)))
_FIRST, _MIDDLE, _LAST = fragmented(TEXT, [b"a", b"b", b"c"])

CASES: dict[str, Case] = {
    **{
        f"{NAMES[opcode]} in the parts {b'|'.join(parts).decode()}": Case(
            [b"".join(fragmented(opcode, parts))],
            echo(PAYLOAD.decode() if opcode == TEXT else PAYLOAD),
        )
        for opcode in (TEXT, BINARY)
        for parts in _cut_in_all_ways(PAYLOAD)
    },
    **{
        f"sequence: {_title(frames)}": _in_sequence(frames)
        for length in (1, 2)
        for frames in product(_KINDS, repeat=length)
    },
    **{
        f"{name} in place {place} of three fragments": _with_control(opcode, place)
        for name, opcode in (("ping", PING), ("pong", PONG))
        for place in range(4)
    },
    "first fragment empty": Case([b"".join(fragmented(TEXT, [b"", b"x"]))], echo("x")),
    "middle fragment empty": Case([b"".join(fragmented(TEXT, [b"x", b"", b"y"]))], echo("xy")),
    "last fragment empty": Case([b"".join(fragmented(TEXT, [b"x", b""]))], echo("x")),
    "all fragments empty": Case([b"".join(fragmented(TEXT, [b"", b"", b""]))], echo("")),
    "all binary fragments empty": Case([b"".join(fragmented(BINARY, [b"", b""]))], echo(b"")),
    "each fragment in a segment of its own": Case(
        fragmented(TEXT, [b"x", b"y", b"z"]), echo("xyz")
    ),
    "three fragments byte by byte": Case(
        bytewise(b"".join(fragmented(TEXT, [b"x", b"y", b"z"]))), echo("xyz")
    ),
    "500 fragments of one byte": Case(
        [b"".join(fragmented(BINARY, [b"x"] * 500))], echo(b"x" * 500)
    ),
    "two fragmented messages": Case(
        [b"".join(fragmented(TEXT, [b"a", b"b"]) + fragmented(BINARY, [b"c", b"d"]))],
        echo("ab", b"cd"),
    ),
    "a whole message after a fragmented one": Case(
        [b"".join(fragmented(TEXT, [b"a", b"b"])) + frame(BINARY, b"c")], echo("ab", b"c")
    ),
    "pings in every gap": Case(
        [
            frame(PING, b"1")
            + _FIRST
            + frame(PING, b"2")
            + _MIDDLE
            + frame(PING, b"3")
            + frame(PING, b"4")
            + _LAST
        ],
        [*(Frame(PONG, b"%d" % number) for number in (1, 2, 3, 4)), *echo("abc")],
    ),
    "a ping and a pong between, each in its segment": Case(
        [_FIRST, frame(PING, b"?"), Frame(PONG, b"?"), frame(PONG, b"!"), _MIDDLE, _LAST],
        echo("abc"),
    ),
    "a close between fragments": Case([_FIRST + frame(CLOSE, b"\x03\xe8") + _LAST], codes=[NORMAL]),
    "a ping inside fragments, then a new message": Case(
        [_FIRST + frame(PING, b"?") + frame(TEXT, b"x")],
        [Frame(PONG, b"?")],
        [PROTOCOL_ERROR],
    ),
    "a continuation after a fragmented message": Case(
        [b"".join(fragmented(TEXT, [b"a", b"b"])), *echo("ab"), frame(CONTINUATION, b"c")],
        codes=[PROTOCOL_ERROR],
    ),
    "an empty continuation of nothing": refused(frame(CONTINUATION)),
    "a continuation of nothing byte by byte": refused(*bytewise(frame(CONTINUATION, b"x"))),
    "a new text in the third place": refused(_FIRST + _MIDDLE + frame(TEXT, b"x")),
    "a new fragmented text in the third place": refused(
        _FIRST + _MIDDLE + frame(TEXT, b"x", final=False)
    ),
}
