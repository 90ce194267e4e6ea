"""Prometheus: the numbers of :meth:`~sockio_gevent.Listener.stats` as metrics.

In a program that has a registry already, or uses the default one::

    from sockio_gevent.ext.prometheus import register

    register(socket)

``prometheus_client`` serves them, for example with ``make_wsgi_app()``.
Each process counts its own sessions.
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


def register(listener: Listener, registry: CollectorRegistry | None = None) -> None:
    """Let a registry collect the metrics of a listener.

    Any number of listeners may be in one registry: their resources tell them apart.

    Args:
        listener: the listener that :func:`~sockio_gevent.listen` has returned.
        registry: ``None`` for the default one of ``prometheus_client``.

    Raises:
        ValueError: if the registry already has a listener with this resource, or
            other metrics with these names.
    """
    registry = REGISTRY if registry is None else registry
    collector = _collectors.get(registry)
    if collector is not None:
        collector.add(listener)
        return
    collector = Collector(listener)
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
    time: float


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

    def add(self, listener: Listener) -> None:
        """Collect the metrics of one more listener.

        Raises:
            ValueError: if there is one with the same resource.
        """
        resource = listener.options.resource
        if resource in self._started:
            raise ValueError(
                f"the metrics have a listener at {resource!r} already: "
                "give each a registry of its own, or a 'resource'"
            )
        self._started[resource] = _Started(listener, time() - listener.stats()["uptime"])

    def discard(self, listener: Listener) -> None:
        """Do not collect the metrics of this listener any more."""
        if listener in self:
            del self._started[listener.options.resource]

    def describe(self) -> Iterable[Metric]:
        """The metrics without values: a registry reads their names."""
        return _Families().all

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        families = _Families()
        for resource, (listener, started) in list(self._started.items()):
            stats = listener.stats()
            families.started.add_metric([resource], started)
            for transport, states in stats["sessions"].items():
                for state, count in states.items():
                    families.sessions.add_metric([resource, transport, state], count)
            for dialect, count in stats["dialects"].items():
                families.dialects.add_metric([resource, dialect], count)
            families.buffered.add_metric([resource], stats["buffered"])
            families.opened.add_metric([resource], stats["opened"])
            for cause, count in stats["closes"].items():
                families.closed.add_metric([resource, cause], count)
            for reason, count in stats["refused"].items():
                families.refused.add_metric([resource, reason], count)
            for option, count in stats["limits"].items():
                families.limits.add_metric([resource, option], count)
            for direction, count in stats["messages"].items():
                families.messages.add_metric([resource, direction], count)
            for direction, count in stats["bytes"].items():
                families.payloads.add_metric([resource, direction], count)
            cluster = stats["cluster"]
            families.members.add_metric([resource], cluster["members"])
            for direction, count in cluster["messages"].items():
                families.cluster_messages.add_metric([resource, direction], count)
            for direction, count in cluster["bytes"].items():
                families.cluster_bytes.add_metric([resource, direction], count)
            families.cluster_dropped.add_metric([resource], cluster["dropped"])
            families.handed_over.add_metric([resource], cluster["handed_over"])
            families.relayed.add_metric([resource], cluster["relayed"])
        return families.all


_collectors: WeakKeyDictionary[CollectorRegistry, Collector] = WeakKeyDictionary()


class _Families:
    """All metrics, still without values. prometheus_client adds ``_total`` to counters' names."""

    def __init__(self) -> None:
        self.started = GaugeMetricFamily(
            "sockio_start_time_seconds",
            "When the listener was made, in seconds since the epoch.",
            labels=["resource"],
        )
        self.sessions = GaugeMetricFamily(
            "sockio_sessions",
            "Sessions that are open, or away between two requests.",
            labels=["resource", "transport", "state"],
        )
        self.dialects = GaugeMetricFamily(
            "sockio_dialect_sessions",
            "Sessions by the dialect that their clients speak.",
            labels=["resource", "dialect"],
        )
        self.buffered = GaugeMetricFamily(
            "sockio_buffered_bytes",
            "Bytes that wait for clients to take them.",
            labels=["resource"],
        )
        self.opened = CounterMetricFamily(
            "sockio_sessions_opened",
            "Sessions that have begun.",
            labels=["resource"],
        )
        self.closed = CounterMetricFamily(
            "sockio_sessions_closed",
            "Sessions that have ended, by cause.",
            labels=["resource", "cause"],
        )
        self.refused = CounterMetricFamily(
            "sockio_requests_refused",
            "Requests that were refused, by reason.",
            labels=["resource", "reason"],
        )
        self.limits = CounterMetricFamily(
            "sockio_limits_exceeded",
            "Times that clients were over a limit, by the option that sets it.",
            labels=["resource", "option"],
        )
        self.messages = CounterMetricFamily(
            "sockio_messages",
            "Messages from clients (in) and to them (out).",
            labels=["resource", "direction"],
        )
        self.payloads = CounterMetricFamily(
            "sockio_payload_bytes",
            "Size of the payloads from clients (in) and to them (out).",
            labels=["resource", "direction"],
        )
        self.members = GaugeMetricFamily(
            "sockio_cluster_members",
            "Workers that know each other, with this one.",
            labels=["resource"],
        )
        self.cluster_messages = CounterMetricFamily(
            "sockio_cluster_messages",
            "Messages from other workers (in) and to them (out).",
            labels=["resource", "direction"],
        )
        self.cluster_bytes = CounterMetricFamily(
            "sockio_cluster_bytes",
            "Size of the messages from other workers (in) and to them (out).",
            labels=["resource", "direction"],
        )
        self.cluster_dropped = CounterMetricFamily(
            "sockio_cluster_dropped",
            "Messages that were dropped because a worker did not read them.",
            labels=["resource"],
        )
        self.handed_over = CounterMetricFamily(
            "sockio_cluster_handed_over",
            "Connections that were handed over to the workers of their sessions.",
            labels=["resource"],
        )
        self.relayed = CounterMetricFamily(
            "sockio_cluster_relayed",
            "Requests that were relayed to the workers of their sessions.",
            labels=["resource"],
        )

    @property
    def all(self) -> list[Metric]:
        return list(vars(self).values())
