"""The modules of the documentation run in Node, with the released client."""

from __future__ import annotations

import subprocess

import pytest
from support.documentation import all_blocks, is_module
from support.http import DEADLINE
from support.npm import node
from support.processes import Process

MODULES = [block for block in all_blocks("javascript") if is_module(block)]
RELEASE = "socket.io-client-4.8"


@pytest.fixture(scope="module")
def server():
    process = Process("tests/browser/documentation_server.py").start()
    yield process
    process.stop()


@pytest.mark.parametrize("block", MODULES, ids=str)
def test_a_module_runs(server, released_packages, tmp_path, block):
    packages = tmp_path / "node_modules"
    packages.mkdir()
    (packages / "socket.io-client").symlink_to(released_packages / RELEASE)
    script = tmp_path / "script.mjs"
    text = block.text.replace("http://127.0.0.1:8080", server.url)
    script.write_text(f"{text}\n{block.check}")
    done = subprocess.run(
        [node(), script], cwd=tmp_path, capture_output=True, text=True, timeout=4 * DEADLINE
    )
    assert done.returncode == 0, done.stderr


def test_there_are_modules():
    assert MODULES
