"""Pages load the clients that the server has, from the addresses that Node's server has."""

from __future__ import annotations

from typing import Any

CLASSIC = """() => {
  window.messages = [];
  window.socket = new io.Socket(null, {rememberTransport: false});
  socket.on('message', message => messages.push(message));
  return new Promise(done => socket.on('connect', done));
}"""
TODAY = """() => {
  window.messages = [];
  window.socket = io();
  socket.on('message', message => messages.push(message));
  return new Promise(done => socket.on('connect', done));
}"""


def test_pages_with_all_served_clients_reach_each_other(start, new_page, released_packages):
    bundles = released_packages / "socket.io-client-4.8/dist"
    url = start("tests/browser/served_clients_server.py", str(bundles)).url
    pages: dict[str, Any] = {
        name: new_page(f"{url}/?script={name}")
        for name in ("classic.js", "socket.io.js", "socket.io.min.js")
    }
    pages["module"] = new_page(f"{url}/module")
    for name, page in pages.items():
        page.wait_for_function("window.io !== undefined")
        page.evaluate(CLASSIC if name == "classic.js" else TODAY)
    for name, page in pages.items():
        page.evaluate("name => { socket.send(name); }", name)
        page.wait_for_function("name => messages.includes(name)", arg=name)
    for page in pages.values():
        page.wait_for_function("count => messages.length === count", arg=len(pages))
        assert sorted(page.evaluate("messages")) == sorted(pages)


def test_the_browser_finds_the_maps_of_the_bundles(start, new_page, released_packages):
    bundles = released_packages / "socket.io-client-4.8/dist"
    url = start("tests/browser/served_clients_server.py", str(bundles)).url
    page = new_page(f"{url}/?script=socket.io.min.js")
    source = """async () => {
      const text = await (await fetch('/socket.io/socket.io.min.js')).text();
      const map = /sourceMappingURL=(\\S+)/.exec(text)[1];
      return (await fetch(new URL(map, location.origin + '/socket.io/'))).json();
    }"""
    assert "../build/esm/manager.js" in page.evaluate(source)["sources"]
