"""Connections of the load process: they carry payloads, and know no scenario.

What is given to a link in one call leaves in one write, and what arrives in
one read is handed on in one call, so that the load costs little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .dialects import Dialect
from .violation import Violation

__all__ = ["LineLink", "Link"]


class Link(Protocol):
    """A connection with an open session.

    Attributes:
        take: called with the payloads that have arrived.
    """

    take: Callable[[list[bytes]], None]

    def write(self, payloads: Sequence[bytes]) -> None:
        """Send payloads."""

    def closing(self) -> None:
        """From now on the end of the connection is no failure."""

    async def close(self) -> None:
        """End it cleanly, and wait until it has ended."""


class LineLink(asyncio.Protocol):
    """Lines over TCP.

    Args:
        failed: called with what went wrong.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._transport: Any = None
        self._rest: list[bytes] = []
        self._closing = False
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take: Callable[[list[bytes]], None] = self._idle

    def _idle(self, batch: list[bytes]) -> None:
        raise Violation(f"nobody has sent {batch[0][:80]!r}")

    @classmethod
    async def open(
        cls, port: int, dialect: Dialect, failed: Callable[[Exception], None]
    ) -> LineLink:
        """Connect."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: cls(failed), "127.0.0.1", port)
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Cut the lines."""
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest = []
        if rest:
            self._rest.append(rest)
        if lines:
            try:
                self.take(lines)
            except Exception as error:
                self._failed(error)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        if not self._closing:
            self._failed(Violation("the server closed a connection"))
        self._closed.set_result(None)

    def write(self, payloads: Sequence[bytes]) -> None:
        """Send payloads, each as a line."""
        self._transport.write(b"\n".join(payloads) + b"\n")

    def closing(self) -> None:
        """From now on the end of the connection is no failure."""
        self._closing = True

    async def close(self) -> None:
        """Close, and wait until it is over."""
        self._closing = True
        self._transport.close()
        await self._closed
