"""Other properties of a server with the fast path."""

from __future__ import annotations

import pytest
from gevent.pywsgi import WSGIHandler
from geventwebsocket import WebSocketServer
from support.clients import Polling
from support.fast_path import (
    PATH,
    PLAIN,
    Side,
    answer_ok,
    head,
)
from support.raw import Raw
from support.readers import ask

import sockio_gevent as io
from sockio_gevent.server.http.head_limits import LimitedHandler
from sockio_gevent.wire.http_head import answer_head


def test_a_connection_changes_between_the_application_and_the_resource(pair):
    def name(environ, start_response):
        path = environ["PATH_INFO"].encode()
        start_response("200 OK", [("Content-Length", str(len(path)))])
        return [path]

    paths = ["/page", PATH, "/socket.io/nosuch/2", "/", PATH]
    data = b"".join(head("GET", path, "Host: a") for path in paths)
    answer = pair.both_answer(data, application=name)
    bodies = [part.partition(b"\r\n\r\n")[2].decode() for part in answer.split(b"HTTP/1.1 200 OK")]
    assert bodies[1:] == paths
    assert pair.fast.plain == [False, True, True, False, True]


def test_an_upgrade_may_follow_plain_requests(pair):
    raw = Raw(pair.fast.port, PLAIN["few headers"])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert raw.take(5) == b"hello"
    upgrade = head(
        "GET",
        "/socket.io/websocket",
        "Host: a",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    frame = bytes([0x81, 0x80 | 8, 0, 0, 0, 0]) + b"~m~2~m~a"  # cut short: an error to the server
    raw.send(upgrade + frame[:3])
    assert raw.head()[0] == "HTTP/1.1 101 Switching Protocols"
    raw.send(frame[3:])
    pair.fast.served.wait_line("sent a bad payload")
    raw.close()


@pytest.mark.parametrize(
    "name",
    [
        "MessageClass",
        "__init__",
        "_headers",
        "_sendall",
        "_write",
        "_write_with_headers",
        "finalize_headers",
        "format_request",
        "get_environ",
        "handle",
        "handle_one_request",
        "handle_one_response",
        "log_request",
        "process_result",
        "read_request",
        "read_requestline",
        "run_application",
        "start_response",
        "write",
    ],
)
def test_methods_that_the_user_s_handler_class_overrides_are_called(serve, name):
    calls = []

    def changed(handler, *arguments, **named):
        calls.append(name)
        return getattr(super(Handler, handler), name)(*arguments, **named)

    Handler = type("Handler", (WSGIHandler,), {name: changed})  # noqa: N806
    side = Side(serve, Handler)
    assert side.exchange(PLAIN["few headers"]).endswith(b"\r\n\r\nhello")
    assert calls
    assert side.plain == [False]


def test_two_lengths_of_an_answer_are_left_to_pywsgi():
    once = (("Content-Length", "3"),)
    assert answer_head("200 OK", once) is not None
    assert answer_head("200 OK", once * 2) is None


def test_long_heads_of_answers_are_not_remembered():
    headers = (("Content-Length", "3"), ("Set-Cookie", "x" * 2000))
    assert answer_head("200 OK", headers) is not answer_head("200 OK", headers)
    assert answer_head("200 OK", headers[:1]) is answer_head("200 OK", headers[:1])


def test_only_some_heads_of_answers_are_kept():
    def head(length):
        return answer_head("200 OK", (("Content-Length", str(length)),))

    first = head(0)
    for length in range(1, 1000):
        assert head(length).data.endswith(b": %d\r\n" % length)
    assert head(0) == first
    assert head(0) is not first


def test_the_user_s_own_log_is_kept(serve):
    lines = []

    class Handler(WSGIHandler):
        def log_request(self):
            lines.append(self.format_request())

    side = Side(serve, Handler)
    side.exchange(PLAIN["few headers"])
    # Other attributes that it reads, such as headers, belong to this request.
    assert side.plain == [False]
    assert len(lines) == 1
    assert f'"GET {PATH} HTTP/1.1" 200 ' in lines[0]


def test_a_hook_of_gevent_websocket_s_server_sees_all_requests(serve):
    seen = []
    server = WebSocketServer(
        ("127.0.0.1", 0), answer_ok, log=None, pre_start_hook=lambda handler: seen.append(handler)
    )
    served = serve(server=server)
    raw = Raw(served.port, PLAIN["few headers"])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert len(seen) == 1
    raw.close()


def test_the_application_of_the_server_may_be_replaced_later(pair):
    def other(environ, start_response):
        start_response("202 Accepted", [("Content-Length", "0")])
        return []

    pair.fast.served.server.application = other
    assert pair.fast.exchange(PLAIN["few headers"]).startswith(b"HTTP/1.1 202 Accepted")


def test_two_resources_both_use_the_fast_path(serve):
    side = Side(serve, WSGIHandler)
    other = io.listen(side.served.server, resource="other", log=False, flash_policy_port=None)
    side.exchange(PLAIN["few headers"], head("GET", "/other/nosuch/1", "Host: a"))
    assert side.plain == [True, True]
    other.close()


def test_a_policy_file_is_served_only_as_the_first_request(pair):
    policy = b"<policy-file-request/>\0"
    assert pair.fast.exchange(policy).startswith(b"<?xml")
    answer = pair.both_answer(PLAIN["few headers"] + policy)
    assert b"<?xml" not in answer


def test_polls_use_the_fast_path(echo, monkeypatch):
    left = []
    read_request = LimitedHandler.read_request
    monkeypatch.setattr(
        LimitedHandler,
        "read_request",
        lambda handler, line: (left.append(line), read_request(handler, line))[1],
    )
    port = echo().port
    client = Polling(port).open()
    client.send("hello")
    assert client.receive() == "hello"
    assert left == []
    assert ask(port, head("GET", "/page", "Connection: close")).startswith(b"HTTP/1.1 200")
    assert left == ["GET /page HTTP/1.1\r\n"]
