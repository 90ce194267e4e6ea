"""What heads are refused for, and the quick look that spares most of them the slow one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockio_gevent.wire.head import head_problem, sound_head_lines

SOUND = {
    "one line": b"Host: a\r\n\r\n",
    "no space, and much of it": b"Host:a\r\nX:  \t b \r\n\r\n",
    "an empty value": b"X:\r\n\r\n",
    "names of all kinds": b"x!#$%&'*+-.^_`|~9: a\r\nHost: b\r\n\r\n",
    "what only looks like framing": b"X-Host: a\r\nHost: b\r\nX: Host: c\r\n\r\n",
    "bytes beyond ASCII": b"X: \xff\x80\x0b\r\n\r\n",
}
ODD = {
    "nothing": b"",
    "no lines": b"\r\n",
    "no end": b"Host: a\r\n",
    "bare line feeds": b"Host: a\n\n",
    "a line behind the end": b"\r\nHost: a\r\n\r\n",
    "a folded line": b"X: y\r\n z\r\n\r\n",
    "a blank before the colon": b"Host : a\r\n\r\n",
    "a bare carriage return": b"X: a\rHost: b\r\n\r\n",
    "a NUL": b"X: \0\r\n\r\n",
    "no name": b": a\r\n\r\n",
    "no colon": b"Host\r\n\r\n",
    "two hosts": b"Host: a\r\nhOST: b\r\n\r\n",
    "a length": b"CONTENT-length: 5\r\n\r\n",
    "a coding": b"Transfer-encoding: chunked\r\n\r\n",
}


def lines_of(head: bytes) -> list[bytes]:
    return [line + b"\n" for line in head.removesuffix(b"\r\n").split(b"\n")[:-1]]


@pytest.mark.parametrize("behind", [b"", b"hello", b"Content-Length: 5\r\n\r\n"])
@pytest.mark.parametrize("head", SOUND.values(), ids=SOUND)
def test_sound_heads_are_found_to_be_so(head: bytes, behind: bytes) -> None:
    assert sound_head_lines(head + behind) == (head.count(b"\n") - 1, len(head))
    assert head_problem(lines_of(head), "HTTP/1.1") == ""


@pytest.mark.parametrize("head", ODD.values(), ids=ODD)
def test_what_is_odd_or_not_all_there_is_left_to_the_slow_look(head: bytes) -> None:
    assert sound_head_lines(head) == (0, 0)


@pytest.mark.parametrize("head", SOUND.values(), ids=SOUND)
def test_no_part_of_a_head_is_taken_for_the_whole(head: bytes) -> None:
    for size in range(len(head)):
        assert sound_head_lines(head[:size]) == (0, 0)


PARTS = some.sampled_from(
    [b"Host", b"content-length", b"X", b":", b" ", b"5", b"\r\n", b"\r", b"\n", b"\0", b"\xe9"]
)


@given(some.lists(PARTS, max_size=12).map(b"".join))
def test_what_the_quick_look_lets_pass_has_no_problem(data: bytes) -> None:
    count, size = sound_head_lines(data + b"\r\n\r\n")
    if count:
        lines = lines_of((data + b"\r\n\r\n")[:size])
        assert len(lines) == count
        assert head_problem(lines, "HTTP/1.1") == ""


@pytest.mark.parametrize(
    ("lines", "version", "problem"),
    [
        ([b"Content-Length: 5\r\n"], "HTTP/1.1", ""),
        ([b"Content-Length: \t5 \n"], "HTTP/1.0", ""),
        ([b"Transfer-Encoding: Chunked\r\n"], "HTTP/1.1", ""),
        ([b"Transfer-Encoding: chunked\r\n"], "HTTP/1.0", "the Transfer-Encoding is not chunked"),
        ([b"Transfer-Encoding: gzip\r\n"], "HTTP/1.1", "the Transfer-Encoding is not chunked"),
        ([b"Content-Length: 5\r\n"] * 2, "HTTP/1.1", "there are two headers content-length"),
        ([b"Content-Length: +5\r\n"], "HTTP/1.1", "Content-Length is not a number"),
        ([b"Content-Length:\r\n"], "HTTP/1.1", "Content-Length is not a number"),
        ([b"Host: a\r\n", b"host: a\r\n"], "HTTP/1.1", "there are two headers host"),
        ([b" Host: a\r\n"], "HTTP/1.1", "a header line is malformed"),
        ([b"Host: a"], "HTTP/1.1", "a header line is malformed"),
        (
            [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"],
            "HTTP/1.1",
            "there are both Transfer-Encoding and Content-Length",
        ),
    ],
)
def test_what_heads_are_refused_for(lines: list[bytes], version: str, problem: str) -> None:
    found = head_problem(lines, version)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)
