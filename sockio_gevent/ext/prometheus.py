"""Prometheus: the numbers of :meth:`~sockio_gevent.Listener.stats` as metrics.

In a program that has a registry already, or uses the default one::

    from sockio_gevent.ext.prometheus import register

    register(socket)

``prometheus_client`` serves them, for example with ``make_wsgi_app()``.
Each process counts its own sessions. With ``register(socket, workers=True)``,
any worker tells the numbers of all workers of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import time
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

try:
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector as BaseCollector
except ImportError as error:
    raise ImportError(
        "metrics need prometheus_client: pip install 'sockio_gevent[prometheus]'",
        name="prometheus_client",
    ) from error

from ..options.listener_options import Options

__all__ = ["Collector", "register", "unregister"]


class Listener(Protocol):
    """The part of a :class:`~sockio_gevent.Listener` that is used here."""

    options: Options

    def stats(self) -> dict[str, Any]:
        """What happens now, and what has happened so far."""

    def stats_of_workers(self) -> dict[int, dict[str, Any]]:
        """The same of all workers of this machine, by their processes."""


def register(
    listener: Listener, registry: CollectorRegistry | None = None, *, workers: bool = False
) -> None:
    """Let a registry collect the metrics of a listener.

    Any number of listeners may be in one registry: their resources tell them apart.

    Args:
        listener: the listener that :func:`~sockio_gevent.listen` has returned.
        registry: ``None`` for the default one of ``prometheus_client``.
        workers: whether to collect those of all workers of this machine, each with a label
            ``worker``, the number of its process. All are asked each time, whichever worker gets
            the request of Prometheus: scrape the port that they share, once.

    Raises:
        ValueError: if the registry already has a listener with this resource, or
            other metrics with these names.
    """
    registry = REGISTRY if registry is None else registry
    collector = _collectors.get(registry)
    if collector is not None:
        collector.add(listener, workers)
        return
    collector = Collector()
    collector.add(listener, workers)
    registry.register(collector)
    _collectors[registry] = collector


def unregister(listener: Listener, registry: CollectorRegistry | None = None) -> None:
    """Undo :func:`register`.

    Raises:
        ValueError: if the registry does not have this listener.
    """
    registry = REGISTRY if registry is None else registry
    collector = _collectors.get(registry)
    if collector is None or listener not in collector:
        raise ValueError(f"{listener!r} is not registered")
    collector.discard(listener)
    if not collector:
        registry.unregister(collector)
        del _collectors[registry]


class _Started(NamedTuple):
    listener: Listener
    workers: bool
    times: dict[int, float]

    def stats(self) -> list[tuple[int, dict[str, Any], float]]:
        """The processes, the statistics of each, and when it has started."""
        listener = self.listener
        found = listener.stats_of_workers() if self.workers else {0: listener.stats()}
        for gone in self.times.keys() - found.keys():
            self.times.pop(gone, None)  # another thread may be faster
        return [
            (worker, stats, self.times.setdefault(worker, time() - stats["uptime"]))
            for worker, stats in found.items()
        ]


class Collector(BaseCollector):
    """Collects the metrics of several listeners; :func:`register` makes one for each registry.

    Args:
        *listeners: see :meth:`add`.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._started: dict[str, _Started] = {}
        for listener in listeners:
            self.add(listener)

    def __contains__(self, listener: Listener) -> bool:
        known = self._started.get(listener.options.resource)
        return known is not None and known.listener is listener

    def __len__(self) -> int:
        return len(self._started)

    def add(self, listener: Listener, workers: bool = False) -> None:
        """Collect the metrics of one more listener.

        Args:
            listener: the listener.
            workers: see :func:`register`.

        Raises:
            ValueError: if there is one with the same resource.
        """
        resource = listener.options.resource
        if resource in self._started:
            raise ValueError(
                f"the metrics have a listener at {resource!r} already: "
                "give each a registry of its own, or a 'resource'"
            )
        started = _Started(listener, workers, {})
        if not workers:
            started.stats()
        self._started[resource] = started

    def discard(self, listener: Listener) -> None:
        """Do not collect the metrics of this listener any more."""
        if listener in self:
            del self._started[listener.options.resource]

    def describe(self) -> Iterable[Metric]:
        """The metrics without values: a registry reads their names."""
        return _Families(self._labels).all

    @property
    def _labels(self) -> list[str]:
        several = any(each.workers for each in self._started.values())
        return ["resource", "worker"] if several else ["resource"]

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        labels = self._labels
        families = _Families(labels)
        for resource, started in list(self._started.items()):
            for worker, stats, since in started.stats():
                told = [resource, str(worker) if started.workers else ""][: len(labels)]
                families.take(told, stats, since)
        return families.all


_collectors: WeakKeyDictionary[CollectorRegistry, Collector] = WeakKeyDictionary()


class _Families:
    """All metrics, still without values. prometheus_client adds ``_total`` to counters' names."""

    def __init__(self, labels: list[str]) -> None:
        def gauge(name: str, text: str, *more: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, text, labels=[*labels, *more])

        def counter(name: str, text: str, *more: str) -> CounterMetricFamily:
            return CounterMetricFamily(name, text, labels=[*labels, *more])

        self.started = gauge(
            "sockio_start_time_seconds", "When the listener was made, in seconds since the epoch."
        )
        self.sessions = gauge(
            "sockio_sessions",
            "Sessions that are open, or away between two requests.",
            "transport",
            "state",
        )
        self.dialects = gauge(
            "sockio_dialect_sessions",
            "Sessions by the dialect that their clients speak.",
            "dialect",
        )
        self.buffered = gauge("sockio_buffered_bytes", "Bytes that wait for clients to take them.")
        self.opened = counter("sockio_sessions_opened", "Sessions that have begun.")
        self.closed = counter(
            "sockio_sessions_closed", "Sessions that have ended, by cause.", "cause"
        )
        self.refused = counter(
            "sockio_requests_refused", "Requests that were refused, by reason.", "reason"
        )
        self.limits = counter(
            "sockio_limits_exceeded",
            "Times that clients were over a limit, by the option that sets it.",
            "option",
        )
        self.messages = counter(
            "sockio_messages", "Messages from clients (in) and to them (out).", "direction"
        )
        self.payloads = counter(
            "sockio_payload_bytes",
            "Size of the payloads from clients (in) and to them (out).",
            "direction",
        )
        self.members = gauge(
            "sockio_cluster_members", "Workers that know each other, with this one."
        )
        self.connected = gauge(
            "sockio_cluster_connected",
            "Whether this worker reaches the others: 0 while Redis is away.",
        )
        self.lag = gauge(
            "sockio_cluster_lag_seconds",
            "The longest time that a message to this worker was on its way, in the last seconds.",
        )
        self.cluster_messages = counter(
            "sockio_cluster_messages",
            "Messages from other workers (in) and to them (out).",
            "direction",
        )
        self.cluster_bytes = counter(
            "sockio_cluster_bytes",
            "Size of the messages from other workers (in) and to them (out).",
            "direction",
        )
        self.cluster_dropped = counter(
            "sockio_cluster_dropped",
            "Messages that were dropped because a worker did not read them.",
        )
        self.handed_over = counter(
            "sockio_cluster_handed_over",
            "Connections that were handed over to the workers of their sessions.",
        )
        self.relayed = counter(
            "sockio_cluster_relayed", "Requests that were relayed to the workers of their sessions."
        )

    def take(self, of: list[str], stats: dict[str, Any], begun: float) -> None:
        """Add what one process has counted.

        Args:
            of: the first labels.
            stats: the statistics.
            begun: when it has begun, in seconds since the epoch.
        """
        self.started.add_metric(of, begun)
        for transport, states in stats["sessions"].items():
            for state, count in states.items():
                self.sessions.add_metric([*of, transport, state], count)
        for dialect, count in stats["dialects"].items():
            self.dialects.add_metric([*of, dialect], count)
        self.buffered.add_metric(of, stats["buffered"])
        self.opened.add_metric(of, stats["opened"])
        for cause, count in stats["closes"].items():
            self.closed.add_metric([*of, cause], count)
        for reason, count in stats["refused"].items():
            self.refused.add_metric([*of, reason], count)
        for option, count in stats["limits"].items():
            self.limits.add_metric([*of, option], count)
        for direction, count in stats["messages"].items():
            self.messages.add_metric([*of, direction], count)
        for direction, count in stats["bytes"].items():
            self.payloads.add_metric([*of, direction], count)
        cluster = stats["cluster"]
        self.members.add_metric(of, cluster["members"])
        self.connected.add_metric(of, cluster["connected"])
        self.lag.add_metric(of, cluster["lag"])
        for direction, count in cluster["messages"].items():
            self.cluster_messages.add_metric([*of, direction], count)
        for direction, count in cluster["bytes"].items():
            self.cluster_bytes.add_metric([*of, direction], count)
        self.cluster_dropped.add_metric(of, cluster["dropped"])
        self.handed_over.add_metric(of, cluster["handed_over"])
        self.relayed.add_metric(of, cluster["relayed"])

    @property
    def all(self) -> list[Metric]:
        return list(vars(self).values())
