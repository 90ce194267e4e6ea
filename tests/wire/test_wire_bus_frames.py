"""The frames between workers: written, read in any pieces, and refused."""

from __future__ import annotations

import pytest

from sockio_gevent.wire.bus_frames import ANSWER, ASK, TELL, BadFrame, Frame, Frames, frame

SOME = [
    Frame(TELL, "note", 0, b""),
    Frame(ASK, "call", 7, b"body"),
    Frame(ANSWER, "", 2**64 - 1, bytes(range(256))),
]
WRITTEN = b"".join(frame(*each) for each in SOME)


@pytest.mark.parametrize("size", [1, 2, 13, 14, 15, 50, len(WRITTEN)])
def test_frames_are_read_in_any_pieces(size: int) -> None:
    frames = Frames(1000)
    found: list[Frame] = []
    for start in range(0, len(WRITTEN), size):
        found += frames.take(WRITTEN[start : start + size])
    assert found == SOME


def test_the_largest_frame_is_read_and_a_larger_one_refused_by_its_head() -> None:
    assert len(list(Frames(104).take(frame(TELL, "note", 0, bytes(100))))) == 1
    with pytest.raises(BadFrame, match="105 bytes, and 104 are allowed"):
        list(Frames(104).take(frame(TELL, "note", 0, bytes(101))[:14]))


def test_whoever_handles_a_frame_may_allow_larger_ones_behind_it() -> None:
    frames = Frames(10)
    found = []
    for each in frames.take(frame(TELL, "a", 0, b"") + frame(TELL, "b", 0, bytes(500))):
        found.append(each.kind)
        frames.largest = 1000
    assert found == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    [
        bytes([0, 0, 0, 9, 99, 4]) + bytes(8),  # an unknown form
        bytes([0, 0, 0, 1, TELL, 4]) + bytes(8),  # a kind that is longer than the rest
        bytes([0, 0, 0, 4, TELL, 4]) + bytes(8) + b"\xff\xff\xff\xff",
        bytes([0, 0, 0, 4, TELL, 4]) + bytes(8) + b"A b ",
        bytes([0, 0, 0, 50, TELL, 50]) + bytes(8) + b"a" * 50,
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Frames(1000).take(data))
