"""Heads that could be read in two ways, or in none: they are refused, and so is what follows."""

from __future__ import annotations

import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from support import doors
from support.client_frames import frame
from support.http import LONG
from support.raw import Raw
from support.readers import ask

from sockio_gevent.wire.websocket import TEXT

PATHS = ["/socket.io/xhr-polling//1", "/elsewhere"]


def head(path, *lines):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


CONTROLS = [0x01, 0x0B, 0x0C, 0x1B, 0x1E, 0x7F]
# What some take for a space, or nobody sees.
UNSEEN = [0x00, 0x09, 0x0B, 0x0C, 0x0D, 0x1C, 0x7F, 0x80, 0x85, 0xA0, 0xFF]

MALFORMED = {
    "both length and coding": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "two lengths alike": ["Content-Length: 5", "Content-Length: 5"],
    "a length with a sign": ["Content-Length: +5"],
    "a length below zero": ["Content-Length: -5"],
    "a length with an underscore": ["Content-Length: 0_5"],
    "lengths in a list": ["Content-Length: 5, 5"],
    "no length": ["Content-Length: "],
    "a length of other digits": ["Content-Length: \u0665".encode().decode("latin-1")],
    "another coding": ["Transfer-Encoding: gzip"],
    "codings in a list": ["Transfer-Encoding: gzip, chunked"],
    "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "a blank before the colon": ["Content-Length : 5"],
    "a folded line": ["X: y", " Content-Length: 5"],
    "a line without a colon": ["Content-Length"],
    "a name that is none": ["X(y): z"],
    "a line with a NUL": ["X: y\0z"],
    "a line with a bare CR": ["X: y\rContent-Length: 5"],
    "two hosts": ["Host: b"],
    "a length of too many digits": ["Content-Length: " + "0" * 30 + "5"],
    **{f"byte {code:02x}": [f"X: y{chr(code)}z"] for code in CONTROLS},
}


@pytest.mark.parametrize("lines", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", PATHS)
def test_a_head_that_can_be_read_in_two_ways_is_refused(serve_in_both_ways, path, lines):
    served = serve_in_both_ways()
    text = "\r\n".join([f"POST {path} HTTP/1.1", "Host: a", *lines, "", ""])
    # What is hidden behind it is not to be answered.
    raw = Raw(served.port, text.encode("latin-1") + b"hello" + head("/elsewhere"))
    answer = raw.end()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nConnection: close\r\n" in answer
    served.wait_line("a bad request from 127.0.0.1: ")


LINES = [
    b"FOO",
    b"FOO HTTP/1.1",
    b"GET /",
    b"GET / HTTP/0.9",
    b"GET / HTTP/1.2",
    b"GET / HTTP/9.9",
    b"GET / HTTP/1.1.1",
    b"A B C D HTTP/1.1",
    b"G(T / HTTP/1.1",
    b" GET / HTTP/1.1",
    b"GET / HTTP/1.1 ",
    b"GET  / HTTP/1.1",
    b"GET / HTTP/1.1\r",
    *(b"GET /admin%c HTTP/1.1" % code for code in (*UNSEEN, 0x0A, 0x20)),
    *(b"GET%c/admin HTTP/1.1" % code for code in UNSEEN),
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_begins_no_request_is_refused_at_once(serve_in_both_ways, line):
    # Longer than anything here waits.
    served = serve_in_both_ways(handshake_timeout=LONG)
    assert Raw(served.port, line + b"\r\n").end().startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("line", range(4))
def test_a_bare_line_feed_ends_no_line(serve_in_both_ways, path, line):
    served = serve_in_both_ways()
    lines = [f"GET {path} HTTP/1.1\r\n", "Host: a\r\n", "X: y\r\n", "\r\n"]
    lines[line] = lines[line].replace("\r", "")
    answer = Raw(served.port, "".join(lines).encode() + head("/elsewhere")).end()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert not served.listener.clients


BLANKS = [b"\x85", b"\xa0", "voil\xe0".encode()]


@pytest.mark.parametrize("value", [*BLANKS, *(each + b"x" for each in BLANKS)])
def test_no_byte_of_a_value_is_taken_for_a_blank(taken_over, value):
    server = taken_over()
    ask(server.port, b"GET /page HTTP/1.1\r\nHost: \t " + value + b" \t\r\n\r\n")
    assert server.application.hosts == [value.decode("latin-1")]


def test_a_handler_s_own_names_of_headers_are_kept(serve):
    class Handler(WSGIHandler):
        def _headers(self):
            yield "HTTP_MINE", "yes"

    seen = []

    def application(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    server = WSGIServer(("127.0.0.1", 0), application, handler_class=Handler, log=None)
    ask(serve(server=server).port, head("/page", "X: y"))
    assert {name for name in seen[0] if name.startswith("HTTP_")} == {"HTTP_MINE"}


def test_a_coding_in_the_old_version_of_http_is_refused(serve_in_both_ways):
    served = serve_in_both_ways()
    text = b"POST /elsewhere HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert Raw(served.port, text).end().startswith(b"HTTP/1.1 400 ")


def test_a_head_that_breaks_off_is_no_request(serve_in_both_ways):
    served = serve_in_both_ways()
    raw = Raw(served.port, head(PATHS[0])[:-2])
    raw.socket.shutdown(1)
    assert raw.end().startswith(b"HTTP/1.1 400 ")
    assert not served.listener.clients


def test_bad_requests_do_not_fill_the_log(serve):
    served = serve()
    for _ in range(50):
        Raw(served.port, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n").end()
    assert len(served.lines) == 10


@pytest.mark.parametrize("line", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_handshake_for_a_websocket_has_no_body(serve_in_both_ways, capfd, line):
    served = serve_in_both_ways(body_timeout=0.5)
    handshake = doors.head("websocket")[:-2]
    frames = frame(TEXT, b"~m~5~m~hello") * 9
    raw = Raw(served.port, handshake + line.encode() + b"\r\n\r\n" + frames)
    assert raw.end().startswith(b"HTTP/1.1 400 ")
    served.wait_line("a handshake for a WebSocket has no body")
    assert served.listener.clients == {}
    raw = Raw(served.port, handshake + b"Content-Length: 0\r\n\r\n" + frames)
    assert raw.head()[0] == "HTTP/1.1 101 Switching Protocols"
    served.wait("message", 9)
    raw.close()
    assert capfd.readouterr().err == ""
