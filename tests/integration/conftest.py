"""Time limits that no test runs into by being slow, and the command line, stopped afterwards."""

from __future__ import annotations

import pytest
from support.command import Command
from support.http import LONG
from support.lean import Pair

from sockio_gevent.server import hixie, policy, websocket
from sockio_gevent.transports import http


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of what happens at the end of these times set shorter ones."""
    monkeypatch.setattr(hixie, "HANDSHAKE_TIMEOUT", LONG)
    monkeypatch.setattr(policy, "TIMEOUT", LONG)
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", LONG)
    monkeypatch.setattr(http, "CLOSE_TIMEOUT", LONG)


@pytest.fixture
def command(tmp_path):
    """Start it where the modules are: command(*arguments)."""
    running: list[Command] = []

    def start(*arguments: str, **options: str) -> Command:
        running.append(Command(tmp_path, *arguments, **options))
        return running[-1]

    yield start
    for each in running:
        each.kill()


@pytest.fixture
def pair(serve):
    """Two servers that are to answer alike, one of which leaves all requests to pywsgi."""
    return Pair(serve)
