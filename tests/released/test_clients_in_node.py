"""The released clients in Node: each version with each transport does all stories."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import gevent
import pytest
from gevent.fileobject import FileObjectThread
from support.framing import TRICKY
from support.http import DEADLINE
from support.npm import RELEASED, node

DRIVER = Path(__file__).parent / "driver.js"


class Node:
    """A client in Node that does the stories; it has the server stopped and started.

    Attributes:
        results: what went wrong, by story.
    """

    def __init__(self, stories: Any, **told: Any) -> None:
        told = {"url": stories.url, "texts": list(enumerate(TRICKY)), "deadline": DEADLINE, **told}
        command = [node(), str(DRIVER), json.dumps(told)]
        # Not gevent's: once it has been used, this process knows of no other child how it ended.
        with Popen(command, stdin=PIPE, stdout=PIPE, stderr=STDOUT) as process:
            try:
                self._listen(process, stories)
            finally:
                process.kill()

    def _listen(self, process: Popen[bytes], stories: Any) -> None:
        said = []
        for line in FileObjectThread(process.stdout, "rb", close=False):
            said.append(line.decode())
            if not line.startswith(b"{"):
                continue
            what = json.loads(line)
            if "order" in what:
                {"stop": stories.stop, "start": stories.start}[what["order"]]()
                process.stdin.write(b"done\n")
                process.stdin.flush()
            else:
                self.results = what["results"]
                return
        pytest.fail(f"node has ended: {''.join(said)}")


@pytest.mark.parametrize("mode", ["polling", "websocket", "upgrade"])
@pytest.mark.parametrize("client", RELEASED)
def test_a_released_client_in_node_does_all_stories(stories, released_packages, client, mode):
    with gevent.Timeout(2 * DEADLINE):
        done = Node(stories, client=client, folder=str(released_packages), mode=mode)
    assert {story: problem for story, problem in done.results.items() if problem} == {}
    assert len(done.results) >= 5
