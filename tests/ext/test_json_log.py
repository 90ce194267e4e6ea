"""Log lines as JSON."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime, timezone
from typing import Any

import pytest

from sockio_gevent.ext.json_log import JSONFormatter


def formatted(message: str, *arguments: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("shop", logging.WARNING, "shop.py", 1, message, arguments, None)
    vars(record).update(more)
    line = JSONFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_time_level_logger_and_message() -> None:
    line = formatted("%d sold to %r", 3, "Ann")
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "shop", "message": "3 sold to 'Ann'"}


def test_the_time_is_that_of_the_record_in_utc() -> None:
    time = formatted("hello", created=1700000000.5)["time"]
    assert time == "2023-11-14T22:13:20.500Z"
    assert (
        datetime.fromisoformat(time[:-1]).replace(tzinfo=timezone.utc).timestamp() == 1700000000.5
    )


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "\u2028", "é😀", "\ud800", '"quoted"'])
def test_whatever_a_client_sends_is_one_line(text: str) -> None:
    assert formatted("sent %s", text)["message"] == f"sent {text}"


def test_an_exception_has_its_traceback() -> None:
    try:
        raise LookupError("on purpose")
    except LookupError as error:
        exc_info = (LookupError, error, error.__traceback__)
    line = formatted("failed", exc_info=exc_info)
    assert line["message"] == "failed"
    assert re.match(r"Traceback .*\n", line["exception"])
    assert line["exception"].endswith("LookupError: on purpose")


def test_what_was_given_besides_is_a_member_and_replaces_none() -> None:
    line = formatted("hello", user=7, basket=object, level="mine")
    assert line["user"] == 7
    assert line["basket"] == repr(object)
    assert line["level"] == "warning"
