"""Which ends of sessions the soak of several workers forgives."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.soaking.judge import Deed, excuse

KILLED = Deed("killed", frozenset((1,)), 100.0, 100.0, kills=True)
STOPPED = Deed("stopped", frozenset((2,)), 200.0, 210.0, kills=False)
DEEDS = [STOPPED, KILLED]


@pytest.mark.parametrize(
    ("worker", "at", "why"),
    [
        (1, 100.1, "its worker was killed"),
        (1, 500.0, "its worker was killed"),
        (1, 99.9, ""),
        (2, 199.0, ""),
        (2, 205.0, "its worker stood still"),
        (2, 220.0, "its worker stood still"),
        (2, 300.0, ""),
        (3, 102.0, "one of its connections had come to a worker that was killed"),
        (3, 110.0, ""),
        (3, 205.0, ""),
        (0, 102.0, "not opened yet"),
        (0, 110.0, ""),
        (0, 205.0, "not opened yet"),
        (0, 300.0, ""),
    ],
)
def test_a_session_had_to_end_only_if_something_was_done_to_it(
    worker: int, at: float, why: str
) -> None:
    found = excuse(worker, at, DEEDS)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_kill_explains_more_than_a_standstill() -> None:
    both = [STOPPED, Deed("killed", frozenset((2,)), 215.0, 215.0, kills=True)]
    assert "killed" in excuse(2, 216.0, both)
    assert "stood still" in excuse(2, 212.0, both)
