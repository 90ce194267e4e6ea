"""Clients of Socket.IO that leave in the middle of a packet with attachments."""

from __future__ import annotations

from support.in_process import listen
from support.waiting import wait_until

from sockio_gevent.testing import Client

HALF = '452-["photo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


def test_what_was_held_of_half_a_packet_is_not_counted_after_the_end() -> None:
    """Otherwise, few such clients would use up ``max_memory`` for ever."""
    listener = listen()
    memory = listener._sessions.memory
    for _ in range(3):
        client = Client(listener, dialect="socket.io")
        session = client._session
        session.receive([HALF, bytes(100_000)])
        assert memory.held >= 100_000
        client.disconnect()
        wait_until(lambda: not listener._sessions.closing_sessions, "closed")
        assert memory.held == 0
