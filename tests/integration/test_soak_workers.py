"""A short soak of several workers: they pass it, and workers that lie are caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc: the soak cannot run", allow_module_level=True)

LYING = str(Path(__file__).with_name("lying_workers.py"))


def test_workers_that_are_killed_and_replaced_lose_nothing(soak: Callable[..., Any]) -> None:
    workers = soak("--minutes", "0.4", "--workers", "3")
    status, output = workers.finish()
    assert status == 0, output
    assert output.endswith("all is as it was\n")
    figures = workers.figures()
    counts, faults = figures["counts"], figures["faults"]
    assert counts["messages checked"] > 1000
    assert faults["parent killed (SIGKILL)"] >= 1
    assert faults["connections handed over, at least"] >= 1
    assert faults["messages between workers, at least"] > 100
    assert [deed["what"] for deed in figures["deeds"]]
    assert workers.curves() == 3


def test_workers_that_lie_are_caught_with_each_of_their_lies(soak: Callable[..., Any]) -> None:
    lies = soak("--minutes", "0.2", "--workers", "2", "--server", LYING)
    status, output = lies.finish()
    assert status == 1
    for lie in ("lost", "doubled", "out of order", "changed"):
        assert lies.figures()["counts"][lie] > 0
        assert f"problem: {lie}: " in output


def test_workers_that_do_not_start_are_an_error(soak: Callable[..., Any], tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('as the test wants it')")
    status, output = soak("--minutes", "1", "--workers", "2", "--server", str(broken)).finish()
    assert status == 1
    assert "error: the workers do not start" in output
    assert "as the test wants it" in output
