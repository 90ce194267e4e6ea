"""The metadata of the package, and what is tried of it before a release."""

from __future__ import annotations

import re
from configparser import ConfigParser

from support.processes import ROOT

import sockio_gevent as io

SETUP = ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg")
ENVIRONMENTS = re.search(r"(?m)^env_list = (.*)$", (ROOT / "tox.ini").read_text())[1]
# Two environments have these: docs, and py.
TRIED_ANYWAY = {"docs", "test"}


def environments(prefix: str) -> set[str]:
    """The endings of the environments with this prefix in the list of tox.ini."""
    return set(re.search(rf"{prefix}{{(.*?)}}", ENVIRONMENTS)[1].split(","))


def test_tox_tries_each_extra_alone() -> None:
    assert environments("extra-") == set(SETUP["options.extras_require"]) - TRIED_ANYWAY


def test_tox_tries_each_version_of_python_that_the_metadata_names() -> None:
    named = re.findall(r"Python :: 3\.(\d+)", SETUP["metadata"]["classifiers"])
    assert set(named) <= environments("smoke-py3")
    assert SETUP["options"]["python_requires"] == f">=3.{min(named, key=int)}"


def test_the_changes_of_this_version_are_described() -> None:
    headings = re.findall(r"(?m)^(.+)\n-+$", (ROOT / "CHANGELOG.rst").read_text())
    assert io.__version__ in headings[:2]
    assert headings[0] in ("Unreleased", io.__version__)
