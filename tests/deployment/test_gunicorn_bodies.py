"""Requests to gunicorn, which has its own parsers: they are read in one way there, too."""

from __future__ import annotations

import pytest
from support.attackers import request
from support.http import HTTP
from support.raw import Raw
from support.servers import Gunicorn

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module", params=["gevent", "gevent_pywsgi"])
def gunicorn(request, deploying):
    with deploying() as deploy:
        server = deploy(Gunicorn, request.param).listening()
        yield server
        assert server.problems() == [], str(server)


@pytest.mark.parametrize(
    "body",
    [b"\r\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-3\r\n"],
)
def test_a_malformed_body_is_refused_in_one_line_without_the_id(gunicorn, body):
    client = HTTP(gunicorn.port)
    session_id = client.request("GET", "/socket.io/xhr-polling//1").text.removeprefix("~m~40~m~")
    client.close()
    path = f"/socket.io/xhr-polling/{session_id}/send"
    seen = len(gunicorn.lines)
    raw = Raw(gunicorn.port, request("POST", path, CHUNKED, body=body))
    assert raw.head()[0] == "HTTP/1.1 400 Bad Request"
    assert raw.until(b"\n") == b"the body is malformed, or ended too early\n"
    raw.close()
    gunicorn.wait_line(rf"^access .*/{session_id[:8]}\.\.\./send HTTP/1.1 400")
    lines = gunicorn.lines[seen:]
    assert not [line for line in lines if session_id[8:16] in line or "Invalid" in line]


def test_the_host_of_a_url_target_counts(gunicorn):
    url, page = "http://b/socket.io/xhr-polling//1", "Origin: http://b"
    raw = Raw(gunicorn.port, request("GET", url, page, host="a"))
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw.close()
    raw = Raw(gunicorn.port, request("GET", url, "Origin: http://a", host="a"))
    assert raw.head()[0] == "HTTP/1.1 403 Forbidden"
    raw.close()
