"""A bus to one other worker, which does what a test says."""

from __future__ import annotations

from typing import Any

from sockio_gevent.cluster.bus import WorkerGone, alone
from sockio_gevent.cluster.names import worker_name

from . import engineio
from .http import HTTP

__all__ = ["ADDRESS", "CLASSIC", "OTHER", "StandIn", "ask", "with_stand_in"]

#: The name of the other worker, and addresses of sessions that it owns.
OTHER = "f" * 10
ADDRESS = engineio.address("polling", "0" * 30 + OTHER)
CLASSIC = f"/socket.io/xhr-polling/{'0' * 30 + OTHER}/1"


class StandIn:
    """A bus to one other worker.

    Attributes:
        there: whether the other worker is there.
        reached: whether what is sent to it goes out now.
        answers: what it does with connections and with requests, one after the other: a bool,
            an exception, or a function that is called with the descriptor.
        given: the kinds of what was handed over to it.
    """

    alone = False
    members = frozenset((OTHER,))

    def __init__(self) -> None:
        self.name = worker_name()
        self.there = True
        self.reached = True
        self.answers: dict[str, Any] = {"connection": False, "request": False}
        self.given: list[str] = []
        self.receivers: dict[str, Any] = {}

    def start(self) -> None:
        pass

    close = start

    def find(self, worker: str) -> bool:
        return self.there and worker == OTHER

    def reaches(self, worker: str) -> bool:
        return self.reached

    def when_gone(self, function: Any) -> None:
        pass

    when_back = when_gone

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        return self.there

    def ask(self, worker: str, kind: str, body: bytes, timeout: float) -> bytes:
        self.given.append(kind)
        answer = self.answers.get(kind, WorkerGone("no"))
        if isinstance(answer, Exception):
            raise answer
        return bytes(answer)

    def receive(self, kind: str, receiver: Any) -> None:
        self.receivers[kind] = receiver

    def hands_over_to(self, worker: str) -> bool:
        return True

    def hand_over(
        self, worker: str, kind: str, body: bytes, descriptor: int, timeout: float
    ) -> bool:
        self.given.append(kind)
        answer = self.answers[kind]
        if isinstance(answer, Exception):
            raise answer
        return bool(answer(descriptor) if callable(answer) else answer)

    def stats(self) -> dict[str, Any]:
        return alone()


def with_stand_in(serve: Any) -> Any:
    """Serve with such a bus."""
    served = serve(dialects=("classic", "engine.io"))
    served.bus = served.listener._sessions.bus = StandIn()
    served.server.handler_class.hands_over = True
    return served


def ask(served: Any, path: str = ADDRESS) -> Any:
    """The answer to a request, over a connection of its own."""
    http = HTTP(served.port)
    try:
        return http.request("GET", path)
    finally:
        http.close()
