"""Session ids in gunicorn's access log, which it writes when a request is over."""

from __future__ import annotations

import pytest
from support.clients import ALL, Polling
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


def test_a_draft_handshake_still_names_the_whole_address(server):
    """hixie-76 section 5.2: the location in the answer is the address of the request."""
    session = server.client(ALL[0]).open()
    path = f"/socket.io/websocket/{session.session_id}"
    raw = Raw(server.port, request(path, 76, Origin="") + CHALLENGE)
    assert raw.head()[1]["Sec-WebSocket-Location"].endswith(path)
    raw.close()
    session.vanish()


@pytest.mark.parametrize("worker", ["gevent", "gevent_pywsgi"])
def test_an_exception_that_reaches_gunicorn_shows_no_id(deploy, worker):
    server = deploy(Gunicorn, worker, FORMAT, application="deployed:hurried").listening()
    session = server.client(Polling).open()
    raw = Raw(
        server.port,
        f"GET /socket.io/xhr-polling/{session.session_id}/1 HTTP/1.1\r\n"
        "Host: localhost\r\nX-Hurry: yes\r\n\r\n".encode(),
    )
    assert raw.head()[0].split()[1] == "500"
    raw.close()
    session.vanish()
    server.wait_line("Timeout: 0.05 seconds")
    server.ask("/last")
    server.wait_line("access GET /last")
    assert server.found(f"/{session.session_id[:8]}")
    assert session.session_id[:9] not in "\n".join(server.lines)


@pytest.mark.parametrize("worker", ["gevent", "gevent_pywsgi"])
def test_control_characters_are_escaped(deploy, worker):
    shown = '--access-logformat=access "%(r)s" | %(U)s | %(q)s | %(f)s | %(a)s'
    server = deploy(Gunicorn, worker, shown).listening()
    raw = Raw(
        server.port,
        b"GET /socket.io/xhr-polling//%1b%9b%0a?\x1b\x9b HTTP/1.1\r\nHost: localhost\r\n"
        b"User-Agent: \x1b[2J\x9b\r\nReferer: \x1b[2J\x9b\r\n\r\n",
    )
    raw.head()
    raw.close()
    server.ask("/last")
    server.wait_line("access .*/last")
    lines = [line for line in server.lines if "xhr-polling//" in line]
    for line in lines:
        assert line.isprintable(), repr(line)
