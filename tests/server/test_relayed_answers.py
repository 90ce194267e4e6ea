"""The answers of other workers, as they are read; and the sockets that are kept for the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from support.waiting import wait_until

from sockio_gevent.server.handover import streams
from sockio_gevent.server.handover.answer_reader import AnswerReader, NoAnswer
from sockio_gevent.server.handover.streams import Streams

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\na\r\nlo, it is \r\n2\r\nme\r\n0\r\n\r\n"
)
CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
REFUSED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[Any]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def read(reader: AnswerReader) -> tuple[str, bytes]:
    """The status and the body of an answer."""
    head = reader.head()
    body = b""
    while data := reader.read():
        body += data
    return head.status, body


ANSWERS = [
    (LENGTH, False, "200 OK", b"hello", True),
    (CHUNKS, False, "200 OK", b"hello, it is me", True),
    (CLOSED, False, "200 OK", b"hello", False),
    (REFUSED, False, "404 Not Found", b"no", False),
    (EMPTY, False, "204 No Content", b"", True),
    (LENGTH[:-5], True, "200 OK", b"", True),
]


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(("data", "bodiless", "status", "body", "whole"), ANSWERS)
def test_an_answer_is_read(
    pair: Any, data: bytes, bodiless: bool, status: str, body: bytes, whole: bool, bytewise: bool
) -> None:
    here, there = pair

    def send() -> None:
        size = 1 if bytewise else len(data)
        for start in range(0, len(data), size):
            there.sendall(data[start : start + size])
            gevent.sleep(0)
        if data is CLOSED:
            there.close()

    gevent.spawn(send)
    reader = AnswerReader(here, bodiless)
    assert read(reader) == (status, body)
    assert (reader.whole, reader.rest) == (whole, b"")


def test_one_answer_follows_another(pair: Any) -> None:
    here, there = pair
    for data, bodiless, status, body, whole in ANSWERS:
        if whole:
            there.sendall(data)
            assert read(AnswerReader(here, bodiless)) == (status, body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"x" * 100_000,
        LENGTH[:-1],
        CHUNKS[:-1],
        CHUNKS[:60],
        CHUNKS.replace(b"a\r\n", b"-1\r\n"),
        CHUNKS.replace(b"a\r\n", b"no number\r\n"),
        CHUNKS.replace(b"a\r\n", b"1" * 1000),
    ],
    ids=range(9),
)
def test_an_answer_that_is_cut_or_malformed_is_none(pair: Any, data: bytes) -> None:
    here, there = pair

    def send() -> None:
        there.sendall(data)
        there.close()

    gevent.spawn(send)
    reader = AnswerReader(here, False)
    with pytest.raises(NoAnswer):
        read(reader)
    assert not reader.whole


def test_a_socket_is_kept_for_the_next_request_to_the_same_worker(pair: Any) -> None:
    here, _ = pair
    kept = Streams()
    kept.put("a", here)
    assert kept.take("b") is None
    assert kept.take("a") is here
    assert kept.take("a") is None


def test_a_socket_that_the_other_worker_has_closed_is_not_used(pair: Any) -> None:
    here, there = pair
    kept = Streams()
    kept.put("a", here)
    there.close()
    assert kept.take("a") is None
    assert here.closed


def test_only_so_many_sockets_are_kept_and_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_MOST", 3)
    monkeypatch.setattr(streams, "_LONGEST", 0.05)
    kept = Streams()
    pairs = [socket.socketpair() for _ in range(4)]
    for here, _ in pairs:
        kept.put("a", here)
    assert [here.closed for here, _ in pairs] == [True, False, False, False]
    wait_until(lambda: all(here.closed for here, _ in pairs))
    assert kept.take("a") is None
    for _, there in pairs:
        there.close()
