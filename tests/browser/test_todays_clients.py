"""The released clients in Chromium, all in one page: each with each transport does the stories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.framing import TRICKY
from support.http import DEADLINE
from support.npm import RELEASED, bundle
from support.processes import Process

SERVER = "tests/released/story_server.py"
# Those whose subject is a transport. Ends and restarts are the same in Node.
STORIES = {
    "socket": ["connect", "echo", "binary", "acknowledgements", "namespace", "order"],
    "engine": ["echo", "binary", "order"],
}
# The ways that begin with forms, which make CRLF of a CR as well; no server can undo it.
FORMS = ("jsonp", "jsonpUpgrade")
# The page says what went wrong, before the test loses its patience.
PATIENCE = DEADLINE * 2 / 3

LOAD = """async ([name, url]) => {
  window.io = window.eio = undefined;
  await new Promise((done, failed) => {
    const script = document.createElement('script');
    Object.assign(script, {src: url, onload: done, onerror: failed});
    document.head.append(script);
  });
  window.libraries[name] = window.io || window.eio;
}"""
RUN = """([name, mode, texts, names, deadline]) => {
  const [, project, version] = /^(socket|engine)\\.io-client-([\\d.]+)/.exec(name);
  const binary = [bytes => new Uint8Array(bytes).buffer];
  // Older clients send the whole buffer of a part of it.
  if (version >= 4.8) binary.push(bytes => new Uint8Array([7, ...bytes, 7]).subarray(1, -1));
  const client = {
    library: window.libraries[name],
    name, mode, texts, binary,
    version: Number(version),
    url: location.origin,
    sockets: [],
    stories: (project === 'socket' ? window.stories : window.engineioStories).stories,
  };
  return window.stories.run(client, names, deadline);
}"""


@pytest.fixture(scope="module")
def page(chromium, released_packages) -> Iterator[Any]:
    """One page with all clients."""
    server = Process(SERVER, "--clients", str(released_packages)).start()
    opened = chromium.new_page()
    opened.set_default_timeout(1000 * DEADLINE)
    opened.goto(server.url)
    opened.evaluate("() => { window.libraries = {}; }")
    for name in RELEASED:
        opened.evaluate(LOAD, [name, f"/{bundle(released_packages, name)}"])
    yield opened
    opened.close()
    server.stop()


def cases() -> Iterator[Any]:
    """Each client with each transport."""
    for name in RELEASED:
        yield from (pytest.param(name, mode) for mode in ("polling", "websocket", "upgrade"))
    for name in RELEASED:
        # Newer clients have neither.
        if name.startswith("socket") and name < "socket.io-client-3":
            yield from (pytest.param(name, mode) for mode in ("jsonp", "jsonpUpgrade", "base64"))


@pytest.mark.parametrize(("client", "mode"), list(cases()))
def test_a_released_client_in_a_page_does_the_stories(page, client, mode):
    names = STORIES[client.partition(".")[0]]
    texts = [each for each in enumerate(TRICKY) if mode not in FORMS or "\r" not in each[1]]
    results = page.evaluate(RUN, [client, mode, texts, names, PATIENCE])
    assert {story: problem for story, problem in results.items() if problem} == {}
    assert list(results) == names
