"""The page sees the servers and the clients of all workers, and reaches them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from support.admin_page import ADMIN, Page, modern
from support.in_process import listen
from support.two_workers import Pair, two_workers
from support.waiting import wait_until

from sockio_gevent.admin import audience
from sockio_gevent.testing import Client


@pytest.fixture
def pair() -> Iterator[Pair]:
    with two_workers(listen) as pair:
        yield pair


def instrument(pair: Pair, **more: Any) -> None:
    """Each with a name, because both are in this process."""
    for name, each in (("here", pair.here), ("there", pair.there)):
        each.instrument(**{**ADMIN, "server_id": name, **more})


@pytest.mark.parametrize("mode", ["production", "development"])
def test_the_page_is_told_of_both_servers(pair: Pair, mode: str) -> None:
    instrument(pair, mode=mode)
    Client(pair.there)
    page = Page(pair.here)

    def servers() -> dict[str, int]:
        return {s["serverId"]: s["clientsCount"] for (s,) in page.named("server_stats")}

    expected = {f"here#{os.getpid()}": 1, f"there#{os.getpid()}": 1}
    wait_until(lambda: servers() == expected, "told of both")


def test_a_server_without_a_name_has_that_of_the_machine_and_of_the_process(pair: Pair) -> None:
    instrument(pair, server_id=None)
    (stats,) = Page(pair.here).wait("server_stats")
    assert stats["serverId"] == f"{socket.gethostname()}#{os.getpid()}"


@pytest.mark.parametrize("dialect", ["classic", "socket.io"])
def test_the_page_knows_the_clients_of_both(pair: Pair, dialect: str) -> None:
    instrument(pair)
    before = [Client(each, dialect=dialect) for each in (pair.here, pair.there)]
    before[1].session.join("room")
    page = Page(pair.here)
    for client in before:
        page.wait_socket(client.session.id)
    assert "room" in page.wait_socket(before[1].session.id)["rooms"]
    later = Client(pair.there, dialect=dialect)
    page.wait_socket(later.session.id)
    later.session.join("later")
    page.wait("room_joined", "/", "later", later.session.id)
    later.send("hello")
    page.wait("event_received", "/", later.session.id, ["message", "hello"])
    pair.here.send("to all")
    for client in (*before, later):
        page.wait("event_sent", "/", client.session.id, ["message", "to all"])
    later.disconnect()
    page.wait("socket_disconnected", "/", later.session.id)


def test_commands_reach_clients_of_the_other_worker(pair: Pair) -> None:
    instrument(pair)
    client, classic = modern(pair.there), Client(pair.there)
    page = Page(pair.here)
    page.order("emit", "/", client.session.id, "hello", 1)
    assert client.receive(timeout=None) == ("hello", 1)
    page.order("join", "/", "room", client.session.id)
    page.wait("room_joined", "/", "room", client.session.id)
    page.order("leave", "/", "room", client.session.id)
    page.wait("room_left", "/", "room", client.session.id)
    page.order("_disconnect", "/", False, client.session.id)
    page.wait("socket_disconnected", "/", client.session.id)
    assert not client.connected
    assert classic.connected
    page.order("_disconnect", "/", True)
    wait_until(lambda: not classic.connected, "disconnected")


def test_a_namespace_that_only_the_other_worker_has_is_reached(pair: Pair) -> None:
    instrument(pair)
    for each in (pair.here, pair.there):
        each.of(re.compile(r"/doc-\d+"))
    client = modern(pair.there, namespace="/doc-1")
    page = Page(pair.here)
    page.wait_socket(client.session.id)
    assert pair.here._namespaces.get("/doc-1") is None
    page.order("emit", "/doc-1", None, "hello")
    assert client.receive(timeout=None) == ("hello",)
    page.order("_disconnect", "/doc-1", False, client.session.id)
    page.wait("socket_disconnected", "/doc-1", client.session.id)


def test_pages_of_both_workers_are_told_the_same(pair: Pair) -> None:
    instrument(pair)
    pages = [Page(pair.here), Page(pair.there)]
    client = modern(pair.here)
    for page in pages:
        page.wait_socket(client.session.id)
    client.disconnect()
    for page in pages:
        page.wait("socket_disconnected", "/", client.session.id)


def test_pages_that_have_missed_changes_elsewhere_get_a_new_list(pair: Pair) -> None:
    instrument(pair)
    page = Page(pair.here)
    client = modern(pair.there)
    page.wait_socket(client.session.id)
    before = len(page.named("all_sockets"))
    pair.there._attachment.admin._audience.has_missed = True
    wait_until(lambda: len(page.named("all_sockets")) > before, "a new list")

    def told_again() -> bool:
        page.named("socket_connected")
        last_list = max(n for n, event in enumerate(page.told) if event[0] == "all_sockets")
        behind = [event[1] for event in page.told[last_list:] if event[0] == "socket_connected"]
        return client.session.id in [socket["id"] for socket in behind]

    wait_until(told_again, "told again of the clients there")
    # And once: the workers do not go on telling each other.
    lists = len(page.named("all_sockets"))
    reports = len(page.named("server_stats"))
    wait_until(lambda: len(page.named("server_stats")) > reports + 6, "more reports")
    assert len(page.named("all_sockets")) == lists


def test_a_worker_without_a_page_says_nothing_any_more(pair: Pair) -> None:
    instrument(pair)
    page = Page(pair.here)
    wait_until(lambda: pair.there._attachment.admin._audience.watches, "told to watch")
    page.client.disconnect()
    wait_until(lambda: not pair.here._attachment.admin._audience.watches, "over here")
    assert pair.there._attachment.admin._audience.watches
    with patch.object(audience, "monotonic", lambda: 10**9):
        wait_until(lambda: not pair.there._attachment.admin._audience.watches, "over there")


def test_a_worker_that_is_not_instrumented_is_passed_over(pair: Pair) -> None:
    pair.here.instrument(**ADMIN)
    client = modern(pair.there)
    page = Page(pair.here)
    page.wait("all_sockets")
    page.order("emit", "/", client.session.id, "hello")
    assert client.receive(timeout=None) == ("hello",)
