"""The answer to the key of a WebSocket handshake."""

from __future__ import annotations

import hashlib
from base64 import b64encode

__all__ = ["accept_key"]

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: str) -> str:
    """``Sec-WebSocket-Accept`` for a ``Sec-WebSocket-Key``, RFC 6455 section 4.2.2."""
    return b64encode(hashlib.sha1((key + _GUID).encode("latin-1")).digest()).decode()
