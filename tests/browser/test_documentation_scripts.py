"""The pages and scripts of the documentation work in a browser."""

from __future__ import annotations

import re

import pytest
from support.documentation import ROOT, all_blocks, blocks, is_module
from support.npm import bundle
from support.processes import Process

SCRIPTS = [block for block in all_blocks("javascript", "html") if not is_module(block)]
CLASSIC = [block for block in SCRIPTS if "io.Socket" in block.text]
TODAY = [block for block in SCRIPTS if block not in CLASSIC]
RELEASE = "socket.io-client-4.8"
FILES = re.compile(r".*/socket\.io(\.min)?\.js")

# Long, because the machine may be busy; this test is not about times.
PATIENT = """
  const set = window.setTimeout;
  window.setTimeout = (done, time) => set(done, time >= 3000 && time <= 5000 ? 60000 : time);
"""

# All events of all sockets.
SPY = """() => {
  window.events = [];
  const emit = io.Socket.prototype.emit;
  io.Socket.prototype.emit = function (name, values) {
    events.push({name, values});
    return emit.apply(this, arguments);
  };
}"""


@pytest.fixture(scope="module")
def server():
    process = Process("tests/browser/documentation_server.py").start()
    yield process
    process.stop()


def stay_here(page, url):
    """Keep a page from looking up the host names of the examples."""
    page.route(lambda other: url not in other, lambda route: route.abort())
    page.route_web_socket(lambda other: "127.0.0.1" not in other, lambda socket: socket.close())


def run(page, block):
    if block.language == "javascript":
        page.add_script_tag(content=block.text)
    else:
        page.set_content(block.text)
    page.wait_for_function(block.check or "socket.connected")
    page.evaluate("socket.disconnect()")


@pytest.mark.parametrize("block", CLASSIC, ids=str)
def test_a_script_runs(server, new_page, block):
    page = new_page(f"{server.url}/", before=PATIENT, keep=False)
    stay_here(page, server.url)
    page.evaluate(SPY)
    run(page, block)


@pytest.fixture
def new_page_today(new_page, released_packages):
    """Open a page that gets the released client, from wherever it wants to load it."""
    file = released_packages / bundle(released_packages, RELEASE)

    def opened(url):
        page = new_page("about:blank", before=PATIENT, keep=False)
        stay_here(page, url)
        page.route(FILES, lambda route: route.fulfill(path=file))
        page.goto(url)
        return page

    return opened


@pytest.mark.parametrize("block", TODAY, ids=str)
def test_a_script_for_the_released_client_runs(server, new_page_today, block):
    run(new_page_today(f"{server.url}/"), block)


def test_the_chat_of_the_quick_start_connects_two_windows(start, new_page_today):
    chat = next(block for block in blocks(ROOT / "docs/quickstart.rst") if "PAGE" in block.text)
    server = start("tests/browser/documentation_server.py", "--block", f"{chat.page}:{chat.line}")
    ann, ben = (new_page_today(f"{server.url}/") for _ in range(2))
    for window in (ann, ben):
        window.wait_for_function("socket.connected")
    ann.fill("input", "hello")
    ann.click("button")
    for window in (ann, ben):
        window.wait_for_selector("li:has-text(': hello')")
