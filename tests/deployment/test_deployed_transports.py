"""The same stories on each server that can keep connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support.clients import ALL, JSONP, Polling, WebSocket
from support.framing import TRICKY
from support.hixie import Hixie
from support.http import HTTP, Ended
from support.nginx import Nginx
from support.servers import Gunicorn, Program, Server, order
from websockets.exceptions import InvalidStatus


class Case(NamedTuple):
    """A server, and its differences from the others.

    Attributes:
        kind: the class that starts it.
        arguments: the arguments of that class.
        more: the same, by name.
        tls: whether clients speak TLS.
        nginx: whether they speak to nginx in front of it.
    """

    kind: Callable[..., Server]
    arguments: tuple[str, ...]
    more: dict[str, Any] = {}  # noqa: RUF012
    tls: bool = False
    nginx: bool = False


CASES = {
    "gunicorn gevent": Case(Gunicorn, ("gevent",)),
    "gunicorn gevent_pywsgi": Case(Gunicorn, ("gevent_pywsgi",)),
    "gunicorn gevent, TLS": Case(Gunicorn, ("gevent",), tls=True),
    "gunicorn gevent_pywsgi, TLS": Case(Gunicorn, ("gevent_pywsgi",), tls=True),
    "gunicorn gevent, mounted": Case(Gunicorn, ("gevent",), {"prefix": "/app"}),
    "gunicorn gevent, middleware": Case(Gunicorn, ("gevent",), {"application": "deployed:wrapped"}),
    "nginx": Case(Gunicorn, ("gevent",), nginx=True),
    "nginx, TLS": Case(Gunicorn, ("gevent",), nginx=True, tls=True),
    "pywsgi": Case(Program, ("pywsgi",)),
    "listen(server), TLS": Case(Program, ("listened_to",), tls=True),
    "werkzeug": Case(Program, ("werkzeug",)),
}
# gevent-websocket opens a WebSocket before it calls the listener, and knows no drafts.
UPGRADING = {
    "gunicorn gevent-websocket": Case(
        Gunicorn, ("geventwebsocket.gunicorn.workers.GeventWebSocketWorker",)
    ),
    "gevent-websocket": Case(Program, ("gevent_websocket",)),
}


@pytest.fixture(
    scope="module", params=[*CASES.values(), *UPGRADING.values()], ids=[*CASES, *UPGRADING]
)
def server(request, deploying, certificate):
    case = request.param
    own = {"certificate": certificate} if case.tls and not case.nginx else {}
    with deploying() as deploy:
        running = deploy(case.kind, *case.arguments, **own, **case.more).listening()
        if case.nginx:
            running = deploy(Nginx, certificate, running, tls=case.tls).listening()
        yield running
    assert running.problems() == [], str(running)


transports = pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)


@transports
def test_tricky_strings_arrive_unaltered_both_ways(server, client):
    opened = server.client(client).open()
    for text in TRICKY:
        opened.send(text)
        assert opened.receive() == text
    opened.send(*TRICKY)
    assert [opened.receive() for _ in TRICKY] == TRICKY
    opened.close()


@transports
def test_a_broadcast_arrives(server, client):
    opened = server.client(client).open()
    other = server.client(WebSocket).open()
    other.send(order(broadcast="news"))
    assert opened.receive() == other.receive() == "news"
    opened.close()
    other.close()


@transports
def test_large_messages_arrive_both_ways(server, client):
    opened = server.client(client).open()
    text = "0123456789" * 10_000
    opened.send(text)
    assert opened.receive() == text
    opened.close()


@transports
def test_the_application_can_disconnect_a_client(server, client):
    opened = server.client(client).open()
    opened.send("last words", order(disconnect=True))
    if client.streams:
        assert opened.receive() == "last words"
    with pytest.raises(Ended) as ended:
        opened.receive()
    assert ended.value.args[0] in (1000, "the stream", 404)
    server.wait_state(opened.session_id, None)
    server.wait_line(f"gone {opened.session_id}")
    opened.vanish()


@transports
def test_a_hang_up_is_noticed(server, client):
    opened = server.client(client).open()
    if not client.streams:
        opened.begin_poll()
    server.wait_state(opened.session_id, "open")
    opened.vanish()
    server.wait_state(opened.session_id, None if client.streams else "away")


@transports
def test_a_hang_up_during_a_long_write_is_noticed(server, client):
    opened = server.client(client).open()
    if not client.streams:
        opened.begin_poll()
    server.wait_state(opened.session_id, "open")
    opened.send(order(send=1_000_000))
    opened.vanish()
    server.wait_state(opened.session_id, None if client.streams else "away")


@transports
def test_a_foreign_page_is_refused(request, server, client):
    path = f"{server.prefix}/socket.io/{client.transport}//1/1"
    if not issubclass(client, WebSocket):
        http = HTTP(server.port, server.wrap)
        answer = http.request("GET", path, Origin="http://example.com", Connection="close")
        assert answer.status == 403
        assert "not in the option 'origins'" in answer.text
    elif request.node.callspec.params["server"] in UPGRADING.values():
        refused = server.client(client, path=path, headers={"Origin": "http://example.com"})
        assert refused.wait_closed() == 1008
        assert "not in the option 'origins'" in refused.protocol.close_rcvd.reason
    else:
        with pytest.raises(InvalidStatus) as raised:
            server.client(client, path=path, headers={"Origin": "http://example.com"})
        assert raised.value.response.status_code == 403


@pytest.mark.parametrize("client", [Polling, JSONP], ids=lambda client: client.transport)
def test_a_post_that_is_too_large_is_refused(server, client):
    opened = server.client(client).open()
    answer = opened.post.request("POST", opened.path("send"), b"data=" + b"x" * 6_500_000)
    assert answer.status == 413
    assert "over" in answer.text
    opened.close()


@pytest.mark.parametrize("server", CASES.values(), ids=CASES, indirect=True)
@pytest.mark.parametrize("draft", [75, 76])
def test_the_drafts_before_rfc_6455_work(server, draft):
    opened = server.client(Hixie, draft=draft, Origin="").open()
    for text in TRICKY:
        opened.send(text)
        assert opened.receive() == text
    opened.send(order(disconnect=True))
    with pytest.raises(Ended):
        opened.receive()
    server.wait_state(opened.session_id, None)


@pytest.mark.parametrize("server", CASES.values(), ids=CASES, indirect=True)
@pytest.mark.parametrize("draft", [75, 76])
def test_a_foreign_page_is_refused_in_the_drafts_too(server, draft):
    refused = server.client(Hixie, draft=draft, Origin="http://foreign.example")
    assert " 403 " in refused.status
    refused.vanish()
