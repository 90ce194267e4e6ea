"""Plain requests are read without pywsgi's parser; no difference is visible."""

from __future__ import annotations

from random import Random

import pytest
from support.fast_path import (
    HANDSHAKES,
    NOT_PLAIN,
    PATH,
    PLAIN,
    Pair,
    head,
)
from support.raw import Raw


@pytest.mark.parametrize("request_bytes", PLAIN.values(), ids=PLAIN)
def test_a_plain_request_has_the_same_environ_as_from_pywsgi(pair, request_bytes):
    answer = pair.both_answer(request_bytes)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert pair.fast.plain == [True]


@pytest.mark.parametrize("request_bytes", HANDSHAKES.values(), ids=HANDSHAKES)
def test_a_handshake_is_answered_as_from_pywsgi(pair, request_bytes):
    answer = pair.both_answer(request_bytes)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert pair.fast.plain == [True]


def test_a_handshake_without_a_key_is_refused_as_from_pywsgi(pair):
    lines = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
    refused = head("GET", "/socket.io/websocket", "Host: a", *lines)
    answer = pair.both_answer(refused + PLAIN["few headers"])
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"hello")


@pytest.mark.parametrize("request_bytes", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_request_that_is_not_plain_is_left_to_pywsgi(pair, request_bytes):
    pair.both_answer(request_bytes)
    assert not any(pair.fast.plain)


def test_a_header_that_the_server_s_environ_has_is_left_to_pywsgi(serve):
    pair = Pair(serve, environ={"HTTP_X_A": "the server's"})
    pair.both_answer(head("GET", PATH, "X-A: the client's"))
    assert pair.fast.requests[0][0]["HTTP_X_A"] == "the server's,the client's"
    assert pair.fast.plain == [False]
    pair.both_answer(head("GET", PATH, "X-B: the client's"))
    assert pair.fast.plain == [True]


def test_each_environ_begins_with_the_server_s_own(serve):
    pair = Pair(serve, environ={"SCRIPT_NAME": "/mounted", "mine": "yes"})
    pair.both_answer(PLAIN["few headers"])
    seen = pair.fast.requests[0][0]
    assert (seen["SCRIPT_NAME"], seen["mine"]) == ("", "yes")
    assert pair.fast.plain == [True]


def test_damaged_requests_are_answered_like_pywsgi_answers_them(pair, capfd):
    """A few bytes of good requests are changed, removed, doubled or moved."""
    random = Random(1)
    good = [*PLAIN.values(), *HANDSHAKES.values(), *NOT_PLAIN.values()]
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
        plain += sum(pair.fast.plain)
    assert plain > 50, "hardly any was plain, so this has compared pywsgi with itself"


POST = head("POST", PATH, "Host: a", "Content-Length: 6") + b"abcdef"


@pytest.mark.parametrize("cut", range(1, len(POST)))
def test_a_request_may_come_in_two_parts(pair, cut):
    pair.both_answer(POST[:cut], POST[cut:])
    assert [body for _, body in pair.fast.requests] == [b"abcdef"]


def test_requests_may_be_pipelined(pair):
    data = POST + PLAIN["few headers"] + NOT_PLAIN["chunks"] + POST * 2 + PLAIN["a query"]
    answer = pair.both_answer(data)
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert pair.fast.plain == [True, True, False, True, True, True]
    third = len(data) // 3
    pair.both_answer(data[:third], data[third : 2 * third], data[2 * third :])
    assert len(pair.fast.requests) == 6


def test_the_next_request_begins_after_the_end_of_a_body(pair):
    first = head("POST", PATH, "Content-Length: 4") + b"abcd"
    pair.both_answer(first + b"efgh" + PLAIN["few headers"])
    assert pair.fast.requests[0][1] == b"abcd"
    assert pair.fast.requests[1][0]["REQUEST_METHOD"] == "efghGET"


@pytest.mark.parametrize("size", [5_000, 8_192, 100_000])
def test_a_body_may_be_larger_than_the_buffer(pair, size):
    body = bytes(Random(size).randbytes(size))
    request = head("POST", PATH, f"Content-Length: {size}") + body
    answer = pair.both_answer(request + PLAIN["few headers"])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert [body for _, body in pair.fast.requests] == [body, b""]


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_body_that_nobody_reads_is_skipped(pair, size):
    pair.fast.reads = pair.slow.reads = False
    request = head("POST", PATH, f"Content-Length: {size}") + b"x" * size
    answer = pair.both_answer(request + PLAIN["few headers"])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert pair.fast.plain[-1] is True


def test_a_body_that_breaks_off_is_noticed(pair, capfd):
    pair.both_answer(head("POST", PATH, "Content-Length: 10") + b"abc")
    # Nothing was recorded, because reading the body has failed.
    assert pair.fast.requests == []
    assert len(pair.fast.plain) == 1


def test_a_client_that_sends_one_byte_at_a_time_is_served(pair):
    raw = Raw(pair.fast.port)
    raw.send_bytewise(POST)
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert raw.take(5) == b"hello"
    assert pair.fast.requests[0][1] == b"abcdef"
    # After the reader was used, the connection works like any other.
    raw.send(PLAIN["few headers"])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert pair.fast.plain[-1] is True
    raw.close()
