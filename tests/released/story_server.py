"""The server of the stories: applications on Socket.IO, on bare Engine.IO, and a room for all.

The stories in ``stories.js`` and ``engineio_stories.js`` say what must come back. As a program it
also serves pages for browsers: ``/`` with the stories and with whatever of ``?script=`` is wanted,
which is a path below ``--clients``.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).parents[1]))

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from support.framing import TRICKY
from support.http import DEADLINE

import sockio_gevent as io
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

HERE = Path(__file__).parent
Gone = Mapping[str, Any]
COMMAND = re.compile("(place of|text at|remember|is gone|count) (.*)", re.DOTALL)


def query(client: io.Client) -> dict[str, str]:
    """What the address of the client's first request had in its query."""
    return dict(parse_qsl(client.environ.get("QUERY_STRING", "")))


def check_token(client: io.Client) -> None:
    """Middleware: clients that know the word, in whatever way their generation can say it."""
    if "secret" not in ((client.auth or {}).get("token"), query(client).get("token")):
        raise io.Refused("wrong token", {"code": 7})


def answer_stories(client: io.Client, welcome: str, gone: Gone) -> None:
    """Do what the stories ask a client of Socket.IO for."""
    numbers: list[int] = []
    client.emit("welcome", welcome)
    client.on("message", client.send)
    client.on("number", numbers.append)
    client.on("leave", client.disconnect)

    @client.on("echo")
    def echo(*values: Any) -> None:
        client.emit("echo", *values)

    @client.on("answer")
    def answer(*values: Any) -> tuple[Any, ...]:
        return values

    @client.on("place of")
    def place_of(text: str) -> int:
        return TRICKY.index(text) if text in TRICKY else -1

    client.on("text at", TRICKY.__getitem__)

    @client.on("who")
    def who() -> dict[str, Any]:
        return {"id": client.id, "auth": client.auth, "query": query(client)}

    @client.on("call me")
    def call_me(value: Any) -> Any:
        return client.call("question", value)

    @client.on("call me back")
    def call_me_back(*values: Any) -> None:
        client.emit("question", *values, callback=lambda *back: client.emit("answers", *back))

    @client.on("numbers")
    def all_numbers() -> list[int]:
        return numbers

    @client.on("count")
    def count(until: int) -> None:
        for number in range(until):
            client.emit("number", number)

    @client.on("last words")
    def last_words(close: bool) -> None:
        client.emit("last", "goodbye")
        client.disconnect(close)

    @client.on("remember")
    def remember(name: str) -> None:
        client.on("disconnect", gone[name].set)

    @client.on("is gone")
    def is_gone(name: str) -> bool:
        return gone[name].wait(DEADLINE)


def tell_stories(socket: io.Listener, gone: Gone | None = None) -> None:
    """Serve the stories in the main namespace, and in one that asks for a word."""
    gone = defaultdict(Event) if gone is None else gone
    socket.on("connection", lambda client: answer_stories(client, "main", gone))
    admin = socket.of("/admin")
    admin.use(check_token)
    admin.on("connection", lambda client: answer_stories(client, "admin", gone))


def tell_engineio_stories(socket: io.Listener, gone: Gone | None = None) -> None:
    """Serve the stories of bare Engine.IO, where all is a message."""
    gone = defaultdict(Event) if gone is None else gone

    @socket.on("clientMessage")
    def message(value: str | bytes, client: io.Client) -> None:
        if value == "last words":
            client.send("goodbye")
            client.disconnect()
        elif isinstance(value, str) and (match := COMMAND.match(value)):
            command, rest = match.groups()
            if command == "place of":
                client.send(str(TRICKY.index(rest) if rest in TRICKY else -1))
            elif command == "text at":
                client.send(TRICKY[int(rest)])
            elif command == "remember":
                client.on("disconnect", gone[rest].set)
                client.send("remembered")
            elif command == "is gone":
                gone[rest].wait(DEADLINE)
                client.send("yes")
            else:
                for number in range(int(rest)):
                    client.send(f"number {number}")
        else:
            client.send(value)


def open_room(socket: io.Listener) -> None:
    """Serve a room where clients of all generations chat."""

    @socket.on("connection")
    def entered(client: io.Client) -> None:
        client.send("welcome")

        @client.on("message")
        def message(text: str) -> None:
            if text == "join":
                client.join("lobby")
                client.send("joined")
            else:
                socket.to("lobby").send(text)

        @client.on("wave")
        def wave(*values: Any) -> str:
            client.to("lobby").emit("wave", *values)
            return "waved"


class StoryServer:
    """All applications on one port, where they can be started again.

    Args:
        port: where it serves.
        application: what answers all other requests.
        **options: of the listeners.
    """

    def __init__(self, port: int, application: Any, **options: Any) -> None:
        self._address = ("127.0.0.1", port)
        self._application = application
        self._options = {"flash_policy_port": None, "transports": KNOWN_TRANSPORTS, **options}
        self.start()

    def start(self) -> None:
        """Serve, as a process that knows nothing of what was before."""
        self.server = WSGIServer(self._address, self._application, log=None)
        stories = io.listen(self.server, **self._options)
        tell_stories(stories)
        bare = {"resource": "engine.io", "dialects": ("classic", "engine.io")}
        engineio = io.listen(self.server, **self._options, **bare)
        tell_engineio_stories(engineio)
        room = io.listen(self.server, **self._options, resource="room")
        open_room(room)
        self._listeners = (stories, engineio, room)
        self.server.start()

    def stop(self) -> None:
        """Serve no longer, and end all sessions."""
        self.server.stop_accepting()
        for listener in self._listeners:
            listener.close(1)
        self.server.stop(1)


StartResponse = Callable[[str, list[tuple[str, str]]], Any]
SCRIPTS = ("stories.js", "engineio_stories.js")
PAGE = "<!doctype html><meta charset=utf-8><title>page</title>%s"


def nothing_else(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """An application that has nothing."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing here"]


def pages(clients: Path) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """An application that serves the page of the stories, and files of the clients."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].lstrip("/")
        if not path:
            wanted = [value for _, value in parse_qsl(environ["QUERY_STRING"])]
            scripts = "".join(f"<script src=/{name}></script>" for name in (*SCRIPTS, *wanted))
            start_response("200 OK", [("Content-Type", "text/html")])
            return [(PAGE % scripts).encode()]
        file = HERE / path if path in SCRIPTS else clients / path
        if ".." in path or not file.is_file():
            return nothing_else(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/javascript; charset=UTF-8")])
        return [file.read_bytes()]

    return application


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--clients", type=Path, default=HERE)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    started = StoryServer(arguments.port, pages(arguments.clients))
    print(f"http://127.0.0.1:{started.server.server_port}/", flush=True)
    gevent.get_hub().join()


if __name__ == "__main__":
    main()
