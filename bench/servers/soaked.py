"""This checkout under a soak: it obeys messages, and reports what it holds.

Messages of clients:

- ``echo …`` comes back.
- ``last`` is answered with ``last N``, N being the ticks so far.
- ``nap`` keeps its handler waiting for a moment.
- ``flood`` is answered with far more than a session may have waiting.
- ``disconnect`` ends the session.

With ticks, all sessions get ``tick 1``, ``tick 2`` and so on, and a new one
``first N`` before the next of them. ``GET /sample`` tells what there is.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent
from gevent.pywsgi import LoggingLogAdapter, WSGIServer
from greenlet import greenlet
from listening import announce, listen

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sockio_gevent as io
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.server.stream.readers import Readers

NAP = 0.02  # seconds
FLOOD = "flood " + 16 * 1024 * "x"
MOST = 1000  # messages of a flood, if nothing ends it
KEPT = 5  # lines of errors that are told
# Classes whose instances are kept for reuse, up to a bound; there is one _Queue in each thread.
CACHED = ("AnswerHead", "Fields", "NextIteration", "RecentEnd", "_Period", "_Queue")


class Errors(logging.Handler):
    """Counts lines of level error, and keeps the first."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0
        self.first: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(self.format(record)[-2000:])


class Soaked:
    """The application.

    Args:
        ticks: seconds from one tick to the next; ``None`` for none.
        **options: of the listener.
    """

    def __init__(self, ticks: float | None = None, **options: Any) -> None:
        log = logging.getLogger("sockio_gevent")
        log.setLevel(logging.INFO)
        log.propagate = False
        self.errors = Errors()
        log.addHandler(self.errors)
        self.socket = listen()
        # Mistakes of clients are not errors of the server: pywsgi's lines about them are dropped.
        quiet = logging.getLogger("pywsgi")
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
        client_errors = LoggingLogAdapter(quiet, logging.DEBUG)
        self.server = WSGIServer(self.socket, self, log=None, error_log=client_errors)
        options = {"transports": KNOWN_TRANSPORTS, "flash_policy_port": None, **options}
        self.listener = io.listen(self.server, **options)
        self.listener.on("clientMessage", self.message)
        self.ticks = 0
        self._interval = ticks
        if ticks:
            self.listener.on("connection", self.greet)

    def serve(self) -> None:
        """Serve until killed."""
        self.server.start()
        announce(self.socket, "gevent")
        if self._interval:
            gevent.spawn(self._tick)
        self.server.serve_forever()

    def _tick(self) -> None:
        while True:
            gevent.sleep(self._interval)
            self.ticks += 1
            self.tick(f"tick {self.ticks}")

    def tick(self, text: str) -> None:
        """Tell all sessions."""
        self.listener.broadcast(text)

    def greet(self, client: io.Client) -> None:
        """Tell a new session which tick was the last."""
        client.send(f"first {self.ticks}")

    def echo(self, text: str, client: io.Client) -> None:
        """Return a message."""
        client.send(text)

    def message(self, text: str, client: io.Client) -> None:
        """Do what a message asks for."""
        if text.startswith("echo "):
            self.echo(text, client)
        elif text == "last":
            client.send(f"last {self.ticks}")
        elif text == "nap":
            gevent.sleep(NAP)
        elif text == "flood":
            for _ in range(MOST):
                if not client.connected:
                    break
                client.send(FLOOD)
        elif text == "disconnect":
            client.disconnect()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Tell what there is."""
        if environ["PATH_INFO"] != "/sample":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        body = json.dumps(self.sample()).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def sample(self) -> dict[str, Any]:
        """What there is; see :class:`bench.soaking.probe.Sample`."""
        gc.collect()
        greenlets = 0
        objects: Counter[str] = Counter()
        for each in gc.get_objects():
            kind = type(each)
            if issubclass(kind, greenlet):
                greenlets += not each.dead
            elif str(kind.__module__).startswith("sockio_gevent.") and kind.__name__ not in CACHED:
                objects[kind.__qualname__] += 1
        listener = self.listener
        # Kept for the next iteration of the loop, up to a bound; their number varies.
        parked = len(Readers.of_this_hub()._parked)
        stats = listener.stats()
        return {
            "sessions": len(listener.clients),
            "greenlets": greenlets - parked,
            "parked": parked,
            "descriptors": len(os.listdir("/proc/self/fd")),
            "deadlines": sum(map(len, listener._sessions.loops.here().deadlines._slots.values())),
            "closing_sessions": len(listener._sessions.closing_sessions),
            "objects": objects,
            "errors": self.errors.count,
            "first_errors": self.errors.first,
            "opened": stats["opened"],
            "closes": stats["closes"],
            "refused": stats["refused"],
        }


def main(application: type[Soaked] = Soaked) -> None:
    """Serve with the options that the command line gives as JSON."""
    application(**json.loads(sys.argv[1])).serve()


if __name__ == "__main__":
    main()
