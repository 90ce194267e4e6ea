"""Long timeouts, so that a slow machine fails no test, and the command line as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from support.command import Command
from support.engineio import BARE
from support.fast_path import Pair, Slow
from support.http import LONG
from support.readers import Application
from support.soaks import Soak

import sockio_gevent as io
from sockio_gevent.server.http import flash_policy, hixie_handshake
from sockio_gevent.server.stream import websocket


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of these timeouts set shorter ones."""
    monkeypatch.setattr(hixie_handshake, "HANDSHAKE_TIMEOUT", LONG)
    monkeypatch.setattr(flash_policy, "TIMEOUT", LONG)
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", LONG)


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Callable[..., Soak]]:
    """Start a soak with these arguments, which has ended when the test has."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Soak:
            started = Soak(tmp_path, *arguments)
            stack.callback(started.end)
            return started

        yield start


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
def socketio(serve):
    """Start a listener for clients of Socket.IO, where nothing is due: socketio(**options)."""

    def start(**options):
        return serve(**{**BARE, "dialects": ["classic", "socket.io"], **options})

    return start


@pytest.fixture
def engine(serve):
    """Start a listener for clients of bare Engine.IO, where nothing is due: engine(**options)."""

    def start(**options):
        return serve(**{**BARE, **options})

    return start


@pytest.fixture
def engine_echo(engine):
    """The same, and every message is sent back."""

    def start(**options):
        served = engine(**options)
        served.listener.on("clientMessage", lambda message, client: client.send(message))
        return served

    return start


@pytest.fixture
def pair(serve):
    """Two servers that must answer alike; one leaves all requests to pywsgi."""
    return Pair(serve)


@pytest.fixture(params=[WSGIHandler, Slow], ids=["fast path", "pywsgi"])
def serve_in_both_ways(request, serve):
    def hello(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

    def start(**options):
        server = WSGIServer(("127.0.0.1", 0), hello, handler_class=request.param, log=None)
        return serve(server=server, **options)

    return start


class Hosted:
    """A listener before an application, somewhere.

    Attributes:
        application: the application.
        port: where it is served.
        lines: what the listener has logged.
    """

    def __init__(self) -> None:
        self.application = Application()
        self.port = 0
        self.lines: list[str] = []


@pytest.fixture
def hosting(serve, host):
    """Start a listener before an application that reads bodies: hosting(kind, **options)."""

    def start(kind, **options):
        started = Hosted()
        options["log"] = started.lines.append
        if kind in HANDLERS:
            server = WSGIServer(
                ("127.0.0.1", 0), started.application, handler_class=HANDLERS[kind], log=None
            )
            started.port = serve(server=server, **options).port
            return started
        listener = io.listen(started.application, flash_policy_port=None, **options)

        def middleware(environ, start_response):
            return listener(environ, lambda *arguments: start_response(*arguments))

        started.port = host(middleware if kind == "behind middleware" else listener)
        return started

    return start


HANDLERS = {"fast path": WSGIHandler, "pywsgi": Slow}


@pytest.fixture(params=["fast path", "not taken over", "behind middleware"])
def hosted(request, hosting):
    """The same on each kind of server, including those that were not passed to listen()."""
    return partial(hosting, request.param)


@pytest.fixture(params=HANDLERS)
def taken_over(request, hosting):
    """The same on servers that use the listener's own handler."""
    return partial(hosting, request.param)
