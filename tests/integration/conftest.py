"""The command line for the tests, stopped afterwards."""

from __future__ import annotations

import pytest
from support.command import Command


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
