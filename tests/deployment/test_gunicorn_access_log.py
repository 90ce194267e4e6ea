"""Session ids in gunicorn's access log, which it writes when a request is over."""

from __future__ import annotations

import pytest
from support.clients import ALL
from support.hixie import CHALLENGE, request
from support.raw import Raw
from support.servers import Gunicorn, order

FORMAT = "--access-logformat=access %(r)s | %(U)s"


@pytest.fixture(scope="module", params=["gevent", "gevent_pywsgi"])
def server(request, deploying):
    with deploying() as deploy:
        running = deploy(Gunicorn, request.param, FORMAT).listening()
        yield running
    assert running.problems() == [], str(running)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_a_session_id_is_shortened(server, kind):
    client = server.client(kind).open()
    client.send("hello")
    assert client.receive() == "hello"
    again = client.resume()
    again.send(order(disconnect=True))
    server.wait_state(client.session_id, None)
    client.vanish()
    again.vanish()
    short = rf"/socket\.io/{kind.transport}/{client.session_id[:8]}\.\.\."
    assert server.wait_line(rf"access (GET|POST) {short}\S* HTTP/1.1 \| {short}")
    shown = [line.string for line in server.found("^access .*/socket.io/")]
    assert client.session_id[:9] not in "\n".join(shown)


def test_other_addresses_are_logged_as_they_are(server):
    server.ask("/page/0123456789abcdef/socket.io?x=%20")
    path = "/page/0123456789abcdef/socket.io"
    assert server.wait_line(rf"access GET {path}\?x=%20 HTTP/1.1 \| {path}$")


def test_a_draft_that_names_the_whole_address_still_does(server):
    """hixie-76 section 5.2: the location in the answer is the address of the request."""
    session = server.client(ALL[0]).open()
    path = f"/socket.io/websocket/{session.session_id}"
    raw = Raw(server.port, request(path, 76, Origin="") + CHALLENGE)
    assert raw.head()[1]["Sec-WebSocket-Location"].endswith(path)
    raw.close()
    session.vanish()
