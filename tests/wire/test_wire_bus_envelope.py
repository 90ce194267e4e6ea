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
    assert envelopes().read(data) == (ANN, Frame(ASK, "kind", 7, b"body"))


def test_what_was_written_twice_is_read_once() -> None:
    writer, reader = envelopes(), envelopes()
    first, second = (writer.write(ANN, TELL, "a", 0, b"%d" % number) for number in range(2))
    other = envelopes().write(BEN, TELL, "a", 0, b"other")
    found = [reader.read(data)[1] for data in (first, second, first, second, other)]
    assert [each and each.body for each in found] == [b"0", b"1", None, None, b"other"]
    reader.forget(ANN)
    assert reader.read(first)[1] is not None


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
        envelopes().read(data)
