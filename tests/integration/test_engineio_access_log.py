"""Session ids of Engine.IO in the query of addresses: no log shows a whole one."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler
from support.engineio import ALL, BARE, Polling, WebSocket, address, open_session
from support.fast_path import Slow
from support.http import HTTP
from support.in_process import fail
from support.raw import Raw
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

import sockio_gevent as io

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)

SECRET = "0123456789abcdef0123456789abcdef01234567"


class Written(list[str]):
    """A log of a server."""

    def write(self, text: str) -> None:
        self.extend(text.splitlines())

    def wait(self, part: str, count: int = 1) -> None:
        wait_until(lambda: len([line for line in self if part in line]) >= count)


class OwnUpgrades(WebSocketHandler):
    def log_request(self):
        self.server.log.write(self.format_request())


HANDLERS = [WSGIHandler, Slow, OwnUpgrades]
handlers = pytest.mark.parametrize("handler_class", HANDLERS, ids=lambda kind: kind.__name__)


@pytest.fixture
def logged(engine):
    """Start a server that keeps its logs: logged(handler_class, **options)."""

    def start(handler_class=WSGIHandler, **options):
        log = Written()
        server = WSGIServer(
            ("127.0.0.1", 0), None, log=log, error_log=log, handler_class=handler_class
        )
        served = engine(server=server, **options)
        served.listener.on("clientMessage", lambda message, client: client.send(message))
        served.access_log = log
        return served

    return start


def live(port: int, kind: Any) -> str:
    """Open a session and use it; return its id."""
    opened = kind(port).open()
    opened.send("hello")
    assert opened.receive() == "hello"
    if opened.name != "websocket":
        # A WebSocket beside the polls has the id in its address, too.
        upgrade = WebSocket(port, kind.version, opened.session_id)
        upgrade.put("2probe")
        assert upgrade.packet() == "3probe"
        upgrade.put("5")
        upgrade.send("after the upgrade")
        assert upgrade.receive() == "after the upgrade"
        upgrade.vanish()
    opened.vanish()
    return str(opened.session_id)


@kinds
@handlers
def test_a_session_id_is_shortened(logged, handler_class, kind):
    served = logged(handler_class)
    session_id = live(served.port, kind)
    served.listener.close(1)
    if kind.client is not WebSocket:
        served.access_log.wait(f"sid={session_id[:8]}...")
    assert session_id[:9] not in "\n".join(served.access_log)


PATHS = ["/socket.io/", "/socket.io", "/%73ocket%2Eio/", "//socket.io/", "/app/socket.io/"]
QUERIES = [
    "?EIO=4&transport=polling&sid={}",
    "?sid={}&transport=polling&EIO=3",
    "?EIO=4&transport=polling&a='\"\\&sid={}&t=1",
    "?EIO=4&transport=polling&a=?&&sid={}#x",
    "?EIO=4&transport=tobi&sid={}",
    "?EIO=9&sid={}",
]
LINES = ["GET {} HTTP/1.1", "POST {} HTTP/1.1", "GET {}", "GET {} HTTP/7.1", "GET {} HTTP/1.1 x"]


@handlers
@pytest.mark.parametrize("line", LINES)
def test_the_field_of_a_query_is_shortened_however_the_address_is_spelled(
    logged, handler_class, line
):
    served = logged(handler_class)
    forms = [path + query.format(SECRET) for path in PATHS for query in QUERIES]
    forms += [f"http://user@example.com{each}" for each in forms[:5]]
    raws = [
        Raw(served.port, (line.format(form) + "\r\nHost: a\r\n\r\n").encode("latin-1"))
        for form in forms
    ]
    served.access_log.wait("...", len(forms))
    for each in served.access_log:
        assert f"sid={SECRET[:8]}..." in each
        assert SECRET[:9] not in each
    for raw in raws:
        raw.close()


@pytest.mark.parametrize("path", ["/page?sid=0123456789", "/?transport=polling&sid=1234567890"])
def test_the_fields_of_other_addresses_are_logged_as_they_are(logged, path):
    served = logged()
    raw = Raw(served.port, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    served.access_log.wait(f'"GET {path} HTTP/1.1" ')
    raw.close()


def test_a_second_listener_on_the_server_has_its_ids_shortened_too(logged):
    served = logged()
    other = io.listen(served.server, **BARE, resource="app/chat", log=False, flash_policy_port=None)
    for path in ("/app/chat/", "/socket.io/"):
        raw = Raw(
            served.port,
            f"GET {address('polling', 'no-id-of-ours', path=path)} HTTP/1.1\r\n\r\n".encode(),
        )
        served.access_log.wait(f"{path}?EIO=4&transport=polling&sid=no-id-of... ")
        raw.close()
    other.close()


@kinds
def test_a_server_that_was_not_passed_to_listen_shows_no_session_id(kind):
    transports = ["websocket", "xhr-polling", "jsonp-polling"]
    listener = io.listen(
        lambda environ, start_response: [], **BARE, log=False, transports=transports
    )
    listener.on("clientMessage", lambda message, client: client.send(message))
    log = Written()
    server = WSGIServer(("127.0.0.1", 0), listener, log=log)
    server.start()
    session_id = live(server.server_port, kind)
    listener.close(1)
    if kind.client is not WebSocket:
        log.wait(f"sid={session_id[:8]}...")
    assert session_id[:9] not in "\n".join(log)
    server.stop(1)


@pytest.fixture
def everything(caplog):
    """All lines of all loggers, at level DEBUG, with tracebacks."""
    caplog.set_level(logging.DEBUG)
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")

    def said() -> str:
        # The library that the tests' own clients are made with may say it.
        records = [record for record in caplog.records if record.name != "websockets.client"]
        return "\n".join(map(formatter.format, records))

    return said


@kinds
def test_no_log_line_has_a_whole_session_id(engine, everything, kind):
    def same_peer(environ: dict[str, Any]) -> str:
        return str(environ.get("HTTP_X_USER", "ann"))

    served = engine(log=None, same_peer=same_peer)
    for event in ("connection", "clientMessage", "clientDisconnect"):
        served.listener.on(event, fail)
    opened, client = open_session(served, kind)
    opened.send("hello")
    served.wait("message")
    http = HTTP(served.port)
    for method, path, headers in [
        ("GET", address("polling", opened.session_id, 4), {"X_User": "ben"}),
        ("GET", address("polling", opened.session_id, 3), {"X_User": "ben"}),
        ("GET", address("polling", opened.session_id), {"Origin": "https://evil.example"}),
        ("PUT", address("polling", opened.session_id), {}),
        ("GET", address("websocket", opened.session_id), {}),
        ("GET", address("tobi", opened.session_id), {}),
        ("GET", address("polling", opened.session_id, 9), {}),
        ("GET", address("polling", opened.session_id, path="/prefix/socket.io/"), {}),
    ]:
        http.request(method, path, **headers)
    with pytest.raises(InvalidStatus):
        WebSocket(served.port, 4, opened.session_id, headers={"X-User": "ben"})
    opened.put("x")
    served.wait("disconnect")
    http.request("GET", address("polling", opened.session_id, kind.version))
    http.close()
    logged = everything()
    for level in ("INFO", "WARNING", "ERROR"):
        assert f"{level} sockio_gevent" in logged
    assert logged.count(opened.session_id[:8]) > 5
    assert opened.session_id[:9] not in logged
    assert opened.session_id[:9] not in repr(client) + repr(served.listener)


def test_functions_see_the_query_as_it_was(logged):
    seen = []

    def asked(origin: Any, environ: dict[str, Any]) -> bool:
        seen.append(environ["QUERY_STRING"])
        return True

    served = logged(origins=asked)
    opened, _ = open_session(served, Polling)
    opened.send("hello")
    served.wait("message")
    assert seen[-1] == f"EIO=4&transport=polling&sid={opened.session_id}"
    assert served.access_log
