"""Unexpected exceptions in the package: the client gets an error, the log is not filled."""

from __future__ import annotations

import pytest
from gevent.pywsgi import WSGIServer
from support.clients import ALL, Polling, ServerEvents, WebSocket
from support.doors import TRANSPORTS, Knock
from support.http import HTTP
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.compiled import FORM
from sockio_gevent.transports.http_downlink import HTTPDownlink
from sockio_gevent.wire import classic

MOST = 10  # lines of a kind in ten seconds
SECRET = "0123456789abcdef0123456789abcdef01234567"


class Alarm(BaseException):
    """An exception that no code expects."""


def fail(*arguments, **more):
    raise RuntimeError("a mistake")


def alarm(*arguments, **more):
    raise Alarm("a mistake")


def count(served, part):
    return sum(part in line for line in served.lines)


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
@pytest.mark.parametrize("mistake", [fail, alarm])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_request_that_cannot_be_answered_gets_an_error(serve, monkeypatch, transport, mistake):
    served = serve()
    monkeypatch.setattr(served.listener._attachment.gateway._checks, "transport", mistake)
    for _ in range(MOST + 5):
        assert Knock(served.port, transport, SECRET).status == 500
    assert count(served, f"the answer to 'GET' '{transport}/{SECRET[:8]}' from 127.0.0.1") == MOST
    assert count(served, f"{'RuntimeError' if mistake is fail else 'Alarm'}: a mistake") == MOST
    assert SECRET[:9] not in "\n".join(served.lines)
    assert served.listener.stats()["refused"]["failure"] == MOST + 5
    monkeypatch.undo()
    assert Knock(served.port, transport).status in (101, 200)


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
def test_a_plain_server_does_not_see_the_exception(monkeypatch, capfd):
    lines = []
    listener = io.listen(lambda environ, start_response: [], log=lines.append)
    monkeypatch.setattr(listener._attachment.gateway._checks, "transport", fail)
    server = WSGIServer(("127.0.0.1", 0), listener)
    server.start()
    http = HTTP(server.server_port)
    for _ in range(MOST + 5):
        assert http.request("GET", f"/socket.io/xhr-polling/{SECRET}/1").status == 500
    server.stop(1)
    assert len([line for line in lines if "RuntimeError: a mistake" in line]) == MOST
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out
    assert SECRET[:9] not in said.err + said.out


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_a_failure_while_messages_are_taken_gets_an_error(serve, monkeypatch, kind):
    served = serve()
    client = kind(served.port).open()
    monkeypatch.setattr(classic, "only_text", fail)
    if isinstance(client, WebSocket):
        client.begin_send("hello")
        assert client.wait_closed() == 1011
        assert served.wait_line(" ended: the reading of its connection failed")
        assert served.listener.stats()["closes"]["failure"] == 1
    else:
        path = f"/socket.io/{kind.transport}/{client.session_id}/send"
        answer = HTTP(served.port).request("POST", path, "data=~m~2~m~hi")
        assert (answer.status, answer.text) == (500, "an error has occurred in the server\n")
    assert count(served, "RuntimeError: a mistake") == 1
    assert client.session_id[:9] not in "\n".join(served.lines)
    client.vanish()


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
@pytest.mark.parametrize("kind", [Polling, ServerEvents], ids=lambda kind: kind.transport)
def test_an_answer_that_breaks_off_ends_its_session(serve, monkeypatch, capfd, kind):
    served = serve()
    monkeypatch.setattr(HTTPDownlink, "written", fail)
    raw = Raw(
        served.port,
        f"GET /socket.io/{kind.transport} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    )
    raw.end()
    wait_until(lambda: not served.listener.clients)
    assert count(served, "an answer failed for ") == 1
    assert served.listener.stats()["closes"]["failure"] == 1
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
def test_an_answer_that_cannot_go_on_after_its_head_is_cut(serve, monkeypatch):
    served = serve()
    monkeypatch.setattr("sockio_gevent.transports.streaming._StreamAnswer.__init__", fail)
    raw = Raw(served.port, b"GET /socket.io/server-events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert raw.end().startswith(b"HTTP/1.1 200 OK\r\n")
    assert count(served, "RuntimeError: a mistake") == 1
