"""One run against one server: its connections, its first failure, its figures."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from operator import sub
from time import perf_counter, process_time
from typing import Any

from .dialects import DIALECTS
from .links import LineLink, Link
from .violation import Violation
from .websocket import WebSocketLink

__all__ = ["Figure", "Job", "Run", "Span"]

_CLOCK_OF_SCHEDULER = 2  # the most exact of a process's three clocks
_AT_ONCE = 50  # connections that are being opened or closed at a time
_PATIENCE = 30.0  # seconds that any single step may take


@dataclass(frozen=True)
class Job:
    """What the load process is to do.

    Attributes:
        kind: the name of the scenario's function.
        ports: where the workers of the server listen on loopback; mostly it is one process.
        pids: their processes.
        dialect: what it speaks.
        seconds: how long to measure.
        warm_up: how long to load the server before, in seconds.
        arguments: for the scenario.
        redis: the process of the Redis between the workers, if there is one.
    """

    kind: str
    ports: list[int]
    pids: list[int]
    dialect: str
    seconds: float
    warm_up: float
    arguments: dict[str, Any]
    redis: int | None = None

    @property
    def port(self) -> int:
        """Where the first worker listens."""
        return self.ports[0]


@dataclass(frozen=True)
class Figure:
    """A measured value.

    Attributes:
        value: in the unit of its row.
        load: how busy the load process was, as a share of a core; ``None`` if
            that does not affect the value.
        server: the same for the server's process.
    """

    value: float
    load: float | None = None
    server: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Span:
    """The numbers of one measurement.

    Attributes:
        count: how far the counter went.
        seconds: how long it took.
        load_cpu: processor time of this process, in seconds.
        server_cpu: processor time of all processes of the server, in seconds.
        redis_cpu: processor time of Redis, in seconds.
    """

    count: int
    seconds: float
    load_cpu: float
    server_cpu: float
    redis_cpu: float = 0.0

    def rate(self, factor: float = 1.0) -> Figure:
        """What was counted in a second, times a factor."""
        return self.figure(factor * self.count / self.seconds)

    def figure(self, value: float) -> Figure:
        """A value that depends on how fast both sides were."""
        return Figure(value, self.load_cpu / self.seconds, self.server_cpu / self.seconds)

    def server_cost(self) -> Figure:
        """The server's processor time for each that was counted, in microseconds."""
        return Figure(1e6 * self.server_cpu / max(self.count, 1))

    def redis_cost(self) -> Figure:
        """The processor time of Redis for each that was counted, in microseconds."""
        return Figure(1e6 * self.redis_cpu / max(self.count, 1))


class Run:
    """A job that is being done."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dialect = DIALECTS[job.dialect]()
        self._next_port = cycle(job.ports)
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """End the run with an error; only the first counts."""
        if not self._failure.done():
            self._failure.set_exception(error)

    async def sleep(self, seconds: float) -> None:
        """Let the load run for so long.

        Raises:
            Exception: what the run has failed with, at once.
        """
        await asyncio.wait([self._failure], timeout=seconds)
        if self._failure.done():
            self._failure.result()

    async def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for a condition.

        Raises:
            Violation: if it does not come true in time.
        """
        end = perf_counter() + _PATIENCE
        while not done():
            if perf_counter() > end:
                raise Violation(f"waited {_PATIENCE:.0f} s in vain until {what}")
            await self.sleep(0.002)

    async def step(self, waiting: Awaitable[Any], what: str) -> Any:
        """Wait for one step of a conversation.

        Raises:
            Violation: if it takes too long, or the connection ends.
        """
        task = asyncio.ensure_future(waiting)
        await asyncio.wait([task, self._failure], timeout=_PATIENCE, return_when="FIRST_COMPLETED")
        if self._failure.done():
            task.cancel()
            self._failure.result()
        if not task.done():
            task.cancel()
            raise Violation(f"waited {_PATIENCE:.0f} s in vain until {what}")
        return task.result()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something at the same time; if it fails, the run fails."""

        async def watched() -> None:
            try:
                await work
            except Exception as error:
                self.fail(error)

        return asyncio.ensure_future(watched())

    async def open(self) -> Link:
        """Open a session over the fastest way of the server, at one worker after the other."""
        kind = LineLink if self.job.dialect == "lines" else WebSocketLink
        opening = kind.open(next(self._next_port), self.dialect, self.fail)
        link: Link = await self.step(opening, "a session was open")
        return link

    async def open_many(self, count: int) -> list[Link]:
        """Open sessions, several at a time."""
        links: list[Link] = []

        async def some(share: int) -> None:
            for _ in range(share):
                links.append(await self.open())

        await self.together(some, count)
        return links

    async def close_many(self, links: Sequence[Link]) -> None:
        """Close sessions, several at a time."""
        left = list(links)
        for link in left:
            link.closing()

        async def some(share: int) -> None:
            for _ in range(share):
                await self.step(left.pop().close(), "a session was closed")

        await self.together(some, len(left))

    async def together(self, work: Callable[[int], Awaitable[None]], count: int) -> None:
        """Do something so many times, shared among some who do it at a time."""
        shares = [len(range(first, count, _AT_ONCE)) for first in range(min(count, _AT_ONCE))]
        await asyncio.gather(*map(work, shares))

    async def measure(
        self, counter: Callable[[], int], seconds: float | None = None, least: int = 0
    ) -> Span:
        """Measure the load, after a warm-up.

        Args:
            counter: returns how much has been done so far.
            seconds: how long; what the job says by default.
            least: how far the counter must have gone; until then it takes longer.
        """
        await self.sleep(self.job.warm_up)
        # The objects that exist now will stay: do not search them for garbage.
        gc.collect()
        gc.freeze()
        began = self._now(counter)
        await self.sleep(self.job.seconds if seconds is None else seconds)
        await self.until(lambda: counter() - began[0] >= least, "there was enough to measure")
        count, *times = map(sub, self._now(counter), began)
        return Span(count, *times)

    def _now(self, counter: Callable[[], int]) -> tuple[int, float, float, float, float]:
        redis = self.job.redis
        redis_cpu = time.clock_gettime(clock_of(redis)) if redis else 0.0
        return counter(), perf_counter(), process_time(), self.server_cpu(), redis_cpu

    def server_cpu(self) -> float:
        """The processor time that all processes of the server have used so far, in seconds."""
        return sum(time.clock_gettime(clock_of(pid)) for pid in self.job.pids)

    def server_memory(self) -> int:
        """The resident memory of the server's first process, in KiB."""
        with open(f"/proc/{self.job.pids[0]}/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmRSS:"):
                    return int(line.split()[1])
        raise Violation("the server has ended")


def clock_of(pid: int) -> int:
    """The number of the clock that shows the processor time of a process (Linux)."""
    return ~pid << 3 | _CLOCK_OF_SCHEDULER
