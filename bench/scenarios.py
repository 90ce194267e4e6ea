"""The scenarios, the runs of each, and the rows of the table that they fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .peers import Peer

__all__ = ["SCENARIOS", "Measurement", "Row", "Scale"]


@dataclass(frozen=True)
class Scale:
    """How large and how long a benchmark is.

    Attributes:
        seconds: how long each run measures.
        warm_up: how long the load runs before, in seconds.
        repeats: how often each run is repeated.
        many: how many connections a broadcast has.
        counts: how many connections ``growth`` has.
        idle_counts: how many ``idle`` has.
        watch: how long idle servers are watched, in seconds.
        turns: how often two costs are measured by turns.
        requests: how many requests tell how long one takes.
        budget: after so many seconds no more repeats are begun.
    """

    seconds: float = 1.5
    warm_up: float = 0.5
    repeats: int = 3
    many: int = 1000
    counts: tuple[int, ...] = (100, 1000, 5000)
    idle_counts: tuple[int, ...] = (1000, 5000)
    watch: float = 25.0
    turns: int = 5
    requests: int = 500
    budget: float = 25 * 60.0


@dataclass(frozen=True)
class Row:
    """One figure in the table.

    Attributes:
        title: which.
        unit: its unit.
        more: whether more is better.
    """

    title: str
    unit: str
    more: bool = True


@dataclass(frozen=True)
class Measurement:
    """One run, which fills some rows.

    Attributes:
        kind: what the load does, see :mod:`bench.load.__main__`.
        rows: what it measures, in the order of its figures.
        arguments: for the load.
        needs: which ability a peer must have, if any.
        spans: how many times it measures for ``seconds``.
        extra: how long it measures beside, in seconds.
        repeats: how often it is repeated at most; for what varies little and takes long.
        workers: how many processes serve; more than one are together.
        bus: what connects them: ``local`` or ``redis``; nothing where there is one process.
        apart: whether they have several cores, which the load shares.
        wrapped: whether middleware hides their servers, so that requests are relayed.
    """

    kind: str
    rows: tuple[Row, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    spans: int = 1
    extra: float = 0.0
    repeats: int = 100
    workers: int = 1
    bus: str = ""
    apart: bool = False
    wrapped: bool = False

    def suits(self, peer: Peer) -> bool:
        """Whether it makes sense for a peer."""
        return not self.needs or self.needs in peer.abilities


def echo(scale: Scale) -> list[Measurement]:
    """Messages that come back."""
    many = [
        Measurement(
            "echo",
            (Row(f"echo 50 x {window}", "messages/s"),),
            {"connections": 50, "window": window},
        )
        for window in (1, 16)
    ]
    rows = tuple(Row(f"latency 1 x 1, {name}", "µs", more=False) for name in ("p50", "p99"))
    return [*many, Measurement("latency", rows)]


def broadcast(scale: Scale) -> list[Measurement]:
    """One sends to many."""
    return [
        Measurement(
            "broadcast",
            (Row(f"broadcast {scale.many:,} x {window}", "deliveries/s"),),
            {"receivers": scale.many, "window": window},
            needs="sessions",
        )
        for window in (1, 8)
    ]


def poll(scale: Scale) -> list[Measurement]:
    """Posted, and back by a poll."""
    row = Row("poll 50", "messages/s")
    return [Measurement("poll", (row,), {"sessions": 50}, needs="polls")]


def connect(scale: Scale) -> list[Measurement]:
    """Sessions that come and go."""
    once, upgraded = (
        Row(title, "sessions/s") for title in ("connect and close", "connect, upgrade and close")
    )
    return [
        Measurement("connect", (once,), {"at_once": 20}, needs="sessions"),
        # Some servers check only every 100 ms whether a poll waits: this many keep them busy.
        Measurement("upgrade", (upgraded,), {"at_once": 100}, needs="upgrades"),
    ]


def big(scale: Scale) -> list[Measurement]:
    """Echo of 64 KiB."""
    arguments = {"connections": 10, "window": 1, "size": 65536, "factor": 1 / 16}
    return [Measurement("echo", (Row("big, 64 KiB echoed", "MiB/s"),), arguments)]


def binary(scale: Scale) -> list[Measurement]:
    """Echo of events with one attachment, short and of 64 KiB."""
    large = {"connections": 10, "window": 1, "size": 65536, "factor": 1 / 16}
    return [
        Measurement(
            "binary",
            (Row("binary 50 x 1", "messages/s"),),
            {"connections": 50, "window": 1},
            needs="binary",
        ),
        Measurement("binary", (Row("binary, 64 KiB echoed", "MiB/s"),), large, needs="binary"),
    ]


def idle(scale: Scale) -> list[Measurement]:
    """The costs of idle sessions."""
    rows = [Row(f"memory a session, {count:,}", "KiB", more=False) for count in scale.idle_counts]
    rows.append(Row(f"CPU when idle, {scale.idle_counts[-1]:,}", "%", more=False))
    arguments = {"counts": scale.idle_counts, "watch": scale.watch}
    return [
        Measurement(
            "idle",
            tuple(rows),
            arguments,
            needs="sessions",
            spans=0,
            extra=scale.watch,
            repeats=1,
        )
    ]


def growth(scale: Scale) -> list[Measurement]:
    """The costs of a message as the number of connections grows."""
    rows = tuple(
        Row(f"CPU {what}, {count:,}", "µs", more=False)
        for what in ("an echo", "a delivery")
        for count in scale.counts
    )
    return [
        Measurement(
            "growth",
            rows,
            {"counts": scale.counts},
            needs="sessions",
            spans=2 * len(scale.counts),
            repeats=2,
        )
    ]


def cluster(scale: Scale) -> list[Measurement]:
    """Several workers, and sessions whose requests come to other workers than their own."""
    arguments = {"connections": 50, "window": 16}
    apart = [
        Measurement(
            "echo",
            (Row(f"echo 50 x 16, {name}", "messages/s"),),
            arguments,
            needs="workers",
            workers=count,
            bus="local",
            apart=True,
        )
        for count, name in ((1, "one worker, one core"), (2, "two workers, two cores"))
    ]
    grown = [
        measurement
        for bus in ("local", "redis")
        for count in (1, 2, 4)
        for measurement in _costs_of_workers(scale, bus, count)
    ]
    requests = _costs("POST over a new connection", "at home", "handed over", "hand-over alone")
    return [
        *apart,
        *grown,
        _compared("handed", "CPU an echo", "handed over", "connections", scale),
        _compared("relayed", "CPU a poll", "relayed", "sessions", scale, wrapped=True),
        _compared("relayed", "CPU a poll", "relayed over Redis", "sessions", scale, bus="redis"),
        Measurement(
            "handover",
            requests,
            {"requests": scale.requests},
            needs="workers",
            workers=2,
            bus="local",
        ),
    ]


def _costs(what: str, *ways: str) -> tuple[Row, ...]:
    return tuple(Row(f"{what}, {way}", "µs", more=False) for way in ways)


def _costs_of_workers(scale: Scale, bus: str, count: int) -> list[Measurement]:
    """What an echo, a delivery, and an event itself cost with so many workers."""
    way = f"{count} over {'Redis' if bus == 'redis' else 'the local bus'}"
    many, few = {"counts": (scale.many,)}, {"receivers": 8, "window": 16}
    places = ("CPU an event to 8", *(("CPU of Redis for it",) if bus == "redis" else ()))
    of_events = (
        *(row for place in places for row in _costs(place, way)),
        Row(f"events, {way}", "events/s"),
    )
    of_many = (*_costs("CPU an echo", way), *_costs("CPU a delivery", way))
    return [
        Measurement("growth", of_many, many, needs="workers", spans=2, workers=count, bus=bus),
        Measurement("events", of_events, few, needs="workers", workers=count, bus=bus),
    ]


def _compared(
    kind: str,
    what: str,
    way: str,
    many: str,
    scale: Scale,
    bus: str = "local",
    wrapped: bool = False,
) -> Measurement:
    """What something costs at home and another way, by turns, and how many times as much."""
    return Measurement(
        kind,
        (
            *_costs(what, f"not {way}", way),
            Row(f"{way} / not {way}", "times", more=False),
        ),
        {many: 50, "turns": scale.turns},
        needs="workers",
        spans=2 * scale.turns,
        workers=2,
        bus=bus,
        wrapped=wrapped,
    )


SCENARIOS: dict[str, Callable[[Scale], list[Measurement]]] = {
    scenario.__name__: scenario
    for scenario in (echo, broadcast, poll, connect, big, binary, idle, growth, cluster)
}
