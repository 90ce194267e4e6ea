"""A short soak: the server passes it, and a server that lies or leaks is caught."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.soaks import DEADLINE, Soak
from support.waiting import wait_until

LEAKING = str(Path(__file__).with_name("leaking_soaked.py"))
LYING = str(Path(__file__).with_name("lying_soaked.py"))

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc: the soak cannot run", allow_module_level=True)


def test_after_churn_of_all_kinds_the_server_is_as_it_was(soak: Callable[..., Soak]) -> None:
    churn = soak("--sessions", "1500", "--batches", "2")
    status, output = churn.finish()
    assert status == 0, output
    assert output.endswith("all is as it was\n")
    figures = churn.figures()
    assert figures["sessions"] == 1500
    assert figures["problems"] == []
    assert [sample["ended"] for sample in figures["samples"]] == [0, 750, 1500]
    assert churn.curves() == 3
    # There were all kinds of sessions and ends.
    assert len([name for name in figures["counts"] if name.startswith("over ")]) == 7
    assert len(figures["faults"]) == 19
    closes = figures["samples"][-1]["closes"]
    seldom = {"going_away", "poll_stalled", "failure"}
    assert {cause for cause, count in closes.items() if not count} <= seldom
    assert sum(closes.values()) == 1500 + 750
    assert figures["counts"].get("lives cut short", 0) < 150, output


def test_a_long_run_loses_nothing(soak: Callable[..., Soak]) -> None:
    long_run = soak("--minutes", "0.2")
    status, output = long_run.finish()
    assert status == 0, output
    assert output.endswith("all is as it was\n")
    figures = long_run.figures()
    assert figures["counts"]["messages checked"] > 1000
    assert figures["faults"]["client process killed (SIGKILL)"] >= 1
    assert {name for name in figures["faults"] if "cut" in name or "replaced" in name}
    assert figures["lines"][-1]["p99"] > 0
    assert long_run.curves() == 3


def test_a_server_that_leaks_is_caught(soak: Callable[..., Soak]) -> None:
    # It is caught however soon, for what leaks never ends.
    length = ("--sessions", "200", "--batches", "1", "--settle", "3")
    leaks = soak(*length, "--server", LEAKING)
    status, output = leaks.finish()
    assert status == 1
    problems = leaks.figures()["problems"]
    joined = " ".join(problems)
    assert "sessions, greenlets: " in joined
    assert "sessions, descriptors: " in joined
    assert "sessions, objects of the class Client: " in joined
    assert output.count("problem: ") == len(problems)


def test_a_server_that_lies_is_caught_with_each_of_its_lies(soak: Callable[..., Soak]) -> None:
    lies = soak("--minutes", "0.1", "--server", LYING)
    status, output = lies.finish()
    assert status == 1
    for lie in ("lost", "doubled", "out of order", "changed"):
        assert lies.figures()["counts"][lie] > 0
        assert f"problem: {lie}: " in output


def test_a_server_that_does_not_start_is_an_error(
    soak: Callable[..., Soak], tmp_path: Path
) -> None:
    broken = soak("--sessions", "10", "--server", str(tmp_path / "missing.py"))
    status, output = broken.finish()
    assert status == 1
    assert "error: it did not start; its last words:" in output


def test_interrupted_it_stops_its_processes(soak: Callable[..., Soak]) -> None:
    endless = soak("--minutes", "5")

    def all_started() -> list[int]:
        found = children(endless.process.pid)
        # The server, and five processes of clients.
        return found if len(found) >= 6 else []

    started = wait_until(all_started, "six processes", deadline=DEADLINE)
    endless.process.send_signal(signal.SIGTERM)
    status, output = endless.finish()
    assert (status, output.splitlines()[-1]) == (130, "interrupted")
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_wrong_command_line_is_refused(soak: Callable[..., Soak]) -> None:
    for arguments in (["--sessions", "0"], ["--minutes", "1", "--sessions", "10"]):
        assert soak(*arguments).finish()[0] == 2
