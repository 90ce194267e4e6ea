"""The targets of log lines."""

from __future__ import annotations

import logging

import pytest

from sockio_gevent.monitoring.log import Log, short_id

LEVELS = [("debug", logging.DEBUG), ("info", logging.INFO), ("warning", logging.WARNING)]


def fail(log: Log) -> None:
    try:
        raise RuntimeError("the reason")
    except RuntimeError:
        log.exception("%s failed", "something")


@pytest.mark.parametrize("target", [None, True])
@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[name for name, _ in LEVELS])
def test_by_default_lines_go_to_the_packages_logger(
    name: str, level: int, target: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    getattr(Log(target), name)("session %s from %s", "abc", "::1")
    assert caplog.record_tuples == [("sockio_gevent", level, "session abc from ::1")]


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[name for name, _ in LEVELS])
def test_lines_go_to_the_logger_that_was_given(
    name: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    getattr(Log(logging.getLogger("mine")), name)("%d%%", 100)
    assert caplog.record_tuples == [("mine", level, "100%")]


def test_a_logger_gets_an_exception_as_an_error_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(Log(logging.getLogger("mine")))
    [record] = caplog.records
    assert (record.name, record.levelno) == ("mine", logging.ERROR)
    assert record.getMessage() == "something failed"
    assert "RuntimeError: the reason" in caplog.text


def test_a_function_gets_whole_lines_and_the_logger_gets_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    lines: list[str] = []
    log = Log(lines.append)
    log.info("session %s (%s)", "abc", "websocket")
    log.warning("%d%%", 100)
    log.warning("%s", "50%d of it")
    assert lines == ["session abc (websocket)", "100%", "50%d of it"]
    assert caplog.records == []


def test_a_function_gets_no_debug_lines() -> None:
    lines: list[str] = []
    Log(lines.append).debug("a detail of %s", "abc")
    assert lines == []


def test_a_function_gets_an_exception_with_its_traceback() -> None:
    lines: list[str] = []
    fail(Log(lines.append))
    [line] = lines
    assert line.startswith("something failed\n")
    assert "in fail" in line
    assert "RuntimeError: the reason" in line


def test_without_a_log_nothing_is_written(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    log = Log(False)
    for name, _ in LEVELS:
        getattr(log, name)("a line about %s", "something")
    fail(log)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_a_short_id_shows_too_little_to_be_of_use() -> None:
    session_id = "abcdefghijklmnopqrstuvwx"
    assert short_id(session_id) == "abcdefgh"
