"""One version of each tool, and one range of each dependency, wherever it is named."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from sockio_gevent.hub.gevent_private import TESTED

ROOT = Path(__file__).parents[1]  # not beside the package, which may be installed elsewhere
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()
PIN = re.compile(r"(?:ruff|mypy) == [0-9.]+")


def read(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / name)
    return parser


TOX = read("tox.ini")


def test_the_hooks_run_the_commands_of_tox() -> None:
    commands = TOX["testenv:lint"]["commands"] + "\n" + TOX["testenv:types"]["commands"]
    assert re.findall("entry: (.+)", HOOKS) == commands.strip().splitlines()


def test_the_hooks_have_the_versions_of_tox() -> None:
    wanted = TOX["testenv:lint"]["deps"] + "\n" + TOX["testenv:types"]["deps"]
    assert set(PIN.findall(HOOKS)) == set(PIN.findall(wanted)) != set()


def test_the_range_of_gevent_is_one_everywhere() -> None:
    required = read("setup.cfg")["options"]["install_requires"].replace(" ", "").splitlines()
    assert f"gevent{TESTED}" in required
    lowest = re.findall(
        r"lowest: gevent == ([0-9.]+)", TOX["testenv:gevent-{lowest,newest}"]["deps"]
    )
    assert TESTED.partition(",")[0] == f">={lowest[0]}"
