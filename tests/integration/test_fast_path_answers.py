"""Answers to plain requests are written without pywsgi's writer; no difference is visible."""

from __future__ import annotations

import re

import gevent
import pytest
from support.fast_path import (
    PATH,
    PLAIN,
    answer_ok,
)
from support.http import DEADLINE, connect
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.server.stream.hang_up import has_hung_up


class Chunks:
    """The result of an application, which notes that it was closed."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.closed = 0

    def __iter__(self):
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self):
        self.closed += 1


def started(*headers, status="200 OK"):
    """Make an application that begins with these headers and returns these chunks."""

    def make(*chunks, result=None):
        def application(environ, start_response):
            start_response(status, list(headers))
            return Chunks(*chunks) if result is None else result

        return application

    return make


def fail_at_once(environ, start_response):
    raise LookupError("oh no")


def fail_after_the_start(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    raise LookupError("oh no")


def start_twice(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    start_response("201 Created", [("Content-Length", "6")])
    return [b"hello!"]


def start_anew(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    try:
        raise LookupError("oh no")
    except LookupError as error:
        start_response(
            "500 Sorry", [("Content-Length", "5")], (LookupError, error, error.__traceback__)
        )
    return [b"sorry"]


def start_late(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])

    def chunks():
        yield b"hello"
        try:
            raise LookupError("oh no")
        except LookupError as error:
            start_response("500 Sorry", [], (LookupError, error, error.__traceback__))
        yield b"never"

    return chunks()


def start_when_asked(environ, start_response):
    start_response("200 OK", [("Content-Length", "5"), ("X-First", "1")])
    yield b"hello"


def start_anew_when_asked(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])

    def chunks():
        yield b""
        try:
            raise LookupError("oh no")
        except LookupError as error:
            start_response("500 Sorry", [("X-A", "b")], (LookupError, error, error.__traceback__))
        yield b"sorry"

    return chunks()


def start_anew_and_say_nothing(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])

    def chunks():
        yield b""
        try:
            raise LookupError("oh no")
        except LookupError as error:
            start_response("500 Sorry", [("X-A", "b")], (LookupError, error, error.__traceback__))

    return chunks()


def write_and_start_again(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])(b"hel")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"lo"]


def start_in_vain_and_again(environ, start_response):
    start_response("200 OK", [("X-A", "b")])
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def write(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "10")])
    write(b"hel")
    write(b"lo")
    return [b"", b"world"]


def write_nothing(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])(b"")
    return [b"hello"]


def never_start(environ, start_response):
    return [b"hello"]


def never_start_nor_answer(environ, start_response):
    return []


SIZED = ("Content-Length", "5")

ANSWERS = {
    "one chunk": started(SIZED)(b"hello"),
    "a list": started(SIZED)(result=[b"hello"]),
    "several chunks": started(SIZED)(b"he", b"", b"l", b"lo"),
    "empty chunks first": started(SIZED)(b"", b"", b"hello"),
    "no body": started(("Content-Length", "0"))(result=[]),
    "an empty body": started(("Content-Length", "0"))(b""),
    "a large body": started(("Content-Length", "300000"))(b"x" * 100_000, b"y" * 200_000),
    "many headers": started(SIZED, ("X-A", "b"), ("x-a", "c"), ("Vary", "*"))(b"hello"),
    "a header of Latin 1": started(SIZED, ("X-A", "\xe9"))(b"hello"),
    "an empty header": started(SIZED, ("X-A", ""))(b"hello"),
    "to be closed": started(SIZED, ("Connection", "close"))(b"hello"),
    "another connection": started(SIZED, ("Connection", "keep-alive"))(b"hello"),
    "a small connection": started(SIZED, ("connection", "close"))(b"hello"),
    "a date of its own": started(SIZED, ("Date", "today"))(b"hello"),
    "an encoding of its own": started(("Transfer-Encoding", "chunked"))(b"0\r\n\r\n"),
    "a small length": started(("content-length", "5"))(b"hello"),
    "two lengths": started(SIZED, SIZED)(b"hello"),
    "a length that is none": started(("Content-Length", "five"))(b"hello"),
    "no length": started(("X-A", "b"))(b"hel", b"lo"),
    "no length of a list": started(("X-A", "b"))(result=[b"hel", b"lo"]),
    "nothing and no length": started(("X-A", "b"))(),
    "204": started(status="204 No Content")(result=[]),
    "204 with a length": started(("Content-Length", "0"), status="204 No Content")(result=[]),
    "204 with a body": started(("Content-Length", "0"), status="204 No Content")(b"hello"),
    "304": started(("ETag", "x"), status="304 Not Modified")(result=[]),
    "404": started(SIZED, status="404 Not Found")(b"hello"),
    "a status of the application's": started(SIZED, status="299 Oh")(b"hello"),
    "a status of Latin 1": started(SIZED, status="200 \xe9")(b"hello"),
    "a status without words": started(SIZED, status="200")(b"hello"),
    "a status without a number": started(SIZED, status="fine")(b"hello"),
    "a line break in a status": started(SIZED, status="200 OK\r\nX-A: b")(b"hello"),
    "a line break in a value": started(SIZED, ("X-A", "b\r\nX-C: d"))(b"hello"),
    "a line feed in a value": started(SIZED, ("X-A", "b\n"))(b"hello"),
    "a carriage return in a value": started(SIZED, ("X-A", "b\r"))(b"hello"),
    "a line break in a name": started(SIZED, ("X-A: b\r\nX-C", "d"))(b"hello"),
    "a value beyond Latin 1": started(SIZED, ("X-A", "€"))(b"hello"),
    "a value of bytes": started(SIZED, ("X-A", b"b"))(b"hello"),
    "a value of another type": started(SIZED, ("X-A", 1))(b"hello"),
    "a name of bytes": started(SIZED, (b"X-A", "b"))(b"hello"),
    "a status of bytes": started(SIZED, status=b"200 OK")(b"hello"),
    "headers that are lists": started(["Content-Length", "5"])(b"hello"),
    "no pair": started(SIZED, ("X-A",))(b"hello"),
    "a body that fails": started(SIZED)(b"he", LookupError("oh no")),
    "a body that fails at once": started(SIZED)(LookupError("oh no")),
    **{
        function.__name__.replace("_", " "): function
        for function in (
            fail_at_once,
            fail_after_the_start,
            start_twice,
            start_anew,
            start_late,
            start_when_asked,
            start_anew_when_asked,
            start_anew_and_say_nothing,
            start_in_vain_and_again,
            write_and_start_again,
            write,
            write_nothing,
            never_start,
            never_start_nor_answer,
        )
    },
}


@pytest.mark.parametrize("application", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_the_same_as_from_pywsgi(pair, capfd, application):
    pair.both_answer(PLAIN["few headers"] * 2, application=application)
    assert pair.fast.plain
    assert all(pair.fast.plain)
    # Both report the same errors; the lines of tracebacks are not compared.
    errors = [line for line in capfd.readouterr().err.splitlines() if re.match(r"\w+Error", line)]
    assert errors[: len(errors) // 2] == errors[len(errors) // 2 :]


@pytest.mark.parametrize("chunks", [(b"hello",), (b"he", LookupError("oh no"))])
def test_the_result_is_closed_once(pair, capfd, chunks):
    result = Chunks(*chunks)
    pair.fast.application = started(SIZED)(result=result)
    pair.fast.exchange(PLAIN["few headers"])
    assert result.closed == 1


def test_an_answer_is_sent_in_one_write(pair):
    client = connect(pair.fast.port)
    client.sendall(PLAIN["few headers"])
    with gevent.Timeout(DEADLINE):
        assert client.recv(65536).endswith(b"\r\n\r\nhello")
    client.close()


def test_a_client_that_does_not_read_gets_all_of_a_large_answer_later(pair):
    size = 20_000_000
    pair.fast.application = started(("Content-Length", str(size)))(
        b"x" * 50_000, b"y" * (size - 50_000)
    )
    raw = Raw(pair.fast.port, PLAIN["few headers"])
    wait_until(lambda: pair.fast.requests)
    assert raw.head()[1]["Content-Length"] == str(size)
    assert raw.take(size) == b"x" * 50_000 + b"y" * (size - 50_000)
    raw.close()


def test_answers_wait_for_a_client_that_does_not_read(pair):
    body = b"x" * 60_000
    pair.fast.application = started(("Content-Length", str(len(body))))(body)
    raw = Raw(pair.fast.port, PLAIN["few headers"] * 100)
    wait_until(lambda: len(pair.fast.requests) > 1)
    for _ in range(100):
        raw.head()
        assert raw.take(len(body)) == body
    assert all(pair.fast.plain)
    raw.close()


def test_the_access_log_has_the_same_lines(pair, capfd):
    failing = ANSWERS["fail at once"]
    for application in (answer_ok, failing, ANSWERS["404"], ANSWERS["several chunks"]):
        for request in (PLAIN["a query"], PLAIN["a POST"]):
            pair.both_answer(request, application=application)
    logs = [
        [re.sub(r"\[.*?\]|[\d.]+\n", "-", line) for line in side.log]
        for side in (pair.fast, pair.slow)
    ]
    assert len(logs[0]) == 8
    assert logs[0] == logs[1]
    assert logs[0][0] == f'127.0.0.1 - - - "GET {PATH}?t=1&x=%C3%A9?&? HTTP/1.1" 200 106 -'


def test_a_client_that_vanishes_before_its_answer_is_no_error(pair, capfd):
    raw = Raw(pair.fast.port)
    entered = gevent.event.Event()
    go_on = gevent.event.Event()

    sockets = []

    def wait(environ, start_response):
        sockets.append(environ["sockio_gevent.connection"].socket)
        entered.set()
        go_on.wait()
        return started(("Content-Length", "10"))(b"hello", b"world")(environ, start_response)

    pair.fast.application = wait
    raw.send(PLAIN["few headers"])
    assert entered.wait(DEADLINE)
    raw.reset()
    wait_until(lambda: has_hung_up(sockets[0]))
    go_on.set()
    wait_until(lambda: pair.fast.log)
    assert capfd.readouterr().err == ""
