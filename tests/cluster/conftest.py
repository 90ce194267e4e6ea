"""Workers that find each other in a directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.members import Member

from sockio_gevent.cluster.local import LEAST_LARGEST, LocalBus
from sockio_gevent.monitoring.log import Log
from sockio_gevent.session.loops import Loops


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for sockets; its path is short, as those of sockets must be."""
    made = Path(tempfile.mkdtemp(prefix="bus"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def places(place: Path) -> list[Path]:
    """Where the workers meet, the last one counts."""
    return [place]


@pytest.fixture
def lines() -> list[str]:
    """What the buses of this process have logged."""
    return []


@pytest.fixture
def join(places: list[Path], lines: list[str]) -> Iterator[Callable[..., LocalBus]]:
    """Make a worker in this process, with a name of its own: join("a" * 10)."""
    made: list[LocalBus] = []

    def join(name: str, largest: int = LEAST_LARGEST) -> LocalBus:
        log = Log(lines.append)
        bus = LocalBus(lambda: places[-1], Loops(log, lambda ended: None).here, log, largest, name)
        made.append(bus)
        bus.start()
        return bus

    yield join
    for bus in made:
        bus.close()


@pytest.fixture
def start_member(place: Path) -> Iterator[Callable[[], Member]]:
    """Start a worker in a process of its own."""
    running: list[Member] = []

    def start_member() -> Member:
        running.append(Member(place))
        return running[-1]

    yield start_member
    for member in running:
        member.end()
