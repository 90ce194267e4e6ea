"""Broadcast: one connection sends, all others receive."""

from __future__ import annotations

from functools import partial

from .links import Link
from .run import Figure, Run
from .violation import Violation

__all__ = ["Broadcast", "broadcast"]


class Broadcast:
    """Some messages in flight: the next one is sent when all have received one.

    Args:
        run: what it belongs to.
        sender: the session that sends.
        receivers: the sessions that receive.
        window: how many messages are in flight.

    Attributes:
        count: how many messages were delivered, each receiver counted.
    """

    def __init__(self, run: Run, sender: Link, receivers: list[Link], window: int = 1) -> None:
        self._dialect = run.dialect
        self._sender = sender
        self._receivers = receivers
        self._window = window
        self._wanted: list[bytes] = []  # the payload of each message
        self._missing: list[int] = []  # for each, how many sessions have not received it yet
        self._received = [0] * len(receivers)  # how many messages each session has received
        self._complete = 0
        self._stopping = False
        self.count = 0

    def begin(self) -> None:
        """Send the first messages."""
        for number, receiver in enumerate(self._receivers):
            receiver.take = partial(self._take, number)
        self._send(self._window)

    async def finish(self, run: Run) -> None:
        """Send no more, and see that nothing was lost."""
        self._stopping = True
        await run.until(
            lambda: self._complete == len(self._wanted), "all had received all messages"
        )

    def _take(self, number: int, batch: list[bytes]) -> None:
        received = first = self._received[number]
        wanted, missing = self._wanted, self._missing
        for payload in batch:
            if received < len(wanted) and payload == wanted[received]:
                missing[received] -= 1
                received += 1
            else:
                received = self._take_apart(number, received, payload)
        self._received[number] = received
        self.count += received - first
        # All sessions receive in order, so messages also become complete in order.
        before = self._complete
        while self._complete < len(missing) and not missing[self._complete]:
            self._complete += 1
        if self._complete > before and not self._stopping:
            self._send(self._complete - before)

    def _take_apart(self, number: int, received: int, payload: bytes) -> int:
        messages, reply = self._dialect.read(payload)
        if reply:
            self._receivers[number].write((reply,))
        for message in messages:
            wanted = self._wanted[received] if received < len(self._wanted) else b"nothing"
            if self._dialect.encode(message) != wanted:
                raise Violation(
                    f"receiver {number} wanted {wanted[:80]!r}, got the message {message[:80]!r}"
                )
            self._missing[received] -= 1
            received += 1
        return received

    def _send(self, count: int) -> None:
        payloads = [
            self._dialect.encode(b"all of you, message %d" % number)
            for number in range(len(self._wanted), len(self._wanted) + count)
        ]
        self._wanted += payloads
        self._missing += [len(self._receivers)] * count
        self._sender.write(payloads)


async def broadcast(run: Run, receivers: int, window: int) -> list[Figure]:
    """Deliveries a second."""
    sender, *others = await run.open_many(receivers + 1)
    storm = Broadcast(run, sender, others, window)
    storm.begin()
    span = await run.measure(lambda: storm.count)
    await storm.finish(run)
    await run.close_many([sender, *others])
    return [span.rate()]
