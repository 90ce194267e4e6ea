"""Flash policy files, on a port of their own and on the main port."""

import gevent
import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer
from support.clients import Polling, WebSocket
from support.http import DEADLINE, HTTP, connect
from support.ports import reserve
from support.raw import Raw

import sockio_gevent as io
from sockio_gevent.server.http import flash_policy as server_policy
from sockio_gevent.server.http import handler as server_handler

REQUEST = b"<policy-file-request/>\0"

OWN = [("127.0.0.1", "*")]
RULES = {
    "by default": (None, OWN),
    "all": ("*:*", [("*", "*")]),
    "a host": ("example.com:*", [("example.com", "*")]),
    "a port": ("*:80", [("*", "80")]),
    "an exact origin": ("https://example.com", [("example.com", "443")]),
    "with its port": ("http://example.com:8080", [("example.com", "8080")]),
    "several": (
        ["http://b.com", "a.com:*", "self"],
        [*OWN, ("a.com", "*"), ("b.com", "80")],
    ),
    "nobody": ([], []),
    "opaque origins": ("null", []),
    "a function": (lambda origin, environ: True, []),
}


def policy(allowed):
    lines = [f'<allow-access-from domain="{host}" to-ports="{port}"/>\n' for host, port in allowed]
    return (
        '<?xml version="1.0"?>\n'
        "<!DOCTYPE cross-domain-policy SYSTEM "
        '"http://www.macromedia.com/xml/dtds/cross-domain-policy.dtd">\n'
        "<cross-domain-policy>\n" + "".join(lines) + "</cross-domain-policy>\n\0"
    ).encode()


class Both:
    """A server with a policy port beside its main port."""

    def __init__(self, serve, **options):
        self._reserved = reserve()
        self.policy_port = self._reserved.getsockname()[1]
        self.served = serve(flash_policy_port=self.policy_port, **options)

    def port(self, which):
        return self.policy_port if which == "own port" else self.served.port

    def check_alive(self):
        """Both ports and HTTP go on working."""
        assert HTTP(self.served.port).request("GET", "/").text == "hello"
        for port in (self.policy_port, self.served.port):
            assert Raw(port, REQUEST).end() == policy(OWN)


ports = pytest.mark.parametrize("which", ["own port", "main port"])


@ports
@pytest.mark.parametrize(("rule", "allowed"), RULES.values(), ids=RULES)
def test_the_policy_lists_what_the_option_allows(serve, which, rule, allowed):
    both = Both(serve, origins=rule)
    assert Raw(both.port(which), REQUEST).end() == policy(allowed)


@ports
def test_a_request_may_come_byte_by_byte(serve, which):
    both = Both(serve)
    raw = Raw(both.port(which))
    raw.send_bytewise(REQUEST)
    assert raw.end() == policy(OWN)
    assert both.served.lines == []


@ports
@pytest.mark.parametrize("cut", [1, 10, 22])
def test_a_request_may_come_in_two_pieces(serve, which, cut):
    raw = Raw(Both(serve).port(which), REQUEST[:cut])
    gevent.idle()
    raw.send(REQUEST[cut:])
    assert raw.end() == policy(OWN)


@ports
def test_the_connection_ends_behind_the_policy(serve, which):
    both = Both(serve)
    raw = Raw(both.port(which), REQUEST)
    assert raw.take(len(policy(OWN))) == policy(OWN)
    assert raw.end() == b""
    both.check_alive()


GARBAGE = {
    "another element": b"<policy-file-response/>" + b"\0",
    "in capitals": b"<POLICY-FILE-REQUEST/>\0",
    "a line end for the NUL": b"<policy-file-request/>\n",
    "markup": b"<!DOCTYPE html><html><body>" * 100,
}


@ports
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_connection_with_another_request_is_closed_without_an_answer(serve, which, garbage):
    both = Both(serve)
    assert Raw(both.port(which), garbage).end() == b""
    both.served.wait_line("no policy request")
    both.check_alive()
    assert len(both.served.lines) == 1


@pytest.mark.parametrize("garbage", [b"\xff" * 23, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_http_is_not_spoken_on_the_policy_port(serve, garbage):
    both = Both(serve)
    assert Raw(both.policy_port, garbage).end() == b""
    both.check_alive()


@pytest.mark.parametrize(
    ("which", "part"),
    [
        ("own port", b""),
        ("own port", b"<"),
        ("own port", REQUEST[:-1]),
        ("own port", b"GET /"),
        ("main port", b"<"),
        ("main port", REQUEST[:-1]),
        ("main port", b"<garbage>\r\n"),
    ],
)
def test_a_silent_connection_is_closed_in_time(serve, monkeypatch, which, part):
    monkeypatch.setattr(server_policy, "TIMEOUT", 0.1)
    both = Both(serve)
    assert Raw(both.port(which), part).end() == b""
    both.served.wait_line("policy file was not served: not done within 0.1 s")
    monkeypatch.undo()
    both.check_alive()


@ports
def test_a_client_that_does_not_read_the_policy_is_closed_in_time(serve, monkeypatch, which):
    monkeypatch.setattr(server_policy, "TIMEOUT", 0.2)
    over = gevent.event.Event()
    answer = server_policy.answer_policy_request

    def answer_and_tell(*arguments):
        answer(*arguments)
        over.set()

    for module in (server_policy, server_handler):
        monkeypatch.setattr(module, "answer_policy_request", answer_and_tell)
    # More than the buffers of a connection take.
    both = Both(serve, origins=[f"http://{'x' * 200}.{number}" for number in range(60_000)])
    raw = Raw(both.port(which), REQUEST)
    assert over.wait(DEADLINE)
    received = raw.end()
    assert received.startswith(policy([])[:50])
    assert not received.endswith(b"\0")


@ports
@pytest.mark.parametrize("part", [b"", b"<pol", REQUEST], ids=len)
@pytest.mark.parametrize("how", [Raw.close, Raw.reset], ids=["politely", "with a reset"])
def test_a_hang_up_leaves_the_ports_working(serve, capfd, which, part, how):
    both = Both(serve)
    for _ in range(5):
        how(Raw(both.port(which), part))
    both.check_alive()
    assert "Traceback" not in capfd.readouterr().err
    assert all("policy file was not served" in line for line in both.served.lines)


@ports
def test_a_hundred_silent_connections_keep_no_client_out(serve, which):
    both = Both(serve)
    silent = [Raw(both.port(which), b"<") for _ in range(100)]
    both.check_alive()
    for each in silent:
        each.close()


def test_without_its_own_port_the_policy_is_served_on_the_main_port(serve):
    served = serve(flash_policy_port=None)
    assert served.listener._attachment.policy_server is None
    assert Raw(served.port, REQUEST).end() == policy(OWN)
    assert served.lines == []


def test_a_port_that_is_in_use_causes_one_warning(serve, caplog):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    served = serve(flash_policy_port=port)
    assert len(served.lines) == 1
    assert f"no Flash policy files on port {port} (Address already in use" in served.lines[0]
    assert Raw(served.port, REQUEST).end() == policy(OWN)
    other = serve(flash_policy_port=port, log=None)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert Raw(other.port, REQUEST).end() == policy(OWN)
    taken.close()


def test_a_port_that_needs_privileges_causes_one_warning(serve, monkeypatch):
    def start(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(server_policy.StreamServer, "start", start)
    lines = []
    server = WSGIServer(("127.0.0.1", 0), log=None)
    listener = io.listen(server, log=lines.append)  # 843, as it is by default
    monkeypatch.undo()
    assert len(lines) == 1
    assert "port 843 (Permission denied)" in lines[0]
    server.start()
    assert Raw(server.server_port, REQUEST).end() == policy(OWN)
    listener.close(0)
    server.stop()


def test_without_flashsocket_there_is_no_policy(serve):
    reserved = reserve()
    port = reserved.getsockname()[1]
    served = serve(flash_policy_port=port, transports=["websocket", "xhr-polling"])
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    raw = Raw(served.port, REQUEST + b"\r\n\r\n")
    assert b"cross-domain-policy" not in raw.end()
    assert HTTP(served.port).request("GET", "/").text == "hello"


def test_another_listener_on_the_server_does_not_take_the_policy_away(serve):
    served = serve(origins="example.com:*")
    other = io.listen(
        served.server, resource="other", log=False, transports=["websocket"], origins="b.com:*"
    )
    assert Raw(served.port, REQUEST).end() == policy([("example.com", "*")])
    other.close(0)


def test_http_is_served_as_before(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [environ["wsgi.input"].read() or b"ok"]

    served = serve(app)
    client = HTTP(served.port)
    for body in (None, "<!", "<p", None):
        assert client.request("POST", "/", body).text == (body or "ok")
    raw = Raw(served.port)
    raw.send_bytewise(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    raw.until(b"\r\n\r\nok")
    WebSocket(served.port).open()
    Polling(served.port).open()


def test_a_policy_is_served_only_as_the_first_request(serve):
    raw = Raw(serve().port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    raw.until(b"hello")
    raw.send(REQUEST + b"\r\n\r\n")
    answer = raw.end()
    assert b"cross-domain-policy" not in answer
    assert b" 400 " in answer


def test_closing_the_listener_frees_the_port(serve):
    both = Both(serve)
    waiting = Raw(both.policy_port, b"<")
    with gevent.Timeout(DEADLINE):
        both.served.listener.close(0.5)
    assert waiting.end() == b""
    with pytest.raises(ConnectionRefusedError):
        connect(both.policy_port)
    again = serve(flash_policy_port=both.policy_port)
    assert again.lines == []
    assert Raw(both.policy_port, REQUEST).end() == policy(OWN)


def test_closing_the_listener_does_not_wait_for_silent_connections(serve):
    both = Both(serve)
    silent = Raw(both.policy_port, b"<")
    opened = WebSocket(both.served.port).open()
    closing = gevent.spawn(both.served.listener.close, None)
    assert opened.wait_closed() == 1001
    closing.get(timeout=DEADLINE)
    assert silent.end() == b""
