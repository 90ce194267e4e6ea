"""A real Chromium, and the servers of its pages."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from support.browsers import executable
from support.http import DEADLINE
from support.npm import unpacked
from support.pages import Pages
from support.processes import Process


@pytest.fixture(scope="session")
def chromium():
    # The same browser without windows, which would take most of the time of a new page.
    path = executable("chromium", "chromium-headless-shell")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    arguments += ["--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=arguments, timeout=2000 * DEADLINE
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(chromium):
    return Pages(chromium)


@pytest.fixture
def new_page(pages, request):
    """Open an address in a page that has nothing of others; an error in it fails the test."""
    errors = []
    failed = request.session.testsfailed

    def open_page(url, on_error=errors.append, before=None, keep=True, **options):
        page = pages.take(on_error, before, keep, **options)
        page.goto(url)
        return page

    yield open_page
    pages.give_back(keep=request.session.testsfailed == failed)
    assert errors == []


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Start a server that serves until the tests of a module are done: running(Gunicorn, …)."""
    with ExitStack() as stack:

        def start(kind, *arguments, **more):
            server = kind(tmp_path_factory.mktemp("server"), *arguments, **more)
            stack.callback(server.stop)
            return server.listening()

        yield start


@pytest.fixture(scope="session")
def page_url():
    """The address of a page. Its server is shared: no test stops it or reads its log."""
    process = Process("tests/browser/page_server.py")
    try:
        yield process.start().url
    finally:
        process.stop()


@pytest.fixture(scope="session")
def released_client(tmp_path_factory):
    """The browser client of npm's socket.io 0.6.18."""
    package = unpacked("socket.io@0.6.18", tmp_path_factory.mktemp("npm"))
    return package / "support/socket.io-client/socket.io.js"
