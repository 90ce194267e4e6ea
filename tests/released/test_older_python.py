"""Older clients in Python: they connect, and events and their answers go both ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from older_python import LIBRARIES
from support.http import DEADLINE
from support.pip import installed

HERE = Path(__file__).parent
SEEN = {
    "python-socketio-4": {
        "welcome": ["main"],
        "answer": ["hello", 1],
        "answers": [2, "one"],
        "echo": [True, "é"],
    },
    "socketIO-client-nexus": {
        "answer": ["hello", 1],
        "answers": [2, "one"],
        "echo": [True, "e"],
    },
}


@pytest.mark.parametrize("transport", ["xhr-polling", "websocket"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_older_client_in_python_does_a_short_story(
    tmp_path_factory, story_process, library, transport
):
    packages = installed(tmp_path_factory, HERE / f"{library}.txt")
    command = [sys.executable, HERE / "older_python.py", library, story_process.url, transport]
    done = subprocess.run(
        [*command, str(DEADLINE)],
        env={**os.environ, "PYTHONPATH": str(packages), "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=5 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN[library]
