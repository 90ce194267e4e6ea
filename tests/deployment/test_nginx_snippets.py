"""nginx in common configurations: the headers that it adds, and the requests that it passes on."""

from __future__ import annotations

import pytest
from support.clients import ALL
from support.http import HTTP
from support.nginx import EVERY_REQUEST_SAYS_UPGRADE, Nginx
from support.raw import Raw
from support.servers import CommandLine, Gunicorn, Program

# Connections to the server are kept, and used for requests of the next client.
KEPT = ("hash $remote_addr consistent;", "hash $remote_addr consistent; keepalive 4;")
FORBIDDEN = ("location / {", "location = /admin { return 403; }\n    location / {")

SERVERS = {
    "command line": (CommandLine,),
    "pywsgi": (Program, "pywsgi"),
    "gunicorn gevent": (Gunicorn, "gevent"),
    "gunicorn gevent_pywsgi": (Gunicorn, "gevent_pywsgi"),
}


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS)
def behind(request, deploying, certificate):
    """nginx that says "upgrade" with every request, and keeps its connections."""
    kind, *arguments = request.param
    with deploying() as deploy:
        server = deploy(kind, *arguments).listening()
        yield deploy(
            Nginx, certificate, server, changes=dict([EVERY_REQUEST_SAYS_UPGRADE, KEPT])
        ).listening()
        assert server.problems() == [], str(server)


@pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)
def test_every_transport_works_if_each_request_says_upgrade(behind, client):
    opened = behind.client(client).open()
    for text in ("one", "two", "x" * 100_000):
        opened.send(text)
        assert opened.receive() == text
    opened.close()


def test_forms_reach_the_application_if_each_request_says_upgrade(behind):
    client = HTTP(behind.port)
    for form in ("a=b", "", "c=" + "d" * 100_000):
        answer = client.request("POST", "/form", form)
        assert (answer.status, answer.text) == (200, f'"{form}"')
    client.close()


def test_no_client_s_request_is_swallowed_by_another_one_s(behind):
    """The connection of its upgrade is also used for requests of the next client."""
    for _ in range(5):
        asking, other = HTTP(behind.port), HTTP(behind.port)
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        assert asking.request("POST", "/form", "a=b", **upgrade).text == '"a=b"'
        assert other.request("POST", "/form", "c=d").text == '"c=d"'
        asking.close()
        other.close()


@pytest.mark.parametrize("byte", [b"\x85", b"\xa0"])
def test_a_byte_after_a_forbidden_path_does_not_get_around_nginx(deploy, certificate, byte):
    server = deploy(CommandLine).listening()
    nginx = deploy(Nginx, certificate, server, changes=dict([FORBIDDEN])).listening()

    def status(target: bytes) -> str:
        raw = Raw(nginx.port, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        line, _ = raw.head()
        raw.close()
        return line

    assert status(b"/admin") == "HTTP/1.1 403 Forbidden"
    assert status(b"/admins") == "HTTP/1.1 200 OK"
    assert status(b"/admin" + byte) == "HTTP/1.1 400 Bad Request"
    server.wait_line("a bad request from 127.0.0.1: the first line is malformed")
