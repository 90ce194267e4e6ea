"""One client of each transport, all of the same server."""

from __future__ import annotations

from typing import Any

from .clients import ALL, WebSocket


def open_all(server: Any) -> list[Any]:
    """Open a session over each transport, with a connection that waits for messages."""
    clients = [server.client(kind).open() for kind in ALL]
    for client in clients:
        if not client.streams:
            client.begin_poll()
        server.wait_state(client.session_id, "open")
    return clients


def check_told(server: Any, clients: list[Any]) -> None:
    """Wait until each client and its handlers know that the server is going away."""
    for client in clients:
        if isinstance(client, WebSocket):
            assert client.wait_closed() == 1001
        elif client.streams:
            client.wait_closed()
        else:
            assert client.finish_poll() == []
    for client in clients:
        client.vanish()
        server.wait_line(f"gone {client.session_id}")
    # Others may have had no connection for a moment.
    assert int(server.wait_line(r"closed: (\d+) sessions ended$")[1]) >= len(clients)


def check_all_work(server: Any) -> None:
    """Open a session over each transport, and exchange a message."""
    for kind in ALL:
        client = server.client(kind).open()
        client.send("hello")
        assert client.receive() == "hello"
        client.vanish()
