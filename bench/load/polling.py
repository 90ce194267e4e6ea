"""Sessions over long polling: two kept-alive HTTP connections each, as browsers use."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import quote

from .dialects import Classic, Dialect, SocketIO
from .run import Figure, Run
from .violation import Violation

__all__ = ["Chat", "HTTPConnection", "SocketIOPolls", "poll"]


class HTTPConnection(asyncio.Protocol):
    """One request at a time, over a connection that is kept alive.

    Args:
        port: where the server listens on loopback.
        failed: called with what went wrong.
    """

    _length = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
    _chunked = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)

    def __init__(self, port: int, failed: Callable[[Exception], None]) -> None:
        self._port = port
        self._failed = failed
        self._transport: Any = None
        self._buffer = b""
        self._closing = False
        self._answer: asyncio.Future[bytes] | None = None

    async def open(self) -> HTTPConnection:
        """Connect."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        return self

    def close(self) -> None:
        """Drop the connection."""
        self._closing = True
        self._transport.close()

    def get(self, path: str) -> asyncio.Future[bytes]:
        """Send a GET; the future is the answer's body."""
        return self._request(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def post(self, path: str, body: bytes, content_type: str) -> asyncio.Future[bytes]:
        """Send a POST; the future is the answer's body."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return self._request(head.encode() + body)

    def _request(self, data: bytes) -> asyncio.Future[bytes]:
        assert self._answer is None, "one request at a time"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Take bytes, and check whether the answer is complete."""
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        body: bytes | None = None
        if length := self._length.search(head):
            size = int(length[1])
            body = rest[:size] if len(rest) >= size else None
            rest = rest[size:]
        elif self._chunked.search(head):
            body, rest = cut_chunks(rest)
        else:
            self._failed(Violation(f"an answer of unknown length: {head[:200]!r}"))
        if body is None:
            return
        self._buffer = rest
        answer, self._answer = self._answer, None
        if answer is None or rest:
            self._failed(Violation(f"an answer to no request: {head[:200]!r}"))
        elif not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            self._failed(Violation(f"{head[:200]!r} {body[:80]!r}"))
        elif not answer.done():
            answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        if not self._closing:
            self._failed(Violation("the server closed a connection"))


def cut_chunks(data: bytes) -> tuple[bytes | None, bytes]:
    """The body of a chunked answer, or ``None`` if it is not complete, and what follows it."""
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        size = int(line or b"0", 16)
        if not end or len(data) < size + 2:
            return None, b""
        if not size:
            return body, data[2:]
        body += data[:size]
        data = data[size + 2 :]


class Polls(ABC):
    """One session.

    Args:
        get: the connection for polls.
        post: the connection for messages to the server.
    """

    content_type: ClassVar[str]

    def __init__(self, get: HTTPConnection, post: HTTPConnection) -> None:
        self._get = get
        self._post = post
        self._poll_path = self._post_path = ""
        self._replies = b""

    @abstractmethod
    async def open(self) -> None:
        """Open the session."""

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """The dialect of the messages."""

    @abstractmethod
    def split(self, body: bytes) -> list[bytes]:
        """The payloads in the body of a poll's answer."""

    @abstractmethod
    def body(self, message: bytes) -> bytes:
        """The body of a POST with a message, and with the replies to heartbeats if any wait."""

    async def exchange(self, message: bytes) -> list[bytes]:
        """Post a message while a poll waits; return what the poll brings."""
        poll = self._get.get(self._poll_path)
        posted = self._post.post(self._post_path, self.body(message), self.content_type)
        messages: list[bytes] = []
        while not messages:
            for payload in self.split(await poll):
                found, reply = self.dialect.read(payload)
                messages += found
                self._replies = reply or self._replies
            if not messages:
                poll = self._get.get(self._poll_path)
        answer = await posted
        if answer.lower() != b"ok":
            raise Violation(f"a POST was answered with {answer[:80]!r}")
        return messages

    def move(self, get: HTTPConnection, post: HTTPConnection) -> None:
        """Go on over other connections."""
        self.close()
        self._get, self._post = get, post

    def close(self) -> None:
        """Drop the connections."""
        self._get.close()
        self._post.close()


class ClassicPolls(Polls):
    """Ours: xhr-polling, which has no heartbeats."""

    content_type = "application/x-www-form-urlencoded; charset=UTF-8"
    dialect = Classic()

    async def open(self) -> None:
        """The first poll opens the session."""
        body = await self._get.get("/socket.io/xhr-polling//1290000000000")
        path = f"/socket.io/xhr-polling/{self.dialect.session_id(body)}"
        self._poll_path, self._post_path = f"{path}/1290000000000", f"{path}/send"

    def split(self, body: bytes) -> list[bytes]:
        """The body is the payload; an empty one asks for the next poll."""
        return [body] if body else []

    def body(self, message: bytes) -> bytes:
        """A form with one field."""
        return b"data=" + quote(self.dialect.encode(message), safe="~").encode()


class SocketIOPolls(Polls):
    """Engine.IO 4: packets parted by a record separator."""

    content_type = "text/plain;charset=UTF-8"
    dialect = SocketIO()

    async def open(self) -> None:
        """The handshake of Engine.IO, then of Socket.IO's namespace."""
        path = "/socket.io/?EIO=4&transport=polling"
        path += "&sid=" + self.dialect.session_id(await self._get.get(path))
        self._poll_path = self._post_path = path
        await self._post.post(path, b"40", self.content_type)
        self.dialect.greet(1, await self._get.get(path))

    async def beat(self, connection: HTTPConnection) -> None:
        """Post a pong, which no message answers, over a connection."""
        body = await connection.post(self._post_path, b"3", self.content_type)
        if body != b"ok":
            raise Violation(f"a POST was answered with {body[:80]!r}")

    def split(self, body: bytes) -> list[bytes]:
        """The packets."""
        return body.split(b"\x1e")

    def body(self, message: bytes) -> bytes:
        """One packet, or two with the answer to a ping."""
        packets = [self._replies] if self._replies else []
        self._replies = b""
        return b"\x1e".join((*packets, self.dialect.encode(message)))


KINDS: dict[str, type[Polls]] = {"classic": ClassicPolls, "socket.io": SocketIOPolls}


class Chat:
    """A session that posts one message after the other, and gets each back by a poll.

    Args:
        run: what it belongs to.
        number: of the session; part of each message.

    Attributes:
        count: how many messages have come back.
        stopping: whether no more are to be sent.
    """

    def __init__(self, run: Run, number: int) -> None:
        self._run = run
        self._number = number
        self._polls: Polls | None = None
        self.count = 0
        self.stopping = False

    async def open(self) -> None:
        """Open the session."""
        port = self._run.job.port
        self._polls = polls = KINDS[self._run.job.dialect](*await self._connections(port))
        await polls.open()

    async def move(self, port: int) -> None:
        """Go on over connections to another worker."""
        assert self._polls is not None
        self._polls.move(*await self._connections(port))

    async def _connections(self, port: int) -> tuple[HTTPConnection, HTTPConnection]:
        fail = self._run.fail
        return await HTTPConnection(port, fail).open(), await HTTPConnection(port, fail).open()

    async def talk(self) -> None:
        """Exchange messages until it is told to stop."""
        assert self._polls is not None
        self.stopping = False
        while not self.stopping:
            message = b"connection %d, message %d" % (self._number, self.count + 1)
            messages = await self._polls.exchange(message)
            if messages != [message]:
                raise Violation(f"wanted {message!r}, got {messages[:3]!r}")
            self.count += 1

    def close(self) -> None:
        """Drop the connections."""
        assert self._polls is not None
        self._polls.close()


async def poll(run: Run, sessions: int) -> list[Figure]:
    """Messages a second that were posted and came back by a poll."""
    chats = [Chat(run, number) for number in range(sessions)]

    async def from_the_start(chat: Chat) -> None:
        await chat.open()
        await chat.talk()
        chat.close()

    tasks = [run.spawn(from_the_start(chat)) for chat in chats]
    span = await run.measure(lambda: sum(chat.count for chat in chats))
    for chat in chats:
        chat.stopping = True
    await run.step(asyncio.wait(tasks), "all messages had come back")
    return [span.rate()]
