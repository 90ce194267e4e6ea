"""Sessions as today's clients open them: by polling, and then over to WebSocket."""

from __future__ import annotations

import asyncio

from .dialects import SocketIO
from .polling import HTTPConnection, SocketIOPolls
from .run import Figure, Run
from .violation import Violation
from .websocket import WebSocketLink

__all__ = ["UpgradedPolls", "answer", "check", "upgrade"]


class Probing(SocketIO):
    """The WebSocket of a session that is open already."""

    greetings = 0

    def __init__(self, path: str) -> None:
        self.path = path


class UpgradedPolls(SocketIOPolls):
    """A session that leaves its polls."""

    async def upgrade(self, run: Run, port: int) -> WebSocketLink:
        """Ask by a WebSocket to a port, have the waiting poll answered, and go over."""
        poll = self._get.get(self._poll_path)
        dialect = Probing(self._poll_path.replace("=polling", "=websocket"))
        link = await WebSocketLink.open(port, dialect, run.fail)
        check(b"3probe", await answer(link, b"2probe"))
        check(b"6", await poll)
        link.write((b"5",))
        return link


async def answer(link: WebSocketLink, payload: bytes) -> bytes:
    """Send a payload; return the one that comes next."""
    come: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def take(batch: list[bytes]) -> None:
        for each in batch:
            if come.done():
                raise Violation(f"nobody has sent {each[:80]!r}")
            come.set_result(each)

    link.take = take
    link.write((payload,))
    return await come


def check(wanted: bytes, payload: bytes) -> None:
    """Compare what has come with what had to come."""
    if payload != wanted:
        raise Violation(f"wanted {wanted[:80]!r}, got {payload[:80]!r}")


async def upgrade(run: Run, at_once: int) -> list[Figure]:
    """Sessions that are opened, upgraded, used for one message and closed in a second."""
    count = 0
    stopping = False

    async def again_and_again(number: int) -> None:
        nonlocal count
        get = await HTTPConnection(run.job.port, run.fail).open()
        post = await HTTPConnection(run.job.port, run.fail).open()
        opened = 0
        while not stopping:
            polls = UpgradedPolls(get, post)
            await polls.open()
            link = await polls.upgrade(run, run.job.port)
            # Only a session that has gone over answers here.
            opened += 1
            message = run.dialect.encode(b"connection %d, message %d" % (number, opened))
            check(message, await answer(link, message))
            await link.close()
            count += 1
        get.close()
        post.close()

    workers = [run.spawn(again_and_again(number)) for number in range(at_once)]
    span = await run.measure(lambda: count)
    stopping = True
    await run.step(asyncio.wait(workers), "all sessions were closed")
    return [span.rate()]
