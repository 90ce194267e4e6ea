"""The pages and scripts of the documentation work in a browser."""

from __future__ import annotations

import pytest
from support.documentation import ROOT, all_blocks, blocks
from support.processes import Process

SCRIPTS = all_blocks("javascript", "html")

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


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_a_script_runs(server, new_page, block):
    page = new_page(f"{server.url}/", before=PATIENT)
    # The browser must not look up the host names of the examples.
    page.route(lambda url: server.url not in url, lambda route: route.abort())
    page.route_web_socket(lambda url: "127.0.0.1" not in url, lambda websocket: websocket.close())
    page.evaluate(SPY)
    if block.language == "javascript":
        page.add_script_tag(content=block.text)
    else:
        page.set_content(block.text)
    page.wait_for_function(block.check or "socket.connected")
    page.evaluate("socket.disconnect()")


def test_the_chat_of_the_quick_start_connects_two_windows(start, new_page):
    chat = next(block for block in blocks(ROOT / "docs/quickstart.rst") if "PAGE" in block.text)
    server = start("tests/browser/documentation_server.py", "--block", f"{chat.page}:{chat.line}")
    ann, ben = (new_page(server.url, before=PATIENT) for _ in range(2))
    for window in (ann, ben):
        window.wait_for_function("socket.connected")
    ann.fill("input", "hello")
    ann.click("button")
    for window in (ann, ben):
        window.wait_for_selector("li:has-text(': hello')")
