"""Lines of one kind do not fill a log."""

from __future__ import annotations

import pytest

from sockio_gevent import sparing
from sockio_gevent.log import Log, failures


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sparing, "monotonic", clock)
    return clock


def test_ten_lines_of_a_kind_are_written_and_then_how_many_more_there_were(
    clock: Clock,
) -> None:
    lines: list[str] = []
    log = sparing.SparingLog(Log(lines.append))
    for number in range(25):
        log.warning("full", "%d of %s", number, "25")
        clock.now += 0.1
    assert lines == [f"{number} of 25" for number in range(10)]
    # Others are written, of whatever level.
    log.info("empty", "another")
    assert lines[10:] == ["another"]
    clock.now = 10.0
    log.warning("full", "%d of %s", 26, "27")
    log.warning("full", "%d of %s", 27, "27")
    assert lines[11:] == ["26 of 27 (and 15 more like this)", "27 of 27"]


def test_a_quiet_time_makes_room_for_ten_more(clock: Clock) -> None:
    lines: list[str] = []
    log = sparing.SparingLog(Log(lines.append))
    for _ in range(3):
        for _ in range(12):
            log.info("kind", "a line")
        clock.now += 10.0
    assert len(lines) == 30
    assert lines[9:11] == ["a line", "a line (and 2 more like this)"]


def fail(log: sparing.SparingLog, number: int) -> None:
    try:
        raise RuntimeError(f"reason {number}")
    except RuntimeError:
        log.exception("failed", "%s failed", "something")


def test_tracebacks_of_a_kind_are_written_sparingly_too(clock: Clock) -> None:
    lines: list[str] = []
    log = sparing.SparingLog(Log(lines.append))
    for number in range(25):
        fail(log, number)
    assert [line.splitlines()[0] for line in lines] == ["something failed"] * 10
    assert all(f"RuntimeError: reason {number}" in line for number, line in enumerate(lines))
    clock.now = 10.0
    fail(log, 25)
    assert lines[10].startswith("something failed (and 15 more like this)\n")
    assert "RuntimeError: reason 25" in lines[10]


def test_a_test_learns_of_exceptions_that_are_not_written(clock: Clock) -> None:
    log = sparing.SparingLog(Log(False))
    noted: list[BaseException] = []
    token = failures.set(noted)
    try:
        for number in range(25):
            fail(log, number)
    finally:
        failures.reset(token)
    assert [str(error) for error in noted] == [f"reason {number}" for number in range(25)]
