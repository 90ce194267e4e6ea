"""A server of the stories for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from story_server import StoryServer, nothing_else
from support.lines import Lines
from support.ports import reserve


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
