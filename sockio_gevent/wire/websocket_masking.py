"""Masking of WebSocket payloads, RFC 6455 section 5.3."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

__all__ = ["apply_mask", "fastest_apply_mask"]


def apply_mask(data: bytes | memoryview, mask: bytes) -> bytes:
    """Mask or unmask a payload.

    Args:
        data: the payload.
        mask: the four bytes of the masking key.
    """
    size = len(data)
    # One XOR of two big integers costs a fraction of a loop over bytes.
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


@cache
def fastest_apply_mask() -> Callable[[bytes | memoryview, bytes], bytes]:
    """The C function of websockets (extra ``speed``) if it is installed, or :func:`apply_mask`.

    The C function takes an eighth of the time for a short message, and a
    sixtieth for 64 KiB. It is imported when the first WebSocket is opened:
    to import websockets takes longer than to import this package.
    """
    try:
        from websockets.speedups import apply_mask as fast
    except ImportError:
        return apply_mask
    return fast
