"""Scenarios with several workers: sessions at home, and those whose requests come elsewhere.

Costs that are compared are measured by turns in the same run, with the same sessions, so that
what else goes on on the machine affects both. A ratio is the median of the ratios of the turns.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from .broadcast import Broadcast
from .echo import Echo, finish
from .polling import Chat, HTTPConnection, SocketIOPolls
from .run import Figure, Run
from .upgrading import UpgradedPolls, answer, check
from .violation import Violation
from .websocket import WebSocketLink

__all__ = ["acquaint", "events", "handed", "handover", "relayed"]

Cost = Callable[[], Awaitable[Figure]]


async def acquaint(run: Run) -> None:
    """Wait until all workers know each other."""
    ports = run.job.ports
    connections = [await HTTPConnection(port, run.fail).open() for port in ports]
    for connection in connections:
        # A worker joins the others at its first request that is the listener's.
        await run.step(connection.get("/socket.io/socket.io.js"), "the client file had come")
    for port, connection in zip(ports, connections, strict=True):
        connection.close()
        while (await told(run, port))["members"] < len(ports):
            await run.sleep(0.01)


async def told(run: Run, port: int) -> dict[str, Any]:
    """What a worker tells of the others."""
    connection = await HTTPConnection(port, run.fail).open()
    answer = await run.step(connection.get("/cluster"), "a worker had told of the others")
    connection.close()
    found: dict[str, Any] = json.loads(answer)
    return found


async def check_given(run: Run, way: str, least: int) -> None:
    """Check that the second worker has given what has come to it to the first.

    Raises:
        Violation: if it has not, or in another way.
    """
    given = (await told(run, run.job.ports[1]))[way]
    if given < least:
        raise Violation(f"{given} were {way}, and should be {least} at least")


async def by_turns(run: Run, turns: int, here: Cost, there: Cost) -> list[Figure]:
    """The costs of two things, and how many times the first the second costs."""
    ways = (here, there)
    costs: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        # Neither always comes first.
        for which in (0, 1) if turn % 2 else (1, 0):
            costs[which].append((await ways[which]()).value)
    ratios = [second / first for first, second in zip(*costs, strict=True)]
    return [Figure(median(each)) for each in (*costs, ratios)]


async def events(run: Run, receivers: int, window: int) -> list[Figure]:
    """Microseconds for an event to few receivers, of all workers and of Redis; events a second."""
    sender, *others = await run.open_many(receivers + 1)
    storm = Broadcast(run, sender, others, window)
    storm.begin()
    span = await run.measure(lambda: storm.count, least=receivers)
    await storm.finish(run)
    await run.close_many([sender, *others])
    costs = [span.server_cost(), *([span.redis_cost()] if run.job.redis else [])]
    return [*(Figure(cost.value * receivers) for cost in costs), span.rate(1 / receivers)]


async def handed(run: Run, connections: int, turns: int) -> list[Figure]:
    """Microseconds for an echo: the WebSocket came to the owner, or was handed over to it."""
    home, away = run.job.ports[:2]
    groups: list[list[WebSocketLink]] = []
    for port in (home, away):
        links = []
        for _ in range(connections):
            polls = UpgradedPolls(
                await HTTPConnection(home, run.fail).open(),
                await HTTPConnection(home, run.fail).open(),
            )
            await run.step(polls.open(), "a session was open")
            link = await run.step(polls.upgrade(run, port), "a session had gone over")
            # Only a session that has gone over answers here.
            message = run.dialect.encode(b"over")
            check(message, await run.step(answer(link, message), "it had answered"))
            polls.close()
            links.append(link)
        groups.append(links)

    def cost_of(links: Sequence[WebSocketLink]) -> Cost:
        async def cost() -> Figure:
            echoes = [Echo(run, link, number) for number, link in enumerate(links)]
            for each in echoes:
                each.begin()
            span = await run.measure(lambda: sum(each.count for each in echoes), least=connections)
            await finish(run, echoes)
            return span.server_cost()

        return cost

    figures = await by_turns(run, turns, *map(cost_of, groups))
    await check_given(run, "handed_over", connections)
    await run.close_many([link for links in groups for link in links])
    return figures


async def relayed(run: Run, sessions: int, turns: int) -> list[Figure]:
    """Microseconds of all workers for a message that is posted and comes back by a poll."""
    away = run.job.ports[1]
    chats = [Chat(run, number) for number in range(2 * sessions)]
    for chat in chats:
        await run.step(chat.open(), "a session was open")
    groups = chats[:sessions], chats[sessions:]
    for chat in groups[1]:
        await chat.move(away)

    def cost_of(group: Sequence[Chat]) -> Cost:
        async def cost() -> Figure:
            talks = [run.spawn(chat.talk()) for chat in group]
            span = await run.measure(lambda: sum(chat.count for chat in group), least=sessions)
            for chat in group:
                chat.stopping = True
            await run.step(asyncio.wait(talks), "all messages had come back")
            return span.server_cost()

        return cost

    figures = await by_turns(run, turns, *map(cost_of, groups))
    await check_given(run, "relayed", sum(chat.count for chat in groups[1]))
    for chat in chats:
        chat.close()
    return figures


async def handover(run: Run, requests: int) -> list[Figure]:
    """Microseconds until a POST over a new connection is answered, at home and handed over.

    The third is the median of the differences of the two, one after the other: what a hand-over
    takes.
    """
    home, away = run.job.ports[:2]
    polls = SocketIOPolls(
        await HTTPConnection(home, run.fail).open(), await HTTPConnection(home, run.fail).open()
    )
    await polls.open()
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(requests):
        for which in (0, 1) if turn % 2 else (1, 0):
            connection = await HTTPConnection((home, away)[which], run.fail).open()
            began = perf_counter()
            await run.step(polls.beat(connection), "a POST was answered")
            times[which].append(1e6 * (perf_counter() - began))
            connection.close()
    polls.close()
    await check_given(run, "handed_over", requests)
    differences = [second - first for first, second in zip(*times, strict=True)]
    return [Figure(median(each)) for each in (*times, differences)]
