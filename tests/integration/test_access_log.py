"""The access log of gevent's server: session ids are secrets there, too."""

from __future__ import annotations

import gevent
import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler
from support.clients import ALL, Polling, WebSocket
from support.fast_path import Slow
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.server.http import access_log

SECRET = "0123456789abcdef0123456789abcdef01234567"


class Written(list):
    """A log of the server."""

    def write(self, text):
        self.extend(text.splitlines())


class OwnFormat(WSGIHandler):
    def format_request(self):
        return f"{self.command} {self.path} {self.requestline}"


class OwnLog(WSGIHandler):
    def log_request(self):
        self.server.log.write(f"own {self.requestline}")
        super().log_request()


class OwnError(WSGIHandler):
    def log_error(self, message, *arguments):
        self.server.error_log.write("own " + (message % arguments if arguments else message))


class OwnUpgrades(WebSocketHandler):
    def log_request(self):
        self.server.log.write(self.format_request())


HANDLERS = [WSGIHandler, Slow, OwnFormat, OwnLog, OwnError, OwnUpgrades]


@pytest.fixture
def logged(serve):
    """Start a server that keeps its logs: logged(handler_class, **options)."""

    def start(handler_class=WSGIHandler, application=None, **options):
        log = Written()
        server = WSGIServer(
            ("127.0.0.1", 0), application, log=log, error_log=log, handler_class=handler_class
        )
        served = serve(server=server, **options)
        served.access_log = log
        return served

    return start


def live(port, kind):
    """Open a session and continue it with all kinds of requests; return its id."""
    client = kind(port).open()
    client.send("hello")
    assert client.receive() == "hello"
    again = client.resume()
    client.vanish()
    again.vanish()
    return client.session_id


def wait_lines(log, part, count=1):
    wait_until(lambda: len([line for line in log if part in line]) >= count)
    return [line for line in log if part in line]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
@pytest.mark.parametrize("handler_class", HANDLERS, ids=lambda kind: kind.__name__)
def test_a_session_id_is_shortened(logged, handler_class, kind):
    served = logged(handler_class)
    served.listener.on("clientMessage", lambda message, client: client.send(message))
    session_id = live(served.port, kind)
    served.listener.close(1)
    if not (issubclass(kind, WebSocket) and handler_class is OwnUpgrades):
        wait_lines(served.access_log, f"/{session_id[:8]}...")
    assert session_id[:9] not in "\n".join(served.access_log)


FORMS = {
    "as it is": f"/socket.io/xhr-polling/{SECRET}",
    "with a tail": f"/socket.io/xhr-polling/{SECRET}/1290000000000",
    "with a query": f"/socket.io/xhr-polling/{SECRET}?t=1",
    "escapes in the id": f"/socket.io/xhr-polling/%30%31234%35{SECRET[6:20]}%6{SECRET[21:]}/1",
    "an escaped transport": f"/socket.io/%78hr-polling/{SECRET}/1",
    "an escaped resource": f"/%73ocket%2Eio/xhr-polling/{SECRET}/1",
    "escaped slashes": f"%2fsocket.io%2Fxhr-polling%2f{SECRET}%2f1",
    "a whole URL": f"http://user@example.com:80/socket.io/xhr-polling/{SECRET}/1",
    "below another path": f"/app/socket.io/xhr-polling/{SECRET}/1",
    "two slashes": f"//socket.io/xhr-polling/{SECRET}/1",
    "another transport": f"/socket.io/telepathy/{SECRET}/1",
    "beyond ASCII": f"/socket.io/xhr-polling/{SECRET}\xe9/1",
    "a percent sign": f"/socket.io/xhr-polling/{SECRET}%/1",
}
LINES = {
    "a GET": "GET {} HTTP/1.1",
    "an old GET": "GET {} HTTP/1.0",
    "the oldest GET": "GET {}",
    "a POST": "POST {} HTTP/1.1",
    "an unknown version": "GET {} HTTP/7.1",
    "no version": "POST {}",
    "four words": "GET {} HTTP/1.1 HTTP/1.1",
    "one word": "GET{}HTTP/1.1",
}


@pytest.mark.parametrize("handler_class", HANDLERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_session_id_in_a_malformed_line_is_shortened_however_it_is_spelled(
    logged, handler_class, line
):
    served = logged(handler_class)
    # All at once: of a POST that has no body the server waits a while for one.
    raws = [
        Raw(served.port, (line.format(form) + f"\r\nX-Count: {count}\r\n\r\n").encode("latin-1"))
        for count, form in enumerate(FORMS.values())
    ]
    wait_lines(served.access_log, "...", len(FORMS))
    for logged_line in served.access_log:
        assert SECRET[21:] not in logged_line
        assert SECRET[8:20] not in logged_line
    for raw in raws:
        raw.close()


def test_a_session_id_in_an_unreadable_request_is_not_shown(logged):
    served = logged()
    head = f"GET /socket.io/xhr-polling/{SECRET}/1 HTTP/1.1\r\n"
    for rest in ("Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n"):
        raw = Raw(served.port, (head + rest).encode())
        raw.end()
        raw.close()
    raw = Raw(served.port, head.replace("/1 ", "/" + "x" * 9000).encode())
    assert raw.head()[0].startswith("HTTP/1.1 414")
    wait_lines(served.access_log, " 414 ")
    assert SECRET[:9] not in "\n".join(served.access_log)


def test_other_addresses_are_logged_as_they_are(logged):
    served = logged()
    paths = [f"/page/{SECRET}/1", "/socket.io/socket.io.js", f"/socket.iox/y/{SECRET}", "/%2e/?a=%"]
    raw = Raw(served.port)
    for path in paths:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_lines(served.access_log, f'"GET {path} HTTP/1.1" ')
    raw.close()


def test_session_ids_of_a_second_resource_are_shortened_too(logged):
    served = logged()
    other = io.listen(
        served.server,
        resource="app/chat",
        log=False,
        flash_policy_port=None,
        transports=["htmlfile"],
    )
    for place in ("app/chat", "socket.io"):
        raw = Raw(served.port, f"GET /{place}/htmlfile/{SECRET} HTTP/1.1\r\n\r\n".encode())
        wait_lines(served.access_log, f"/{place}/htmlfile/{SECRET[:8]}... ")
        raw.close()
    other.close()


@pytest.mark.parametrize("handler_class", [WSGIHandler, Slow], ids=lambda kind: kind.__name__)
def test_without_a_log_no_line_is_made(serve, monkeypatch, handler_class):
    looked: list[str] = []
    monkeypatch.setattr(access_log, "shown", lambda pattern, text: looked.append(text))
    served = serve(server=WSGIServer(("127.0.0.1", 0), None, log=None, handler_class=handler_class))
    client = Polling(served.port).open()
    client.begin_poll()
    served.listener.broadcast("hello")
    assert client.finish_poll() == ["hello"]
    assert looked == []


def test_functions_and_handlers_see_addresses_as_they_were(logged):
    seen = []

    def asked(origin, environ):
        seen.append(environ["PATH_INFO"])
        return True

    served = logged(origins=asked)
    client = Polling(served.port).open()
    client.send("hello")
    served.wait("message")
    assert seen == ["/socket.io/xhr-polling//1", f"/socket.io/xhr-polling/{client.session_id}/send"]
    assert served.access_log


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_a_server_that_was_not_passed_to_listen_shows_no_session_id(kind):
    transports = [kind.transport]
    listener = io.listen(lambda environ, start_response: [], log=False, transports=transports)
    listener.on("clientMessage", lambda message, client: client.send(message))
    log = Written()
    server = WSGIServer(("127.0.0.1", 0), listener, log=log)
    server.start()
    session_id = live(server.server_port, kind)
    listener.close(1)
    wait_lines(log, f"/{session_id[:8]}...")
    assert session_id[:9] not in "\n".join(log)
    server.stop(1)


def test_a_log_that_cannot_be_written_is_reported_once(logged, monkeypatch):
    monkeypatch.setattr(access_log._once_a_minute, "_next", 0.0)
    served = logged()

    def fail(text):
        raise OSError(28, "No space left on device")

    served.access_log.write = fail
    raw = Raw(served.port)
    for _ in range(3):
        raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.head()[0].startswith("HTTP/1.1 404")
        raw.take(len(b"not found\n"))
        gevent.sleep(0)
    raw.close()
    (line,) = [line for line in served.lines if "access log" in line]
    assert "No space left" in line


@pytest.mark.parametrize("handler_class", HANDLERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("place", ["/page", "/socket.io/xhr-polling", "/socket.io/websocket"])
def test_control_characters_are_escaped(logged, handler_class, place):
    served = logged(handler_class)
    heads = [
        f"GET {place}?\x1b[2J\x00\x07\x7f\x85\x9b31m HTTP/1.1",
        f"GET {place}?\r\x1c\x1b HTTP/1.0",
        f"\x1b\x9b {place} HTTP/1.1",
        f"GET {place}?\x1b\x9b HTTP/1.1\r\nContent-Length: \x1b\x9b",
        f"GET {place}?\x1b\x9b HTTP/1.1\r\n\x1b\x9b",
    ]
    for count, head in enumerate(heads):
        raw = Raw(served.port, f"{head}\r\nHost: a\r\n\r\n".encode("latin-1"))
        wait_until(lambda count=count: len(served.access_log) > count)
        raw.close()
    shown = "\n".join([*served.access_log, *served.lines])
    assert [x for x in shown if not x.isprintable() and x not in "\n\xa0"] == []
    assert "\\x1b" in shown


def test_a_plain_server_shows_no_session_id_of_the_resource():
    listener = io.listen(lambda environ, start_response: [], log=False)
    log = Written()
    server = WSGIServer(("127.0.0.1", 0), listener, log=log)
    server.start()
    raw = Raw(
        server.server_port,
        b"GET /socket.io/xhr-polling/no/1?\x1b[2J\x9b HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    (line,) = wait_lines(log, "/socket.io/xhr-polling/no/1")
    assert "/socket.io/xhr-polling/no/1?\\x1b[2J\\x9b" in line
    assert line.isprintable()
    raw.close()
    server.stop(1)
