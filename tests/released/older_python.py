"""A short story of an older client in Python, in a process of its own: its library is no other's.

    python older_python.py LIBRARY URL TRANSPORT SECONDS

It prints as JSON what the client has seen. PYTHONPATH leads to the library.
"""

from __future__ import annotations

import json
import sys
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

BYTES = bytes(range(256))


def python_socketio(url: str, transport: str, seconds: float) -> dict[str, Any]:
    """python-socketio 4."""
    from queue import Queue

    import socketio

    client = socketio.Client(reconnection=False)
    told: dict[str, Queue[Any]] = {"welcome": Queue(), "answers": Queue(), "echo": Queue()}
    for event, queue in told.items():
        client.on(event, lambda *values, queue=queue: queue.put(values))
    client.on("question", lambda *values: values[::-1])
    client.connect(url, transports=["polling" if transport == "xhr-polling" else transport])
    seen: dict[str, Any] = {"welcome": told["welcome"].get(timeout=seconds)}
    seen["answer"] = client.call("answer", ("hello", 1), timeout=seconds)
    client.emit("call me back", ("one", 2))
    seen["answers"] = told["answers"].get(timeout=seconds)
    client.emit("echo", ({"deep": BYTES}, "é"))
    echoed, text = told["echo"].get(timeout=seconds)
    seen["echo"] = [echoed == {"deep": BYTES}, text]
    client.disconnect()
    return seen


def nexus(url: str, transport: str, seconds: float) -> dict[str, Any]:
    """socketIO-client-nexus, which has no binary data."""
    from socketIO_client_nexus import SocketIO

    address = urlsplit(url)
    client = SocketIO(
        address.hostname, address.port, transports=[transport], wait_for_connection=False
    )
    seen: dict[str, Any] = {}
    # It connects while it is made, and drops the events that come before it has handlers.
    for event in ("answers", "echo"):
        client.on(event, lambda *values, event=event: seen.setdefault(event, values))
    # The last argument is the function that answers.
    client.on("question", lambda *values: values[-1](*values[-2::-1]))
    client.emit("answer", "hello", 1, lambda *values: seen.setdefault("answer", values))
    client.emit("call me back", "one", 2)
    client.emit("echo", True, "e")
    end = monotonic() + seconds
    while len(seen) < 3 and monotonic() < end:
        client.wait(seconds=0.1)
    client.disconnect()
    return seen


LIBRARIES = {"python-socketio-4": python_socketio, "socketIO-client-nexus": nexus}

if __name__ == "__main__":
    library, url, transport, seconds = sys.argv[1:]
    print(json.dumps(LIBRARIES[library](url, transport, float(seconds))))
