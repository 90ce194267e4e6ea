"""Echo of binary events: each message is two payloads, the event and its attachment."""

from __future__ import annotations

from .dialects import Attachment, SocketIO
from .echo import Echo, echo
from .links import Link
from .run import Figure, Run
from .violation import Violation

__all__ = ["binary"]


class BinaryEcho(Echo):
    """One connection's binary messages; see :class:`~bench.load.echo.Echo`."""

    parts = 2
    mark = b"\x00\xff"  # no text in any encoding that a server could try

    def __init__(self, run: Run, link: Link, number: int, window: int, size: int) -> None:
        super().__init__(run, link, number, window, size)
        assert isinstance(self._dialect, SocketIO), "only this dialect has binary events"
        self._event = self._dialect.binary_event

    def _take_apart(self, payload: bytes) -> None:
        # An attachment has one spelling only, and the event is one that came out of turn.
        if isinstance(payload, Attachment) or payload == self._event:
            wanted = self._waiting[0] if self._waiting else b"nothing"
            raise Violation(f"wanted {wanted[:80]!r}, got the message {payload[:80]!r}")
        super()._take_apart(payload)

    def _payloads(self, messages: list[bytes]) -> list[bytes]:
        return [part for message in messages for part in (self._event, Attachment(message))]


async def binary(
    run: Run, connections: int, window: int, size: int = 0, factor: float = 1.0
) -> list[Figure]:
    """Binary messages a second, times a factor."""
    return await echo(run, connections, window, size, factor, kind=BinaryEcho)
