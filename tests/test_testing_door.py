"""The test client: when the listener lets it in, and what the handlers see."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from wsgiref.validate import check_environ

import pytest
from gevent.pywsgi import WSGIServer
from support.in_process import hello, listen

import sockio_gevent as io
from sockio_gevent.testing import Client, Disconnected, Refused


def test_the_handlers_see_a_complete_environ() -> None:
    with Client(listen(resource="live")) as client:
        environ = client.session.environ
    check_environ({**environ, "wsgi.input": BytesIO()})
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["PATH_INFO"] == "/live/websocket"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_the_handlers_see_what_was_added_to_the_environ() -> None:
    given = {"HTTP_COOKIE": "user=ann", "REMOTE_ADDR": "192.0.2.1", "my.key": [1]}
    with Client(listen(), environ=given) as client:
        environ = client.session.environ
        assert {key: environ[key] for key in given} == given
    assert len(given) == 3


def test_a_client_uses_the_transport_that_was_named() -> None:
    with Client(listen(), transport="htmlfile") as client:
        assert client.session.transport == "htmlfile"
        assert client.session.environ["PATH_INFO"] == "/socket.io/htmlfile"


def test_the_rule_for_origins_is_asked() -> None:
    listener = listen(origins="https://example.com")
    with Client(listener, environ={"HTTP_ORIGIN": "https://example.com"}) as client:
        assert client.connected
    with pytest.raises(Refused, match=r"403 Forbidden: .*'https://evil\.example'") as refused:
        Client(listener, environ={"HTTP_ORIGIN": "https://evil.example"})
    assert refused.value.status == "403 Forbidden"
    assert "not in the option 'origins'" in refused.value.text
    assert not listener.clients


def test_the_server_s_own_origin_may_connect() -> None:
    with Client(listen(), environ={"HTTP_ORIGIN": "http://localhost"}) as client:
        assert client.connected


def test_a_rule_for_origins_sees_the_environ() -> None:
    listener = listen(origins=lambda origin, environ: environ.get("HTTP_COOKIE") == "friend")
    with Client(listener, environ={"HTTP_COOKIE": "friend"}) as client:
        assert client.connected
    with pytest.raises(Refused, match="403"):
        Client(listener)


def test_authorize_is_asked() -> None:
    listener = listen(authorize=lambda environ: environ.get("HTTP_COOKIE"))
    with Client(listener, environ={"HTTP_COOKIE": "ann"}) as client:
        assert client.session.identity == "ann"
    with pytest.raises(Refused, match="403 Forbidden: the option 'authorize' does not let"):
        Client(listener)
    assert not listener.clients
    assert listener.stats()["refused"]["authorization"] == 1


def test_the_refusal_of_an_application_is_what_the_client_gets() -> None:
    def authorize(environ: Any) -> Any:
        raise io.Refusal(401, "log in first")

    with pytest.raises(Refused) as refused:
        Client(listen(authorize=authorize))
    assert refused.value.status == "401 Unauthorized"
    assert refused.value.text == "log in first"
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("option", ["authorize", "same_peer"])
def test_an_exception_of_authorize_is_shown_with_the_refusal(option: str) -> None:
    lines: list[str] = []
    listener = listen(log=lines.append, **{option: lambda environ: environ["missing"]})
    with pytest.raises(Refused, match="500 Internal Server Error") as refused:
        Client(listener)
    assert isinstance(refused.value.__cause__, KeyError)
    assert "Traceback" in lines[0]
    assert lines[1].startswith("refused 'GET' 'websocket/' from 127.0.0.1 (500 ")


def test_a_client_that_cannot_be_bound_is_refused() -> None:
    listener = listen(same_peer="cookie:sid")
    with Client(listener, environ={"HTTP_COOKIE": "sid=a"}) as client:
        assert client.connected
    with pytest.raises(Refused, match="403 Forbidden: the option 'same_peer' finds nothing"):
        Client(listener)


def test_headers_of_trusted_proxies_are_used() -> None:
    listener = listen(trusted_proxies=1)
    environ = {
        "HTTP_X_FORWARDED_FOR": "192.0.2.1",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_ORIGIN": "https://localhost",
    }
    with Client(listener, environ=environ) as client:
        assert client.session.environ["REMOTE_ADDR"] == "192.0.2.1"


def test_the_server_behind_the_listener_need_not_run() -> None:
    server = WSGIServer(("127.0.0.1", 0), hello, log=None)
    with Client(io.listen(server, flash_policy_port=None)) as client:
        assert client.connected
    assert not server.started


def test_a_closed_listener_refuses_clients_and_ends_those_it_had() -> None:
    listener = listen()
    client = Client(listener)
    listener.close()
    assert not client.connected
    with pytest.raises(Disconnected, match="the server goes away"):
        client.receive()
    with pytest.raises(Refused, match="503 Service Unavailable: the server goes away"):
        Client(listener)


def test_a_refusal_is_a_connection_error() -> None:
    listener = listen(transports=["xhr-polling"])
    with pytest.raises(ConnectionRefusedError, match=r"404.*websocket is not enabled"):
        Client(listener)


def test_an_unknown_transport_raises_an_error() -> None:
    with pytest.raises(ValueError, match="no transport 'websockets': did you mean 'websocket'"):
        Client(listen(), transport="websockets")


@pytest.mark.parametrize("listener", [hello, None, io.Listener])
def test_an_argument_that_is_not_a_listener_is_refused_with_a_hint(listener: Any) -> None:
    with pytest.raises(TypeError, match=r"what listen\(\) has returned"):
        Client(listener)
