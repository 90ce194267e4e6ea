"""The server under attack: it sends every message back, and reports its state.

Options of the listener come as JSON in ``SOCKIO_TEST_OPTIONS``, the files of
TLS as arguments.
A client that says "leave" is disconnected. Its pages:

``/vitals``
    what it holds, and what it has counted.
``/stats``
    only what it has counted, which takes less time.
``/news/<bytes>``
    sends a message of about this size to all sessions, numbered from 1.
``/mark/<text>``
    writes the text to the log.
``/plain/<bytes>``
    is that long, and has nothing to do with the listener.
``/hurry``
    brings the end of all sessions forward that have no connection, but not of
    those that the header ``X-Keep`` names.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import gevent
from gevent.pywsgi import WSGIServer
from support.ports import limit_sending
from support.times import bring_forward

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.server.stream.readers import Readers

logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
logging.getLogger("sockio_gevent").setLevel(logging.DEBUG)

_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_news = 0
_hurried: set[str] = set()


def vitals() -> dict[str, Any]:
    gc.collect()
    everything = gc.get_objects()
    greenlets = sum(isinstance(each, gevent.Greenlet) and not each.dead for each in everything)
    return {
        # Some greenlets that read sockets are kept for the next time; their number varies.
        "greenlets": greenlets - len(Readers.of_this_hub()._parked),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_SIZE,
        "sessions": len(listener.clients),
        "stats": listener.stats(),
    }


def hurry(kept: list[str]) -> None:
    # Each only once: the next time would postpone the end again.
    spared = _hurried.union(kept)
    for session_id, client in listener.clients.items():
        if session_of(client).away and session_id not in spared:
            _hurried.add(session_id)
            bring_forward(client)


def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    global _news
    page, _, argument = environ["PATH_INFO"].strip("/").partition("/")
    answer: Any = None
    match page:
        case "vitals":
            answer = vitals()
        case "stats":
            answer = listener.stats()
        case "news":
            _news += 1
            listener.broadcast(f"news {_news} {'x' * int(argument)}")
            answer = _news
        case "mark":
            print(argument, flush=True)
        case "hurry":
            hurry(environ.get("HTTP_X_KEEP", "").split())
        case "plain":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"x" * int(argument)]
        case _:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no such page"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


files = dict(argument.lstrip("-").split("=", 1) for argument in sys.argv[1:])
server = WSGIServer(("127.0.0.1", 0), pages, log=None, **files)
listener = io.listen(
    server, flash_policy_port=None, **json.loads(os.environ["SOCKIO_TEST_OPTIONS"])
)


@listener.on("clientMessage")
def message(message: Any, client: io.Client) -> None:
    if message == "leave":
        client.disconnect()
    else:
        client.send(message)


gevent.signal_handler(15, server.stop)
server.start()
limit_sending(server.socket)
scheme = "https" if server.ssl_enabled else "http"
print(f"serving on {scheme}://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
