"""Plain requests are handled without pywsgi's reader and writer: nobody can tell the difference.

Nearly all tests send the same bytes to two servers. On one of them the
handler class has a method of its own, so that all its requests are pywsgi's.
"""

from __future__ import annotations

import re
import socket as stdlib_socket
from io import BytesIO
from random import Random

import gevent
import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket import WebSocketServer
from support.clients import Polling, wait_for
from support.http import DEADLINE, connect
from support.raw import Raw

import sockio_gevent as io
from sockio_gevent.server import lean
from sockio_gevent.wire.head import answer_head

PATH = "/socket.io/nosuch/1"  # passed on to the application, which shows what it gets

# What cannot be the same on two servers, or is an object of its own each time.
OBJECTS = {
    "wsgi.input",
    "sockio_gevent.socket",
    "sockio_gevent.abandon_input",
    "sockio_gevent.upgrade",
}
PORTS = {"REMOTE_PORT", "SERVER_PORT"}


class Slow(WSGIHandler):
    """As before, but with a method that might change something."""

    def read_requestline(self):
        return super().read_requestline()


class Side:
    """One of the two servers.

    Attributes:
        application: answers what is not for the transports.
        reads: whether the bodies of requests are read.
        requests: the environ and the body of each request.
        plain: whether each of them was handled without pywsgi's reader.
    """

    def __init__(self, serve, handler_class, **options):
        self.application = answer_ok
        self.reads = True
        self.requests = []
        self.plain = []
        self.log = []
        self.write = self.log.append
        server = WSGIServer(
            ("127.0.0.1", 0), self.answer, handler_class=handler_class, log=self, **options
        )
        self.served = serve(server=server, resource="socket.io")
        self.port = self.served.port

    def answer(self, environ, start_response):
        self.plain.append(isinstance(environ["wsgi.input"], BytesIO))
        seen = {name: environ[name] for name in environ.keys() - OBJECTS - PORTS}
        seen.update({name: type(environ[name]) for name in environ.keys() & PORTS})
        seen.update(dict.fromkeys(environ.keys() & OBJECTS, True))
        body = environ["wsgi.input"].read() if self.reads else b""
        self.requests.append((seen, body))
        return self.application(environ, start_response)

    def exchange(self, *segments):
        """Send something, say that this was all, and return all that is answered."""
        raw = Raw(self.port)
        for segment in segments:
            raw.send(segment)
            gevent.sleep(0)
        raw.socket.shutdown(stdlib_socket.SHUT_WR)
        answer = raw.end()
        raw.close()
        return re.sub(rb"\r\nDate: [^\r]+ GMT\r\n", b"\r\nDate: -\r\n", answer)


def answer_ok(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Pair:
    def __init__(self, serve, **options):
        self.lean = Side(serve, WSGIHandler, **options)
        self.slow = Side(serve, Slow, **options)

    def both_answer(self, *segments, application=answer_ok):
        """Ask both; return the answer if there is no difference."""
        for side in (self.lean, self.slow):
            side.application = application
            del side.requests[:], side.plain[:]
        answers = [side.exchange(*segments) for side in (self.lean, self.slow)]
        assert answers[0] == answers[1]
        assert self.lean.requests == self.slow.requests
        assert not any(self.slow.plain)
        return answers[0]


@pytest.fixture
def pair(serve):
    return Pair(serve)


def head(method, target, *lines, version="HTTP/1.1"):
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


BROWSER = (
    "Host: example.com:8080",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="120", "Not A;Brand";v="99"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "Accept: */*",
    "Origin: https://example.com",
    "Referer: https://example.com/page?a=b",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: a=1; b=2",
)

PLAIN = {
    "no headers": head("GET", PATH),
    "few headers": head("GET", PATH, "Host: a"),
    "those of a browser": head("GET", PATH, *BROWSER),
    "in small letters": head("GET", PATH, *(line.lower() for line in BROWSER)),
    "a query": head("GET", f"{PATH}?t=1&x=%C3%A9?&?", "Host: a"),
    "an empty query": head("GET", f"{PATH}?", "Host: a"),
    "signs in the path": head("GET", f"{PATH}/!$&'()*+,;=:@~#[]\\^|{{}}\"<>`", "Host: a"),
    "no blank behind the colon": head("GET", PATH, "Host:a", "X-A:b:c"),
    "blanks before a value": head("GET", PATH, "Host: \t  a\tb  c"),
    "a GET with a length of nothing": head("GET", PATH, "Content-Length: 0"),
    "a GET with a body": head("GET", PATH, "Content-Length: 3") + b"abc",
    "a POST": head("POST", PATH, "Content-Length: 3", "Content-Type: x/y; z") + b"abc",
    "a POST without a length": head("POST", PATH, "Host: a"),
    "zeros before the length": head("POST", PATH, "Content-Length: 0003") + b"abc",
    "an OPTIONS": head("OPTIONS", PATH, "Access-Control-Request-Method: POST"),
    "to be closed": head("GET", PATH, "Connection: Close"),
    "to be kept": head("GET", PATH, "Connection: KEEP-ALIVE"),
    "a long cookie": head("GET", PATH, "Cookie: " + "x" * 3000),
    "what a proxy adds": head("GET", PATH, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"),
}

NOT_PLAIN = {
    "a HEAD": head("HEAD", PATH, "Host: a"),
    "another method": head("PUT", PATH, "Content-Length: 3") + b"abc",
    "an older version": head("GET", PATH, version="HTTP/1.0"),
    "an older version to be kept": head("GET", PATH, "Connection: keep-alive", version="HTTP/1.0"),
    "a newer version": head("GET", PATH, version="HTTP/2.0"),
    "the oldest version": f"GET {PATH}\r\n\r\n".encode(),
    "a path to decode": head("GET", f"{PATH}/%41%2f%C3%A9"),
    "a path beyond ASCII": head("GET", f"{PATH}/\xe9"),
    "a whole URL": head("GET", f"http://example.com{PATH}"),
    "two slashes": head("GET", f"/{PATH}"),
    "two blanks": head("GET", f" {PATH}"),
    "a tab": f"GET\t{PATH}\tHTTP/1.1\r\n\r\n".encode(),
    "a blank behind the version": head("GET", PATH, version="HTTP/1.1 "),
    "bare line feeds": f"GET {PATH} HTTP/1.1\nHost: a\n\n".encode(),
    "one bare line feed": f"GET {PATH} HTTP/1.1\r\nX-A: b\nX-C: d\r\n\r\n".encode(),
    "a bare carriage return": head("GET", PATH, "X-A: b\rX-C: d"),
    "a line feed before the line": b"\r\n" + head("GET", PATH),
    "a vertical tab": head("GET", PATH, "X-A: b\x0bX-C: d"),
    "a separator of lines": head("GET", PATH, "X-A: b\x1eX-C: d"),
    "the next line of Latin 1": head("GET", PATH, "X-A: b\x85X-C: d"),
    "a NUL": head("GET", PATH, "X-A: b\0c"),
    "a NUL in the target": head("GET", f"{PATH}\0"),
    "a value beyond ASCII": head("GET", PATH, "X-A: \xe9"),
    "an empty value": head("GET", PATH, "X-A:", "X-B: "),
    "blanks behind a value": head("GET", PATH, "X-A: b \t", "Content-Type: text/plain "),
    "a folded value": head("GET", PATH, "X-A: b", " c", "X-D: e"),
    "a folded first line": head("GET", PATH, " X-A: b"),
    "a blank before the colon": head("POST", PATH, "Content-Length : 3") + b"abc",
    "no colon": head("GET", PATH, "X-A"),
    "no name": head("GET", PATH, ": b"),
    "an underscore": head("GET", PATH, "X_A: b", "X-B: c"),
    "a sign in a name": head("GET", PATH, "X.A: b"),
    "two of a kind": head("GET", PATH, "X-A: b", "x-a: c"),
    "two cookies": head("GET", PATH, "Cookie: a=b", "Cookie: c=d"),
    "two hosts": head("GET", PATH, "Host: a", "Host: b"),
    "two lengths": head("POST", PATH, "Content-Length: 3", "Content-Length: 4") + b"abcd",
    "the same length twice": head("POST", PATH, "Content-Length: 3", "Content-Length: 3") + b"abc",
    "two lengths in one": head("POST", PATH, "Content-Length: 3, 3") + b"abc",
    "a length with a sign": head("POST", PATH, "Content-Length: +3") + b"abc",
    "a negative length": head("POST", PATH, "Content-Length: -3") + b"abc",
    "a length with an underscore": head("POST", PATH, "Content-Length: 0_3") + b"abc",
    "a length in base 16": head("POST", PATH, "Content-Length: 0x3") + b"abc",
    "an empty length": head("POST", PATH, "Content-Length:") + b"abc",
    "a length without an end": head("POST", PATH, "Content-Length: " + "0" * 20 + "3") + b"abc",
    "chunks": head("POST", PATH, "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n",
    "chunks and a length": head("POST", PATH, "Content-Length: 4", "Transfer-Encoding: chunked")
    + b"3\r\nabc\r\n0\r\n\r\n",
    "another encoding": head("POST", PATH, "Transfer-Encoding: gzip", "Content-Length: 3") + b"abc",
    "expectations": head("POST", PATH, "Expect: 100-continue", "Content-Length: 3") + b"abc",
    "another connection": head("GET", PATH, "Connection: close, x"),
    "an upgrade": head("GET", PATH, "Connection: upgrade", "Upgrade: h2c"),
    "an upgrade alone": head("GET", PATH, "Upgrade: websocket"),
    "many lines": head("GET", PATH, *(f"X-{n}: x" for n in range(70))),
    "too many lines": head("GET", PATH, *(f"X-{n}: x" for n in range(110))),
    "a long target": head("GET", PATH + "x" * 5000),
    "too long a target": head("GET", PATH + "x" * 9000),
    "a head larger than the buffer": head("GET", PATH, *(f"X-{n}: {'x' * 900}" for n in range(15))),
    "no end": head("GET", PATH, "Host: a")[:-2],
    "half a line": b"GET /socket.io/nosu",
    "nothing": b"",
    "something else": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an address of the application's": head("GET", "/page"),
    "the resource alone": head("GET", "/socket.io"),
    "another resource": head("GET", "/socket.iox/nosuch/1"),
}


@pytest.mark.parametrize("request_bytes", PLAIN.values(), ids=PLAIN)
def test_a_plain_request_is_what_pywsgi_makes_of_it(pair, request_bytes):
    answer = pair.both_answer(request_bytes)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert pair.lean.plain == [True]


@pytest.mark.parametrize("request_bytes", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_left_to_pywsgi(pair, request_bytes):
    pair.both_answer(request_bytes)
    assert not any(pair.lean.plain)


def test_names_that_the_server_has_already_are_left_to_pywsgi(serve):
    pair = Pair(serve, environ={"HTTP_X_A": "the server's"})
    pair.both_answer(head("GET", PATH, "X-A: the client's"))
    assert pair.lean.requests[0][0]["HTTP_X_A"] == "the server's,the client's"
    assert pair.lean.plain == [False]
    pair.both_answer(head("GET", PATH, "X-B: the client's"))
    assert pair.lean.plain == [True]


def test_an_environ_of_the_server_s_own_is_where_each_begins(serve):
    pair = Pair(serve, environ={"SCRIPT_NAME": "/mounted", "mine": "yes"})
    pair.both_answer(PLAIN["few headers"])
    seen = pair.lean.requests[0][0]
    assert (seen["SCRIPT_NAME"], seen["mine"]) == ("", "yes")
    assert pair.lean.plain == [True]


def test_damaged_requests_are_the_same_to_both(pair, capfd):
    """A few bytes of good requests are changed, taken out, doubled or put elsewhere."""
    random = Random(1)
    good = [*PLAIN.values(), *NOT_PLAIN.values()]
    salt = b"\r\n\t :,%+-_0\0\x0b\x1c\x85\xa0\xffaA/?#"
    plain = 0
    for _ in range(400):
        data = bytearray(random.choice(good)[:3000] + random.choice(good)[:3000])
        for _ in range(random.randint(0, 3)):
            at = random.randrange(len(data) + 1)
            end = at + random.randint(0, 3)
            data[at:end] = random.choice(
                [b"", bytes([random.choice(salt)]), bytes(data[at:end]) * 2, b"\r\n"]
            )
        pair.both_answer(bytes(data))
        plain += sum(pair.lean.plain)
    assert plain > 50, "hardly any was plain, so this has compared pywsgi with itself"


POST = head("POST", PATH, "Host: a", "Content-Length: 6") + b"abcdef"


@pytest.mark.parametrize("cut", range(1, len(POST)))
def test_a_request_may_come_in_two_parts(pair, cut):
    pair.both_answer(POST[:cut], POST[cut:])
    assert [body for _, body in pair.lean.requests] == [b"abcdef"]


def test_requests_may_follow_without_waiting(pair):
    data = POST + PLAIN["few headers"] + NOT_PLAIN["chunks"] + POST * 2 + PLAIN["a query"]
    answer = pair.both_answer(data)
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert pair.lean.plain == [True, True, False, True, True, True]
    third = len(data) // 3
    pair.both_answer(data[:third], data[third : 2 * third], data[2 * third :])
    assert len(pair.lean.requests) == 6


def test_what_follows_the_end_of_a_body_is_the_next_request(pair):
    first = head("POST", PATH, "Content-Length: 4") + b"abcd"
    pair.both_answer(first + b"efgh" + PLAIN["few headers"])
    assert pair.lean.requests[0][1] == b"abcd"
    assert pair.lean.requests[1][0]["REQUEST_METHOD"] == "efghGET"


@pytest.mark.parametrize("size", [5_000, 8_192, 100_000])
def test_a_body_may_be_larger_than_the_buffer(pair, size):
    body = bytes(Random(size).randbytes(size))
    request = head("POST", PATH, f"Content-Length: {size}") + body
    answer = pair.both_answer(request + PLAIN["few headers"])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert [body for _, body in pair.lean.requests] == [body, b""]


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_body_that_nobody_reads_is_passed_over(pair, size):
    pair.lean.reads = pair.slow.reads = False
    request = head("POST", PATH, f"Content-Length: {size}") + b"x" * size
    answer = pair.both_answer(request + PLAIN["few headers"])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert pair.lean.plain[-1] is True


def test_a_body_that_breaks_off_is_noticed(pair, capfd):
    pair.both_answer(head("POST", PATH, "Content-Length: 10") + b"abc")
    # Nothing was recorded, because reading the body has failed.
    assert pair.lean.requests == []
    assert len(pair.lean.plain) == 1


def test_a_client_that_sends_one_byte_at_a_time_is_served(pair):
    raw = Raw(pair.lean.port)
    raw.send_bytewise(POST)
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert raw.take(5) == b"hello"
    assert pair.lean.requests[0][1] == b"abcdef"
    # Now that the reader has been of use, the connection goes on as any other.
    raw.send(PLAIN["few headers"])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert pair.lean.plain[-1] is True
    raw.close()


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
def test_an_answer_is_what_pywsgi_makes_of_it(pair, capfd, application):
    pair.both_answer(PLAIN["few headers"] * 2, application=application)
    assert pair.lean.plain
    assert all(pair.lean.plain)
    # What went wrong is reported alike; without the places in tracebacks.
    errors = [line for line in capfd.readouterr().err.splitlines() if re.match(r"\w+Error", line)]
    assert errors[: len(errors) // 2] == errors[len(errors) // 2 :]


@pytest.mark.parametrize("chunks", [(b"hello",), (b"he", LookupError("oh no"))])
def test_the_result_is_closed_once(pair, capfd, chunks):
    result = Chunks(*chunks)
    pair.lean.application = started(SIZED)(result=result)
    pair.lean.exchange(PLAIN["few headers"])
    assert result.closed == 1


def test_an_answer_leaves_in_one_piece(pair):
    client = connect(pair.lean.port)
    client.sendall(PLAIN["few headers"])
    with gevent.Timeout(DEADLINE):
        assert client.recv(65536).endswith(b"\r\n\r\nhello")
    client.close()


def test_a_client_that_does_not_read_gets_all_of_a_large_answer_later(pair):
    size = 20_000_000
    pair.lean.application = started(("Content-Length", str(size)))(
        b"x" * 50_000, b"y" * (size - 50_000)
    )
    raw = Raw(pair.lean.port, PLAIN["few headers"])
    wait_for(lambda: pair.lean.requests)
    assert raw.head()[1]["Content-Length"] == str(size)
    assert raw.take(size) == b"x" * 50_000 + b"y" * (size - 50_000)
    raw.close()


def test_answers_wait_for_a_client_that_does_not_read(pair):
    body = b"x" * 60_000
    pair.lean.application = started(("Content-Length", str(len(body))))(body)
    raw = Raw(pair.lean.port, PLAIN["few headers"] * 100)
    wait_for(lambda: len(pair.lean.requests) > 1)
    for _ in range(100):
        raw.head()
        assert raw.take(len(body)) == body
    assert all(pair.lean.plain)
    raw.close()


def test_the_access_log_has_the_same_lines(pair, capfd):
    failing = ANSWERS["fail at once"]
    for application in (answer_ok, failing, ANSWERS["404"], ANSWERS["several chunks"]):
        for request in (PLAIN["a query"], PLAIN["a POST"]):
            pair.both_answer(request, application=application)
    logs = [
        [re.sub(r"\[.*?\]|[\d.]+\n", "-", line) for line in side.log]
        for side in (pair.lean, pair.slow)
    ]
    assert len(logs[0]) == 8
    assert logs[0] == logs[1]
    assert logs[0][0] == f'127.0.0.1 - - - "GET {PATH}?t=1&x=%C3%A9?&? HTTP/1.1" 200 106 -'


def test_a_client_that_vanishes_before_its_answer_is_no_error(pair, capfd):
    raw = Raw(pair.lean.port)
    entered = gevent.event.Event()
    go_on = gevent.event.Event()

    def wait(environ, start_response):
        entered.set()
        go_on.wait()
        return started(("Content-Length", "10"))(b"hello", b"world")(environ, start_response)

    pair.lean.application = wait
    raw.send(PLAIN["few headers"])
    assert entered.wait(DEADLINE)
    raw.reset()
    gevent.sleep(0.01)
    go_on.set()
    wait_for(lambda: pair.lean.log)
    assert capfd.readouterr().err == ""


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
    assert pair.lean.plain == [False, True, True, False, True]


def test_an_upgrade_may_follow_plain_requests(pair):
    raw = Raw(pair.lean.port, PLAIN["few headers"])
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
    pair.lean.served.wait_line("sent a bad payload")
    raw.close()


@pytest.mark.parametrize(
    "name",
    [
        "MessageClass",
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
def test_what_the_user_s_handler_class_changes_is_asked_for(serve, name):
    calls = []

    def changed(handler, *arguments, **named):
        calls.append(name)
        return getattr(super(Handler, handler), name)(*arguments, **named)

    Handler = type("Handler", (WSGIHandler,), {name: changed})  # noqa: N806
    side = Side(serve, Handler)
    assert side.exchange(PLAIN["few headers"]).endswith(b"\r\n\r\nhello")
    assert calls


def test_a_handler_class_may_read_before_the_first_request(serve):
    """As for the PROXY protocol."""
    first = []

    class Handler(WSGIHandler):
        def handle(self):
            first.append(self.rfile.readline())
            super().handle()

    side = Side(serve, Handler)
    answer = side.exchange(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + PLAIN["few headers"])
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert first[0].startswith(b"PROXY ")


def test_two_lengths_of_an_answer_are_left_to_pywsgi():
    once = (("Content-Length", "3"),)
    assert answer_head("200 OK", once) is not None
    assert answer_head("200 OK", once * 2) is None


def test_long_heads_of_answers_are_not_remembered():
    headers = (("Content-Length", "3"), ("Set-Cookie", "x" * 2000))
    assert answer_head("200 OK", headers) is not answer_head("200 OK", headers)
    assert answer_head("200 OK", headers[:1]) is answer_head("200 OK", headers[:1])


def test_the_user_s_own_log_is_kept(serve):
    lines = []

    class Handler(WSGIHandler):
        def log_request(self):
            lines.append(self.format_request())

    side = Side(serve, Handler)
    side.exchange(PLAIN["few headers"])
    # What it looks at beside, headers, say, are those of this request.
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

    pair.lean.served.server.application = other
    assert pair.lean.exchange(PLAIN["few headers"]).startswith(b"HTTP/1.1 202 Accepted")


def test_two_resources_are_both_handled_quickly(serve):
    side = Side(serve, WSGIHandler)
    other = io.listen(side.served.server, resource="other", log=False, flash_policy_port=None)
    side.exchange(PLAIN["few headers"], head("GET", "/other/nosuch/1", "Host: a"))
    assert side.plain == [True, True]
    other.close()


def test_a_policy_file_is_not_for_those_who_have_asked_for_something_else(pair):
    policy = b"<policy-file-request/>\0"
    assert pair.lean.exchange(policy).startswith(b"<?xml")
    answer = pair.both_answer(PLAIN["few headers"] + policy)
    assert b"<?xml" not in answer


def test_polls_are_plain(echo, monkeypatch):
    answered = []
    respond = lean.LeanHandler._respond
    monkeypatch.setattr(
        lean.LeanHandler,
        "_respond",
        lambda handler: (answered.append(handler.requestline.split()[0]), respond(handler))[1],
    )
    client = Polling(echo().port).open()
    client.send("hello")
    assert client.receive() == "hello"
    assert answered == ["GET", "POST", "GET"]
