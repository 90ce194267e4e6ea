"""Servers to attack, each in its own process; tests with the same options share one."""

from __future__ import annotations

import pytest
from support.certificates import Certificate
from support.siege import AWAY, Target, besieged


@pytest.fixture(scope="module")
def start_target(tmp_path_factory):
    """Start a server, or take the one that was started before: start_target(**options)."""
    started: list[Target] = []
    running: dict[str, Target] = {}

    def start(tls: bool = False, headers=None, **options) -> Target:
        key = repr((tls, headers, sorted(options.items())))
        if key not in running or running[key].spent:
            folder = tmp_path_factory.mktemp("target")
            certificate = Certificate(folder) if tls else None
            running[key] = Target(folder, certificate, **options)
            started.append(running[key])
            running[key].listening()
            running[key].headers = headers or {}
        return running[key]

    yield start
    for target in started:
        target.stop()


@pytest.fixture
def besiege(start_target):
    """Attack a server next to well-behaved sessions: with besiege(**options) as siege: …"""

    def begin(memory: int = 100 * 1024 * 1024, times=None, **options):
        if times is not None:
            options["transport_options"] = {**AWAY, **times}
        return besieged(start_target(**options), memory)

    return begin
