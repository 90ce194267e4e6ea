"""The benchmark works, catches servers that lie, and leaves no process behind.

No figure is judged here: the machine may be busy.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.http import DEADLINE
from support.measuring import SHORT, measure
from support.waiting import wait_until

from bench import run
from bench.load.dialects import Attachment
from bench.peers import ALL, PEERS, SERVERS, Peer
from bench.processes import Trouble
from bench.report import Results
from bench.scenarios import Measurement, Row, Scale
from bench.workshop import BUN_PACKAGES, Missing, Workshop

pytest.importorskip("uvloop", reason="uvloop is not installed: the benchmark cannot run")
if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc: the benchmark cannot run", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = Row("messages", "messages/s")
UNTIL_CAUGHT = Scale(seconds=30, warm_up=0, repeats=1)


@dataclass(frozen=True)
class Liar(Peer):
    """Like ours, but lies."""

    lie: str = ""

    def command(self, tools):
        return [sys.executable, str(Path(__file__).with_name("lying_server.py")), self.lie]


def liar(lie, dialect="classic"):
    return Liar("liar", ("a", "liar"), "", dialect, ALL, lie=lie)


def test_the_benchmark_prints_a_table_and_writes_its_figures(capsys, tmp_path):
    figures, plot = tmp_path / "figures.json", tmp_path / "plot.svg"
    arguments = ["echo", "--peers", "ours,ours-socketio,tcp", "--quick", "--seconds", "0.1"]
    arguments += ["--json", str(figures), "--plot", str(plot)]
    assert run.main(arguments) == 0
    table = capsys.readouterr().out
    rows = json.loads(figures.read_text())["rows"]
    assert [row["title"] for row in rows] == [
        "echo 50 x 1",
        "echo 50 x 16",
        "latency 1 x 1, p50",
        "latency 1 x 1, p99",
    ]
    for row in rows:
        assert row["title"] in table
        assert list(row["figures"]) == ["ours", "ours-socketio", "tcp"]
        assert [len(figures) for figures in row["figures"].values()] == [1, 1, 1]
    assert ElementTree.parse(plot).getroot().tag == "{http://www.w3.org/2000/svg}svg"


SCENARIOS_OF_BOTH_DIALECTS = [
    ("echo", {"connections": 2, "window": 2, "size": 65536}, 1),
    ("broadcast", {"receivers": 20, "window": 8}, 1),
    ("poll", {"sessions": 2}, 1),
    ("connect", {"at_once": 2}, 1),
    ("idle", {"counts": [5], "watch": 0.1}, 2),
    ("growth", {"counts": [5, 10]}, 4),
]


@pytest.mark.parametrize(
    ("peer", "kind", "arguments", "figures"),
    [
        *(("ours", *scenario) for scenario in SCENARIOS_OF_BOTH_DIALECTS),
        *(("ours-socketio", *scenario) for scenario in SCENARIOS_OF_BOTH_DIALECTS),
        ("ours-socketio", "upgrade", {"at_once": 2}, 1),
        ("ours-socketio", "binary", {"connections": 2, "window": 2}, 1),
        ("ours-socketio", "binary", {"connections": 2, "window": 2, "size": 65536}, 1),
    ],
)
def test_each_scenario_measures_our_server(tmp_path, peer, kind, arguments, figures):
    rows = tuple(Row(f"figure {number}", "") for number in range(figures))
    results = measure(PEERS[peer], tmp_path, Measurement(kind, rows, arguments))
    assert [len(results.figures[row][peer]) for row in rows] == [1] * figures


ECHO = ("echo", {"connections": 1, "window": 16})
BROADCAST = ("broadcast", {"receivers": 5, "window": 8})
BINARY = ("binary", {"connections": 1, "window": 16})


@pytest.mark.parametrize("lie", ["lose", "double", "swap", "change"])
@pytest.mark.parametrize(
    ("dialect", "kind", "arguments"),
    [
        ("classic", *ECHO),
        ("classic", *BROADCAST),
        ("socket.io", *ECHO),
        ("socket.io", *BROADCAST),
        ("socket.io", *BINARY),
    ],
)
def test_a_server_that_lies_is_caught_and_named(tmp_path, lie, dialect, kind, arguments):
    measurement = Measurement(kind, (MESSAGES,), arguments)
    with pytest.raises(Trouble, match=r"^liar, messages: .*wanted .*got the message"):
        measure(liar(lie, dialect), tmp_path, measurement, UNTIL_CAUGHT)


@pytest.mark.parametrize(
    ("dialect", "kind", "arguments"),
    [
        ("classic", "poll", {"sessions": 5}),
        ("socket.io", "poll", {"sessions": 5}),
        ("socket.io", "upgrade", {"at_once": 5}),
    ],
)
def test_a_lie_in_a_session_that_began_with_polls_is_caught(tmp_path, dialect, kind, arguments):
    measurement = Measurement(kind, (MESSAGES,), arguments)
    with pytest.raises(Trouble, match=r"^liar, messages: wanted .*got "):
        measure(liar("change", dialect), tmp_path, measurement, UNTIL_CAUGHT)


@pytest.mark.parametrize(
    ("lie", "kind", "arguments", "said"),
    [
        ("text", *BINARY, "not a message: "),
        ("bytes", *ECHO, "not an event: "),
    ],
)
def test_a_server_that_mixes_text_and_bytes_is_caught(tmp_path, lie, kind, arguments, said):
    measurement = Measurement(kind, (MESSAGES,), arguments)
    with pytest.raises(Trouble, match=f"^liar, messages: {said}"):
        measure(liar(lie, "socket.io"), tmp_path, measurement, UNTIL_CAUGHT)


def test_an_attachment_equals_no_text():
    text, attachment = b"all", Attachment(b"all")
    assert attachment == Attachment(text)
    assert attachment != text
    assert text != attachment


def test_a_lie_ends_the_benchmark_with_an_error(capsys):
    arguments = ["echo", "--quick", "--seconds", "30"]
    assert run.main(arguments, {"liar": liar("double")}) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "error: liar, echo 50 x 1: wanted" in output.err


def test_a_server_that_does_not_start_is_named(tmp_path):
    peer = Peer("broken", ("a", "b"), str(tmp_path / "missing.py"), "lines")
    with pytest.raises(Trouble, match=r"^broken, messages: it did not start; (?s:.*)missing\.py"):
        measure(peer, tmp_path, Measurement("echo", (MESSAGES,), {}))


@pytest.mark.parametrize(
    ("peer", "need", "program"), [("ws", "node", "node"), ("bun", "bun", "npm")]
)
def test_a_peer_that_is_not_installed_is_left_out(
    capsys, tmp_path, monkeypatch, peer, need, program
):
    monkeypatch.setenv("PATH", str(tmp_path))
    benchmark = run.Benchmark([PEERS["ours"], PEERS[peer]], Workshop(tmp_path), SHORT)
    benchmark.prepare()
    assert benchmark.results.peers == [PEERS["ours"]]
    assert f"leaving out {peer}: {program} is not on the path" in capsys.readouterr().err
    with pytest.raises(Missing):
        Workshop(tmp_path).prepare(need)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (None, "the package bun has no program for this machine"),
        ("no program", "bun does not run on this machine: .*Exec format error"),
        ("#!/bin/sh\nexit 3", "bun does not run on this machine: .* failed: status 3"),
        ("#!/bin/sh\nkill -ILL $$", "bun does not run on this machine: .* failed: status -4"),
    ],
)
def test_a_bun_that_does_not_run_here_is_left_out(capsys, tmp_path, program, said):
    installed = tmp_path / "bun"
    folder = installed / "node_modules" / "@oven" / "bun-any" / "bin"
    folder.mkdir(parents=True)
    (installed / "complete.txt").write_text("\n".join((sys.version, *BUN_PACKAGES)))
    if program is not None:
        (folder / "bun").write_text(program)
        (folder / "bun").chmod(0o755)
    benchmark = run.Benchmark([PEERS["ours"], PEERS["bun"]], Workshop(tmp_path), SHORT)
    benchmark.prepare()
    assert benchmark.results.peers == [PEERS["ours"]]
    assert re.search(f"leaving out bun: {said}", capsys.readouterr().err)


def test_an_interrupted_benchmark_stops_its_servers():
    command = [sys.executable, "bench/run.py", "echo", "--peers", "tcp", "--seconds", "60"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)
    try:
        wait_until(lambda: len(children(process.pid)) == 2)
        started = children(process.pid)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE)
        assert errors.endswith(b"interrupted\n")
        assert process.returncode == 130
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_the_table_has_ratios_and_marks_doubtful_figures():
    peers = [PEERS[name] for name in ("ours", "ws", "tcp")]
    results = Results({"processor": "any"}, peers)
    rate, cost = Row("rate", "messages/s"), Row("cost", "µs", more=False)
    results.expect([rate, cost])
    for value in (90, 100, 110):
        results.add(rate, peers[0], {"value": value, "load": 0.5, "server": 1.0})
        results.add(rate, peers[1], {"value": 2 * value, "load": 0.95, "server": 0.9})
        results.add(cost, peers[0], {"value": value, "load": None, "server": None})
        results.add(cost, peers[1], {"value": 2 * value, "load": None, "server": None})
    results.add(rate, peers[2], {"value": 400, "load": 0.5, "server": 0.5})
    lines = [line.split("  ") for line in results.table().splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["rate", "100", "≥ 200", "! 400"] in cells
    assert ["messages/s, more is better", "90.0..110", "180..220"] in cells
    assert ["ours, classic", "≤ x0.50", "x0.25"] in cells
    assert ["cost", "100", "200", "-"] in cells
    assert ["µs, less is better", "90.0..110", "180..220"] in cells
    assert ["ours, classic", "x2.00"] in cells


def test_each_of_ours_is_compared_with_all_others():
    peers = [PEERS[name] for name in ("ours", "ours-socketio", "socket.io")]
    results = Results({"processor": "any"}, peers)
    both, one = Row("both", "messages/s"), Row("one", "messages/s")
    results.expect([both, one])
    for peer, value in zip(peers, (100, 80, 40), strict=True):
        results.add(both, peer, {"value": value, "load": 0.5, "server": 1.0})
        if peer.name != "ours":
            results.add(one, peer, {"value": value, "load": 0.5, "server": 1.0})
    lines = [line.split() for line in results.table().splitlines()]
    after_both = lines.index(["both", "100", "80.0", "40.0"]) + 2
    assert lines[after_both] == ["ours,", "classic", "x1.25", "x2.50"]
    assert lines[after_both + 1] == ["ours,", "Socket.IO", "x0.80", "x2.00"]
    after_one = lines.index(["one", "-", "80.0", "40.0"]) + 2
    assert lines[after_one : after_one + 2] == [["ours,", "Socket.IO", "x2.00"]]


def test_rates_can_be_shown_for_processor_time():
    results = Results({"processor": "any"}, [PEERS["ours"]], by_cpu=True)
    row = Row("rate", "messages/s")
    results.expect([row])
    results.add(row, PEERS["ours"], {"value": 100, "load": 0.95, "server": 0.5})
    assert str(results.cell(row, PEERS["ours"])) == "200"
    assert "messages/s of CPU" in results.table()


def test_unknown_names_are_refused(capsys):
    for arguments in (["nothing"], ["--peers", "ours,nobody"], ["--seconds", "0"]):
        with pytest.raises(SystemExit):
            run.main(arguments)
    assert "there is no peer 'nobody', only ours, ours-socketio, ours-" in capsys.readouterr().err


def test_all_programs_of_the_peers_exist():
    assert all((SERVERS / peer.program).is_file() for peer in PEERS.values())
