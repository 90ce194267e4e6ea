"""Requests that address the server by a name that is not its own."""

from __future__ import annotations

import pytest
from support.clients import ALL
from support.doors import Knock
from support.http import HTTP
from support.waiting import wait_until

each_transport = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
REFUSAL = "the host 'evil.example' is not in the option 'hosts'"


@each_transport
def test_a_request_under_a_foreign_name_gets_nothing(serve, kind):
    served = serve(hosts=["example.com", "*.example.org"])
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "http://example.com"}):
        knock = Knock(served.port, kind.transport, Host="evil.example", **headers)
        assert (knock.status, knock.body.decode()) == (403, REFUSAL + "\n")
        assert "access-control-allow-origin" not in knock.headers
    served.wait_line(f"{REFUSAL}")
    stats = served.listener.stats()
    assert (stats["opened"], stats["refused"]["host"], stats["refused"]["origin"]) == (0, 3, 0)


@each_transport
@pytest.mark.parametrize("host", ["example.com", "example.com:81", "www.example.org"])
def test_a_request_under_the_server_s_name_is_served(serve, kind, host):
    served = serve(hosts=["example.com", "*.example.org"])
    knock = Knock(served.port, kind.transport, Host=host, Origin=f"http://{host}")
    assert knock.let_in
    knock.close()


def test_every_request_of_a_session_needs_the_right_name(serve):
    served = serve(hosts="example.com")
    http = HTTP(served.port)
    path = "/socket.io/xhr-polling"
    opened = http.request("GET", path, Host="example.com").text
    path += "/" + opened.removeprefix("~m~40~m~")
    for method, place in [("GET", "1"), ("POST", "send"), ("OPTIONS", "send")]:
        assert http.request(method, f"{path}/{place}", Host="evil.example").status == 403
    sent = http.request("POST", f"{path}/send", "data=~m~2~m~hi", Host="example.com")
    assert sent.status == 200
    assert [event[1] for event in served.happened("message")] == ["hi"]


def test_by_default_any_name_is_right(serve):
    knock = Knock(serve().port, "xhr-polling", Host="evil.example", Origin="http://evil.example")
    assert knock.let_in


def test_the_client_file_is_served_under_any_name(serve):
    http = HTTP(serve(hosts="example.com").port)
    assert http.request("GET", "/socket.io/socket.io.js", Host="evil.example").status == 200
    assert http.request("GET", "/", Host="evil.example").text == "hello"


def test_requests_under_a_foreign_name_do_not_fill_the_log(serve):
    served = serve(hosts="example.com")
    for _ in range(50):
        Knock(served.port, "xhr-polling", Host="evil.example")
    assert sum(REFUSAL in line for line in served.lines) == 10
    wait_until(lambda: served.listener.stats()["refused"]["host"] == 50)


@pytest.mark.parametrize(
    ("host", "forwarded", "let_in"),
    [
        ("127.0.0.1:8001", "example.com", True),
        ("127.0.0.1:8001", "example.com:81", True),
        ("127.0.0.1:8001", "evil.example", False),
        ("127.0.0.1:8001", "example.com, evil.example", False),
        ("example.com", "", True),
        ("example.com", "evil.example", False),
    ],
)
def test_behind_a_trusted_proxy_the_forwarded_name_counts(serve, host, forwarded, let_in):
    served = serve(hosts="example.com", trusted_proxies=1)
    headers = {"X_Forwarded_Host": forwarded} if forwarded else {}
    assert Knock(served.port, "xhr-polling", Host=host, **headers).let_in == let_in


def test_without_a_trusted_proxy_a_forwarded_name_does_not_count(serve):
    served = serve(hosts="example.com")
    headers = {"Host": "evil.example", "X_Forwarded_Host": "example.com"}
    assert not Knock(served.port, "xhr-polling", **headers).let_in
