"""Programs and files that a test needs and the machine does not have."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it if the environment says that everything is required."""
    if os.environ.get("SOCKIO_TEST_REQUIRE") == "all":
        pytest.fail(f"{what}, and SOCKIO_TEST_REQUIRE=all")
    pytest.skip(what)
