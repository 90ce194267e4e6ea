"""The application of the deployed servers: it echoes, and obeys a few orders.

Options of the listener come as JSON in ``SOCKIO_TEST_OPTIONS``. Messages of
the form ``{"number": n}`` are written to the file ``SOCKIO_TEST_JOURNAL``,
which outlives any worker. What is left of the sessions when the process ends
is printed.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import threading
from typing import Any

import gevent

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.server.stream.readers import Readers

logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
logging.getLogger("sockio_gevent").setLevel(logging.DEBUG)

journal: Any = None
if "SOCKIO_TEST_JOURNAL" in os.environ:
    journal = open(os.environ["SOCKIO_TEST_JOURNAL"], "a", buffering=1)  # noqa: SIM115


def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/page":
        start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
        return [b"<!doctype html><title>page</title><script src=/socket.io/socket.io.js></script>"]
    start_response("200 OK", [("Content-Type", "application/json")])
    page: Any = {"pid": os.getpid(), "script_name": environ["SCRIPT_NAME"]}
    if environ["PATH_INFO"] == "/sessions":
        page = {
            session_id: "away" if session_of(client).away else "open"
            for session_id, client in listener.clients.items()
        }
    elif environ["PATH_INFO"] == "/stats":
        page = listener.stats()
    elif environ["PATH_INFO"] == "/members":
        page = sorted(listener._sessions.bus.members)
    elif environ["PATH_INFO"] == "/given":
        counters = listener._sessions.counters
        page = {"handed_over": counters.handed_over, "relayed": counters.relayed}
    elif environ["PATH_INFO"] == "/form":
        page = environ["wsgi.input"].read().decode()
    elif environ["PATH_INFO"] == "/close":
        gevent.spawn(listener.close, 5)
    return [json.dumps(page).encode()]


listener: io.Listener


def listen(target: Any, **more: Any) -> io.Listener:
    global listener
    options = json.loads(os.environ.get("SOCKIO_TEST_OPTIONS", "{}"))
    listener = io.listen(target, **options, **more)
    listener.on("clientMessage", obey)
    listener.on("clientDisconnect", lambda client: logging.info("gone %s", client.session_id))
    return listener


@atexit.register
def tell_what_is_left() -> None:
    if listener.stats()["opened"]:
        found = [each for each in gc.get_objects() if isinstance(each, gevent.Greenlet)]
        parked = Readers.of_this_hub()._parked
        running = [each for each in found if not each.dead and each not in parked]
        clients, closing_sessions = len(listener.clients), len(listener._sessions.closing_sessions)
        print(
            f"left: {clients} clients, {closing_sessions} closing sessions, greenlets {running}",
            flush=True,
        )


def obey(message: Any, client: io.Client) -> None:
    match message:
        case {"broadcast": text}:
            listener.broadcast(text)
        case {"send": size}:
            client.send("x" * size)
        case {"send_from_thread": text}:
            threading.Thread(target=client.send, args=(text,)).start()
        case {"fail": text}:
            raise RuntimeError(text)
        case {"disconnect": _}:
            client.disconnect()
        case {"number": number}:
            journal.write(f"{client.session_id} {number}\n")
            client.send(str(number))
        case _:
            client.send(message)


application = listen(pages)


def hurried(environ: dict[str, Any], start_response: Any) -> Any:
    """Middleware that raises a timeout in some requests, and lets the server report it."""
    if "HTTP_X_HURRY" not in environ:
        return application(environ, start_response)
    with gevent.Timeout(0.05):
        return application(environ, start_response)


def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
    """Middleware that adds a header by a start_response of its own, and reports exceptions."""

    def start(status: str, headers: list[tuple[str, str]], *exception: Any) -> Any:
        return start_response(status, [*headers, ("X-Wrapped", "yes")], *exception)

    try:
        return application(environ, start)
    except Exception:
        logging.exception("the application has failed")
        raise
