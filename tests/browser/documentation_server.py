"""A server for the pages and scripts of the documentation: it sends back what it gets.

With ``--block docs/page.rst:12`` it serves what that Python block has made instead.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from gevent.pywsgi import WSGIServer
from support.documentation import ROOT, blocks

import sockio_gevent as io


def page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    return [b"<!doctype html><title>page</title><script src=/socket.io/socket.io.js></script>"]


def answer(message: Any, client: io.Client) -> None:
    match message:
        case {"number": number, "data": data}:
            client.send({"done": number, "result": data})
        case _:
            client.send(message)


def made_by(place: str) -> io.Listener:
    path, line = place.split(":")
    (block,) = [block for block in blocks(ROOT / path) if block.line == int(line)]
    names: dict[str, Any] = {}
    exec(block.text, names)
    (listener,) = {value for value in names.values() if isinstance(value, io.Listener)}
    return listener


def chat(client: io.Client, text: Any) -> str:
    socket: io.Listener = client.listener
    socket.emit("chat", text)
    return "delivered"


def add_handlers_of(recipe: str, listener: io.Listener) -> None:
    """Let a listener have the handlers of the recipe that has this in it."""
    (block,) = [each for each in blocks(ROOT / "docs/recipes.rst") if recipe in each.text]
    exec(block.text, {"socket": listener, "keep": lambda name, data: None})


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--block")
arguments = parser.parse_args()

application: Any = page
if arguments.block:
    application = made_by(arguments.block)
else:
    for resource in ("socket.io", "live/socket.io"):
        application = io.listen(application, resource=resource, on_client_message=answer)
        application.on("chat", chat)
        add_handlers_of("PIECE, LARGEST", application)
server = WSGIServer(("127.0.0.1", arguments.port), application, log=None)
server.start()
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
