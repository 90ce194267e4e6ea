"""Lines between the chunks of a body: they are read in one way, or refused."""

from __future__ import annotations

import pytest

from sockio_gevent.wire.http_chunks import chunk_size, is_trailer

CONTROLS = sorted({*range(0x20), 0x7F} - {0x09})


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"0\r\n", 0),
        (b"00\r\n", 0),
        (b"1aF\r\n", 0x1AF),
        (b"f" * 15 + b"\r\n", 16**15 - 1),
        (b"5;\r\n", 5),
        (b'5;a=b; c="d\xe9\te"\r\n', 5),
    ],
)
def test_the_size_of_a_chunk_is_read(line: bytes, size: int) -> None:
    assert chunk_size(line) == size


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\r\n",
        b";a\r\n",
        b"5",
        b"5\n",
        b"5\r",
        b"5\r\r\n",
        b"+5\r\n",
        b"-5\r\n",
        b"-0\r\n",
        b"0x5\r\n",
        b"0_5\r\n",
        b" 5\r\n",
        b"5 \r\n",
        b"5\t\r\n",
        b"5 ;a\r\n",
        b"5 5\r\n",
        b"5,5\r\n",
        b"g\r\n",
        b"\xb2\r\n",
        b"0" * 16 + b"\r\n",
        *(b"5;a%cb\r\n" % code for code in CONTROLS),
        *(b"5%cb\r\n" % code for code in CONTROLS),
    ],
)
def test_a_size_that_other_programs_might_accept_is_refused(line: bytes) -> None:
    assert chunk_size(line) is None


@pytest.mark.parametrize("line", [b"A:\r\n", b"A: b\r\n", b"x-a_b:\tc \xe9\r\n"])
def test_a_trailer_is_a_header_line(line: bytes) -> None:
    assert is_trailer(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\r\n",
        b"A: b\n",
        b"A: b",
        b"A\r\n",
        b": b\r\n",
        b" A: b\r\n",
        b"A : b\r\n",
        b"A: b\rC: d\r\n",
        b"GET / HTTP/1.1\r\n",
        *(b"A: b%cc\r\n" % code for code in CONTROLS),
    ],
)
def test_a_line_that_is_not_a_header_line_is_not_a_trailer(line: bytes) -> None:
    assert not is_trailer(line)
