"""Frames over channels: each with its sender and a number, and read once."""

from __future__ import annotations

import pytest

from sockio_gevent.cluster.names import NAME, WIDTH
from sockio_gevent.wire.bus_envelope import Envelopes
from sockio_gevent.wire.bus_frames import ASK, TELL, BadFrame, Frame, frame

ANN, BEN = "a" * WIDTH, "b" * WIDTH


def envelopes() -> Envelopes:
    return Envelopes(NAME, WIDTH, 1000)


def test_a_frame_is_read_with_its_sender() -> None:
    data = envelopes().write(ANN, ASK, "kind", 7, b"body")
    assert list(envelopes().read(data)) == [(ANN, Frame(ASK, "kind", 7, b"body"))]


def test_several_frames_are_read_out_of_one_message() -> None:
    writer = envelopes()
    pieces = [writer.write(ANN, TELL, "a", 0, b"%d" % number) for number in range(3)]
    reader = envelopes()
    bodies = [
        [found.body for _, found in reader.read(data)]
        for data in (b"".join(pieces[:2]), b"".join(pieces))
    ]
    # The first message was written again, with one more frame behind.
    assert bodies == [[b"0", b"1"], [b"2"]]


def test_frames_before_a_malformed_one_are_read() -> None:
    reading = envelopes().read(envelopes().write(ANN, TELL, "a", 0, b"good") + b"bad")
    assert next(reading) == (ANN, Frame(TELL, "a", 0, b"good"))
    with pytest.raises(BadFrame):
        next(reading)


def test_what_was_written_twice_is_read_once() -> None:
    writer, reader = envelopes(), envelopes()
    first, second = (writer.write(ANN, TELL, "a", 0, b"%d" % number) for number in range(2))
    other = envelopes().write(BEN, TELL, "a", 0, b"other")
    found = [list(reader.read(data)) for data in (first, second, first, second, other)]
    assert [[frame.body for _, frame in each] for each in found] == [
        [b"0"],
        [b"1"],
        [],
        [],
        [b"other"],
    ]
    reader.forget(ANN)
    assert list(reader.read(first))


def test_no_more_senders_are_remembered_than_there_can_be() -> None:
    reader = envelopes()
    for number in range(10_050):
        name = f"{number:0{WIDTH}d}"
        assert list(reader.read(envelopes().write(name, TELL, "a", 0, b"")))
    assert len(reader._last) == 10_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 50,
        ANN.encode(),
        ANN.encode() + bytes(7) + b"\1",
        ANN.encode() + bytes(7) + b"\1" + frame(TELL, "a", 0, bytes(2000)),
        ANN.encode() + bytes(7) + b"\1" + 2 * frame(TELL, "a", 0, b""),
        ANN.encode() + bytes(7) + b"\1" + frame(TELL, "a", 0, b"")[:-1],
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        list(envelopes().read(data))
