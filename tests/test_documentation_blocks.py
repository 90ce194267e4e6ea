"""The code blocks of the documentation run, or at least name programs that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.documentation import ROOT, all_blocks, is_module
from support.http import DEADLINE
from support.missing import missing
from support.python_path import python_path
from support.run_block import needs_process, run
from support.systemd import verify

TESTS = Path(__file__).parent
ELSEWHERE = {"http", "html", "json", "shell", "text"}  # tested in other modules
NOT_TESTED = {"kotlin", "swift"}  # nothing here runs them


def tell(command: list[object], **options: Any) -> str:
    words = [str(word) for word in command]
    options = {"capture_output": True, "text": True, "timeout": 4 * DEADLINE, **options}
    done = subprocess.run(words, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_a_python_block_runs(block, tmp_path, monkeypatch):
    if needs_process(block):
        program = ["-W", "error::RuntimeWarning", "-m", "support.run_block"]
        environment = {**os.environ, "PYTHONPATH": python_path(TESTS)}
        command = [sys.executable, *program, block.page, block.line]
        tell(command, cwd=tmp_path, env=environment)
    else:
        monkeypatch.chdir(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            run(block)


@pytest.mark.parametrize("block", all_blocks("javascript"), ids=str)
def test_a_script_can_be_parsed(block, tmp_path):
    if shutil.which("node") is None:
        missing("no node to parse scripts with")
    script = tmp_path / ("script.mjs" if is_module(block) else "script.js")
    script.write_text(block.text)
    tell(["node", "--check", script])


@pytest.mark.parametrize("block", all_blocks("ini"), ids=str)
def test_a_systemd_unit_is_one(block, tmp_path):
    verify(block.text, tmp_path)


@pytest.mark.parametrize("block", all_blocks("nginx"), ids=str)
def test_nginx_takes_a_fragment(block, tmp_path):
    assert block.text.count("{") == block.text.count("}")
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
    if nginx is None:
        missing("no nginx")
    text, events = block.text, "events {}"
    if text.startswith("location"):
        text = f"upstream sockio {{ server 127.0.0.1:8001; }} server {{ {text} }}"
    if "events" in text:
        text, events = "", text
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"pid nginx.pid; {events} http {{ {text} }}")
    tell([nginx, "-t", "-p", tmp_path, "-c", configuration])


@pytest.mark.parametrize("block", all_blocks("xml"), ids=str)
def test_xml_is_well_formed(block):
    ElementTree.fromstring(block.text)


@pytest.mark.parametrize("block", all_blocks("python", "javascript", "html", *NOT_TESTED), ids=str)
def test_code_is_no_wider_than_its_frame(block):
    assert max(map(len, block.text.splitlines())) <= 92


def test_no_language_is_left_out():
    known = {"python", "javascript", "ini", "nginx", "xml", *ELSEWHERE, *NOT_TESTED}
    for page in [ROOT / "README.rst", *(ROOT / "docs").glob("*.rst")]:
        languages = re.findall(r"code-block:: *(.*)", page.read_text())
        assert set(languages) <= known, page.name
