"""A page that does not read."""

from __future__ import annotations

from typing import Any

import pytest
from support.admin_page import ADMIN, AUTH
from support.socketio import SocketIO
from support.waiting import wait_until

from sockio_gevent.testing import Client


@pytest.mark.parametrize("dialect", ["classic", "socket.io"])
def test_a_page_that_does_not_read_is_disconnected_and_costs_nobody_else(
    serve: Any, dialect: str
) -> None:
    served = serve(max_buffer=20_000)
    served.listener.instrument(**ADMIN)
    page = SocketIO(served.port)
    page.connect("/admin", AUTH)  # and reads nothing from here on
    client = Client(served.listener, dialect=dialect)
    room = "long name " * 25  # each change is told with it
    sent = 0

    def was_disconnected() -> bool:
        nonlocal sent
        client.session.join(room)
        client.session.send(sent)
        client.session.leave(room)
        sent += 1
        return bool(served.listener.stats()["closes"]["buffer_full"])

    wait_until(was_disconnected, "the page has gone")
    assert [client.receive() for _ in range(sent)] == (
        [*range(sent)] if dialect == "classic" else [("message", n) for n in range(sent)]
    )
    assert client.connected
    page.vanish()
