"""Each close reason happens and is counted, over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.clients import Polling, ServerEvents, WebSocket

from sockio_gevent.monitoring.reasons import CloseReason


def closed_by_the_client(served: Any) -> None:
    WebSocket(served.port).open().close()


def lost(served: Any) -> None:
    WebSocket(served.port).open().vanish()


def stream_lost(served: Any) -> None:
    ServerEvents(served.port).open().vanish()


def away(served: Any) -> None:
    Polling(served.port).open().vanish()


def without_echo(served: Any) -> None:
    assert WebSocket(served.port).open().wait_closed() == 1011


def ended_by_the_application(served: Any) -> None:
    client = WebSocket(served.port).open()
    served.wait("connection")[1].disconnect()
    assert client.wait_closed() == 1000


def ended_by_the_listener(served: Any) -> None:
    client = WebSocket(served.port).open()
    closing = gevent.spawn(served.listener.close)
    assert client.wait_closed() == 1001
    closing.join()


def reader_stopped(served: Any) -> None:
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]
    while session.connected:
        session.send("x" * 500_000)
        gevent.sleep(0)
    client.vanish()


def poll_not_taken(served: Any) -> None:
    client = Polling(served.port).open()
    client.begin_poll()
    served.wait("connection")[1].send("x" * 12 * 1024 * 1024)
    served.wait("disconnect")
    client.vanish()


def bad_frame(served: Any) -> None:
    client = WebSocket(served.port).open()
    client.send_bytes(b"\x81\x01x")
    assert client.wait_closed() == 1002


def binary_frame(served: Any) -> None:
    client = WebSocket(served.port).open()
    client.protocol.send_binary(b"x")
    client.send("and more")
    assert client.wait_closed() == 1003


def too_many_messages(served: Any) -> None:
    client = WebSocket(served.port).open()
    client.send("1", "2", "3")
    assert client.wait_closed() == 1009


def exit_of_a_greenlet() -> None:
    raise gevent.GreenletExit


def handler_that_exits(served: Any) -> None:
    client = WebSocket(served.port).open()
    served.wait("connection")[1].on("message", lambda message: exit_of_a_greenlet())
    client.send("leave")
    assert client.wait_closed() == 1011


SITUATIONS: list[tuple[CloseReason, Callable[[Any], None], dict[str, Any]]] = [
    (CloseReason.CLIENT, closed_by_the_client, {}),
    (CloseReason.LOST, lost, {}),
    (CloseReason.LOST, stream_lost, {}),
    (CloseReason.AWAY, away, {"transport_options": {"xhr-polling": {"close_timeout": 0.1}}}),
    (
        CloseReason.HEARTBEAT,
        without_echo,
        {"transport_options": {"websocket": {"heartbeat_interval": 0.1, "timeout": 0.1}}},
    ),
    (CloseReason.APPLICATION, ended_by_the_application, {}),
    (CloseReason.SERVER, ended_by_the_listener, {}),
    (CloseReason.BUFFER, reader_stopped, {"max_buffer": 1_000_000}),
    (
        CloseReason.STALLED,
        poll_not_taken,
        {
            "max_buffer": 16 * 1024 * 1024,
            "transport_options": {"xhr-polling": {"duration": 0.2}},
        },
    ),
    (CloseReason.PROTOCOL, bad_frame, {}),
    (CloseReason.PROTOCOL, binary_frame, {}),
    (CloseReason.LIMIT, too_many_messages, {"max_payload_messages": 2}),
    (CloseReason.FAILURE, handler_that_exits, {}),
]


@pytest.mark.parametrize(
    ("cause", "situation", "options"), SITUATIONS, ids=[each.__name__ for _, each, _ in SITUATIONS]
)
def test_an_end_counts_by_its_reason(serve, cause, situation, options):
    served = serve(**options)
    situation(served)
    served.wait("disconnect")
    stats = served.listener.stats()
    expected = {each.value: int(each is cause) for each in CloseReason}
    assert stats["closes"] == expected
    assert stats["opened"] == 1
    assert not any(map(sum, (states.values() for states in stats["sessions"].values())))
    assert stats["buffered"] == 0


def test_no_close_reason_is_left_out():
    assert {cause for cause, _, _ in SITUATIONS} == set(CloseReason)
