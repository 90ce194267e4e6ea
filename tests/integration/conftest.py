"""Time limits that no test runs into by being slow, and the command line, stopped afterwards."""

from __future__ import annotations

import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from support.command import Command
from support.http import LONG
from support.lean import Pair, Slow

from sockio_gevent.server import hixie, policy, websocket


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of what happens at the end of these times set shorter ones."""
    monkeypatch.setattr(hixie, "HANDSHAKE_TIMEOUT", LONG)
    monkeypatch.setattr(policy, "TIMEOUT", LONG)
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", LONG)


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


@pytest.fixture(params=[WSGIHandler, Slow], ids=["lean", "pywsgi"])
def serve_in_both_ways(request, serve):
    def hello(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

    def start(**options):
        server = WSGIServer(("127.0.0.1", 0), hello, handler_class=request.param, log=None)
        return serve(server=server, **options)

    return start
