"""The processes that serve in one measurement: mostly one, or workers and their Redis."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from .machine import Cores
from .peers import Peer
from .processes import Server, serving
from .redis_server import redis_server
from .scenarios import Measurement

__all__ = ["Started", "started"]


class Started(NamedTuple):
    """What runs.

    Attributes:
        servers: the processes that serve.
        redis: the process of Redis, if there is one.
    """

    servers: list[Server]
    redis: int | None = None


@contextmanager
def started(
    measurement: Measurement,
    peer: Peer,
    tools: dict[str, str],
    cores: Cores,
    environment: Mapping[str, str],
) -> Iterator[Started]:
    """Run what a measurement needs within this context.

    Args:
        measurement: the measurement.
        peer: the server to measure.
        tools: for each need of a peer, the program that meets it.
        cores: where to run what.
        environment: variables, beside those of this process.

    Raises:
        Trouble: if something does not start.
    """
    with ExitStack() as stack:
        if not measurement.bus:
            command = peer.command(tools)
            server = stack.enter_context(serving(command, cores.server, environment))
            yield Started([server])
            return
        redis = None
        if measurement.bus == "redis":
            running = stack.enter_context(redis_server(cores.server))
            redis, cluster = running.pid, running.url
        else:
            # The paths of sockets must be short.
            cluster = stack.enter_context(tempfile.TemporaryDirectory(prefix="bus"))
        command = peer.worker(tools, cluster=cluster, wrapped=measurement.wrapped)
        # The load always has its core, and so shares it if workers have several.
        places = [cores.server, cores.load] if measurement.apart else [cores.server]
        servers = [
            stack.enter_context(serving(command, places[number % len(places)], environment))
            for number in range(measurement.workers)
        ]
        yield Started(servers, redis)
