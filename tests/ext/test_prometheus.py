"""The metrics of listeners, as prometheus_client shows them."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from support.clients import Polling, WebSocket
from support.http import HTTP, Ended
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import sockio_gevent as io
from sockio_gevent.ext.prometheus import Collector, register, unregister
from sockio_gevent.monitoring.reasons import CloseReason, Limit
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.refusal import Reason

TYPES = {
    "sockio_start_time_seconds": "gauge",
    "sockio_sessions": "gauge",
    "sockio_dialect_sessions": "gauge",
    "sockio_buffered_bytes": "gauge",
    "sockio_sessions_opened": "counter",
    "sockio_sessions_closed": "counter",
    "sockio_requests_refused": "counter",
    "sockio_limits_exceeded": "counter",
    "sockio_messages": "counter",
    "sockio_payload_bytes": "counter",
    "sockio_cluster_members": "gauge",
    "sockio_cluster_connected": "gauge",
    "sockio_cluster_lag_seconds": "gauge",
    "sockio_cluster_messages": "counter",
    "sockio_cluster_bytes": "counter",
    "sockio_cluster_dropped": "counter",
    "sockio_cluster_handed_over": "counter",
    "sockio_cluster_relayed": "counter",
}


@pytest.fixture
def registry():
    return CollectorRegistry()


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def samples(registry: Any) -> dict[tuple[str, ...], float]:
    """All samples by their names and the values of their labels but the resource."""
    return {
        (sample.name, *(value for name, value in sample.labels.items() if name != "resource")): (
            sample.value
        )
        for family in registry.collect()
        for sample in family.samples
    }


def test_the_metrics_have_the_numbers_of_stats(serve, registry):
    served = serve()
    listener = served.listener
    register(listener, registry)
    polling = Polling(served.port).open()
    websocket, left = WebSocket(served.port).open(), WebSocket(served.port).open()
    polling.send("hello")
    with pytest.raises(Ended):
        Polling(served.port, "unknown").poll()
    left.close()
    served.wait("disconnect")
    listener.broadcast("news")
    assert websocket.receive() == "news"

    stats = listener.stats()
    found = samples(registry)
    assert found.pop(("sockio_start_time_seconds",)) == pytest.approx(
        time.time() - stats["uptime"], abs=5
    )
    assert found.pop(("sockio_buffered_bytes",)) == stats["buffered"] > 0
    assert found.pop(("sockio_sessions_opened_total",)) == 3
    for transport in KNOWN_TRANSPORTS:
        for state, count in stats["sessions"][transport].items():
            assert found.pop(("sockio_sessions", transport, state)) == count
    assert found.pop(("sockio_dialect_sessions", "classic")) == 2
    assert found.pop(("sockio_dialect_sessions", "socket.io")) == 0
    for cause in CloseReason:
        expected = int(cause is CloseReason.CLIENT)
        assert found.pop(("sockio_sessions_closed_total", cause.value)) == expected
    for reason in Reason:
        expected = int(reason is Reason.SESSION)
        assert found.pop(("sockio_requests_refused_total", reason.value)) == expected
    for limit in Limit:
        assert found.pop(("sockio_limits_exceeded_total", limit.value)) == 0
    for direction, count in {"in": 1, "out": 2}.items():
        assert found.pop(("sockio_messages_total", direction)) == count
        expected = stats["bytes"][direction]
        assert found.pop(("sockio_payload_bytes_total", direction)) == expected
    assert found.pop(("sockio_cluster_members",)) == 1
    assert found.pop(("sockio_cluster_connected",)) == 1
    assert found.pop(("sockio_cluster_lag_seconds",)) == 0
    for direction in ("in", "out"):
        assert found.pop(("sockio_cluster_messages_total", direction)) == 0
        assert found.pop(("sockio_cluster_bytes_total", direction)) == 0
    assert found.pop(("sockio_cluster_dropped_total",)) == 0
    assert found.pop(("sockio_cluster_handed_over_total",)) == 0
    assert found.pop(("sockio_cluster_relayed_total",)) == 0
    assert found == {}


@pytest.mark.parametrize(
    ("write", "read"),
    [(generate_latest, read_text), (openmetrics.generate_latest, read_openmetrics)],
    ids=["text", "openmetrics"],
)
def test_both_formats_of_the_exposition_can_be_read(registry, write, read):
    for resource in ("socket.io", "news/live"):
        register(io.listen(application, resource=resource, log=False), registry)
    families = list(read(write(registry).decode()))
    # Each once, whatever the number of listeners.
    assert [(family.name, family.type) for family in families] == list(TYPES.items())
    for family in families:
        assert family.documentation.endswith(".")
        resources = {sample.labels["resource"] for sample in family.samples}
        assert resources == {"socket.io", "news/live"}


def test_the_start_time_does_not_change(registry):
    register(io.listen(application, log=False), registry)
    first = samples(registry)["sockio_start_time_seconds",]
    assert {samples(registry)["sockio_start_time_seconds",] for _ in range(10)} == {first}


def test_listeners_of_one_registry_need_different_resources(registry):
    chat, news = (io.listen(application, resource=name, log=False) for name in ("chat", "news"))
    register(chat, registry)
    register(news, registry)
    for again in (chat, io.listen(application, resource="news", log=False)):
        with pytest.raises(ValueError, match="give each a registry of its own, or a 'resource'"):
            register(again, registry)
    other = CollectorRegistry()
    register(chat, other)
    assert len(samples(other)) == len(samples(registry))


def test_a_listener_can_be_unregistered(registry):
    chat, news = (io.listen(application, resource=name, log=False) for name in ("chat", "news"))
    register(chat, registry)
    register(news, registry)
    unregister(chat, registry)
    assert b'resource="news"' in generate_latest(registry)
    assert b'resource="chat"' not in generate_latest(registry)
    with pytest.raises(ValueError, match="is not registered"):
        unregister(chat, registry)
    unregister(news, registry)
    assert generate_latest(registry) == b""
    register(chat, registry)
    assert b'resource="chat"' in generate_latest(registry)


def test_other_metrics_of_these_names_are_refused(registry):
    prometheus_client.Gauge("sockio_sessions", "not ours", registry=registry)
    with pytest.raises(ValueError, match="sockio_sessions"):
        register(io.listen(application, log=False), registry)


def test_the_default_registry_is_the_default():
    listener = io.listen(application, resource="of/the/default", log=False)
    register(listener)
    try:
        assert b'resource="of/the/default"' in generate_latest()
    finally:
        unregister(listener)
    assert b"of/the/default" not in generate_latest()


def test_a_collector_can_be_registered_by_hand(registry):
    listener = io.listen(application, log=False)
    registry.register(Collector(listener))
    assert samples(registry)["sockio_sessions_opened_total",] == 0
    with pytest.raises(ValueError, match="sockio"):
        registry.register(Collector(listener))


def test_a_registry_that_is_gone_leaves_nothing_behind():
    listener = io.listen(application, log=False)
    registry = CollectorRegistry()
    register(listener, registry)
    gone = weakref.ref(registry), weakref.ref(listener)
    del registry, listener
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_the_metrics_can_be_scraped_beside_the_listener(host, registry):
    listener = io.listen(application, log=False)
    register(listener, registry)
    port = host(DispatcherMiddleware(listener, {"/metrics": make_wsgi_app(registry)}))
    client = WebSocket(port).open()
    scraped = HTTP(port).request("GET", "/metrics").text
    assert 'sockio_sessions{resource="socket.io",state="open",transport="websocket"} 1.0' in scraped
    assert 'sockio_sessions_opened_total{resource="socket.io"} 1.0' in scraped
    client.close()


MISSING = """
import sys
sys.modules["prometheus_client"] = None
import sockio_gevent
try:
    import sockio_gevent.ext.prometheus
except ImportError as error:
    print(error)
"""


def test_without_prometheus_client_an_error_says_what_to_install():
    said = subprocess.check_output(
        [sys.executable, "-c", MISSING], cwd=Path(io.__file__).parents[1], text=True, timeout=60
    )
    assert said == "metrics need prometheus_client: pip install 'sockio_gevent[prometheus]'\n"
