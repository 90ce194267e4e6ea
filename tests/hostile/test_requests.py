"""Requests that hide a second one, leave their folder, or contain bytes that are not text."""

from __future__ import annotations

import itertools
import re

import pytest
from support.attackers import half_close, open_poll, post, request
from support.doors import SOCKETS, TRANSPORTS, head
from support.framing import encode
from support.hixie import request as old_handshake
from support.http import Ended

# Every origin is allowed, so answers contain it; proxies are trusted, so their headers are logged.
OPEN = {"origins": "*:*", "trusted_proxies": 1}


def first_answer(siege, data):
    """Send bytes; return the head of the answer, or nothing if the server hung up."""
    raw = siege.connect(data)
    try:
        return raw.until(b"\r\n\r\n")
    except Ended:
        return b""
    finally:
        raw.close()


BREAKS = [
    "\r",
    "\n",
    "\r\n ",
    "\r\n\t",
    "%0d%0a",
    "%0D%0A",
    "%0a",
    "\\r\\n",
    "\x00",
    "\x0b",
    "\x85",
]
FIELDS = ["Origin", "Sec-WebSocket-Protocol", "Host", "Cookie", "X-Forwarded-For", "Referer"]


def injections():
    """Requests that try to put their own header into the answer."""
    for line_break in BREAKS:
        evil = f"{line_break}X-Evil: 1"
        for transport in TRANSPORTS:
            for name in FIELDS:
                yield head(transport, "", **{name.replace("-", "_"): f"http://x{evil}"})
        escaped = evil.replace(" ", "%20")
        for place in (
            f"xhr-polling/{escaped}/1",
            f"jsonp-polling//1/{escaped}",
            f"jsonp-polling//1/0{escaped}",
            f"socket.io.js{escaped}",
            f"websocket/{escaped}",
        ):
            yield request("GET", f"/socket.io/{place}", "Origin: http://x")
            yield request("OPTIONS", f"/socket.io/{place}", "Origin: http://x")
        for version in (75, 76):
            for name in ("Origin", "Host", "Sec_WebSocket_Protocol", "WebSocket_Protocol"):
                yield old_handshake("/socket.io/websocket", version, **{name: f"http://x{evil}"})
            yield old_handshake(f"/socket.io/websocket/{escaped}", version)


def test_no_header_is_made_from_text_of_clients(besiege):
    turn = itertools.cycle(injections())

    def attack(siege):
        asked = next(turn)
        answered = first_answer(siege, asked)
        assert not re.search(rb"[\r\n]X-Evil", answered), (asked, answered)
        # Other characters do no harm, but those that look like a line break are not sent.
        assert re.search(rb"[\x00\x0b\x85]|\r(?!\n)|(?<!\r)\n", answered) is None, (asked, answered)

    with besiege(**OPEN) as siege:
        siege.run(attack)


PATHS = [
    "/socket.io/../socket.io/options.py",
    "/socket.io/../../sockio_gevent/options/checks.py",
    "/socket.io/%2e%2e/socket.io/socket.io.js",
    "/socket.io/static/../socket.io.js",
    "/socket.io/./socket.io.js",
    "/socket.io/socket.io.js/../../options.py",
    "/socket.io/socket.io.js/",
    "/socket.io/socket.io.js%00",
    "/socket.io/socket.io.js%00.html",
    "/socket.io/socket.io.js\x00",
    "/socket.io/socket.io.js;x=1",
    "/socket.io/socket.io.js%2f",
    "/socket.io/socket.io.js.map",
    "/socket.io/SOCKET.IO.JS",
    "/socket.io/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/socket.io/..%252f..%252fetc%252fpasswd",
    "/socket.io/..%c0%af..%c0%afetc/passwd",
    "/socket.io/..\\..\\options.py",
    "/socket.io/....//....//etc/passwd",
    "/socket.io//socket.io.js",
    "//socket.io/socket.io.js",
    "/socket.io/%2fetc/passwd",
    "/socket.io//etc/passwd",
    "/socket.io%2fsocket.io.js%00/../../options.py",
    "/socket.io/" + "../" * 1000 + "etc/passwd",
    "/socket.io/socket.io.js" + "x" * 7000,
    "/socket.io/socket.io.js" + "x" * 20_000,
    "/socket.io/" + "%2e%2e%2f" * 500 + "etc/passwd",
    "http://evil.example/socket.io/../options.py",
    "file:///etc/passwd",
    "*",
    "socket.io/socket.io.js",
]


def test_no_path_leads_to_another_file(besiege):
    turn = itertools.cycle(PATHS)

    def attack(siege):
        path = next(turn)
        for method in ("GET", "HEAD"):
            answered = first_answer(siege, request(method, path, "Connection: close"))
            status = answered[9:12]
            assert status in (b"400", b"404", b"414", b"431"), (path, answered)

    with besiege() as siege:
        siege.run(attack)


# Seven bytes of a page would be the answer to the second request.
SECOND = request("GET", "/plain/7")
CHUNKED = "Transfer-Encoding: chunked"
ZERO = b"0\r\n\r\n"
LENGTHS = [
    [CHUNKED, "Content-Length: 5"],
    ["Content-Length: 5", CHUNKED],
    [CHUNKED, "Content-Length: 60"],
    ["Transfer-Encoding: chunked, identity", "Content-Length: 5"],
    ["Transfer-Encoding: identity, chunked", "Content-Length: 60"],
    ["Transfer-Encoding: xchunked", "Content-Length: 5"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Content-Length: 60"],
    ["Transfer-Encoding : chunked", "Content-Length: 60"],
    ["Transfer-Encoding:\tchunked", "Content-Length: 60"],
    ["Transfer-Encoding: \x0bchunked", "Content-Length: 60"],
    ["Transfer-Encoding:", " chunked", "Content-Length: 60"],
    ["X: y", " Transfer-Encoding: chunked", "Content-Length: 5, 60"],
    ["transfer_encoding: chunked", "Content-Length: +5"],
    ["Content-Length: 5", "Content-Length: 60"],
    ["Content-Length: 5, 60"],
    ["Content-Length: +5"],
    ["Content-Length: -5"],
    ["Content-Length: 0_5"],
    ["Content-Length: 0x5"],
    ["Content-Length: 5 5"],
    ["Content-Length: \xb2"],
    ["Content-Length: 5\x00"],
    ["Content-Length: " + "9" * 5000],
]


def smuggled():
    """Requests with a second one in what may or may not be their body."""
    for place in ("/socket.io/xhr-polling/0123456789/send", "/socket.io/xhr-polling", "/plain/9"):
        for lines in LENGTHS:
            for method in ("POST", "GET"):
                yield request(method, place, *lines, body=ZERO + SECOND)


def test_no_second_request_is_smuggled_behind_the_first(besiege):
    turn = itertools.cycle(smuggled())

    def attack(siege):
        data = next(turn)
        raw = siege.connect(data)
        half_close(raw)
        answered = raw.end()
        raw.close()
        assert answered.count(b"HTTP/1.1 ") <= 1, (data, answered)
        assert b"\r\n\r\nxxxxxxx" not in answered.replace(b"x" * 9, b""), (data, answered)

    with besiege() as siege:
        siege.run(attack)


# Bytes that are not UTF-8; some of them may not be in a head at all.
NO_TEXT = ["\xff", "\xc0\x80", "\xed\xa0\x80", "\xe9", "\x1b[2J", "\x07", "\x7f", "a\rforged line"]
ESCAPES = [
    "%",
    "%z",
    "%zz",
    "%f",
    "%ff",
    "%c0%af",
    "%u0041",
    "%ed%a0%80",
    "%00",
    "%1b%5b2J",
    "%0aforged",
]


def texts():
    """Requests with such text in any place."""
    for text in (*NO_TEXT, *ESCAPES):
        for transport in TRANSPORTS:
            yield request("GET", f"/socket.io/{transport}/{text.replace(' ', '')}/1")
            if transport not in SOCKETS:
                yield post(text.replace(" ", ""), b"data=", transport=transport)
        yield request("GET", f"/{text.replace(' ', '')}")
        yield request("GET", f"/socket.io/xhr-polling?{text.replace(' ', '')}", "Origin: " + text)
        for name in ("Cookie", "User-Agent", "Referer", "Origin", "X-Forwarded-For", "Host"):
            yield request("GET", "/socket.io/websocket", f"{name}: {text}")
            yield head("websocket", "", **{name.replace("-", "_"): text})
        yield request("GET", "/socket.io/websocket", f"X-Forwarded-Proto: {text}")
        yield request("GET", "/socket.io/websocket", f"Accept-Encoding: {text}", f"X{text}: 1")
        yield request(text.replace(" ", ""), "/socket.io/websocket")


def test_bytes_that_are_not_text_are_not_decoded(besiege):
    turn = itertools.cycle(texts())

    def attack(siege):
        data = next(turn)
        answered = first_answer(siege, data)
        assert answered[9:12] in (b"", b"101", b"200", b"400", b"403", b"404", b"405", b"426"), data

    with besiege(**OPEN) as siege:
        siege.run(attack)
        assert not any("forged" in line[:8] for line in siege.log())


DEEP = [
    b"data=" + encode("~j~" + "[" * 9000).encode(),
    b"data=" + encode("~j~" + '{"a":' * 9000).encode(),
]
FORMS = [
    b"",
    b"data",
    b"data=%",
    b"data=%zz",
    b"data=%ff",
    b"data=%c0%80",
    b"data=%ed%a0%80",
    b"data=\xff",
    b"data=~m~5~m~hell",
    b"data=~m~99999999999999999999~m~x",
    b"data=~m~-1~m~x",
    b"data=~m~1~m~%F0%9F%98%80",
    b"x=y" * 100,
    b"&" * 10_000,
    b"data=" + b"%7Em" * 1000,
    b"data=" + encode("~j~" + "[" * 90).encode(),
    *DEEP,
]


@pytest.mark.parametrize("transport", ["xhr-polling", "jsonp-polling"])
def test_bad_forms_are_refused_one_by_one(besiege, transport):
    turn = itertools.cycle(FORMS)

    def attack(siege):
        raw, session_id = open_poll(siege, transport)
        for _ in range(len(FORMS)):
            form = next(turn)
            raw.send(post(session_id, form, transport=transport))
            status = "413 Content Too Large" if form in DEEP else "400 Bad Request"
            assert raw.head()[0] == f"HTTP/1.1 {status}", form
            raw.until(b"\n")
        raw.send(post(session_id, b"data=" + encode("leave").encode(), transport=transport))
        assert raw.head()[0] == "HTTP/1.1 200 OK"
        raw.close()

    with besiege() as siege:
        siege.run(attack)
