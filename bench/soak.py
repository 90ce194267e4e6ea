"""Run the server under heavy and hostile use, and check it; see README.rst beside this file."""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.arguments import check_folders, positive
from bench.machine import Cores, facts, raise_file_limit
from bench.peers import SERVERS
from bench.processes import Trouble
from bench.soaking.churn import churn
from bench.soaking.long_run import long_run
from bench.soaking.many_workers import many_workers
from bench.soaking.outcome import Outcome

FILES = 4096  # that may be open at once


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench/soak.py", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--sessions",
        type=positive(int),
        default=100_000,
        help="open and end so many, and look for leaks; 100000 by default",
    )
    length.add_argument(
        "--minutes", type=positive(float), help="instead, everything at once, for so long"
    )
    parser.add_argument(
        "--batches", type=positive(int), default=10, help="of sessions; 10 by default"
    )
    parser.add_argument(
        "--settle",
        type=positive(float),
        default=30.0,
        help="seconds after which nothing may be left of a batch; 30 by default",
    )
    parser.add_argument(
        "--workers",
        type=positive(int),
        help="with --minutes: so many workers, which are killed, replaced and stopped meanwhile",
    )
    parser.add_argument("--seed", type=int, help="of what is left to chance; another each time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw them there")
    parser.add_argument(
        "--server",
        type=Path,
        metavar="FILE.py",
        help="instead of bench/servers/soaked.py, or soaked_workers.py",
    )
    options = parser.parse_args(arguments)
    if options.workers and not options.minutes:
        parser.error("--workers needs --minutes")
    check_folders(parser, options)
    return options


def soak(options: argparse.Namespace, cores: Cores) -> Outcome:
    """Do what the command line says."""
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    say(f"seed: {seed}")
    program = str(options.server or SERVERS / "soaked.py")
    if options.workers:
        application = options.server or SERVERS / "soaked_workers.py"
        return many_workers(application.resolve(), options.workers, 60 * options.minutes, seed, say)
    if options.minutes:
        return long_run(program, 60 * options.minutes, seed, cores, say)
    return churn(program, options.sessions, options.batches, options.settle, seed, cores, say)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; return the exit status: 1 if anything did not hold."""
    options = read_arguments(arguments)
    cores = Cores.choose()
    machine = facts(cores)
    machine["load"] = machine["load"].replace("uvloop on", "gevent on")
    raise_file_limit(FILES)
    for name, text in machine.items():
        say(f"{name + ':':<12}{text}")
    try:
        outcome = soak(options, cores)
    except Trouble as trouble:
        say(f"error: {trouble}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    say(outcome.summary())
    if options.json:
        figures = outcome.as_json(machine)
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plot:
        options.plot.write_text(outcome.plot)
    return 1 if outcome.problems else 0


def _terminate(*_: object) -> NoReturn:
    raise KeyboardInterrupt  # so that the processes are stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
