"""Random streams of requests, read by the server, by pywsgi alone, and by a strict reader.

All have to read the same requests, and as many of them. What the strict reader
refuses, the server refuses, too, though pywsgi may not; nothing that follows is
answered.
"""

from __future__ import annotations

from random import Random
from time import monotonic

import pytest
from gevent.pywsgi import WSGIServer
from support.random_streams import segments, stream
from support.readers import ask, statuses
from support.strict_reader import Reading, read_stream

STREAMS = 400  # for each seed
TIME = 40.0  # seconds for each seed; a slow machine skips the rest
FEWEST = 100  # with fewer of a seed, some kind of stream may be missing


class Bare:
    """pywsgi alone.

    Attributes:
        port: where it is.
        requests: method, path, query and body of each request.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str, bytes]] = []
        self.server = WSGIServer(("127.0.0.1", 0), self.answer, log=None, error_log=None)
        self.server.start()
        self.port = self.server.server_port

    def answer(self, environ, start_response):
        line = tuple(environ[name] for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"))
        self.requests.append((*line, environ["wsgi.input"].read()))
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]


@pytest.fixture
def bare():
    started = Bare()
    yield started
    started.server.stop(1)


def what_pywsgi_reads_too(reading: Reading) -> list[tuple[str, str, str, bytes]]:
    """The requests before the first that it reads in another way."""
    count = (*reading.is_plain, False).index(False)
    return [(*line, body) for *line, _, body in reading.requests[:count]]


def check(pair, bare, data: bytes, parts: list[bytes], read=read_stream) -> Reading | None:
    """Compare all readings of a stream."""
    expected = read(data)
    if expected.upgrades:
        return None
    answers = pair.both_answer(*parts)
    assert statuses(answers) == expected.answers, data
    seen_by_both = [
        (
            seen["REQUEST_METHOD"],
            seen["PATH_INFO"],
            seen["QUERY_STRING"],
            seen.get("HTTP_HOST", ""),
            body,
        )
        for seen, body in pair.fast.requests
    ]
    assert seen_by_both == expected.requests, data
    assert answers.count(b"\r\n\r\nhello") == len(seen_by_both)

    del bare.requests[:]
    found = statuses(ask(bare.port, *parts))
    known = what_pywsgi_reads_too(expected)
    if expected.answers == [200] * len(known):
        # Not a request more, or less, than that.
        assert (bare.requests, found) == (known, expected.answers), data
    else:
        assert bare.requests[: len(known)] == known, data
    return expected


@pytest.mark.parametrize("seed", range(10))
def test_random_streams_are_read_in_one_way(pair, bare, seed, capfd):
    random = Random(seed)
    began = monotonic()
    kinds = []
    while len(kinds) < STREAMS and (len(kinds) < FEWEST or monotonic() - began < TIME):
        data = stream(random)
        kinds.append(check(pair, bare, data, segments(random, data)))
    read = [each for each in kinds if each is not None]
    sound = [each for each in read if 400 not in each.answers]
    # Otherwise there would be little to compare.
    assert len(read) > len(kinds) / 2
    assert len(kinds) / 5 < len(sound) < len(kinds) * 4 / 5
    assert any(len(each.requests) > 2 for each in sound)
    assert any(len(each.requests) > 2 for each in read if 400 in each.answers)


GOOD = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "forget",
    [
        lambda requests: requests[:-1],
        lambda requests: [*requests, requests[-1]],
        lambda requests: [],
    ],
    ids=["one less", "one more", "none"],
)
def test_the_check_finds_a_reader_that_reads_less_or_more(pair, bare, forget):
    check(pair, bare, GOOD * 3, [GOOD * 3])

    def misread(data: bytes) -> Reading:
        reading = read_stream(data)
        return Reading(forget(reading.requests), forget(reading.answers), forget(reading.is_plain))

    with pytest.raises(AssertionError):
        check(pair, bare, GOOD * 3, [GOOD * 3], misread)


def test_the_check_finds_a_pywsgi_that_reads_less(pair, bare):
    answer = bare.answer

    def once(environ, start_response):
        start_response("200 OK", [("Content-Length", "5"), ("Connection", "close")])
        return answer(environ, lambda *arguments: None)

    bare.server.application = once
    with pytest.raises(AssertionError):
        check(pair, bare, GOOD * 3, [GOOD * 3])
