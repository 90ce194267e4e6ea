"""A drawing board that is shared by everybody who looks at it.

It is a Bottle application like any other, and ``io.listen(app)`` is all that makes it live.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from gevent.pywsgi import WSGIServer
from serving import command_line, give_up, serve

import sockio_gevent as io

try:
    import bottle
except ModuleNotFoundError:
    give_up("this needs Bottle: pip install 'sockio_gevent[bottle]'")

WIDTH, HEIGHT = 1200, 800
COLOURS = 6
MOST_POINTS = 30_000

app = bottle.Bottle()
socket = io.listen(app)


class Drawing:
    """The lines on the board: each a colour and then x, y, x, y…; the oldest fade away."""

    def __init__(self) -> None:
        self.lines: deque[list[int]] = deque()
        self.size = 0

    def add(self, line: list[int]) -> None:
        """Draw a line."""
        self.lines.append(line)
        self.size += len(line)
        while self.size > 2 * MOST_POINTS:
            self.size -= len(self.lines.popleft())

    def clear(self) -> None:
        """Wipe the board."""
        self.lines.clear()
        self.size = 0


drawing = Drawing()


@app.get("/")
def page() -> Any:
    """Serve the board."""
    return bottle.static_file("bottle_app.html", root=Path(__file__).parent)


@socket.on("connection")
def connected(client: io.Client) -> None:
    """Show a newcomer the lines on the board."""
    client.send({"lines": list(drawing.lines)})
    socket.broadcast({"count": len(socket.clients)})


@socket.on("clientMessage")
def drawn(message: object, client: io.Client) -> None:
    """Show a line to everybody, also to its author: it may have crossed a wipe on its way."""
    match message:
        case {"line": list(line)} if is_line(line):
            drawing.add(line)
            socket.broadcast({"line": line})
        case {"clear": True}:
            drawing.clear()
            socket.broadcast({"lines": []})


@socket.on("clientDisconnect")
def left(client: io.Client) -> None:
    """Let the others know how many they are now."""
    socket.broadcast({"count": len(socket.clients)})


def is_line(line: list[object]) -> bool:
    """Whether this is a colour and the points of a line: clients may send anything."""
    if not (3 <= len(line) <= 1001 and len(line) % 2 and all(type(n) is int for n in line)):
        return False
    colour, *points = line
    return (
        colour in range(COLOURS)
        and all(x in range(WIDTH + 1) for x in points[::2])
        and all(y in range(HEIGHT + 1) for y in points[1::2])
    )


if __name__ == "__main__":
    options = command_line("A drawing board that everybody shares.")
    # Without an access log: long polls would flood it.
    serve(WSGIServer((options.host, options.port), app, log=None), socket)
