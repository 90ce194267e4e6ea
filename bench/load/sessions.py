"""Scenarios about sessions: how fast they are opened and closed, and their costs."""

from __future__ import annotations

import asyncio
from time import perf_counter

from .broadcast import Broadcast
from .echo import Echo, finish
from .links import Link
from .run import Figure, Run

__all__ = ["connect", "growth", "idle"]

_STABLE = 0.005  # memory that changes by less than this share is taken for stable
_STABLE_FOR = 1.5  # after so many seconds
_SETTLED_BY = 20.0  # and is taken as it is after so many


async def connect(run: Run, at_once: int) -> list[Figure]:
    """Sessions opened and closed in a second."""
    count = 0
    stopping = False

    async def again_and_again() -> None:
        nonlocal count
        while not stopping:
            link = await run.open()
            await link.close()
            count += 1

    workers = [run.spawn(again_and_again()) for _ in range(at_once)]
    span = await run.measure(lambda: count)
    stopping = True
    await run.step(asyncio.wait(workers), "all sessions were closed")
    return [span.rate()]


async def idle(run: Run, counts: list[int], watch: float) -> list[Figure]:
    """KiB of memory a session with so many of them, then the processor share of the idle server.

    Args:
        run: what it belongs to.
        counts: how many sessions, ascending; the processor is watched with the last.
        watch: for how long, in seconds.
    """
    # The first sessions load modules and fill caches.
    await run.close_many(await run.open_many(50))
    before = await settled_memory(run)
    figures = []
    links: list[Link] = []
    for count in counts:
        links += await run.open_many(count - len(links))
        figures.append(Figure((await settled_memory(run) - before) / count))
    span = await run.measure(lambda: 0, watch)
    figures.append(Figure(100 * span.server_cpu / span.seconds))
    await run.close_many(links)
    return figures


async def settled_memory(run: Run) -> int:
    """The memory of the server, in KiB, once it does not change any more."""
    began = since = perf_counter()
    memory = run.server_memory()
    while perf_counter() - since < _STABLE_FOR and perf_counter() - began < _SETTLED_BY:
        await run.sleep(0.1)
        now = run.server_memory()
        if abs(now - memory) > _STABLE * memory:
            memory, since = now, perf_counter()
    return run.server_memory()


async def growth(run: Run, counts: list[int]) -> list[Figure]:
    """Microseconds of the server for an echo and for a delivery, with so many sessions each."""
    echoes, deliveries = [], []
    links: list[Link] = []
    for count in counts:
        links += await run.open_many(count - len(links))
        echoes.append(await echo_cost(run, links))
        deliveries.append(await delivery_cost(run, links))
    await run.close_many(links)
    return echoes + deliveries


async def echo_cost(run: Run, links: list[Link]) -> Figure:
    """The server's time for an echo, while all connections have one in flight."""
    echoes = [Echo(run, link, number) for number, link in enumerate(links)]
    for echo in echoes:
        echo.begin()
    span = await run.measure(lambda: sum(echo.count for echo in echoes), least=len(links))
    await finish(run, echoes)
    return span.server_cost()


async def delivery_cost(run: Run, links: list[Link]) -> Figure:
    """The server's time for each delivery of a broadcast to all connections but one."""
    storm = Broadcast(run, links[0], links[1:])
    storm.begin()
    span = await run.measure(lambda: storm.count, least=len(links) - 1)
    await storm.finish(run)
    return span.server_cost()
