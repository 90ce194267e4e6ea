"""Echo: each connection keeps some messages in flight and sends one for each that returns."""

from __future__ import annotations

from collections import deque
from statistics import quantiles
from time import perf_counter
from typing import ClassVar

from .links import Link
from .run import Figure, Run
from .violation import Violation

LEAST = 50  # messages that are enough to tell the latency

__all__ = ["Echo", "echo", "finish", "latency"]


class Echo:
    """One connection's messages.

    Args:
        run: what it belongs to.
        link: an open session.
        number: of the connection; part of each message.
        window: how many messages are in flight.
        size: the size of a message in bytes, if it must be longer than it is by itself.

    Attributes:
        parts: how many payloads a message is.
        mark: what each message begins with.
    """

    parts: ClassVar[int] = 1
    mark: ClassVar[bytes] = b""

    def __init__(self, run: Run, link: Link, number: int, window: int = 1, size: int = 0) -> None:
        self._link = link
        self._dialect = run.dialect
        self._prefix = b"%bconnection %d, " % (self.mark, number)
        self._suffix = b"." * (size - len(self._prefix) - len("message 1234567"))
        self._window = window
        self._sent = 0
        self._waiting: deque[bytes] = deque()
        self._stopping = False

    def begin(self) -> None:
        """Send the first messages."""
        self._link.take = self.take
        self._send(self._window)

    def stop(self) -> None:
        """Send no more."""
        self._stopping = True

    @property
    def count(self) -> int:
        """How many messages have returned."""
        return self._sent - self._in_flight()

    @property
    def complete(self) -> bool:
        """Whether all messages have returned."""
        return not self._waiting

    def take(self, batch: list[bytes]) -> None:
        """Check the messages that have returned, and send as many new ones."""
        waiting = self._waiting
        for payload in batch:
            if waiting and payload == waiting[0]:
                waiting.popleft()
            else:
                self._take_apart(payload)
        returned = self._window - self._in_flight()
        if returned and not self._stopping:
            self._send(returned)

    def _in_flight(self) -> int:
        return -(-len(self._waiting) // self.parts)

    def _take_apart(self, payload: bytes) -> None:
        messages, reply = self._dialect.read(payload)
        if reply:
            self._link.write((reply,))
        for message in messages:
            wanted = self._waiting.popleft() if self._waiting else b"nothing"
            if self._dialect.encode(message) != wanted:
                raise Violation(f"wanted {wanted[:80]!r}, got the message {message[:80]!r}")

    def _send(self, count: int) -> None:
        messages = []
        for _ in range(count):
            self._sent += 1
            messages.append(b"%bmessage %d%b" % (self._prefix, self._sent, self._suffix))
        payloads = self._payloads(messages)
        self._waiting.extend(payloads)
        self._link.write(payloads)

    def _payloads(self, messages: list[bytes]) -> list[bytes]:
        return [self._dialect.encode(message) for message in messages]


async def finish(run: Run, echoes: list[Echo]) -> None:
    """Stop, and check that nothing was lost."""
    for echo in echoes:
        echo.stop()
    await run.until(lambda: all(echo.complete for echo in echoes), "all messages had returned")


async def echo(
    run: Run,
    connections: int,
    window: int,
    size: int = 0,
    factor: float = 1.0,
    kind: type[Echo] = Echo,
) -> list[Figure]:
    """Messages of a kind a second, times a factor."""
    links = await run.open_many(connections)
    echoes = [kind(run, link, number, window, size) for number, link in enumerate(links)]
    for one in echoes:
        one.begin()
    span = await run.measure(lambda: sum(one.count for one in echoes))
    await finish(run, echoes)
    await run.close_many(links)
    return [span.rate(factor)]


class Timed(Echo):
    """Echo that notes how long each message took, in seconds."""

    def __init__(self, run: Run, link: Link) -> None:
        super().__init__(run, link, 0)
        self._began = 0.0
        self.times: list[float] = []

    def take(self, batch: list[bytes]) -> None:
        """Note the time, then check and send anew."""
        ended, began, before = perf_counter(), self._began, self.count
        super().take(batch)
        if self.count > before:
            self.times.append(ended - began)

    def _send(self, count: int) -> None:
        self._began = perf_counter()
        super()._send(count)


async def latency(run: Run) -> list[Figure]:
    """Median and 99th percentile of one message on one connection, in microseconds."""
    link = await run.open()
    timed = Timed(run, link)
    timed.begin()
    span = await run.measure(lambda: timed.count, least=LEAST)
    times = timed.times[-span.count :]
    await finish(run, [timed])
    await run.close_many([link])
    percentiles = quantiles(times, n=100)
    return [Figure(1e6 * percentiles[place - 1]) for place in (50, 99)]
