"""The reasons for which heads are refused, and the quick check that most heads pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockio_gevent.wire.http_malformed import head_problem, line_problem, sound_head_lines

# All but the tab, which may stand in a value, and the line feed, which ends a line.
CONTROLS = sorted({*range(0x20), 0x7F} - {0x09, 0x0A})

SOUND = {
    "one line": b"Host: a\r\n\r\n",
    "no space, and much of it": b"Host:a\r\nX:  \t b \r\n\r\n",
    "an empty value": b"X:\r\n\r\n",
    "names of all kinds": b"x!#$%&'*+-.^_`|~9: a\r\nHost: b\r\n\r\n",
    "what only looks like framing": b"X-Host: a\r\nHost: b\r\nX: Host: c\r\n\r\n",
    "bytes beyond ASCII": b"X: \xff\x80\x85\r\n\r\n",
    "tabs": b"X:\ta\tb\r\n\r\n",
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
    **{f"byte {code:02x}": b"X: a%cb\r\n\r\n" % code for code in CONTROLS},
    "a bare line feed": b"X: a\nHost: b\r\n\r\n",
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
def test_the_quick_check_recognises_well_formed_heads(head: bytes, behind: bytes) -> None:
    assert sound_head_lines(head + behind) == (head.count(b"\n") - 1, len(head))
    assert head_problem(lines_of(head), "HTTP/1.1") == ""


@pytest.mark.parametrize("head", ODD.values(), ids=ODD)
def test_an_odd_or_incomplete_head_is_left_to_the_slow_check(head: bytes) -> None:
    assert sound_head_lines(head) == (0, 0)


@pytest.mark.parametrize("head", SOUND.values(), ids=SOUND)
def test_no_part_of_a_head_is_taken_for_the_whole(head: bytes) -> None:
    for size in range(len(head)):
        assert sound_head_lines(head[:size]) == (0, 0)


PARTS = some.sampled_from(
    [b"Host", b"content-length", b"X", b":", b" ", b"5", b"\r\n", b"\r", b"\n", b"\0", b"\xe9"]
)


@given(some.lists(PARTS, max_size=12).map(b"".join))
def test_a_head_that_passes_the_quick_check_passes_the_slow_one(data: bytes) -> None:
    count, size = sound_head_lines(data + b"\r\n\r\n")
    if count:
        lines = lines_of((data + b"\r\n\r\n")[:size])
        assert len(lines) == count
        assert head_problem(lines, "HTTP/1.1") == ""


@pytest.mark.parametrize(
    ("lines", "version", "problem"),
    [
        ([b"Content-Length: 5\r\n"], "HTTP/1.1", ""),
        ([b"Content-Length: \t5 \r\n"], "HTTP/1.0", ""),
        ([b"Content-Length: 5\n"], "HTTP/1.0", "a header line is malformed"),
        ([b"\n"], "HTTP/1.1", "a header line is malformed"),
        *(([b"X: a%cb\r\n" % code], "HTTP/1.1", "a header line is malformed") for code in CONTROLS),
        ([b"Content-Length: %b\r\n" % (b"9" * 18)], "HTTP/1.1", ""),
        ([b"Content-Length: %b\r\n" % (b"0" * 19)], "HTTP/1.1", "Content-Length is not a number"),
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
def test_each_malformed_head_is_refused_with_its_reason(
    lines: list[bytes], version: str, problem: str
) -> None:
    found = head_problem(lines, version)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    "line",
    ["GET / HTTP/1.1", "POST /a?b=c&d HTTP/1.0", "M-SEARCH * HTTP/1.1", "GET http://a/b HTTP/1.1"],
)
def test_a_first_line_has_two_spaces_and_visible_ascii(line: str) -> None:
    assert line_problem(f"{line}\r\n") == ""
    assert line_problem(f"{line}\n")
    assert line_problem(line)
    for place in range(len(line) + 1):
        for code in (*range(0x21), *range(0x7F, 0x100)):
            changed = f"{line[:place]}{chr(code)}{line[place:]}\r\n"
            assert line_problem(changed), (place, code)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GET",
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "GET / HTTP/1.1.1",
        "GET / HTTP/1.01",
        "GET / http/1.1",
        "GET  HTTP/1.1",
        "G(T / HTTP/1.1",
    ],
)
def test_a_first_line_has_a_method_a_target_and_a_version(line: str) -> None:
    assert line_problem(f"{line}\r\n") == "the first line is malformed"
