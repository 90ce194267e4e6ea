"""The released clients in Node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import pytest
from gevent.fileobject import FileObjectThread

from .framing import TRICKY
from .http import DEADLINE
from .npm import node

DRIVER = Path(__file__).parents[1] / "released/driver.js"


class Node:
    """A client in Node that does the stories; it has the server stopped and started.

    Args:
        url: where the server is.
        order: called with what is to happen to it, ``stop`` or ``start``.
        **told: the client, its folder and mode; and the stories that are left out, ``without``.

    Attributes:
        results: what went wrong, by story.
    """

    def __init__(self, url: str, order: Callable[[str], object], **told: Any) -> None:
        texts = list(enumerate(TRICKY))
        told = {"url": url, "texts": texts, "deadline": DEADLINE, "without": [], **told}
        command = [node(), str(DRIVER), json.dumps(told)]
        # Not gevent's: once it has been used, this process knows of no other child how it ended.
        with Popen(command, stdin=PIPE, stdout=PIPE, stderr=STDOUT) as process:
            try:
                self._listen(process, order)
            finally:
                process.kill()

    def _listen(self, process: Popen[bytes], order: Callable[[str], object]) -> None:
        said = []
        for line in FileObjectThread(process.stdout, "rb", close=False):
            said.append(line.decode())
            if not line.startswith(b"{"):
                continue
            what = json.loads(line)
            if "order" in what:
                order(what["order"])
                process.stdin.write(b"done\n")
                process.stdin.flush()
            else:
                self.results = what["results"]
                return
        pytest.fail(f"node has ended: {''.join(said)}")
