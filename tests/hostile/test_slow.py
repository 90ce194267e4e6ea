"""Clients that begin something and do not go on: each holds a connection, and nothing else."""

from __future__ import annotations

import itertools
import ssl

import pytest
from support.attackers import open_poll, open_websocket, post, request
from support.client_frames import MASK, header
from support.doors import head
from support.http import Ended
from support.raw import Raw
from support.siege import ATTACKERS

# Long enough for the first bytes of an attacker and for a bystander, on a machine that is busy.
SOON = {"handshake_timeout": 5.0, "body_timeout": 5.0}


def slow_head(siege):
    """A byte now and then, and the next header line is begun for ever."""
    return siege.connect(), head("xhr-polling")[:-2] + b"X-Slow: x"


def slow_handshake(siege):
    return siege.connect(), head("websocket")[:-2] + b"X-Slow: x"


def slow_request_line(siege):
    return siege.connect(), b"GET /socket.io/xhr-polling/x"


def slow_page(siege):
    return siege.connect(), request("GET", "/plain/9")[:-2] + b"X-Slow: x"


def one_line_and_no_other(siege):
    return siege.connect(b"GET /socket.io/xhr-polling HTTP/1.1\r\n"), b""


def second_head(siege):
    """The head of a second request: the first one was answered."""
    raw = siege.connect(request("GET", "/plain/9"))
    raw.until(b"xxxxxxxxx")
    return raw, head("xhr-polling")[:-2] + b"X-Slow: x"


def slow_body(siege):
    raw, session_id = open_poll(siege)
    raw.send(post(session_id, b"", "X: y")[: -len("0\r\n\r\n")] + b"60000\r\n\r\n")
    return raw, b"data=x"


def slow_chunks(siege):
    raw, session_id = open_poll(siege)
    place = f"/socket.io/xhr-polling/{session_id}/send"
    raw.send(request("POST", place, "Transfer-Encoding: chunked"))
    return raw, b"8000\r\ndata=x"


HEADS = [
    slow_head,
    slow_handshake,
    slow_request_line,
    slow_page,
    one_line_and_no_other,
    second_head,
]
BODIES = [slow_body, slow_chunks]


@pytest.mark.parametrize(
    ("option", "ways"),
    [("handshake_timeout", HEADS), ("body_timeout", BODIES)],
    ids=["heads", "bodies"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_who_goes_on_too_slowly_is_told_so(besiege, tls, option, ways):
    turn = itertools.cycle(ways)

    def attack(siege):
        way = next(turn)
        raw, data = way(siege)
        if siege.drip(raw, data):
            answered = raw.end()
            # Behind the key of TLS nothing can be said without waiting.
            assert answered[:12] == b"HTTP/1.1 408" or tls, way.__name__
        raw.close()

    with besiege(tls=tls, **SOON) as siege:
        siege.run(attack, meanwhile=lambda: siege.wait_counted(ATTACKERS, "limits", option))
        siege.check_limit(option)


def test_who_opens_a_connection_and_says_nothing_is_not_waited_for(besiege):
    def attack(siege):
        raw = siege.connect()
        assert raw.end() == b""
        raw.close()

    with besiege(**SOON) as siege:
        siege.run(attack)
        siege.check_limit("handshake_timeout")


def client_hello():
    """The first record of a TLS handshake."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    "begin", [b"", b"\x16\x03\x01", client_hello()], ids=["nothing", "half", "hello"]
)
def test_who_does_not_shake_hands_for_tls_is_not_waited_for(besiege, begin):
    def attack(siege):
        raw = Raw(siege.port, begin)
        raw.end()
        raw.close()

    with besiege(tls=True, **SOON) as siege:
        siege.run(
            attack, meanwhile=lambda: siege.wait_counted(ATTACKERS, "limits", "handshake_timeout")
        )
        siege.check_limit("handshake_timeout")


def test_who_says_nothing_behind_the_key_of_tls_is_not_waited_for(besiege):
    def attack(siege):
        raw = siege.connect()
        raw.end()
        raw.close()

    with besiege(tls=True, **SOON) as siege:
        siege.run(attack)
        siege.check_limit("handshake_timeout")


def test_who_asks_once_and_stays_is_not_waited_for(besiege):
    def attack(siege):
        raw = siege.connect(request("GET", "/plain/9"))
        raw.until(b"xxxxxxxxx")
        assert raw.end() == b""
        raw.close()

    # The bystanders' connections are quiet for a moment, too.
    with besiege(keepalive_timeout=5.0) as siege:
        siege.run(attack)


def test_half_a_policy_request_is_not_waited_for(besiege):
    def attack(siege):
        raw = siege.connect(b"<policy-file-requ")
        raw.end()
        raw.close()

    with besiege(**SOON) as siege:
        siege.run(attack)


def test_a_frame_that_comes_byte_by_byte_is_no_sign_of_life(besiege):
    times = {"websocket": {"heartbeat_interval": 0.5, "timeout": 8.0}}

    def attack(siege):
        raw, _ = open_websocket(siege)
        raw.send(header(1, 60_000) + MASK)
        while not siege.over.is_set():
            raw.buffer.clear()
            try:
                siege.drip(raw, b"x")
                raw.take(1)
            except Ended:
                break
        raw.close()

    with besiege(times=times) as siege:
        siege.run(
            attack, meanwhile=lambda: siege.wait_counted(ATTACKERS, "closes", "heartbeat_lost")
        )


# What follows the begin of a header, again and again, and the limit that ends it.
HEADERS = {
    "lines": (b"x\r\nX-Header: " * 500, "max_header_count"),
    "names": (b"".join(b"x\r\nX-%d: " % number for number in range(500)), "max_header_count"),
    "one": (b"x" * 8192, "max_header_size"),
    "long-lines": ((b"x" * 1000 + b"\r\nX: ") * 16, "max_header_size"),
}


@pytest.mark.parametrize(("data", "option"), HEADERS.values(), ids=HEADERS)
def test_a_head_without_end_is_cut_short(besiege, data, option):
    def attack(siege):
        raw = siege.connect(b"GET /socket.io/xhr-polling HTTP/1.1\r\nHost: x\r\nX: ")
        if siege.pour(raw, data):
            # Some of the answer may be lost: there was more on its way.
            assert raw.end()[:12] in (b"HTTP/1.1 431", b"")
        raw.close()

    with besiege(**SOON) as siege:
        siege.run(attack)
        siege.check_limit(option)
