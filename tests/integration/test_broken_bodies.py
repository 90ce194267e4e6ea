"""Malformed and incomplete bodies: the client's mistake; no later request is read."""

from __future__ import annotations

import os

import gevent
import pytest
from gevent import ssl
from gevent.pywsgi import WSGIServer
from support.attackers import request
from support.http import HTTP
from support.raw import Raw
from support.readers import READ, Application, ask, statuses

CHUNKED = "Transfer-Encoding: chunked"
NEXT = request("GET", "/next")

# All bytes after the head. Some end like a complete body.
MALFORMED = {
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "an empty size behind a chunk": b"3\r\nabc\r\n\r\n0\r\n\r\n",
    "a size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "a size below zero": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size with an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a blank before a size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a blank behind a size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a size that is none": b"xyz\r\nabc\r\n0\r\n\r\n",
    "too long a size": b"0" * 30 + b"3\r\nabc\r\n0\r\n\r\n",
    "a size beyond all memory": b"f" * 16 + b"\r\nabc\r\n0\r\n\r\n",
    "a bare line feed behind a size": b"3\nabc\r\n0\r\n\r\n",
    "a bare line feed in an extension": b"3;a\n0\r\n\r\nabc\r\n0\r\n\r\n",
    "a bare carriage return in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "a NUL in an extension": b"3;a\0b\r\nabc\r\n0\r\n\r\n",
    "too long an extension": b"3;" + b"a" * 9000 + b"\r\nabc\r\n0\r\n\r\n",
    "more than the size says": b"3\r\nabcd\r\n0\r\n\r\n",
    "less than the size says": b"3\r\nab\r\n0\r\n\r\n",
    "a bare line feed behind a chunk": b"3\r\nabc\n0\r\n\r\n",
    "nothing behind a chunk": b"3\r\nabc0\r\n\r\n",
    "a line feed behind the last one": b"3\r\nabc\r\n0\n\r\n",
    "a bare line feed at the end": b"3\r\nabc\r\n0\r\n\n",
    "a trailer without a colon": b"3\r\nabc\r\n0\r\nabc\r\n\r\n",
    "a trailer without a name": b"3\r\nabc\r\n0\r\n: b\r\n\r\n",
    "a folded trailer": b"3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n",
    "a trailer with a bare line feed": b"3\r\nabc\r\n0\r\nA: b\nC: d\r\n\r\n",
    "a trailer with a NUL": b"3\r\nabc\r\n0\r\nA: \0\r\n\r\n",
    "trailers without end": b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "a request in place of trailers": b"3\r\nabc\r\n0\r\n",
}
TOO_EARLY = {
    "no size": b"",
    "half a size": b"1",
    "half a line end": b"3\r",
    "half an extension": b"3;a",
    "half a chunk": b"3\r\nab",
    "a chunk without an end": b"3\r\nabc",
    "a chunk with half an end": b"3\r\nabc\r",
    "no last chunk": b"3\r\nabc\r\n",
    "half a last chunk": b"3\r\nabc\r\n0\r",
    "no end behind the last chunk": b"3\r\nabc\r\n0\r\n",
    "half a trailer": b"3\r\nabc\r\n0\r\nA: b",
}


def post(path, *lines, body=b""):
    return request("POST", path, *lines, body=body)


@pytest.mark.parametrize("read", [READ["at once"], READ["line by line"]], ids=["all", "lines"])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_answered_400_and_hides_no_request(hosted, read, body, capfd):
    server = hosted()
    server.application.read = read
    answers = ask(server.port, post("/form", CHUNKED, body=body), NEXT)
    assert statuses(answers) == [400]
    assert server.application.requests == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("body", TOO_EARLY.values(), ids=TOO_EARLY)
def test_a_body_that_ends_too_early_is_no_failure_of_the_server(hosted, body, capfd):
    server = hosted()
    answers = ask(server.port, post("/form", CHUNKED, body=body))
    assert statuses(answers) == [400]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("length", [4, 5000, 10**6, 10**17])
def test_a_body_that_is_shorter_than_it_says_is_no_failure_of_the_server(taken_over, length, capfd):
    server = taken_over()
    answers = ask(server.port, post("/form", f"Content-Length: {length}", body=b"abc"))
    assert statuses(answers) == [400]
    assert len(server.lines) == 1
    assert "a bad request from 127.0.0.1: the body ended too early" in server.lines[0]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_that_nobody_reads_ends_the_connection(hosted, body, capfd):
    server = hosted()
    server.application.read = lambda source: b""
    answers = ask(server.port, post("/form", CHUNKED, body=body), NEXT)
    assert statuses(answers) == [200]
    assert server.application.requests == [("POST", "/form", b"")]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_an_application_that_answers_such_a_body_ends_the_connection(hosted, body, capfd):
    def read(source):
        try:
            return source.read()
        except OSError:
            return b"broken"

    server = hosted()
    server.application.read = read
    answers = ask(server.port, post("/form", CHUNKED, body=body), NEXT)
    assert statuses(answers) == [200]
    assert server.application.requests == [("POST", "/form", b"broken")]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("body", [MALFORMED["an empty size"], TOO_EARLY["half a chunk"]])
def test_an_application_that_fails_because_of_a_body_leaves_no_traceback(hosted, body, capfd):
    def read(source):
        try:
            return source.read()
        except OSError as error:
            raise LookupError("no form") from error

    server = hosted()
    server.application.read = read
    assert statuses(ask(server.port, post("/form", CHUNKED, body=body))) == [400]
    assert "Traceback" not in capfd.readouterr().err


def test_an_answer_that_has_begun_is_broken_off(hosted, capfd):
    server = hosted()

    def stream(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        yield environ["wsgi.input"].read()

    server.application.__class__ = type("Streaming", (), {"__call__": lambda self, *a: stream(*a)})
    answers = ask(server.port, post("/form", CHUNKED, body=MALFORMED["an empty size"]), NEXT)
    assert statuses(answers) == [200]
    assert answers.endswith(b"5\r\nbegun\r\n"), "a client would take it for the whole answer"
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("lines", "body"),
    [(["Content-Length: 60"], b"x" * 60), ([CHUNKED], b"3c\r\n" + b"x" * 60 + b"\r\n0\r\n\r\n")],
    ids=["a length", "chunks"],
)
def test_a_body_whose_reader_was_interrupted_swallows_no_request(taken_over, lines, body, capfd):
    def read(source):
        assert source.read(5) == b"xxxxx"
        try:
            with gevent.Timeout(0.01):  # the rest does not come before the answer
                return source.read()
        except gevent.Timeout:
            return b"too slow"

    server = taken_over()
    server.application.read = read
    raw = Raw(server.port, post("/form", *lines, body=body[:20]))
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw.take(len("POST /form"))
    raw.send(body[20:] + NEXT * 9)
    assert raw.end() == b"", "a part of the next requests was taken for the body"
    assert server.application.requests == [("POST", "/form", b"too slow")]
    assert "Traceback" not in capfd.readouterr().err


def test_broken_bodies_do_not_fill_the_log(taken_over, capfd):
    server = taken_over()
    for _ in range(20):
        ask(server.port, post("/form", CHUNKED, body=MALFORMED["an empty size"]))
        ask(server.port, post("/form", "Content-Length: 9", body=b"abc"))
    assert len(server.lines) == 10
    assert "a bad request from 127.0.0.1: the chunks of the body are malformed" in server.lines[0]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "body", [*MALFORMED.values(), *TOO_EARLY.values()], ids=[*MALFORMED, *TOO_EARLY]
)
def test_a_malformed_post_to_a_session_is_refused(hosted, body, capfd):
    server = hosted()
    client = HTTP(server.port)
    opened = client.request("GET", "/socket.io/xhr-polling//1").text
    path = f"/socket.io/xhr-polling/{opened.removeprefix('~m~40~m~')}/send"
    answers = ask(server.port, post(path, CHUNKED, body=body))
    assert statuses(answers) == [400]
    assert b"the body is malformed, or ended too early" in answers
    assert "Traceback" not in capfd.readouterr().err
    client.close()


SOUND = {
    "nothing": (b"0\r\n\r\n", b""),
    "one chunk": (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "chunks with extensions": (b'1;x\r\na\r\n002;y="\xe9\tz"\r\nbc\r\n0;z\r\n\r\n', b"abc"),
    "trailers": (b"3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\n", b"abc"),
    "lines": (b"4\r\na\nb\n\r\n2\r\nc\n\r\n1\r\nd\r\n0\r\n\r\n", b"a\nb\nc\nd"),
    "line ends": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    "long": (b"1A000\r\n" + b"x" * 0x1A000 + b"\r\n0\r\n\r\n", b"x" * 0x1A000),
    "much": (b"A0000\r\n" + b"x" * 0xA0000 + b"\r\n0\r\n\r\n", b"x" * 0xA0000),
    "tiny ones": (b"1\r\nx\r\n" * 300 + b"0\r\n\r\n", b"x" * 300),
}
# To read much in pairs of bytes takes seconds; what is long is read in each way.
IN_PAIRS = ("bit by bit", "lines of few bytes")
SOUND_IN_EACH_WAY = [
    pytest.param(read, *SOUND[body], id=f"{body}-{way}")
    for body in SOUND
    for way, read in READ.items()
    if not (body == "much" and way in IN_PAIRS)
]


@pytest.mark.parametrize("cut", [1, 4, 10**6])
@pytest.mark.parametrize(("read", "body", "text"), SOUND_IN_EACH_WAY)
def test_a_sound_body_is_read_whole_and_the_next_request_follows(hosted, read, body, text, cut):
    server = hosted()
    server.application.read = read
    head = post("/form", CHUNKED)
    answers = ask(server.port, head + body[:cut], body[cut:] + NEXT)
    assert statuses(answers) == [200, 200]
    assert server.application.requests == [("POST", "/form", text), ("GET", "/next", b"")]


def test_a_client_that_waits_for_100_gets_it(hosted):
    server = hosted()
    raw = Raw(server.port, post("/form", CHUNKED, "Expect: 100-continue"))
    assert raw.head()[0] == "HTTP/1.1 100 Continue"
    raw.send(b"3\r\nabc\r\n0\r\n\r\n")
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert server.application.requests == [("POST", "/form", b"abc")]
    raw.close()


def test_bytes_in_a_body_that_are_not_tls_leave_no_traceback(serve, tls, capfd):
    authority, files = tls
    application = Application()
    served = serve(server=WSGIServer(("127.0.0.1", 0), application, log=None, **files))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    raw = Raw(
        served.port,
        post("/form", "Content-Length: 100", body=b"abc"),
        wrap=lambda plain: context.wrap_socket(plain, server_hostname="localhost"),
    )
    os.write(raw.socket.fileno(), b"GET / HTTP/1.1\r\n" * 9)  # past its TLS
    served.wait_line("a bad request from 127.0.0.1: the body ended too early")
    assert application.requests == []
    assert "Traceback" not in capfd.readouterr().err
    raw.close()
