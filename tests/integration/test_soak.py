"""A short soak: the server passes it, and a server that lies or leaks is caught."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
LYING = str(Path(__file__).with_name("lying_soaked.py"))
DEADLINE = 150.0

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc: the soak cannot run", allow_module_level=True)


class Soak:
    """A soak that runs.

    Args:
        folder: where its files go.
        *arguments: of its command line.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._figures, self._plot = folder / "figures.json", folder / "plot.svg"
        files = ["--json", str(self._figures), "--plot", str(self._plot)]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "bench/soak.py", "--seed", "7", *files, *arguments],
            cwd=ROOT,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self) -> tuple[int, str]:
        """Wait for its end; its status and what it has printed."""
        status = self.process.wait(DEADLINE)
        self._output.seek(0)
        return status, self._output.read().decode()

    def figures(self) -> dict:
        return json.loads(self._figures.read_text())

    def curves(self) -> int:
        """How many lines are drawn."""
        root = ElementTree.parse(self._plot).getroot()
        return len(root.findall("{http://www.w3.org/2000/svg}polyline"))

    def end(self) -> None:
        """End it with all its processes, if it has not ended by itself."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._output.close()


@pytest.fixture(scope="module")
def soaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Soak]]:
    """All soaks at once, because each has to wait for sessions that end by themselves."""
    orders = {
        "churn": ("--sessions", "1500", "--batches", "2"),
        "long run": ("--minutes", "0.2"),
        "leaks": ("--sessions", "200", "--batches", "1", "--server", LYING),
        "lies": ("--minutes", "0.1", "--server", LYING),
    }
    started = {
        name: Soak(tmp_path_factory.mktemp("soak"), *arguments)
        for name, arguments in orders.items()
    }
    yield started
    for soak in started.values():
        soak.end()


def test_after_churn_the_server_holds_no_more_than_before(soaks: dict[str, Soak]) -> None:
    status, output = soaks["churn"].finish()
    assert status == 0, output
    assert output.endswith("all is as it was\n")
    figures = soaks["churn"].figures()
    assert figures["sessions"] == 1500
    assert figures["problems"] == []
    assert [sample["ended"] for sample in figures["samples"]] == [0, 750, 1500]
    assert soaks["churn"].curves() == 3


def test_the_churn_has_all_kinds_of_sessions_and_close_reasons(soaks: dict[str, Soak]) -> None:
    status, output = soaks["churn"].finish()
    assert status == 0, output
    figures = soaks["churn"].figures()
    assert len([name for name in figures["counts"] if name.startswith("over ")]) == 7
    assert len(figures["faults"]) == 19
    closes = figures["samples"][-1]["closes"]
    seldom = {"going_away", "poll_stalled", "failure"}
    assert {cause for cause, count in closes.items() if not count} <= seldom
    assert sum(closes.values()) == 1500 + 750
    assert figures["counts"].get("lives cut short", 0) < 150, output


def test_a_long_run_loses_nothing(soaks: dict[str, Soak]) -> None:
    status, output = soaks["long run"].finish()
    assert status == 0, output
    assert output.endswith("all is as it was\n")
    figures = soaks["long run"].figures()
    assert figures["counts"]["messages checked"] > 1000
    assert figures["faults"]["client process killed (SIGKILL)"] >= 1
    assert {name for name in figures["faults"] if "cut" in name or "replaced" in name}
    assert figures["lines"][-1]["p99"] > 0
    assert soaks["long run"].curves() == 3


def test_a_server_that_leaks_is_caught(soaks: dict[str, Soak]) -> None:
    status, output = soaks["leaks"].finish()
    assert status == 1
    problems = " ".join(soaks["leaks"].figures()["problems"])
    assert "sessions, greenlets: " in problems
    assert "sessions, descriptors: " in problems
    assert "sessions, objects of the class Client: " in problems
    assert output.count("problem: ") == len(soaks["leaks"].figures()["problems"])


@pytest.mark.parametrize("lie", ["lost", "doubled", "out of order", "changed"])
def test_a_server_that_lies_is_caught(soaks: dict[str, Soak], lie: str) -> None:
    status, output = soaks["lies"].finish()
    assert status == 1
    assert soaks["lies"].figures()["counts"][lie] > 0
    assert f"problem: {lie}: " in output


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    soak = Soak(tmp_path, "--sessions", "10", "--server", str(tmp_path / "missing.py"))
    try:
        status, output = soak.finish()
    finally:
        soak.end()
    assert status == 1
    assert "error: it did not start; its last words:" in output


def test_an_interrupted_soak_stops_its_processes(tmp_path: Path) -> None:
    soak = Soak(tmp_path, "--minutes", "5")
    try:
        end = time.monotonic() + 30
        # The server, and five processes of clients.
        while len(started := children(soak.process.pid)) < 6:
            assert time.monotonic() < end
            time.sleep(0.01)
        soak.process.send_signal(signal.SIGTERM)
        status, output = soak.finish()
        assert (status, output.splitlines()[-1]) == (130, "interrupted")
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    finally:
        soak.end()


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_wrong_command_line_is_refused(tmp_path: Path) -> None:
    for arguments in (["--sessions", "0"], ["--minutes", "1", "--sessions", "10"]):
        soak = Soak(tmp_path, *arguments)
        try:
            assert soak.finish()[0] == 2
        finally:
            soak.end()
