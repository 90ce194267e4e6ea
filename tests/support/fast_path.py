"""Plain requests to two servers, one of which leaves all to pywsgi.

The same bytes are sent to both. On one of them the handler class has a method
of its own, so that it handles nothing quickly.
"""

from __future__ import annotations

import re
from io import BytesIO

from gevent.pywsgi import WSGIHandler, WSGIServer

from sockio_gevent.server.http.environ import CONNECTION

from .readers import ask

PATH = "/socket.io/nosuch/1"  # passed on to the application, which shows what it gets

# Values that differ between two servers, or are another object each time.
OBJECTS = {
    "wsgi.websocket",
    "wsgi.input",
    CONNECTION,
}
PORTS = {"REMOTE_PORT", "SERVER_PORT"}


class Slow(WSGIHandler):
    """A handler class with a method that switches the fast path off."""

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
        upgrades = getattr(environ[CONNECTION], "_upgrades", False)
        self.plain.append(upgrades or isinstance(environ["wsgi.input"], BytesIO))
        seen = {name: environ[name] for name in environ.keys() - OBJECTS - PORTS}
        seen.update({name: type(environ[name]) for name in environ.keys() & PORTS})
        seen.update(dict.fromkeys(environ.keys() & OBJECTS, True))
        body = environ["wsgi.input"].read() if self.reads else b""
        self.requests.append((seen, body))
        return self.application(environ, start_response)

    def exchange(self, *segments):
        """Send bytes, end the sending direction, and return the whole answer."""
        answer = ask(self.port, *segments)
        return re.sub(rb"\r\nDate: [^\r]+ GMT\r\n", b"\r\nDate: -\r\n", answer)


def answer_ok(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Pair:
    def __init__(self, serve, **options):
        self.fast = Side(serve, WSGIHandler, **options)
        self.slow = Side(serve, Slow, **options)

    def both_answer(self, *segments, application=answer_ok):
        """Send the same to both; return the answer if there is no difference."""
        for side in (self.fast, self.slow):
            side.application = application
            del side.requests[:], side.plain[:]
        answers = [side.exchange(*segments) for side in (self.fast, self.slow)]
        assert answers[0] == answers[1]
        assert self.fast.requests == self.slow.requests
        assert not any(self.slow.plain)
        return answers[0]


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
    "an upgrade to nothing": head("POST", PATH, "Connection: Upgrade", "Content-Length: 3")
    + b"abc",
    "a long cookie": head("GET", PATH, "Cookie: " + "x" * 3000),
    "what a proxy adds": head("GET", PATH, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"),
}

_HANDSHAKE = (
    "Host: a",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)

HANDSHAKES = {
    "of Chromium": head("GET", PATH, *_HANDSHAKE, "Connection: Upgrade"),
    "of Firefox": head("GET", PATH, *_HANDSHAKE, "Connection: keep-alive, Upgrade"),
    "with a frame behind it": head("GET", PATH, *_HANDSHAKE, "Connection: Upgrade")
    + b"\x81\x80abcd",
    "in capitals": head("GET", PATH, *(line.upper() for line in _HANDSHAKE[:3]), _HANDSHAKE[3])[:-2]
    + b"CONNECTION: UPGRADE\r\n\r\n",
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
    "a handshake with a body": head(
        "GET", PATH, *_HANDSHAKE, "Connection: Upgrade", "Content-Length: 3"
    )
    + b"abc",
    "a handshake by POST": head("POST", PATH, *_HANDSHAKE, "Connection: Upgrade"),
    "a handshake to be closed": head("GET", PATH, *_HANDSHAKE, "Connection: Upgrade, close"),
    "a handshake of a draft": head(
        "GET", PATH, "Upgrade: WebSocket", "Connection: Upgrade", "Sec-WebSocket-Key1: 1 2"
    ),
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
