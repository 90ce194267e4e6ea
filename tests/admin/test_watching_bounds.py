"""How much the page is told of, at most, and what it is told in production mode."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from support.admin_page import ADMIN, Page, modern
from support.in_process import listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.admin import audience, watching
from sockio_gevent.admin.facts import shortened
from sockio_gevent.testing import Client


@pytest.fixture
def listener() -> io.Listener:
    listener = listen()
    listener.instrument(**ADMIN)
    return listener


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        ("x" * 2000, "x" * 998 + "…"),
        (b"12345", "<5 bytes>"),
        (2**70, "<a large number>"),
        (float("inf"), "inf"),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        (object(), "<object>"),
        ("\ud800", "\ufffd"),
        ([[[[[[[[[[[1]]]]]]]]]]], [[[[[[[[[["…"]]]]]]]]]]),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_is_told_in_a_form_that_is_short_and_json(value: Any, copy: Any) -> None:
    found = shortened(value)
    assert found == copy or (isinstance(value, str) and found[:900] == copy[:900] == value[:900])


@pytest.mark.parametrize("value", [["x" * 50] * 10_000, {str(i): "x" * 50 for i in range(10_000)}])
def test_a_large_value_is_cut(value: Any) -> None:
    assert len(str(shortened(value))) < 3000


def test_an_event_is_cut_as_a_whole(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    client.session.emit("x" * 5000)
    client.session.emit("many", *(["y" * 500] * 100))
    page.wait("event_sent", "/", client.session.id)
    long, many = (each[2] for each in page.named("event_sent"))
    assert long == ["x" * 998 + "…"]
    assert len(str(many)) < 1100
    assert many[:2] == ["many", "y" * 500]
    assert many[-1] == "…"


@pytest.mark.parametrize("room", ["x" * 5000, "\ud800"], ids=["long", "no text"])
def test_a_room_whose_name_cannot_be_told_is_told_in_another_form(
    listener: io.Listener, room: str
) -> None:
    page = Page(listener)
    client = modern(listener)
    client.session.join(room)
    shown = "x" * 300 + "…" if len(room) > 1 else "\ufffd"
    page.wait("room_joined", "/", shown, client.session.id)
    assert shown in Page(listener).wait_socket(client.session.id)["rooms"]
    client.session.leave(room)
    page.wait("room_left", "/", shown, client.session.id)


def test_a_flood_of_events_is_told_in_part_and_slows_nobody(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    with patch.object(audience, "monotonic", lambda: 1000.0):
        for number in range(1000):
            client.session.emit("flood", number)
        for number in range(1000):
            assert client.receive() == ("flood", number)
        told = page.named("event_sent")
    assert [each[2][1] for each in told] == list(range(audience._MOST_EVENTS))
    page.wait("server_stats")
    assert page.client.connected


def test_a_broadcast_to_many_costs_no_more_than_the_page_can_take(listener: io.Listener) -> None:
    page = Page(listener)
    clients = [Client(listener) for _ in range(audience._MOST_EVENTS + 50)]
    with patch.object(audience, "monotonic", lambda: 1000.0):
        listener.emit("all")
    assert all(client.receive() == {"name": "all", "args": []} for client in clients)
    assert len(page.named("event_sent")) == audience._MOST_EVENTS


def test_pages_that_have_missed_changes_get_a_new_list(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    page.wait_socket(client.session.id)
    before = len(page.named("all_sockets"))
    with patch.object(audience._Allowance, "take", lambda self: False):
        client.session.join("missed")
    wait_until(lambda: len(page.named("all_sockets")) > before, "a new list")
    (sockets,) = page.named("all_sockets")[-1]
    rooms = {each["id"]: each["rooms"] for each in sockets}
    assert "missed" in rooms[client.session.id]
    assert page.named("room_joined") == []


def test_a_list_that_does_not_fit_is_cut(listener: io.Listener) -> None:
    lines: list[str] = []
    listener = listen(max_buffer=20_000, log=lines.append)
    listener.instrument(**ADMIN)
    clients = [Client(listener) for _ in range(100)]
    page = Page(listener)
    (sockets,) = page.wait("all_sockets")
    assert 10 < len(sockets) < 100
    assert f"the admin page is told of {len(sockets)} clients of this worker" in "\n".join(lines)
    # Those that are not in the list can be reached all the same.
    page.order("_disconnect", "/", False)
    assert not any(client.connected for client in clients)


def test_nothing_is_told_where_nobody_watches(listener: io.Listener) -> None:
    client = modern(listener)
    with patch.object(watching, "shortened", side_effect=AssertionError):
        client.session.send("x")
        client.send("x")
        client.session.join("x")
    page = Page(listener)
    page.wait("all_sockets")
    page.client.disconnect()
    admin = listener._attachment.admin
    wait_until(lambda: admin._reporting.dead, "no reports any more")
    assert not admin._audience.watches
    assert not list(admin._watching._told)
    # And again.
    assert Page(listener).wait_socket(client.session.id)


def test_in_production_mode_no_client_is_told() -> None:
    listener = listen()
    listener.instrument(**{**ADMIN, "mode": "production"})
    page = Page(listener)
    (config,) = page.wait("config")
    assert "ALL_EVENTS" not in config["supportedFeatures"]
    with modern(listener) as client:
        client.session.join("room")
        client.send("x")
    page.wait("server_stats")
    page.told.clear()
    page.wait("server_stats")
    assert {each[0] for each in page.told} == {"server_stats"}
    assert listener._space.watcher is None
    assert listener._space.rooms.watcher is None
    assert not listener._space.notes_events
