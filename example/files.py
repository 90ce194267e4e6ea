"""Files for all who are in a room: choose one in the page, and the others can fetch it.

The page uses the browser client of Socket.IO 4, from the folder that ``npm install socket.io``
makes. The example shows a namespace with middleware, rooms, acknowledgements, and bytes both ways.

A file travels in pieces, and each piece is acknowledged before the next one is sent. So the page
knows how far it is, no message is large, and a slow client only delays itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from gevent.pywsgi import WSGIServer
from serving import command_line, give_up, serve

import sockio_gevent as io

LONGEST_NAME = 40
PIECE = 64 * 1024  # bytes
LARGEST = 16 * 1024 * 1024  # bytes of one file
MOST = 64 * 1024 * 1024  # bytes of all files, with those that are on their way
CLIENT = "node_modules/socket.io/client-dist"  # what ``npm install socket.io`` makes
PAGE = Path(__file__).with_name("files.html").read_bytes()


@dataclass
class File:
    """One file, whole or on its way."""

    id: int
    room: str
    name: str
    owner: str
    size: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return len(self.data) == self.size

    def card(self) -> dict[str, Any]:
        """What pages show of it."""
        return {"id": self.id, "name": self.name, "owner": self.owner, "size": self.size}


class Shelf:
    """All files of all rooms, the oldest first."""

    def __init__(self) -> None:
        self.files: dict[int, File] = {}
        self._ids = count(1)

    def begin(self, room: str, name: str, owner: str, size: int) -> File | None:
        """Make room for a file, even if older ones have to go; ``None`` if that is not enough."""
        whole = [file for file in self.files.values() if file.is_whole]
        held = sum(file.size for file in self.files.values())
        if held - sum(file.size for file in whole) + size > MOST:
            return None
        for file in whole:
            if held + size > MOST:
                del self.files[file.id]
                held -= file.size
        file = File(next(self._ids), room, name, owner, size)
        self.files[file.id] = file
        return file

    def in_room(self, room: str) -> list[dict[str, Any]]:
        """The cards of the whole files of a room."""
        return [file.card() for file in self.files.values() if file.room == room and file.is_whole]


def open_files(socket: io.Listener) -> Shelf:
    """Serve the namespace of the page. What a handler returns is the answer to the page."""
    shelf = Shelf()
    files = socket.of("/files")

    @files.use
    def ask_for_a_name(client: io.Client) -> None:
        name = one_line(client.auth.get("name"))
        if not name:
            raise io.Refused("write your name", {"field": "name"})
        client.data["name"] = name

    @files.on("enter")
    def enter(client: io.Client, wanted: object) -> dict[str, Any]:
        name = one_line(wanted)
        if not name:
            return {"error": "write the name of a room"}
        leave(client)
        # A prefix, because the id of each client is the name of a room, too.
        room = client.data["room"] = f"files of {name}"
        client.join(room)
        tell_who_is_there(room)
        return {"room": name, "files": shelf.in_room(room)}

    @files.on("begin")
    def begin(client: io.Client, name: object, size: object) -> dict[str, Any]:
        """A client wants to send a file."""
        room, named = client.data.get("room"), one_line(name)
        if room is None or not named:
            return {"error": "a file needs a room and a name"}
        # True is an int, too.
        if type(size) is not int or not 0 < size <= LARGEST:
            return {"error": f"a file may have 1 to {LARGEST} bytes"}
        break_off(client)
        file = shelf.begin(room, named, client.data["name"], size)
        if file is None:
            return {"error": "too many files are on their way"}
        client.data["sending"] = file
        return {"piece": PIECE}

    @files.on("piece")
    def piece(client: io.Client, data: object) -> dict[str, Any]:
        """The next piece of the file that a client sends."""
        file: File | None = client.data.get("sending")
        if file is None or not isinstance(data, bytes) or not 0 < len(data) <= PIECE:
            return {"error": "no piece of a file was expected"}
        if len(file.data) + len(data) > file.size:
            break_off(client)
            return {"error": "the file is larger than it was said to be"}
        file.data += data
        if file.is_whole:
            del client.data["sending"]
            files.to(file.room).emit("file", file.card())
        else:
            # A page that cannot get it at once will get a later one.
            client.to(file.room).volatile.emit("arriving", file.card(), len(file.data))
        return {"received": len(file.data)}

    @files.on("fetch")
    def fetch(client: io.Client, wanted: object, start: object) -> bytes | dict[str, Any]:
        """A client wants the piece of a file that begins there."""
        file = shelf.files.get(wanted) if isinstance(wanted, int) else None
        if file is None or file.room != client.data.get("room") or not file.is_whole:
            return {"error": "the file is not there any more"}
        if type(start) is not int or not 0 <= start < file.size:
            return {"error": "there is no such piece"}
        return bytes(file.data[start : start + PIECE])

    @files.on("clientDisconnect")
    def left(client: io.Client) -> None:
        leave(client)

    def leave(client: io.Client) -> None:
        break_off(client)
        room = client.data.pop("room", None)
        if room is not None:
            client.leave(room)
            tell_who_is_there(room)

    def break_off(client: io.Client) -> None:
        """Forget the file that a client has not finished."""
        file = client.data.pop("sending", None)
        if file is not None:
            del shelf.files[file.id]
            files.to(file.room).emit("broken off", file.card())

    def tell_who_is_there(room: str) -> None:
        there = files.to(room)
        there.emit("people", [client.data["name"] for client in there.clients()])

    return shelf


def one_line(text: object) -> str:
    """A text without line breaks and superfluous spaces; empty if it is none."""
    return " ".join(text.split())[:LONGEST_NAME] if isinstance(text, str) else ""


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Serve the page. Requests for the listener never come here."""
    if environ["PATH_INFO"] != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found\n"]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = command_line("Files for all who are in a room.", arguments, client=CLIENT)
    try:
        socket = io.listen(application, client_directory=options.client_directory or CLIENT)
    except ValueError as error:
        give_up(str(error))
    open_files(socket)
    # Without an access log: long polls would flood it.
    serve(WSGIServer((options.host, options.port), socket, log=None), socket)


if __name__ == "__main__":
    main()
