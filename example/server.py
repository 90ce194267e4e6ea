"""A chat room on one page: run it, and open the printed address in two windows.

Clients of all generations meet in the room: it uses nothing but messages, which all of
them have. With ``--client-directory node_modules/socket.io/client-dist`` the page is a
client of Socket.IO 4, and ``/?client=classic`` is one of Socket.IO 0.6.

A second page, ``/transports.html``, shows which transports get through to the
browser. Everything that matters about ``sockio_gevent`` is in :func:`open_room`
and :func:`answer_probes`; the rest is a plain gevent server that serves the
pages and stops cleanly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gevent.pywsgi import WSGIServer
from serving import command_line, give_up, serve

import sockio_gevent as io

MAX_LENGTH = 2000
PAGES = {
    path: Path(__file__).with_name(name).read_bytes()
    for path, name in (("/", "chat.html"), ("/transports.html", "transports.html"))
}


def open_room(socket: io.Listener) -> None:
    """Pass on what each client says to all others, and tell who comes and goes."""
    recent: deque[dict[str, Any]] = deque(maxlen=15)

    @socket.on("connection")
    def connected(client: io.Client) -> None:
        # Not the whole id: for clients of Socket.IO 1 and 2 it is the secret one of the session.
        name = client.id[:8]
        client.send({"you": name, "buffer": list(recent)})
        client.broadcast({"announcement": f"{name} connected"})

        @client.on("message")
        def said(text: object) -> None:
            # Clients may send anything that JSON can express.
            if isinstance(text, str) and text.strip():
                message = {"message": [name, text[:MAX_LENGTH]]}
                client.broadcast(message)
                recent.append(message)

        @client.on("disconnect")
        def left() -> None:
            client.broadcast({"announcement": f"{name} disconnected"})


def answer_probes(socket: io.Listener) -> None:
    """Send back the pings of the page that tries the transports."""

    @socket.on("clientMessage")
    def pinged(message: object, client: io.Client) -> None:
        match message:
            case {"ping": int(), **more} if not more:
                client.send(message)


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Serve the pages. Requests for the listeners never come here."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if path not in (*PAGES, "/favicon.ico"):
        status, body = "404 Not Found", b"not found\n"
    elif method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", b"GET only\n"
        headers.append(("Allow", "GET, HEAD"))
    elif path == "/favicon.ico":
        # Only old browsers ask: the pages bring their icons along.
        start_response("204 No Content", [])
        return []
    else:
        status, body = "200 OK", PAGES[path]
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache")]
    headers.append(("Content-Length", str(len(body))))
    start_response(status, headers)
    return [] if method == "HEAD" else [body]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = command_line(
        "A chat room on one page.", arguments, client="none, the page has the classic client"
    )
    # Without an access log: long polls would flood it.
    server = WSGIServer((options.host, options.port), application, log=None)
    # Policy files for Flash on the main port only: port 843 needs privileges.
    try:
        chat = io.listen(server, flash_policy_port=None, client_directory=options.client_directory)
    except ValueError as error:
        give_up(str(error))
    open_room(chat)
    # Another resource, so that the room does not see the probes.
    probe = io.listen(server, resource="probe", flash_policy_port=None)
    answer_probes(probe)
    serve(server, chat, probe)


if __name__ == "__main__":
    main()
