"""Masking, in Python and in C: RFC 6455 section 5.3."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.client_frames import frame, masked
from websockets.speedups import apply_mask as apply_mask_in_c

from sockio_gevent.wire.websocket import TEXT
from sockio_gevent.wire.websocket_masking import apply_mask, fastest_apply_mask
from sockio_gevent.wire.websocket_parser import FrameParser

BOTH = pytest.mark.parametrize("mask_with", [apply_mask, apply_mask_in_c])
MASKS = st.binary(min_size=4, max_size=4)


@BOTH
@given(data=st.binary(max_size=200), mask=MASKS)
@example(data=b"", mask=b"abcd")
@example(data=b"\0" * 9, mask=b"\0\0\0\0")
@example(data=b"x" * 70_001, mask=b"\x80\xff\0\x01")
def test_masking_works_byte_by_byte(
    mask_with: Callable[[bytes, bytes], bytes], data: bytes, mask: bytes
) -> None:
    other = masked(data, mask)
    assert mask_with(data, mask) == other
    assert mask_with(other, mask) == data


@pytest.fixture
def looked_for_anew() -> Iterator[None]:
    fastest_apply_mask.cache_clear()
    yield
    fastest_apply_mask.cache_clear()


@pytest.mark.usefixtures("looked_for_anew")
def test_the_c_function_is_used_if_it_is_installed() -> None:
    assert fastest_apply_mask() is apply_mask_in_c


@pytest.mark.usefixtures("looked_for_anew")
def test_without_the_c_function_frames_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    assert fastest_apply_mask() is apply_mask
    texts = ["", "short", "é" * 40_000]
    frames = b"".join([frame(TEXT, text.encode()) for text in texts])
    assert FrameParser(100_000).feed(frames) == texts
