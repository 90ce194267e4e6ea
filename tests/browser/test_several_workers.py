"""Pages on gunicorn with four workers, where each request has a connection of its own."""

from __future__ import annotations

import pytest
from support.page import opened, wait_event
from support.servers import Gunicorn
from support.times import POLLING


@pytest.fixture(scope="module")
def server(running):
    options = {"transport_options": {}}
    server = running(Gunicorn, "gevent", "--workers=4", "--keep-alive=0", options=options)
    server.wait_line(r"Worker is ready \(pid: (\d+)\)", 4)
    return server


@pytest.mark.parametrize("transport", ["websocket", *POLLING])
def test_pages_exchange_messages_whichever_worker_gets_their_requests(server, new_page, transport):
    page = opened(new_page(f"http://127.0.0.1:{server.port}/page"), transports=[transport])
    wait_event(page, "connect")
    for number in range(10):
        page.evaluate(f"socket.send('hello {number}')")
        assert wait_event(page, "message", number + 1)[number] == [f"hello {number}"]
    page.evaluate("socket.disconnect()")
    assert server.problems() == []
