"""The dialects of sessions in log lines and in the statistics."""

from __future__ import annotations

import pytest
from support.clients import Polling as ClassicPolling
from support.clients import WebSocket as ClassicWebSocket
from support.engineio import ALL, BARE, Kind, Polling, WebSocket, open_session
from support.waiting import wait_until

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)
dialects = pytest.mark.parametrize("dialect", ["socket.io", "engine.io"])


@dialects
@kinds
def test_log_lines_name_the_dialect_before_the_transport(serve, dialect, kind):
    served = serve(**{**BARE, "dialects": ["classic", dialect]})
    opened = kind(served.port).open()
    name = f"session {opened.session_id[:8]} ({dialect}, {opened.name}, 127.0.0.1)"
    served.wait_line(f"{name} opened")
    opened.put("0")
    served.wait_line(f"{name} ended: protocol error: no packet")


def test_an_upgraded_session_is_named_by_its_new_transport(serve):
    served = serve(**BARE)
    opened, client = open_session(served, Polling)
    link = WebSocket(served.port, 4, opened.session_id)
    link.put("2probe", "5")
    wait_until(lambda: client.transport == "websocket")
    link.leave()
    served.wait_line(f"session {opened.session_id[:8]} (engine.io, websocket, 127.0.0.1) ended")


@pytest.mark.parametrize(
    ("options", "message", "limit"),
    [
        ({"max_message_rate": 1}, "x", "max_message_rate"),
        ({"handler_timeout": 0.1}, "wait", "handler_timeout"),
    ],
)
def test_a_line_about_a_limit_names_the_dialect(serve, options, message, limit):
    served = serve(**{**BARE, **options})

    def wait(text, client):
        if text == "wait":
            wait_until(lambda: not client.connected)

    served.listener.on("clientMessage", wait)
    opened, _ = open_session(served, WebSocket)
    for _ in range(3):
        opened.send(message)
    line = served.wait_line(f"(option {limit!r})")
    assert f"session {opened.session_id[:8]} (engine.io, websocket, 127.0.0.1) ended" in line


def test_lines_of_classic_sessions_name_the_transport_alone(serve):
    served = serve()
    opened = ClassicPolling(served.port).open()
    served.wait_line(f"session {opened.session_id[:8]} (xhr-polling, 127.0.0.1) opened")


@dialects
def test_sessions_are_counted_by_their_dialects(serve, dialect):
    served = serve(**{**BARE, "dialects": ["classic", dialect]})
    listener = served.listener
    assert listener.stats()["dialects"] == {"classic": 0, dialect: 0}
    opened = [
        Kind(kind, version)(served.port).open()
        for kind in (Polling, WebSocket)
        for version in (3, 4)
    ]
    classic = ClassicWebSocket(served.port).open()
    assert listener.stats()["dialects"] == {"classic": 1, dialect: 4}
    assert listener.stats()["sessions"]["websocket"] == {"open": 3, "away": 0}
    wait_until(lambda: listener.stats()["sessions"]["xhr-polling"] == {"open": 0, "away": 2})
    for each in opened:
        each.leave()
    classic.close()
    wait_until(lambda: listener.stats()["dialects"] == {"classic": 0, dialect: 0})


def test_only_enabled_dialects_are_listed(serve):
    assert serve(dialects=["engine.io"]).listener.stats()["dialects"] == {"engine.io": 0}
