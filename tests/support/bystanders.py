"""Sessions that do nothing wrong, while others attack the server.

Each exchanges numbered messages with a server that sends them back, all the
time. What is lost, doubled, out of order or late fails the test, and so does
the end of a session.
"""

from __future__ import annotations

from typing import Any

import gevent

from .clients import ALL, HTTPClient, Polling
from .http import DEADLINE
from .waiting import wait_until

# Generous, for machines are slow and the attackers run on the same one.
IN_TIME = 30.0

_OF_EACH = 3
_BATCH = 3
# Seconds between two round trips. The attackers run in this process, too, so the pauses are
# longer in an attack that lasts for more than some round trips.
_PAUSE, _LONG_PAUSE = 0.05, 0.5
_SOME = 20


class Bystander:
    """One session.

    Attributes:
        rounds: how many round trips it has made.
        news: the number of the last broadcast that it has seen.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.rounds = 0
        self.news = 0
        self.stopping = False
        self.failure: BaseException | None = None
        self.greenlet = gevent.spawn(self._run)

    def __str__(self) -> str:
        return f"{self.client.transport} after {self.rounds} rounds"

    def _run(self) -> None:
        try:
            self._live()
        except BaseException as failure:  # kept for the test, and shown once
            self.failure = failure

    def _live(self) -> None:
        with gevent.Timeout(IN_TIME, AssertionError(f"not connected in time: {self}")):
            self.client.open()
        while not self.stopping:
            with gevent.Timeout(IN_TIME, AssertionError(f"not in time: {self}")):
                self._exchange([f"{self.rounds}.{place}" for place in range(_BATCH)])
            self.rounds += 1
            gevent.sleep(_PAUSE if self.rounds < _SOME else _LONG_PAUSE)

    def _exchange(self, texts: list[str]) -> None:
        client = self.client
        polls = isinstance(client, Polling)
        if polls:
            client.begin_poll()
        self._send(*texts)
        if polls:
            client.messages.extend(client.finish_poll())
        for text in texts:
            received = self._receive()
            assert received == text, f"{received!r:.99} in place of {text!r}: {self}"

    def _send(self, *texts: str) -> None:
        answer = self.client.send(*texts)
        if isinstance(self.client, HTTPClient):
            accepted = (answer.status, answer.text) == (200, "ok")
            assert accepted, f"{answer.status} {answer.text:.99}: {self}"

    def _receive(self) -> str:
        """The next message that is neither a heartbeat nor a broadcast."""
        while True:
            text = str(self.client.receive())
            if text.startswith("~h~"):
                self._send(text)
            elif text.startswith("news "):
                number = int(text.split()[1])
                assert self.news in (0, number - 1), f"{number} behind {self.news}: {self}"
                self.news = number
            else:
                return text


class Bystanders:
    """Some bystanders of each transport, which run until they are stopped."""

    def __init__(self, server: Any) -> None:
        self._all = [Bystander(server.client(kind)) for kind in ALL for _ in range(_OF_EACH)]
        self.wait_rounds(2)

    def __len__(self) -> int:
        return len(self._all)

    def session_ids(self) -> str:
        """The ids of their sessions, with spaces between."""
        return " ".join(each.client.session_id for each in self._all)

    def check(self) -> None:
        """Raise what any of them has noticed."""
        for each in self._all:
            if each.failure is not None:
                raise each.failure

    def wait_rounds(self, count: int) -> None:
        """Wait until each has made so many more round trips."""
        wanted = [(each, each.rounds + count) for each in self._all]

        def made() -> bool:
            self.check()
            return all(each.rounds >= rounds for each, rounds in wanted)

        wait_until(made, f"{count} more round trips", deadline=3 * DEADLINE)

    def wait_news(self, number: int) -> None:
        """Wait until each has seen the broadcast of this number."""

        def seen() -> bool:
            self.check()
            return all(each.news >= number for each in self._all)

        wait_until(seen, f"news {number}", deadline=3 * DEADLINE)

    def stop(self) -> None:
        """Wait until each has what it still waits for, and end the sessions."""
        for each in self._all:
            each.stopping = True
        gevent.joinall([each.greenlet for each in self._all])
        self.check()
        for each in self._all:
            each.client.send("leave")
            each.client.vanish()

    def vanish(self) -> None:
        """End them, however they are."""
        gevent.killall([each.greenlet for each in self._all])
        for each in self._all:
            each.client.vanish()
