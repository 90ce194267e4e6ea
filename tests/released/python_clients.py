"""What the tests of python-socketio and python-engineio share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import engineio
import requests
from support.http import DEADLINE

MODES = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}
NUMBERS = list(range(1000))
BYTES = bytes(range(256))


class Told(dict[Any, "Queue[Any]"]):
    """What a client was told, by what it was told.

    The thread of the client and that of the test may ask for a new queue at the same time. With
    a ``defaultdict`` each would get its own.
    """

    def __missing__(self, name: Any) -> Queue[Any]:
        return self.setdefault(name, Queue())


def options() -> dict[str, Any]:
    """For both clients: a busy machine is not a silent one, and no proxy of the user is asked."""
    session = requests.Session()
    session.trust_env = False
    return {"handle_sigint": False, "request_timeout": DEADLINE, "http_session": session}


def run_in_order(client: engineio.Client) -> None:
    """Deal with messages one after the other; the client begins a thread for each, in no order."""
    begin = client.start_background_task
    one = ThreadPoolExecutor(max_workers=1)

    def start(target: Any, *arguments: Any, **more: Any) -> Any:
        if target == client.handlers.get("message"):
            return one.submit(target, *arguments)
        return begin(target, *arguments, **more)

    client.start_background_task = start
