"""The clocks that the package reads: the wall clock, which can jump, decides nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sockio_gevent

PACKAGE = Path(sockio_gevent.__file__).parent

# Code that shows the time of day: the header Date, the access log, and a metric; or compares it
# with the times of files, which are of that clock; or has it in an address, as clients do; or tells
# it to the admin page.
SHOWN = {
    "admin/facts.py": {"", "time_of_day"},
    "command/doctor/polling.py": {"_now"},
    "command/doctor/proxies.py": {"own_origin"},
    "command/doctor/sockets.py": {"classic_websocket"},
    "command/supervisor.py": {"__init__", "_run_worker"},
    "server/http/fast_path.py": {"log_answer"},
    "server/http/plain_answer.py": {"_respond", "_next_head"},
    "ext/json_log.py": {""},
    "ext/prometheus.py": {"stats"},
}
# Of the module time.
STEADY = {"monotonic", "monotonic_ns", "perf_counter", "process_time", "sleep"}


def looks(tree: ast.AST, function: str = "") -> Iterator[tuple[str, str]]:
    """The places that may read a clock: the function, and its name there."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name in ("time", "datetime"):
                    yield inside, f"import {name.name}"
        elif isinstance(node, ast.ImportFrom) and node.module == "datetime":
            yield inside, "from datetime import"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for name in node.names:
                if name.name not in STEADY and (name.name != "time" or name.asname):
                    yield inside, f"from time import {name.name}"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "time":
                yield inside, "time()"
            # The clock of gevent's loop is the time of day, too.
            if isinstance(called, ast.Attribute) and called.attr in ("now", "time", "st_mtime"):
                yield inside, f".{called.attr}()"
        yield from looks(node, inside)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_the_time_of_day_is_only_shown(path: Path) -> None:
    shown = SHOWN.get(path.relative_to(PACKAGE).as_posix(), set())
    found = [
        (function, look)
        for function, look in looks(ast.parse(path.read_text()))
        if not (function in shown and look in ("time()", "from datetime import"))
    ]
    assert found == []
