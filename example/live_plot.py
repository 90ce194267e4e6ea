"""A live plot of the server's own statistics, drawn by the page that it serves.

Twice a second the listener broadcasts what ``stats()`` says. The page can open more
connections; they talk to the server, so that there is something to see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gevent
from gevent.pywsgi import WSGIServer
from serving import command_line, serve

import sockio_gevent as io

INTERVAL = 0.5  # seconds
WINDOW = 60  # seconds that a page shows
PAGE = Path(__file__).with_name("live_plot.html").read_bytes()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Serve the page. Requests for the listener never come here."""
    if environ["PATH_INFO"] != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found\n"]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


socket = io.listen(application)


class Plot:
    """The numbers of a listener that are plotted."""

    def __init__(self, listener: io.Listener) -> None:
        self._listener = listener
        self._last = listener.stats()
        self.samples: deque[dict[str, Any]] = deque(maxlen=int(WINDOW / INTERVAL) + 1)

    def sample(self) -> dict[str, Any]:
        """The present numbers, and the rates since the last sample."""
        last, now = self._last, self._listener.stats()
        self._last = now
        seconds = now["uptime"] - last["uptime"]
        sample = {
            "time": round(now["uptime"], 2),
            "sessions": {name: sum(states.values()) for name, states in now["sessions"].items()},
            "buffered": now["buffered"],
        }
        for direction, count in now["messages"].items():
            sample[direction] = round((count - last["messages"][direction]) / seconds, 1)
        self.samples.append(sample)
        return sample

    def run(self) -> NoReturn:
        """Take samples for ever, and let the clients see each."""
        while True:
            gevent.sleep(INTERVAL)
            self._listener.broadcast({"sample": self.sample()})


plot = Plot(socket)


@socket.on("connection")
def connected(client: io.Client) -> None:
    """Show a newcomer the last minute."""
    client.send({"window": WINDOW, "samples": list(plot.samples)})


@socket.on("clientMessage")
def said(message: object, client: io.Client) -> None:
    """Send back the messages of the page's extra connections."""
    match message:
        case {"ping": int(number)}:
            client.send({"pong": number})


if __name__ == "__main__":
    options = command_line("A live plot of the server's own statistics.")
    gevent.spawn(plot.run)
    # Without an access log: long polls would flood it.
    serve(WSGIServer((options.host, options.port), socket, log=None), socket)
