"""Questions to all servers over the channels of Redis, and the answers that come back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from ..acknowledgements import Gathered, answer_of
from ..cluster.bus import WorkerSilent
from ..cluster.redis_bus import RedisBus
from ..hub.per_hub import thread_lock
from ..hub.wake_up import WakeUp
from ..wire import node_messages as node
from ..wire.node_messages import NodeMessage, NodeMessages
from .streams_order import AFTER

__all__ = [
    "ANSWERS",
    "TOLD_OF_LEAVING",
    "Channels",
    "Request",
    "Requests",
    "all_answered",
    "all_clients_answered",
]

#: The types of answers.
ANSWERS = (
    node.CLIENT_COUNT,
    node.BROADCAST_ACK,
    node.FETCH_SOCKETS_RESPONSE,
    node.SERVER_SIDE_EMIT_RESPONSE,
)

#: In a question to clients: whoever asks wants to know which of them leave without an answer.
TOLD_OF_LEAVING = "toldOfLeaving"

_SUBSCRIBING = 2.0  # seconds that a new namespace waits for its channels
_PATIENCE = 0.5  # seconds after which servers that do not answer are counted anew


class Channels:
    """The names of the channels of namespaces, as Node's servers have them.

    Args:
        prefix: what they begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def of_all(self, namespace: str) -> str:
        """The channel of all servers."""
        return f"{self._prefix}#{namespace}#"

    def of_one(self, namespace: str, server: str) -> str:
        """The channel of one server."""
        return f"{self._prefix}#{namespace}#{server}#"


class Request:
    """A question to all other servers.

    Args:
        is_over: tells whether all answers have come.
        gathered: counts what answers of clients take; ``None`` if there are none.

    Attributes:
        answered: by servers, how many answers of each have come, or were dropped.
        answers: the data of the answers that came, with the ids of the servers.
        counts: by servers, how many answers of clients each has told to come.
        expected: how many servers are to answer; ``None`` while that is not known.
        gone: the servers that have answered, and have gone.
        dropped: the servers of answers that were dropped, because all take too much memory.
    """

    def __init__(
        self, is_over: Callable[[Request], bool], gathered: Gathered | None = None
    ) -> None:
        self.answered: dict[str, int] = {}
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.counts: dict[str, dict[str, Any]] = {}
        self.expected: int | None = None
        self.gone: set[str] = set()
        self.dropped: list[str] = []
        self._gathered = gathered
        self._held = 0
        # Between the thread of the bus, and the one that has asked.
        self._lock = thread_lock()
        self._has_ended = False
        self._is_over = is_over
        self._complete = WakeUp()

    @property
    def heard(self) -> set[str]:
        """The servers that have answered."""
        return {*self.counts, *self.answered}

    @property
    def silent(self) -> int:
        """How many servers have not answered."""
        return max((self.expected or 0) - len(self.heard), 0)

    def take(self, sender: str, kind: int, data: dict[str, Any], cost: int) -> None:
        """An answer has come, which takes so many bytes."""
        with self._lock:
            if self._has_ended:
                return
            if kind == node.CLIENT_COUNT:
                self.counts[sender] = data
            else:
                self.answered[sender] = self.answered.get(sender, 0) + 1
                if self._gathered is None or self._gathered.take(cost):
                    self._held += cost
                    self.answers.append((sender, data))
                else:
                    self.dropped.append(sender)
        self.check()

    def end(self) -> None:
        """Whoever has asked takes the answers; no more are taken."""
        with self._lock:
            self._has_ended = True
            if self._gathered is not None:
                self._gathered.give_back(self._held)
            self._held = 0

    def check(self) -> None:
        """Wake who waits, if all answers have come."""
        if self.expected is not None and self._is_over(self):
            self._complete.set()

    def wait(self, timeout: float) -> bool:
        """Wait for all answers; False if the time is over before."""
        return self._complete.wait(timeout)

    def of_clients(self) -> tuple[dict[str, Any], list[str]]:
        """The answers of clients by their ids, and the ids of those that have not answered.

        Servers of Node do not tell whose an answer is: the id of the server and a number stand
        for the client.
        """
        came: dict[str, Any] = {}
        unnamed: dict[str, int] = {}
        for server, data in self.answers:
            if data.get("left"):
                continue
            client_id, values = data.get("client"), data.get("values")
            if isinstance(client_id, str) and isinstance(values, list):
                came[client_id] = answer_of(values)
            else:
                number = unnamed.get(server, 0)
                unnamed[server] = number + 1
                came[f"{server}#{number}"] = data.get("packet")
        missing: list[str] = []
        for server, told in self.counts.items():
            names = [f"{server}#{i}" for i in range(_count(told))]
            missing += [each for each in told.get("clients") or names if each not in came]
        return came, missing


def all_answered(request: Request) -> bool:
    """Whether each server has answered once."""
    return not request.silent


def all_clients_answered(request: Request) -> bool:
    """Whether each server has told how many clients it asks, and all have answered or left."""
    if request.silent:
        return False
    return all(
        request.answered.get(server, 0) >= _count(told) or server in request.gone
        for server, told in list(request.counts.items())  # another thread may add some
    )


def _count(told: dict[str, Any]) -> int:
    count = told.get("clientCount")
    return count if isinstance(count, int) and count >= 0 else 0


class Requests:
    """The questions of one worker.

    Args:
        bus: the bus.
        messages: writes and reads messages.
        channels: the names of channels.

    Attributes:
        messages: the same as given; it may be replaced.
    """

    def __init__(self, bus: RedisBus, messages: NodeMessages, channels: Channels) -> None:
        self._bus = bus
        self.messages = messages
        self._channels = channels
        self._by_id: dict[str, Request] = {}

    def take(self, message: NodeMessage, cost: int) -> None:
        """An answer of so many bytes has come; nobody may wait for it any more."""
        request = self._by_id.get(str(message.data.get("requestId")))
        if request is not None:
            request.take(message.sender, message.type, message.data, cost)

    def tell_all(self, namespace: str, kind: int, data: dict[str, Any]) -> None:
        """Tell all other servers something."""
        channel, name, messages = self._channels.of_all(namespace), self._bus.name, self.messages

        def command(written: int) -> tuple[Any, ...]:
            told = NodeMessage(name, namespace, kind, {**data, AFTER: written})
            return "PUBLISH", channel, messages.packed(told)

        self._bus.write_after(command)

    def answer(self, message: NodeMessage, kind: int, **data: Any) -> None:
        """Answer a message of another server."""
        data["requestId"] = message.data.get("requestId")
        packed = self.messages.packed(NodeMessage(self._bus.name, message.namespace, kind, data))
        channel = self._channels.of_one(message.namespace, message.sender)
        self._bus.write("PUBLISH", channel, packed)

    def ask_all(
        self,
        namespace: str,
        kind: int,
        data: dict[str, Any],
        timeout: float | None,
        is_over: Callable[[Request], bool] = all_answered,
        gathered: Gathered | None = None,
    ) -> Request:
        """Ask all other servers, and wait for their answers.

        Args:
            namespace: the namespace.
            kind: the type of the question.
            data: its data.
            timeout: how many seconds to wait; ``None`` waits for all that are there.
            is_over: tells whether all answers have come.
            gathered: counts what answers of clients take, while they are waited for.
        """
        # Nobody can answer before, as in a namespace that was made just now.
        mine = self._channels.of_one(namespace, self._bus.name)
        self._bus.wait_heard(mine, _SUBSCRIBING)
        request, request_id = Request(is_over, gathered), secrets.token_hex(8)
        self._by_id[request_id] = request
        try:
            self.tell_all(namespace, kind, {**data, "requestId": request_id})
            end = None if timeout is None else monotonic() + timeout
            while True:
                self._count_servers(namespace, request)
                request.check()
                left = _PATIENCE if end is None else min(end - monotonic(), _PATIENCE)
                if left <= 0 or request.wait(left):
                    return request
        finally:
            del self._by_id[request_id]
            request.end()

    def _count_servers(self, namespace: str, request: Request) -> None:
        """See how many servers are to answer; some may have gone meanwhile."""
        heard: Sequence[str] = sorted(request.heard - request.gone)
        channels = [self._channels.of_one(namespace, server) for server in heard]
        every = self._channels.of_all(namespace)
        try:
            found = self._bus.query("PUBSUB", "NUMSUB", every, *channels)
        except WorkerSilent:
            # Nobody knows: those that were there are silent until Redis is back.
            known = len(request.heard | self._bus.members)
            request.expected = max(request.expected or 0, known)
            return
        there, *each = found[1::2]
        request.gone |= {server for server, count in zip(heard, each, strict=True) if not count}
        others = int(there) - self._bus.hears(every) - sum(1 for count in each if count)
        request.expected = len(request.heard) + max(others, 0)
