"""Clients of Socket.IO that send much when they connect to a namespace, which is kept."""

from __future__ import annotations

import re

from support.in_process import listen
from support.waiting import wait_until

from sockio_gevent.testing import Client

MUCH = {"token": "x" * 100_000}


def test_what_is_kept_of_a_wish_is_counted_until_the_client_leaves() -> None:
    listener = listen()
    listener.of("/a")
    memory = listener._sessions.memory
    client = Client(listener, dialect="socket.io", auth=MUCH)
    other = client.connect("/a", auth=MUCH)
    assert 200_000 <= memory.held < 220_000
    assert other.session.auth == MUCH
    other.disconnect()
    assert 100_000 <= memory.held < 110_000
    client.disconnect()
    wait_until(lambda: not listener._sessions.closing_sessions, "closed")
    assert memory.held == 0


def test_sessions_whose_wishes_take_too_much_together_are_ended() -> None:
    listener = listen(max_memory=1_000_000)
    listener.of(re.compile("/.*"))
    bystander = Client(listener, dialect="socket.io")
    attackers = [Client(listener, dialect="socket.io") for _ in range(4)]
    for attacker in attackers:
        for number in range(5):
            if attacker.connected:
                attacker.connect(f"/{number}", auth=MUCH)
    wait_until(lambda: listener._sessions.memory.held <= 1_000_000, "freed")
    assert not all(each.connected for each in attackers)
    assert bystander.connected
