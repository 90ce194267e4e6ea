"""Servers in processes of their own, and a certificate for those that speak TLS."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.certificates import Certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def deploying(tmp_path_factory):
    """Start servers, all of which are stopped at the end: with deploying() as deploy: …"""

    @contextmanager
    def deploying():
        with ExitStack() as running:

            def deploy(kind, *arguments, **more):
                server = kind(tmp_path_factory.mktemp("server"), *arguments, **more)
                running.callback(server.stop)
                return server

            yield deploy

    return deploying


@pytest.fixture
def deploy(deploying):
    """Start a server for one test: deploy(Gunicorn, 'gevent', …)."""
    with deploying() as deploy:
        yield deploy


@pytest.fixture
def runtime():
    """A directory in place of that of the user's session. Its path is short, as theirs are."""
    with tempfile.TemporaryDirectory(prefix="run") as made:
        yield Path(made)
