"""A reload under load: no answered message is lost, and each client is told of the end."""

from __future__ import annotations

import signal
from collections import Counter, defaultdict

import gevent
import pytest
from gevent.event import Event
from support.clients import ALL
from support.http import DEADLINE, Ended
from support.servers import Gunicorn, order
from websockets.exceptions import InvalidState, InvalidStatus

BURST = 3
OF_EACH = 4  # clients of each transport


class Talk:
    """One session that sends numbers and has each sent back.

    Attributes:
        answered: how many numbers the server has said it has got.
        received: what came back.
        end: how the client was told of the end; ``None`` if it was not.
    """

    def __init__(self):
        self.answered = 0
        self.received = []
        self.end = None
        self.session_id = ""

    def go_on(self, server, kind, stopping):
        """Talk until the server ends the session, or refuses it, or the test ends."""
        client = None
        try:
            client = server.client(kind).open()
            self.session_id = client.session_id
            while not stopping.is_set():
                self._send(client, range(self.answered, self.answered + BURST))
                for _ in range(BURST):
                    self.received.append(int(client.receive()))
                self.answered = len(self.received)
                gevent.sleep(0.01)
        except Ended as ended:
            self.end = ended.args[0]
        except InvalidStatus as refused:
            self.end = refused.response.status_code
        except InvalidState:  # the WebSocket ended between two messages
            self.end = client.wait_closed()
        if client is not None:
            client.vanish()

    def _send(self, client, numbers):
        answer = client.send(*(order(number=each) for each in numbers))
        if answer is not None:
            if answer.status != 200:
                raise Ended(answer.status)
            self.answered = numbers[-1] + 1


@pytest.mark.parametrize("worker", ["gevent", "gevent_pywsgi"])
def test_a_reload_under_load_loses_nothing(deploy, tmp_path, worker):
    journal = tmp_path / "journal"
    server = deploy(Gunicorn, worker, environ={"SOCKIO_TEST_JOURNAL": str(journal)}).listening()
    stopping = Event()
    talks = []

    def talk_on(kind):
        while not stopping.is_set():
            talks.append(Talk())
            talks[-1].go_on(server, kind, stopping)

    running = [gevent.spawn(talk_on, kind) for kind in ALL for _ in range(OF_EACH)]
    server.wait_line(r"\) opened$", len(running))
    old = server.ask("/")["pid"]
    server.process.send_signal(signal.SIGHUP)
    # Some polls find the new worker, and their messages wait in the old one in vain.
    closed = server.wait_line(r"closed: (\d+) sessions ended")
    server.wait_line(rf"Worker exiting \(pid: {old}\)")
    stopping.set()
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)

    in_journal = defaultdict(list)
    for line in journal.read_text().splitlines():
        session_id, number = line.split()
        in_journal[session_id].append(int(number))
    for talk in talks:
        arrived = in_journal[talk.session_id]
        assert arrived == list(range(len(arrived))), "each once and in order"
        assert len(arrived) >= talk.answered, "what was answered has arrived"
        assert talk.received == list(range(len(talk.received))), "each once and in order"
    ends = Counter(talk.end for talk in talks)
    assert ends[None] == len(running), "all have found the new worker"
    assert ends.keys() <= {None, 1001, "the stream", 404, 503}
    assert ends[1001] >= 2 * OF_EACH
    assert int(closed[1]) == len(server.found("ended: the server goes away")) > OF_EACH
    assert server.problems() == []
