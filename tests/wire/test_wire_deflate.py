"""Messages as DEFLATE data: what is compressed, and what is inflated up to a limit."""

from __future__ import annotations

import time
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.deflate import Compression, TooLong, finish, inflate, inflater

MIB = 1024 * 1024
EMPTY_BLOCK = b"\0\0\0\xff\xff"
# The examples of RFC 7692, section 7.2.3: one block, two blocks, stored, with BFINAL.
HELLO = {
    "fixed codes": "f248cdc9c90700",
    "two blocks": "f24805000000ffffcac9c90700",
    "stored": "000500faff48656c6c6f00",
    "a last block": "f348cdc9c9070000",
}
MESSAGES = st.one_of(
    st.binary(max_size=3000),
    st.builds(lambda part, times: part * times, st.binary(max_size=20), st.integers(0, 3000)),
)


def bomb(size: int) -> bytes:
    """The least data that inflates to so many zeros."""
    return Compression(9, 15).compress(bytes(size))


@pytest.mark.parametrize("data", HELLO.values(), ids=HELLO)
def test_the_examples_of_the_rfc_are_inflated(data: str) -> None:
    assert inflate(bytes.fromhex(data), 100)[0] == b"Hello"


def test_the_second_example_of_a_context_refers_to_the_first() -> None:
    text, kept = inflate(bytes.fromhex("f248cdc9c90700"), 100, inflater())
    assert text == b"Hello"
    assert inflate(bytes.fromhex("f200110000"), 100, kept)[0] == b"Hello"


@given(MESSAGES, st.integers(1, 9), st.integers(9, 15))
def test_what_was_compressed_is_inflated_again(message: bytes, level: int, bits: int) -> None:
    data = Compression(level, bits).compress(message)
    assert inflate(data, len(message) + 1) == (message, None)


@given(st.lists(MESSAGES, max_size=5), st.integers(9, 15))
def test_a_context_is_kept_on_both_sides(messages: list[bytes], bits: int) -> None:
    compressor = Compression(3, bits).begin()
    kept = inflater(bits)
    for message in messages:
        text, kept = inflate(finish(compressor, message), 100_000, kept)
        assert text == message


@pytest.mark.parametrize("bits", range(9, 16))
def test_no_reference_is_longer_than_the_window(bits: int) -> None:
    part = bytes((number * 7919) % 251 for number in range(10_000))
    data = Compression(9, bits).compress(part * 10)
    # zlib refuses a reference that leaves the window.
    text = zlib.decompressobj(-bits).decompress(data + EMPTY_BLOCK[1:])
    assert text == part * 10


def test_a_window_that_is_larger_than_the_message_saves_nothing() -> None:
    message = b"".join(b"%d of the lines\n" % (number % 97) for number in range(200))
    whole = zlib.compressobj(3, zlib.DEFLATED, -15)
    size = len(whole.compress(message) + whole.flush(zlib.Z_SYNC_FLUSH))
    assert len(Compression(3, 15).compress(message)) <= size


def test_long_messages_are_compressed_at_the_fastest_level() -> None:
    words = b" ".join(b"%d" % (number * number) for number in range(40_000))
    short, long = words[: 128 * 1024], words[: 128 * 1024 + 1]
    assert Compression(9, 15).compress(short) != Compression(1, 15).compress(short)
    assert Compression(9, 15).compress(long) == Compression(1, 15).compress(long)


def test_a_message_of_exactly_the_limit_is_inflated() -> None:
    data = bomb(1000)
    assert inflate(data, 1000)[0] == bytes(1000)
    with pytest.raises(TooLong):
        inflate(data, 999)


def test_a_bomb_is_inflated_no_further_than_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Counting:
        """Counts what zlib has made."""

        def __init__(self, *arguments: Any) -> None:
            self.inner = real(*arguments)

        def decompress(self, data: bytes, most: int = 0) -> bytes:
            text = self.inner.decompress(data, most)
            made.append(len(text))
            return text

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    real = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    data = bomb(50 * MIB)
    with pytest.raises(TooLong):
        inflate(data, 1000)
    assert sum(made) == 1001


BROKEN = {
    "a reserved kind of block": b"\x07",
    "a stored block with a wrong length": b"\0\5\0\0\0Hello",
    "a reference before the beginning": b"\x02\x23\x00",
    "nothing but noise": b"\xff" * 20,
    "a stored block that breaks off": b"\0\x64\0\x9b\xffHello",
    "a block that breaks off": bytes.fromhex("f248cdc9c9"),
    "the end of a flush was not taken off": bytes.fromhex("f248cdc9c907000000ffff"),
}


@pytest.mark.parametrize("kept", [False, True], ids=["by itself", "with a context"])
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_data_is_refused(data: bytes, kept: bool) -> None:
    with pytest.raises(zlib.error):
        inflate(data, 1000, inflater() if kept else None)


@pytest.mark.parametrize("cut", range(1, 60))
def test_data_that_breaks_off_is_refused_or_is_a_beginning(cut: int) -> None:
    message = b"one fish, two fish, red fish, blue fish; " + bytes(range(60))
    data = Compression(9, 15).compress(message)
    try:
        text, _ = inflate(data[:-cut], 1000)
    except zlib.error:
        return
    assert message.startswith(bytes(text)), "a cut between two blocks cannot be seen"


def test_an_empty_message_may_have_no_data_at_all() -> None:
    assert inflate(b"", 10) == (b"", None)
    assert inflate(b"\0", 10) == (b"", None)
    kept = inflater()
    assert inflate(b"", 10, kept) == (b"", kept)


def test_an_empty_message_of_a_context_is_an_empty_block() -> None:
    compressor = Compression(3, 15).begin()
    assert finish(compressor, b"one") != b"\0"
    assert finish(compressor, b"") == b"\0"


def last_blocks(*texts: bytes) -> bytes:
    """Several streams in one message, each with a last block of its own."""
    data = b""
    for text in texts:
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        data += stream.compress(text) + stream.flush()
    return data + b"\0"


@pytest.mark.parametrize("kept", [False, True], ids=["by itself", "with a context"])
def test_a_message_may_be_several_streams(kept: bool) -> None:
    data = last_blocks(b"one, ", b"two, ", b"three")
    text, kept_now = inflate(data, 15, inflater() if kept else None)
    assert text == b"one, two, three"
    with pytest.raises(TooLong):
        inflate(data, 14, inflater() if kept else None)
    if kept:
        assert inflate(bytes.fromhex(HELLO["fixed codes"]), 15, kept_now)[0] == b"Hello"


def test_a_message_of_very_many_streams_is_refused_at_once() -> None:
    with pytest.raises(zlib.error, match="streams"):
        inflate(b"\x03\x00" * 500_000 + b"\0", 1000)


def test_empty_blocks_without_end_make_an_empty_message() -> None:
    began = time.process_time()
    assert inflate(EMPTY_BLOCK * 200_000 + b"\0", 1000)[0] == b""
    # A mebibyte. The bound is far above what it takes.
    assert time.process_time() - began < 2
