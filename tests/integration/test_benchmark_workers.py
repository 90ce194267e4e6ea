"""The benchmark of several workers works.

No figure is judged here: the machine may be busy.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("uvloop", reason="uvloop is not installed: the benchmark cannot run")
if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc: the benchmark cannot run", allow_module_level=True)

from support.measuring import SHORT, measure
from support.missing import missing

from bench import run
from bench.peers import PEERS
from bench.processes import Trouble
from bench.redis_server import MISSING as NO_REDIS
from bench.scenarios import SCENARIOS, Measurement, Row

SCENARIOS_OF_WORKERS = [
    ("echo", {"connections": 4, "window": 2}, 1, {"apart": True}),
    ("growth", {"counts": [6]}, 2, {}),
    ("events", {"receivers": 3, "window": 2}, 2, {}),
    ("handed", {"connections": 2, "turns": 1}, 3, {}),
    ("relayed", {"sessions": 2, "turns": 1}, 3, {"wrapped": True}),
    ("handover", {"requests": 3}, 3, {}),
]
OVER_REDIS = [
    ("events", {"receivers": 3, "window": 2}, 3, {}),
    ("relayed", {"sessions": 2, "turns": 1}, 3, {}),
]


@pytest.mark.parametrize(
    ("bus", "kind", "arguments", "figures", "more"),
    [
        *(("local", *scenario) for scenario in SCENARIOS_OF_WORKERS),
        *(("redis", *scenario) for scenario in OVER_REDIS),
    ],
)
def test_each_scenario_measures_several_workers(tmp_path, bus, kind, arguments, figures, more):
    if bus == "redis" and NO_REDIS:
        missing(NO_REDIS)
    rows = tuple(Row(f"figure {number}", "") for number in range(figures))
    measurement = Measurement(kind, rows, arguments, workers=2, bus=bus, **more)
    results = measure(PEERS["ours-socketio"], tmp_path, measurement)
    for row in rows:
        (figure,) = results.figures[row]["ours-socketio"]
        assert figure["value"]


def test_what_is_handed_over_is_not_taken_for_relayed(tmp_path):
    rows = tuple(Row(f"figure {number}", "") for number in range(3))
    arguments = {"sessions": 2, "turns": 1}
    measurement = Measurement("relayed", rows, arguments, workers=2, bus="local")
    with pytest.raises(Trouble, match="0 were relayed, and should be "):
        measure(PEERS["ours-socketio"], tmp_path, measurement)


def test_only_peers_with_workers_are_measured_with_several():
    measurements = SCENARIOS["cluster"](SHORT)
    suited = {name for name, peer in PEERS.items() if measurements[0].suits(peer)}
    assert suited == {"ours-socketio", "ours-socketio-compiled"}
    assert {each.bus for each in measurements} == {"local", "redis"}


def test_without_redis_its_rows_are_left_out(capsys, monkeypatch):
    measured = []
    monkeypatch.setattr(run, "NO_REDIS", "there is no redis-server")
    monkeypatch.setattr(
        run.Benchmark, "run", lambda benchmark, all_of_them: measured.extend(all_of_them)
    )
    assert run.main(["cluster", "--peers", "ours-socketio", "--quick"]) == 0
    assert {each.bus for each in measured} == {"local"}
    said = capsys.readouterr().err
    assert "leaving out the rows with Redis: there is no redis-server" in said
