"""Pages on four workers, where any of them gets the next request."""

from __future__ import annotations

import pytest
from support.certificates import Certificate
from support.nginx import ROUND_ROBIN, Nginx
from support.page import opened, wait_event
from support.servers import CommandLine, Gunicorn
from support.times import POLLING


@pytest.fixture(scope="module", params=["gunicorn", "nginx", "command line"])
def server(request, running, tmp_path_factory):
    """With gunicorn alone, each request has a connection of its own."""
    behind = request.param == "nginx"
    options = {"transport_options": {}, "trusted_proxies": int(behind)}
    if request.param == "command line":
        return running(CommandLine, "--workers=4", options=options)
    keep = "--keep-alive=60" if behind else "--keep-alive=0"
    server = running(Gunicorn, "gevent", "--workers=4", keep, options=options)
    server.wait_line(r"Worker is ready \(pid: (\d+)\)", 4)
    if not behind:
        return server
    certificate = Certificate(tmp_path_factory.mktemp("certificate"))
    return running(Nginx, certificate, server, changes=ROUND_ROBIN)


@pytest.mark.parametrize("transport", ["websocket", *POLLING])
def test_pages_exchange_messages_whichever_worker_gets_their_requests(server, new_page, transport):
    page = opened(new_page(f"http://127.0.0.1:{server.port}/page"), transports=[transport])
    wait_event(page, "connect")
    for number in range(10):
        page.evaluate(f"socket.send('hello {number}')")
        assert wait_event(page, "message", number + 1)[number] == [f"hello {number}"]
    page.evaluate("socket.disconnect()")
    assert server.problems() == []
