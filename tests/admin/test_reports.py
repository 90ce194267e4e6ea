"""What the page is told of servers."""

from __future__ import annotations

import os
import socket
from time import time
from typing import Any
from unittest.mock import patch

import pytest
from support.admin_page import ADMIN, Page
from support.in_process import listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.testing import Client


def instrumented(**options: Any) -> io.Listener:
    listener = listen()
    listener.instrument(**{**ADMIN, **options})
    return listener


def total(page: Page, kind: str) -> int:
    """How often something has happened, as the page has been told so far."""
    told = [stats["aggregatedEvents"] for (stats,) in page.named("server_stats")]
    return sum(each["count"] for happened in told for each in happened if each["type"] == kind)


@pytest.mark.parametrize("mode", ["production", "development"])
def test_a_server_is_told_at_once(mode: str) -> None:
    listener = instrumented(mode=mode, server_stats_interval=5)
    listener.of("/chat")
    for transport in ("websocket", "xhr-polling", "server-events"):
        Client(listener, transport=transport)
    today = Client(listener, dialect="socket.io", transport="websocket")
    today.connect("/chat")
    (stats,) = Page(listener).wait("server_stats")
    assert 0 <= stats.pop("uptime") < 600
    assert stats == {
        "serverId": socket.gethostname(),
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "clientsCount": 5,  # with the page
        "pollingClientsCount": 2,
        "aggregatedEvents": [],
        "namespaces": [
            {"name": "/", "socketsCount": 4},
            {"name": "/admin", "socketsCount": 1},
            {"name": "/chat", "socketsCount": 1},
        ],
    }


def test_a_server_has_the_name_that_it_was_given() -> None:
    (stats,) = Page(instrumented(server_id="chat 1")).wait("server_stats")
    assert stats["serverId"] == "chat 1"


def test_reports_go_on_while_somebody_watches() -> None:
    page = Page(instrumented())
    wait_until(lambda: len(page.named("server_stats")) >= 5, "told five times")
    found = [stats["uptime"] for (stats,) in page.named("server_stats")]
    assert found == sorted(found)


def test_what_has_happened_is_told_as_sums() -> None:
    listener = instrumented(mode="production")
    Client(listener).disconnect()  # before anybody watches
    page = Page(listener)
    page.wait("server_stats")
    with Client(listener) as client:
        for _ in range(10):
            client.send("x" * 100)
    wait_until(lambda: total(page, "rawDisconnection") == 1, "told of the end")
    assert total(page, "rawConnection") == 1
    assert total(page, "packetsIn") == 10
    assert 1000 < total(page, "bytesIn") < 3000
    wait_until(lambda: total(page, "bytesOut") > 0, "told of its own")
    assert total(page, "packetsOut") > 0
    (ended,) = [
        each
        for (stats,) in page.named("server_stats")
        for each in stats["aggregatedEvents"]
        if each["type"] == "rawDisconnection"
    ]
    assert ended["subType"] == "client_closed"
    assert abs(ended["timestamp"] / 1000 - time()) < 600
    assert ended["timestamp"] % 1000 == 0


def test_a_page_that_comes_later_takes_nothing_from_the_others() -> None:
    listener = instrumented(mode="production")
    first = Page(listener)
    for _ in range(5):
        Client(listener).disconnect()
        Page(listener)
    wait_until(lambda: total(first, "rawDisconnection") == 5, "told of all")


def test_a_report_that_fails_is_logged_and_the_next_one_comes() -> None:
    lines: list[str] = []
    listener = listen(log=lines.append)
    listener.instrument(**ADMIN)
    page = Page(listener)
    page.wait("server_stats")
    stats = listener._attachment.admin._stats
    with patch.object(stats, "report", side_effect=LookupError("a mistake")):
        wait_until(lambda: any("cannot be told the counts" in line for line in lines), "logged")
    count = len(page.named("server_stats"))
    wait_until(lambda: len(page.named("server_stats")) > count, "told again")


def test_reports_end_when_the_listener_closes() -> None:
    listener = instrumented()
    Page(listener).wait("server_stats")
    reporting = listener._attachment.admin._reporting
    assert not reporting.dead
    listener.close(0)
    wait_until(lambda: reporting.dead, "over")
