"""WebSocket for the load process: only the needed parts of RFC 6455, as cheap as possible.

A ready-made client, even one in C (picows), took half as much time again for each
delivery of a broadcast and over twice as much for each connection: in these
scenarios it was the limit, not the servers.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha1
from os import urandom
from typing import Any

from .dialects import Attachment, Dialect
from .violation import Violation

__all__ = ["WebSocketLink"]

# With the bit that says: the last fragment.
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x81, 0x82, 0x88, 0x89, 0x8A

# A masking key of four equal bytes makes masking a translation, which C does.
# Servers treat it like any other key.
_KEY = b"\x5a\x5a\x5a\x5a"
_MASKED = bytes(byte ^ _KEY[0] for byte in range(256))

_NONCE = b64encode(urandom(16))
_ACCEPT = b64encode(sha1(_NONCE + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
_ACCEPTED = re.compile(rb"\r\nsec-websocket-accept: *([^\r\n ]*)", re.IGNORECASE)
_EXTENDED = re.compile(rb"\r\nsec-websocket-extensions:", re.IGNORECASE)


class WebSocketLink(asyncio.Protocol):
    """A session over WebSocket; see :class:`~bench.load.links.Link`.

    Args:
        dialect: what the server speaks.
        failed: called with what went wrong.
    """

    def __init__(self, dialect: Dialect, failed: Callable[[Exception], None]) -> None:
        self._dialect = dialect
        self._failed = failed
        self._transport: Any = None
        self._upgraded = False
        self._rest: list[bytes] = []
        self._missing = 0  # bytes without which the rest makes no frame
        self._greeted = 0
        self._closing = False
        self._reason = ""
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self.take: Callable[[list[bytes]], None] = self._greet

    @classmethod
    async def open(
        cls, port: int, dialect: Dialect, failed: Callable[[Exception], None]
    ) -> WebSocketLink:
        """Connect, and wait until the session is open."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: cls(dialect, failed), "127.0.0.1", port)
        await link._opened
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        self._transport.write(
            b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
            % (self._dialect.path.encode(), _NONCE)
        )

    def data_received(self, data: bytes) -> None:
        """Hand on the payloads of one read."""
        try:
            # Usually one read brings one short text.
            if not self._rest and data[0] == _TEXT and len(data) - 2 == data[1] < 126:
                self.take([data[2:]])
                return
            if len(data) < self._missing:
                self._missing -= len(data)
                self._rest.append(data)
                return
            data = b"".join((*self._rest, data))
            self._rest = []
            batch = self._cut(data) if self._upgraded else self._upgrade(data)
            if batch:
                self.take(batch)
        except Exception as error:
            self._failed(error)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        if not self._closing:
            self._failed(Violation(f"the server closed a connection{self._reason}"))
        self._closed.set_result(None)

    def _upgrade(self, data: bytes) -> list[bytes]:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._rest.append(data)
            return []
        accept = _ACCEPTED.search(head)
        if not head.startswith(b"HTTP/1.1 101 ") or accept is None or accept[1] != _ACCEPT:
            raise Violation(f"the upgrade was refused: {data[:200]!r}")
        if _EXTENDED.search(head):
            raise Violation(f"an extension that was not offered: {head!r}")
        self._upgraded = True
        if not self._dialect.greetings:
            self._open()
        return self._cut(rest)

    def _cut(self, data: bytes) -> list[bytes]:
        """Cut the frames; control frames are dealt with at once."""
        batch = []
        position, end = 0, len(data)
        while position < end:
            # The shortest header is two bytes, and says how long it is itself.
            extended = {126: 2, 127: 8}.get(data[position + 1], 0) if end - position > 1 else 0
            start = position + 2 + extended
            if start > end:
                self._keep(data[position:], start - end)
                break
            size = data[position + 1]
            if extended:
                size = int.from_bytes(data[position + 2 : start], "big")
            if start + size > end:
                self._keep(data[position:], start + size - end)
                break
            kind, payload = data[position], data[start : start + size]
            position = start + size
            if kind == _TEXT:
                batch.append(payload)
            elif kind == _BINARY and self._dialect.attachments:
                batch.append(Attachment(payload))
            else:
                self._control(kind, payload)
        return batch

    def _keep(self, rest: bytes, missing: int) -> None:
        self._rest.append(rest)
        self._missing = missing

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self._transport.write(frame(_PONG, payload))
        elif kind == _CLOSE:
            self._reason = f" with {payload!r}"
            self._transport.close()
        elif kind != _PONG:
            raise Violation(f"a frame of the kind {kind:#x}: {payload[:80]!r}")

    def _greet(self, batch: list[bytes]) -> None:
        for payload in batch:
            reply = self._dialect.greet(self._greeted, payload)
            self._greeted += 1
            if reply:
                self.write((reply,))
        if self._greeted == self._dialect.greetings:
            self._open()

    def _open(self) -> None:
        self.take = self._idle
        if not self._opened.done():
            self._opened.set_result(None)

    def _idle(self, batch: list[bytes]) -> None:
        for payload in batch:
            messages, reply = self._dialect.read(payload)
            if reply:
                self.write((reply,))
            if messages:
                raise Violation(f"nobody has sent {messages[0][:80]!r}")

    def write(self, payloads: Sequence[bytes]) -> None:
        """Send payloads, each in a frame of its own."""
        frames = [
            frame(_BINARY if isinstance(payload, Attachment) else _TEXT, payload)
            for payload in payloads
        ]
        self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def closing(self) -> None:
        """From now on the end of the connection is no failure."""
        self._closing = True

    async def close(self) -> None:
        """Close with a handshake, and wait until it is over."""
        self._closing = True
        self._transport.write(frame(_CLOSE, (1000).to_bytes(2, "big")))
        await self._closed


def frame(kind: int, payload: bytes) -> bytes:
    """A masked frame."""
    return header(kind, len(payload)) + payload.translate(_MASKED)


@lru_cache
def header(kind: int, size: int) -> bytes:
    """The bytes before a masked payload."""
    if size < 126:
        return bytes((kind, 0x80 | size)) + _KEY
    if size < 65536:
        return bytes((kind, 0xFE)) + size.to_bytes(2, "big") + _KEY
    return bytes((kind, 0xFF)) + size.to_bytes(8, "big") + _KEY
