"""The metadata of the package, and what is tried of it before a release."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest
from support.processes import ROOT

import sockio_gevent as io

SETUP = ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg")
TOX = (ROOT / "tox.ini").read_text()
# Two environments have these: docs, and py.
TRIED_ANYWAY = {"docs", "test"}


def environments(prefix: str) -> set[str]:
    """The endings of the environments of tox.ini with this prefix."""
    found = re.search(rf"(?m)^\[testenv:{prefix}{{(.*?)}}\]", TOX)
    return set(found[1].split(","))


def test_tox_tries_each_extra_alone() -> None:
    listed = re.search(r"(?m)^env_list = .*extra-{(.*?)}", TOX)
    assert set(listed[1].split(",")) == environments("extra-")
    assert environments("extra-") == set(SETUP["options.extras_require"]) - TRIED_ANYWAY


def test_tox_tries_each_version_of_python_that_the_metadata_names() -> None:
    named = re.findall(r"Python :: 3\.(\d+)", SETUP["metadata"]["classifiers"])
    assert set(named) <= environments("smoke-py3")
    assert SETUP["options"]["python_requires"] == f">=3.{min(named, key=int)}"


LEFT_OUT = re.findall(r"(?m)^ +--(?:ignore|ignore-glob|deselect)=(.+)$", TOX)


@pytest.mark.parametrize("place", LEFT_OUT)
def test_what_tox_leaves_out_of_the_compiled_tests_exists(place: str) -> None:
    pattern, _, function = place.partition("::")
    found = list(ROOT.glob(pattern))
    assert found
    if function:
        assert f"def {function}(" in found[0].read_text()


def test_the_changes_of_this_version_are_described() -> None:
    headings = re.findall(r"(?m)^(.+)\n-+$", (ROOT / "CHANGELOG.rst").read_text())
    assert io.__version__ in headings[:2]
    assert headings[0] in ("Unreleased", io.__version__)
