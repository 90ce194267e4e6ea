"""``python -m bench.load JOB``: do a job, given as JSON, and print its figures as one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable

import uvloop

from .binary import binary
from .broadcast import broadcast
from .cluster import acquaint, events, handed, handover, relayed
from .echo import echo, latency
from .polling import poll
from .run import Figure, Job, Run
from .sessions import connect, growth, idle
from .upgrading import upgrade
from .violation import Violation

SCENARIOS: dict[str, Callable[..., Awaitable[list[Figure]]]] = {
    scenario.__name__: scenario
    for scenario in (
        binary,
        broadcast,
        connect,
        echo,
        events,
        growth,
        handed,
        handover,
        idle,
        latency,
        poll,
        relayed,
        upgrade,
    )
}


async def do(job: Job) -> list[Figure]:
    """Do a job."""
    run = Run(job)
    if len(job.ports) > 1:
        await acquaint(run)
    return await SCENARIOS[job.kind](run, **job.arguments)


def main() -> None:
    """Do the job of the command line."""
    job = Job(**json.loads(sys.argv[1]))
    try:
        # Not asyncio.run(): after a failure there is nothing to wait for.
        figures = uvloop.new_event_loop().run_until_complete(do(job))
    except (Violation, OSError) as error:
        print(json.dumps({"violation": f"{error}" or repr(error)}))
    else:
        print(json.dumps({"figures": [figure.as_json() for figure in figures]}))


if __name__ == "__main__":
    main()
