"""Servers for the tests: each gets a free port, and is stopped afterwards."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import pytest
import trustme
from gevent.event import Event
from gevent.pywsgi import WSGIServer

sys.path.insert(0, str(Path(__file__).parent))

from support import in_process
from support.http import DEADLINE
from support.npm import installed
from support.ports import limit_sending
from support.processes import Process
from support.python_path import STARTUP, python_path
from support.redis_server import RedisServer
from support.times import patient
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

# Tests wait more than they compute, so there are more processes than processors.
MOST_WORKERS = 12

# Folders of tests that take long, each in its own way.
LONG = ("browser", "integration", "deployment", "hostile", "released")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes run the tests: several for a folder, none besides for single files."""
    if wanted := os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return int(wanted)
    if all(Path(argument.partition("::")[0]).is_file() for argument in config.args):
        return 0
    return min((os.cpu_count() or 1) * 3, MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    """Let the programs that tests start be ready soon, and obey signals.

    What runs in the background of a shell may ignore some, and so would what it starts.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            # This process ignores them still; those that it starts have the default again.
            signal.signal(number, lambda *_: None)
    if not hasattr(config, "workerinput"):
        os.environ["PYTHONPATH"] = python_path(STARTUP)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests of different kinds run beside each other: some wait, and some compute.

    Each of several processes begins with an equal part of this list, and takes tests from the end
    of another's part when it is done. So each part has its share of each folder, and begins with
    another one. The tests of a file, which may share a server, mostly stay together.
    """
    here = Path(__file__).parent
    folders: dict[str, list[pytest.Item]] = {name: [] for name in LONG}
    others: list[pytest.Item] = []
    for item in items:
        folders.get(item.path.relative_to(here).parts[0], others).append(item)
    kinds = [*folders.values(), others]
    processes = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    items.clear()
    for process in range(processes):
        for place in range(len(kinds)):
            kind = kinds[(process + place) % len(kinds)]
            first, end = (len(kind) * number // processes for number in (process, process + 1))
            items += kind[first:end]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking through thousands of tests, again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Do the same while there are more and more of them: hardly anything of it is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture
def redis_server(tmp_path):
    """A Redis of its own for a test."""
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory):
    """A Redis for the tests of a file."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _no_sessions_are_left():
    yield
    in_process.close_listeners()


class Served:
    """A listener on a running server, and what happened to it."""

    def __init__(self, server: WSGIServer, **options: Any) -> None:
        self.lines: list[str] = []
        self.events: list[tuple[Any, ...]] = []
        self.changed = Event()
        options.setdefault("log", self.lines.append)
        options.setdefault("flash_policy_port", None)
        options.setdefault("transports", KNOWN_TRANSPORTS)
        options["transport_options"] = patient(options.get("transport_options", {}))
        self.server = server
        self.listener = io.listen(server, **options)
        self.listener.on("connection", lambda client: self.record("connection", client))
        self.listener.on(
            "clientMessage", lambda message, client: self.record("message", message, client)
        )
        self.listener.on("clientDisconnect", lambda client: self.record("disconnect", client))
        server.start()
        limit_sending(server.socket)
        if self.listener._attachment.policy_server is not None:
            limit_sending(self.listener._attachment.policy_server.socket)
        self.port: int = server.server_port

    def record(self, *event: Any) -> None:
        self.events.append(event)
        self.changed.set()

    def happened(self, kind: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == kind]

    def wait(self, kind: str, count: int = 1, deadline: float = DEADLINE) -> tuple[Any, ...]:
        """Wait until this event has happened so many times; return the last one."""
        with gevent.Timeout(deadline, AssertionError(f"no {kind} number {count}: {self.events}")):
            while len(self.happened(kind)) < count:
                self.changed.clear()
                self.changed.wait()
        return self.happened(kind)[count - 1]

    def wait_line(self, part: str, deadline: float = DEADLINE) -> str:
        """Wait until the log has a line with this in it."""
        return wait_until(
            lambda: next((line for line in self.lines if part in line), ""),
            f"a line with {part!r}",
            self.lines,
            deadline,
        )


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.fixture
def serve():
    """Start a listener on a gevent server: serve(application, server=…, **options)."""
    running: list[Served] = []

    def start(application: Any = hello, server: Any = None, **options: Any) -> Served:
        if server is None:
            server = WSGIServer(("127.0.0.1", 0), application, log=None)
        served = Served(server, **options)
        running.append(served)
        return served

    yield start
    for served in running:
        served.listener.close(0.5)
        served.server.stop(1)


@pytest.fixture
def tls(tmp_path):
    """A certificate for localhost: the authority, and a server's arguments for its files."""
    authority = trustme.CA()
    files = {"keyfile": str(tmp_path / "key.pem"), "certfile": str(tmp_path / "certificate.pem")}
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(files["keyfile"])
    issued.cert_chain_pems[0].write_to_path(files["certfile"])
    return authority, files


@pytest.fixture
def echo(serve):
    """Start a server that sends every message back."""

    def start(**options: Any) -> Served:
        served = serve(**options)
        served.listener.on("clientMessage", lambda message, client: client.send(message))
        return served

    return start


@pytest.fixture
def host():
    """Serve an application on a plain gevent server; return its port."""
    servers: list[WSGIServer] = []

    def start(application: Any) -> int:
        server = WSGIServer(("127.0.0.1", 0), application, log=None)
        server.start()
        servers.append(server)
        return int(server.server_port)

    yield start
    for server in servers:
        server.stop(1)


@pytest.fixture
def load_example(monkeypatch):
    """Import an example anew: load_example('flask_app')."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "example")

    def load(name: str) -> Any:
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return load


@pytest.fixture
def start():
    """Start a program as a process: start('example/server.py')."""
    with ExitStack() as stack:

        def run(*command: str) -> Process:
            process = Process(*command)
            stack.callback(process.stop)
            return process.start()

        yield run


@pytest.fixture(scope="session")
def released_packages(tmp_path_factory):
    """The folder with the clients of ``tests/released/package.json``, installed."""
    return installed(tmp_path_factory)
