"""Servers of the stories: in this process for each test, or in its own for a file's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engineio.payload import Payload
from story_server import StoryServer, nothing_else
from support.lines import Lines
from support.ports import reserve
from support.processes import Process


class Served:
    """A server that stays at its port while it is down.

    Attributes:
        lines: what its listeners have logged.
        url: where it serves.
    """

    def __init__(self) -> None:
        self._reserved = reserve()
        port = self._reserved.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.lines = Lines()
        self._server = StoryServer(port, nothing_else, log=self.lines)
        self.start, self.stop = self._server.start, self._server.stop

    def end(self) -> None:
        self.stop()
        self._reserved.close()


@pytest.fixture
def stories() -> Iterator[Served]:
    served = Served()
    yield served
    served.end()


@pytest.fixture(scope="module")
def story_process() -> Iterator[Process]:
    """For clients that block this process."""
    process = Process("tests/released/story_server.py").start()
    yield process
    process.stop()


@pytest.fixture
def large_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client of python-engineio take polls with more packets than its 16."""
    monkeypatch.setattr(Payload, "max_decode_packets", 10_000)
