"""``client.auth`` of classic clients, over real connections."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from gevent.pywsgi import WSGIServer
from support.http import HTTP
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.testing import Client, Refused

OPENINGS = ["xhr-polling//1", "xhr-polling/1", "server-events/1", "htmlfile/1", "xhr-multipart/1"]


class Written(list[str]):
    """A log of the server."""

    def write(self, text: str) -> None:
        self.append(text)


def opened(port: int, path: str) -> Raw:
    request = f"GET /socket.io/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    return Raw(port, request.encode())


@pytest.mark.parametrize("place", OPENINGS)
def test_auth_arrives_with_the_opening_request(serve: Any, place: str) -> None:
    seen: list[Any] = []
    served = serve(on_connection=lambda client: seen.append(client.auth))
    auth = {"token": "é&=?", "roles": ["admin"]}
    connection = opened(served.port, f"{place}?page=1&auth={quote(json.dumps(auth))}")
    wait_until(lambda: seen)
    assert seen == [auth]
    connection.close()


@pytest.mark.parametrize(
    "query", ["", "?auth=", "?auth=nonsense", "?auth=" + "[" * 5000, "?auth=%FF"]
)
def test_what_cannot_be_read_is_no_auth(serve: Any, query: str) -> None:
    seen: list[Any] = []
    served = serve(on_connection=lambda client: seen.append(client.auth))
    connection = opened(served.port, f"xhr-polling/1{query}")
    wait_until(lambda: seen)
    assert seen == [{}]
    connection.close()


def test_the_access_log_does_not_show_it(serve: Any) -> None:
    log = Written()
    server = WSGIServer(("127.0.0.1", 0), None, log=log, error_log=log)
    served = serve(server=server)
    http = HTTP(served.port)
    assert http.request("GET", "/socket.io/xhr-polling/1?auth=%22secret%22").status == 200
    assert http.request("GET", "/socket.io/nowhere?auth=%22secret%22").status == 404
    wait_until(lambda: len(log) >= 2)
    assert "secret" not in "".join(log)
    assert "auth=..." in "".join(log)


def test_a_question_with_a_query_opens_nothing(serve: Any) -> None:
    asked: list[Any] = []

    def authorize(environ: dict[str, Any]) -> bool:
        asked.append(environ["QUERY_STRING"])
        return "auth=1" in environ["QUERY_STRING"]

    served = serve(authorize=authorize)
    http = HTTP(served.port)
    assert http.request("GET", "/socket.io/websocket/1?ask&auth=1").text == "ok"
    assert http.request("GET", "/socket.io/websocket/1?ask&auth=2").status == 403
    assert asked == ["ask&auth=1", "ask&auth=2"]
    assert not served.listener.clients


def test_middleware_sees_it() -> None:
    socket = io.listen(lambda environ, start_response: [])

    @socket.use
    def check(client: io.Client) -> None:
        if client.auth != {"token": "right"}:
            raise io.Refused("log in first")

    with Client(socket, auth={"token": "right"}) as client:
        assert client.connected
    with pytest.raises(Refused, match="log in first"):
        Client(socket, auth={"token": "wrong"})
