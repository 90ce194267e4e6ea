"""Lines of one kind do not fill a log."""

from __future__ import annotations

import subprocess
import sys

import gevent
import pytest
from gevent import monkey
from support.waiting import wait_until

from sockio_gevent.hub.gevent_private import hub_if_any
from sockio_gevent.monitoring import throttled_log
from sockio_gevent.monitoring.log import Log, failures


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttled_log, "monotonic", clock)
    return clock


def test_ten_lines_of_a_kind_are_written_and_then_how_many_more_there_were(
    clock: Clock,
) -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    for number in range(25):
        log.warning("full", "%d of %s", number, "25")
        clock.now += 0.1
    assert lines == [f"{number} of 25" for number in range(10)]
    # Lines of other kinds are written, at any level.
    log.info("empty", "another")
    assert lines[10:] == ["another"]
    clock.now = 10.0
    log.warning("full", "%d of %s", 26, "27")
    log.warning("full", "%d of %s", 27, "27")
    assert lines[11:] == ["26 of 27 (and 15 more like this)", "27 of 27"]


def test_a_quiet_time_makes_room_for_ten_more(clock: Clock) -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    for _ in range(3):
        for _ in range(12):
            log.info("kind", "a line")
        clock.now += 10.0
    assert len(lines) == 30
    assert lines[9:11] == ["a line", "a line (and 2 more like this)"]


def fail(log: throttled_log.ThrottledLog, number: int) -> None:
    try:
        raise RuntimeError(f"reason {number}")
    except RuntimeError:
        log.exception("failed", "%s failed", "something")


def test_tracebacks_of_a_kind_are_throttled_too(clock: Clock) -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    for number in range(25):
        fail(log, number)
    assert [line.splitlines()[0] for line in lines] == ["something failed"] * 10
    assert all(f"RuntimeError: reason {number}" in line for number, line in enumerate(lines))
    clock.now = 10.0
    fail(log, 25)
    assert lines[10].startswith("something failed (and 15 more like this)\n")
    assert "RuntimeError: reason 25" in lines[10]


def test_a_test_learns_of_exceptions_that_are_not_written(clock: Clock) -> None:
    log = throttled_log.ThrottledLog(Log(False))
    noted: list[BaseException] = []
    token = failures.set(noted)
    try:
        for number in range(25):
            fail(log, number)
    finally:
        failures.reset(token)
    assert [str(error) for error in noted] == [f"reason {number}" for number in range(25)]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttled_log, "_PERIOD", 0.2)
    gevent.get_hub()  # there is one where something is served


def write_many(log: throttled_log.ThrottledLog) -> None:
    for number in range(25):
        log.warning("full", "%d of %s", number, "25")


@pytest.mark.usefixtures("soon")
def test_the_number_of_skipped_lines_is_written_although_no_other_line_comes() -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    write_many(log)
    fail(log, 0)
    assert len(lines) == 11
    wait_until(lambda: len(lines) > 11, "told")
    assert lines[11:] == ["24 of 25 (and 14 more like this)"]
    # It is one line of the ten.
    write_many(log)
    assert len(lines) == 12 + 9
    wait_until(lambda: len(lines) > 12 + 9, "told again")
    assert lines[12 + 9 :] == ["24 of 25 (and 15 more like this)"]


@pytest.mark.usefixtures("soon")
def test_the_number_of_skipped_lines_is_written_once() -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    write_many(log)
    wait_until(lambda: len(lines) == 11, "told")
    # Until then, a number from the first period would have been written.
    for _ in range(12):
        log.info("others", "another")
    wait_until(lambda: lines[-1] == "another (and 1 more like this)", "told of the others")
    assert lines[10:] == ["24 of 25 (and 14 more like this)", *["another"] * 10, lines[-1]]


@pytest.mark.usefixtures("soon")
def test_a_single_skipped_line_is_written_as_it_is() -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    for number in range(11):
        fail(log, number)
    wait_until(lambda: len(lines) > 10, "told")
    assert lines[10] == "something failed"


@pytest.mark.usefixtures("soon")
def test_a_thread_without_a_loop_uses_the_loop_of_another_thread() -> None:
    lines: list[str] = []
    log = throttled_log.ThrottledLog(Log(lines.append))
    for _ in range(25):
        log.info("of this thread", "a line")
    before = len(lines)
    thread = monkey.get_original("_thread", "start_new_thread")

    def write() -> None:
        write_many(log)
        assert hub_if_any() is None
        lines.append("the thread is done")

    thread(write, ())
    wait_until(lambda: "24 of 25 (and 14 more like this)" in lines, "told")
    assert "the thread is done" in lines
    assert before == 10


def test_a_pending_number_keeps_no_program_running() -> None:
    program = """
import gevent
from sockio_gevent.monitoring import throttled_log
from sockio_gevent.monitoring.log import Log
throttled_log._PERIOD = 3600.0
gevent.get_hub()
log = throttled_log.ThrottledLog(Log(False))
for _ in range(25):
    log.warning("full", "a line")
gevent.wait()
print("over")
"""
    assert subprocess.check_output([sys.executable, "-c", program], timeout=60) == b"over\n"
