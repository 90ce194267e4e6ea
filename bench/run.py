"""Measure this server against others; see README.rst beside this file."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from math import inf
from pathlib import Path
from time import monotonic
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.arguments import check_folders, positive
from bench.machine import Cores, facts, raise_file_limit
from bench.peers import PEERS, Peer
from bench.plot import svg
from bench.processes import Trouble, load
from bench.redis_server import MISSING as NO_REDIS
from bench.report import SATURATED, Results, number
from bench.scenarios import SCENARIOS, Measurement, Scale
from bench.workers import started
from bench.workshop import Missing, Workshop

QUICK = Scale(
    seconds=0.3,
    warm_up=0.2,
    repeats=1,
    counts=(100, 1000),
    idle_counts=(1000,),
    watch=2.0,
    turns=2,
    requests=50,
)
_SPARE_FILES = 500  # beside the connections


def say(text: str) -> None:
    """Report progress, separately from the table."""
    print(text, file=sys.stderr, flush=True)


def read_arguments(
    arguments: Sequence[str] | None, peers: Mapping[str, Peer]
) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="scenario", help=f"default: all of {', '.join(SCENARIOS)}"
    )
    parser.add_argument(
        "--peers",
        type=lambda text: text.split(","),
        default=list(peers),
        help=f"parted by commas; default: all of {','.join(peers)}",
    )
    parser.add_argument("--seconds", type=positive(float), help="how long each run measures")
    parser.add_argument("--repeats", type=positive(int), help="how often each run is repeated")
    parser.add_argument("--quick", action="store_true", help="a rough look in a few minutes")
    parser.add_argument(
        "--cpu", action="store_true", help="show rates for a second of the server's CPU time"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the medians there")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="keep there what the other peers run on"
    )
    options = parser.parse_args(arguments)
    for kind, given, known in (
        ("scenario", options.scenarios, SCENARIOS),
        ("peer", options.peers, peers),
    ):
        for name in given:
            if name not in known:
                parser.error(f"there is no {kind} {name!r}, only {', '.join(known)}")
    check_folders(parser, options)
    return options


def scale_of(options: argparse.Namespace) -> Scale:
    """The sizes and times of the benchmark."""
    scale = QUICK if options.quick else Scale()
    given = {"seconds": options.seconds, "repeats": options.repeats}
    given = {name: value for name, value in given.items() if value is not None}
    return replace(scale, budget=inf, **given) if given else scale


class Benchmark:
    """Runs measurements, and collects their figures.

    Args:
        peers: the peers to measure.
        workshop: prepares their platforms.
        scale: how long to measure.
        by_cpu: see :class:`bench.report.Results`.
    """

    def __init__(
        self, peers: Sequence[Peer], workshop: Workshop, scale: Scale, by_cpu: bool = False
    ) -> None:
        self._workshop = workshop
        self._scale = scale
        self._cores = Cores.choose()
        if self._cores.problem:
            say(f"warning: {self._cores.problem}")
        self._began = monotonic()
        self.results = Results(facts(self._cores), list(peers), by_cpu, self._cores.shared)

    def prepare(self) -> None:
        """Prepare the platforms of the peers; leave out peers whose platform is missing."""
        missing: dict[str, str] = {}
        for need in dict.fromkeys(peer.needs for peer in self.results.peers if peer.needs):
            say(f"preparing {need} in {self._workshop.folder}")
            try:
                self._workshop.prepare(need)
            except Missing as reason:
                missing[need] = str(reason)
        for peer in list(self.results.peers):
            if peer.needs in missing:
                say(f"leaving out {peer.name}: {missing[peer.needs]}")
                self.results.skipped[peer.name] = missing[peer.needs]
                self.results.peers.remove(peer)

    def run(self, measurements: Sequence[Measurement]) -> None:
        """Run all repeats, peer after peer in each, so that a drift affects all peers alike.

        Raises:
            Trouble: if a server did something wrong; names it.
        """
        for measurement in measurements:
            self.results.expect(measurement.rows)
        for repeat in range(self._scale.repeats):
            for measurement in measurements:
                if repeat and monotonic() - self._began > self._scale.budget:
                    say("the time is up: the remaining repeats are left out")
                    return
                if repeat < measurement.repeats:
                    # Forward and backward alternately, so that no peer always comes first.
                    order = self.results.peers[:: -1 if repeat % 2 else 1]
                    for peer in filter(measurement.suits, order):
                        self._run_one(measurement, peer, repeat)

    def _run_one(self, measurement: Measurement, peer: Peer, repeat: int) -> None:
        try:
            environment = self._workshop.environment(peer.needs)
            tools = self._workshop.tools
            with started(measurement, peer, tools, self._cores, environment) as running:
                servers = running.servers
                self.results.software[peer.name] = servers[0].software
                job = {
                    "kind": measurement.kind,
                    "ports": [server.port for server in servers],
                    "pids": [server.pid for server in servers],
                    "redis": running.redis,
                    "dialect": peer.dialect,
                    "seconds": self._scale.seconds,
                    "warm_up": self._scale.warm_up,
                    "arguments": measurement.arguments,
                }
                seconds = measurement.spans * self._scale.seconds + measurement.extra
                try:
                    figures = load(job, self._cores.load, seconds)
                except Trouble as trouble:
                    for server in servers:
                        if server.ended:
                            raise Trouble(f"it has ended; {server.last_words()}") from trouble
                    raise
        except Trouble as trouble:
            raise Trouble(f"{peer.name}, {measurement.rows[0].title}: {trouble}") from None
        for row, figure in zip(measurement.rows, figures, strict=True):
            self.results.add(row, peer, figure)
            text = f"{row.title}, {peer.name}: {number(figure['value'])} {row.unit}"
            if (figure["load"] or 0) > SATURATED:
                ceiling = figure["value"] / figure["load"]
                text += f"; warning: the load was the limit, it can do about {number(ceiling)}"
            took = f"{monotonic() - self._began:.0f} s"
            say(f"{took:>6}  {repeat + 1}/{self._scale.repeats}  {text}")


def main(arguments: Sequence[str] | None = None, peers: Mapping[str, Peer] | None = None) -> int:
    """Run the benchmark; return the exit status.

    Args:
        arguments: of the command line.
        peers: the peers that can be chosen, by name.
    """
    peers = PEERS if peers is None else peers
    options = read_arguments(arguments, peers)
    if find_spec("uvloop") is None:
        say("uvloop is missing: pip install -r bench/requirements.txt")
        return 2
    scale = scale_of(options)
    chosen = options.scenarios or list(SCENARIOS)
    measurements = [each for name in dict.fromkeys(chosen) for each in SCENARIOS[name](scale)]
    if NO_REDIS and any(each.bus == "redis" for each in measurements):
        say(f"leaving out the rows with Redis: {NO_REDIS}")
        measurements = [each for each in measurements if each.bus != "redis"]
    most = max((scale.many, *scale.counts, *scale.idle_counts)) + _SPARE_FILES
    if raise_file_limit(most) < most:
        say(f"warning: {most} open files are needed and not allowed (ulimit -Hn)")
    try:
        with ExitStack() as stack:
            folder = options.cache
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            benchmark = Benchmark(
                [peers[name] for name in dict.fromkeys(options.peers)],
                Workshop(folder.resolve()),
                scale,
                options.cpu,
            )
            benchmark.prepare()
            benchmark.run(measurements)
    except Trouble as trouble:
        say(f"error: {trouble}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    results = benchmark.results
    print(results.table())
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    if options.plot:
        options.plot.write_text(svg(results))
    return 0


def _terminate(*_: object) -> NoReturn:
    raise KeyboardInterrupt  # so that servers are stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
