"""A real Chromium, and the servers of its pages."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.browsers import executable
from support.http import DEADLINE
from support.missing import missing
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


@pytest.fixture
def new_page(chromium):
    """Open a page in a new browser context; an error in the page fails the test."""
    contexts, errors = [], []

    def open_page(url, on_error=errors.append, before=None, **options):
        context = chromium.new_context(**options)
        context.set_default_timeout(1000 * DEADLINE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: on_error(error.message))
        if before is not None:
            page.add_init_script(before)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
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
    if shutil.which("npm") is None:
        missing("no npm to fetch the released client with")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "pack", "--loglevel=error", "--fetch-retries=4", "socket.io@0.6.18"]
    command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=20000"]
    try:
        packed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=200, check=True
        )
    except subprocess.TimeoutExpired:
        missing("npm did not fetch socket.io@0.6.18 in time")
    except subprocess.CalledProcessError as error:
        missing(f"npm could not fetch socket.io@0.6.18: {' '.join(error.stderr.split())[:300]}")
    shutil.unpack_archive(folder / packed.stdout.split()[-1], folder, filter="data")
    return Path(folder) / "package/support/socket.io-client/socket.io.js"
