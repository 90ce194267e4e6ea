"""Servers in processes of their own, and a certificate for those that speak TLS."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

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
