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
        budget: after so many seconds no more repeats are begun.
    """

    seconds: float = 1.5
    warm_up: float = 0.5
    repeats: int = 3
    many: int = 1000
    counts: tuple[int, ...] = (100, 1000, 5000)
    idle_counts: tuple[int, ...] = (1000, 5000)
    watch: float = 25.0
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
    """

    kind: str
    rows: tuple[Row, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    spans: int = 1
    extra: float = 0.0
    repeats: int = 100

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


SCENARIOS: dict[str, Callable[[Scale], list[Measurement]]] = {
    scenario.__name__: scenario
    for scenario in (echo, broadcast, poll, connect, big, binary, idle, growth)
}
