"""Servers that do not give their socket to the listener, or that cannot keep connections."""

from __future__ import annotations

import pytest
from support.clients import ALL, WebSocket
from support.doors import OWN_SCRIPT
from support.http import HTTP
from support.servers import Program, order
from websockets.exceptions import InvalidStatus

transports = pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)


@pytest.fixture(scope="module")
def wrapped(deploying):
    """Plain pywsgi, with middleware around the listener that passes on its own start_response."""
    with deploying() as deploy:
        server = deploy(Program, "pywsgi_wrapped").listening()
        yield server
    assert server.problems() == [], str(server)


@transports
def test_behind_middleware_of_pywsgi_all_but_websockets_work(wrapped, client):
    if issubclass(client, WebSocket):
        with pytest.raises(InvalidStatus) as raised:
            client(wrapped.port)
        answer = raised.value.response
        assert answer.status_code == 426
        assert answer.headers["X-Wrapped"] == "yes"
        assert answer.body == (
            b"the socket of this connection is out of reach: middleware stands between the server "
            b"and the listener, or the server does not give it\n"
        )
        return
    opened = client(wrapped.port).open()
    opened.send("hello")
    assert opened.receive() == "hello"
    opened.send(order(disconnect=True))
    wrapped.wait_state(opened.session_id, None)
    opened.close()


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "A" * 22 + "==",
}
THREADS = "cannot keep connections; all sessions are refused"


@pytest.mark.parametrize("name", ["wsgiref", "threads", "waitress"])
def test_servers_without_greenlets_refuse_all_sessions_and_say_why_once(deploy, name):
    server = deploy(Program, name).listening()
    assert server.ask("/")["script_name"] == ""
    server.wait_line(f"sockio_gevent ERROR .*{THREADS}")
    for client in ALL:
        http = HTTP(server.port)
        upgrade = HANDSHAKE if issubclass(client, WebSocket) else {"Connection": "close"}
        answer = http.request("GET", f"/socket.io/{client.transport}//1/1", **OWN_SCRIPT, **upgrade)
        http.close()
        assert answer.status == 503
        assert "does not run requests in greenlets, so it cannot keep connections" in answer.text
    assert server.ask("/sessions") == {}
    server.stop()
    assert len(server.found(THREADS)) == len(server.problems()) == 1, str(server)
