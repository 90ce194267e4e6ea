"""docs/nginx.conf as it is: what a proxy could break, and which headers the server trusts.

That every transport works through it is in test_deployed_transports.py.
"""

from __future__ import annotations

import re
import signal

import gevent
import pytest
from gevent import socket
from support.clients import ALL, JSONP, Polling, WebSocket
from support.fleet import check_told, open_all
from support.http import DEADLINE, HTTP
from support.nginx import CONFIGURATION, Nginx
from support.servers import Gunicorn, Program, order
from websockets.exceptions import InvalidStatus

from sockio_gevent.options.listener_options import Options

transports = pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 26)]


@pytest.fixture(scope="module")
def behind(deploying, certificate):
    """nginx with TLS, before a server that trusts it."""
    with deploying() as deploy:
        server = deploy(Gunicorn, "gevent_pywsgi", options={"trusted_proxies": 1}).listening()
        yield deploy(Nginx, certificate, server, tls=True).listening()


@pytest.fixture(scope="module")
def distrusted(deploying, certificate):
    """nginx with TLS, before a server that trusts no proxy."""
    with deploying() as deploy:
        yield deploy(
            Nginx, certificate, deploy(Program, "pywsgi").listening(), tls=True
        ).listening()


def coming_from(address, server):
    """A wrapper for the sockets of clients that gives them another address."""

    def replace(connected):
        connected.close()
        other = socket.create_connection(("127.0.0.1", server.port), source_address=(address, 0))
        return other if server.wrap is None else server.wrap(other)

    return replace


def status(server, client, **headers):
    """The status and the text of the answer to a request for a new session."""
    if issubclass(client, WebSocket):
        try:
            server.client(client, headers=headers).close()
        except InvalidStatus as error:
            return error.response.status_code, error.response.body.decode()
        return 101, ""
    http = HTTP(server.port, server.wrap)
    http.begin("GET", f"/socket.io/{client.transport}//1/1", **headers)
    head = http.head()
    text = head.read1(1000).decode()
    http.close()
    return head.status, text


@pytest.mark.parametrize("name", ["server-events", "htmlfile", "xhr-multipart"])
def test_messages_of_a_stream_arrive_at_once_and_as_they_are(behind, name):
    stream = HTTP(behind.port, behind.wrap)
    stream.begin("GET", f"/socket.io/{name}//1", Accept_Encoding="gzip, deflate")
    head = stream.head()
    assert head.getheader("Content-Encoding") is None
    sender = behind.client(WebSocket).open()
    received = b""
    with gevent.Timeout(DEADLINE):
        for text in ("one", "two", "three"):
            sender.send(order(broadcast=text))
            while f"~{text}".encode() not in received:
                received += head.read1(65536)
    stream.close()
    sender.close()


def test_the_largest_message_gets_through_in_a_form_too(behind):
    client = behind.client(JSONP).open()
    text = "\n" * (Options().max_message_size - 100)
    client.send(text)
    assert client.receive() == text
    client.close()


def test_connections_may_be_silent_for_longer_than_the_defaults_make_them():
    seconds = float(re.search(r"proxy_read_timeout (\d+)s;", CONFIGURATION.read_text())[1])
    for times in Options().transport_options.values():
        assert seconds > (times.duration or times.heartbeat_interval + times.timeout)


def test_a_stop_of_the_server_is_told_through_nginx(deploy, certificate):
    server = deploy(Gunicorn, "gevent").listening()
    nginx = deploy(Nginx, certificate, server).listening()
    clients = open_all(nginx)
    server.process.send_signal(signal.SIGTERM)
    check_told(nginx, clients)
    assert server.wait_end() == 0
    assert nginx.problems() == []


@transports
def test_with_trusted_proxies_a_page_s_own_https_origin_may_connect(behind, client):
    origin = f"https://127.0.0.1:{behind.port}"
    assert status(behind, client, Origin=origin)[0] in (101, 200)
    assert status(behind, client, Origin=origin.replace("https", "http"))[0] == 403
    assert status(behind, client, Origin="https://example.com")[0] == 403


@transports
def test_without_trusted_proxies_it_is_refused_and_the_text_says_what_was_wrong(distrusted, client):
    origin = f"https://127.0.0.1:{distrusted.port}"
    refusal = f"the origin '{origin}' is not in the option 'origins'"
    assert status(distrusted, client, Origin=origin) == (403, f"{refusal}\n")
    distrusted.wait_line(rf"refused 'GET' '{client.transport}/' from 127\.0\.0\.1 .*: {refusal}$")


def test_the_log_has_the_true_addresses_of_clients_and_not_invented_ones(behind):
    wrap = coming_from("127.0.0.2", behind)
    Polling(behind.port, wrap=wrap).open().close()
    behind.wait_line(r"\(xhr-polling, 127\.0\.0\.2\) opened")
    liar = HTTP(behind.port, coming_from("127.0.0.3", behind))
    path = "/socket.io/xhr-polling//1"
    assert liar.request("GET", path, X_Forwarded_For="10.1.1.1, 10.1.1.2").status == 200
    behind.wait_line(r"\(xhr-polling, 127\.0\.0\.3\) opened")
    liar.close()


def test_a_scheme_that_a_client_invents_is_not_used(behind, distrusted):
    plain = distrusted.upstream
    lie = {"X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{plain.port}"}
    assert status(plain, WebSocket, **lie)[0] == 403
    assert status(plain, WebSocket, Origin=f"http://127.0.0.1:{plain.port}")[0] == 101
    lie = {"X-Forwarded-Proto": "http", "Origin": f"http://127.0.0.1:{behind.port}"}
    assert status(behind, WebSocket, **lie)[0] == 403, "nginx says that it is https"


@pytest.fixture(scope="module")
def renamed(deploying, certificate):
    """nginx with TLS that asks the server behind it under another name."""
    changes = {"proxy_set_header Host $http_host;": "proxy_set_header Host backend.internal;"}
    options = {"trusted_proxies": 1, "hosts": ["127.0.0.1", "localhost"]}
    with deploying() as deploy:
        server = deploy(Gunicorn, "gevent_pywsgi", options=options).listening()
        yield deploy(Nginx, certificate, server, changes=changes, tls=True).listening()


@transports
def test_behind_a_proxy_that_rewrites_the_host_a_page_s_own_origin_may_connect(renamed, client):
    origin = f"https://127.0.0.1:{renamed.port}"
    assert status(renamed, client, Origin=origin)[0] in (101, 200)
    assert status(renamed, client, Origin="https://backend.internal")[0] == 403


@transports
def test_a_host_that_a_client_invents_is_not_used(renamed, client):
    lie = {"X_Forwarded_Host": "evil.example", "Origin": "https://evil.example"}
    if issubclass(client, WebSocket):
        lie = {name.replace("_", "-"): value for name, value in lie.items()}
    assert status(renamed, client, **lie)[0] == 403
    # The name that the browser has used counts, and the option does not list it.
    lie |= {"Host": "evil.example"}
    code, text = status(renamed, client, **lie)
    assert (code, text) == (403, "the host 'evil.example' is not in the option 'hosts'\n")


def test_each_client_stays_with_one_of_several_servers(deploy, certificate):
    servers = [deploy(Gunicorn, "gevent") for _ in range(2)]
    for server in servers:
        server.listening()
    nginx = deploy(Nginx, certificate, *servers).listening()
    clients = []
    for address in ADDRESSES:
        client = Polling(nginx.port, wrap=coming_from(address, nginx)).open()
        for number in range(2):
            client.send(str(number))
            assert client.receive() == str(number)
        clients.append(client)
    shares = [len(server.ask("/sessions")) for server in servers]
    assert sum(shares) == len(ADDRESSES)
    assert min(shares) >= 1

    # A client whose server has gone finds the other one.
    servers[0].stop()
    for address in ADDRESSES:
        Polling(nginx.port, wrap=coming_from(address, nginx)).open().close()
    assert len(servers[1].ask("/sessions")) == shares[1] + len(ADDRESSES)
    for client in clients:
        client.close()
