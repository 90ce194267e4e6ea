"""The application that the files of this folder deploy: a chat of one page.

The environment variable ``CLUSTER`` is the option ``cluster``: how workers find each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import sockio_gevent as io

PAGE = b"""<!doctype html>
<title>Chat</title>
<form><input autofocus> <button>Send</button></form>
<ul></ul>
<script src="/socket.io/socket.io.js"></script>
<script>
  var socket = new io.Socket(), input = document.querySelector('input');
  socket.on('message', function (text) {
    document.querySelector('ul').appendChild(document.createElement('li')).textContent = text;
  });
  document.querySelector('form').onsubmit = function () {
    socket.send(input.value);
    input.value = '';
    return false;
  };
</script>"""


def page(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Serve the page."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


application = io.listen(
    page, cluster=os.environ.get("CLUSTER", "auto"), health_check=True, trusted_proxies=1
)


@application.on("clientMessage")
def said(message: object, client: io.Client) -> None:
    """Pass on what a client says to the clients of all workers."""
    if isinstance(message, str):
        application.send(f"{client.id[:4]}: {message}")
