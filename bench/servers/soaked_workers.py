"""The application of several workers under a soak: it obeys messages, of both dialects.

- A new client gets ``hello PID``, the process of its worker.
- ``echo …`` comes back.
- ``join ROOM`` is answered with the same.
- ``room ROOM …`` goes to all in that room, and ``all …`` to all clients, of all workers.
- ``last`` comes back, behind everything else.

``GET /sample`` tells what the worker that answers holds.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sockio_gevent as io
from bench.soaking.options import WORKERS

logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(process)d %(name)s %(message)s")


def pages(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Tell what there is."""
    stats = socket.stats()
    told = {
        "pid": os.getpid(),
        "sessions": len(socket.clients),
        "members": stats["cluster"]["members"],
        "handed_over": stats["cluster"]["handed_over"],
        "relayed": stats["cluster"]["relayed"],
        "messages": stats["cluster"]["messages"]["in"],
    }
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", [*headers, ("Connection", "close")])
    return [body]


socket = application = io.listen(
    pages, cluster=os.environ.get("SOCKIO_SOAK_CLUSTER", "auto"), **WORKERS
)


@socket.on("connection")
def connected(client: io.Client) -> None:
    """Tell a new client where it is."""
    client.send(f"hello {os.getpid()}")


@socket.on("clientMessage")
def message(text: str, client: io.Client) -> None:
    """Do what a message asks for."""
    what, _, rest = text.partition(" ")
    if what == "echo" or what == "last":
        client.send(text)
    elif what == "join":
        client.join(rest)
        client.send(text)
    elif what == "room":
        socket.to(rest.partition(" ")[0]).send(text)
    elif what == "all":
        socket.send(text)
