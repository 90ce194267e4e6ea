"""Short measurements of the benchmark, whose package is importable from here on."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench import run
from bench.scenarios import Scale
from bench.workshop import Workshop

__all__ = ["SHORT", "measure"]

SHORT = Scale(seconds=0.2, warm_up=0.1, repeats=1)


def measure(peer, tmp_path, measurement, scale=SHORT):
    benchmark = run.Benchmark([peer], Workshop(tmp_path), scale)
    benchmark.run([measurement])
    return benchmark.results
