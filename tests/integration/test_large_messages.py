"""A client that sends a message which is far too large learns why its connection ends."""

from __future__ import annotations

import ssl
from typing import Any

import gevent
import gevent.ssl
import pytest
from gevent.pywsgi import WSGIServer
from support.client_frames import MASK, frame, header
from support.clients import WebSocket
from support.http import DEADLINE
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.server.stream import websocket
from sockio_gevent.wire import websocket_connection

MIB = 1024 * 1024
TEXT, CLOSE = 1, 8


def send_large(client: WebSocket, size: int) -> None:
    client.send_bytes(header(TEXT, size) + MASK)
    for _ in range(size // MIB):
        client.send_bytes(bytes(MIB))


def send_until_cut(client: WebSocket) -> int:
    """Send until the connection is cut; return how many bytes the server took."""
    sent = 0
    with gevent.Timeout(DEADLINE):
        while True:
            try:
                client.send_bytes(bytes(MIB))
            except OSError:
                return sent
            sent += MIB


@pytest.mark.parametrize("size", [2 * MIB, 48 * MIB])
def test_a_client_that_writes_first_and_reads_then_sees_the_code(serve: Any, size: int) -> None:
    served = serve()
    client = WebSocket(served.port).open()
    send_large(client, size)
    assert client.wait_closed() == 1009
    assert client.protocol.close_rcvd is not None
    assert client.protocol.close_rcvd.reason == "the message is over 1048576 bytes"


def test_the_close_code_is_seen_over_tls(serve: Any, tls: Any) -> None:
    authority, files = tls
    served = serve(server=WSGIServer(("127.0.0.1", 0), log=None, **files))
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    client = WebSocket(
        served.port, wrap=lambda raw: context.wrap_socket(raw, server_hostname="localhost")
    ).open()
    send_large(client, 8 * MIB)
    assert client.wait_closed() == 1009


def test_the_session_ends_before_the_rest_is_read(serve: Any) -> None:
    served = serve()
    client = WebSocket(served.port).open()
    client.send_bytes(header(TEXT, 1 << 40) + MASK)
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1
    assert client.wait_closed() == 1009
    # Later bytes of the client are neither an answer nor a message.
    client.send_bytes(frame(TEXT, b"~m~5~m~hello") + frame(CLOSE, b"\x03\xe8"))
    client.vanish()
    assert served.happened("message") == []


def test_a_message_that_is_under_way_at_the_end_of_the_session_causes_no_reset(
    serve: Any,
) -> None:
    served = serve()
    client = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    session.disconnect()
    served.wait("disconnect")
    send_large(client, 8 * MIB)
    assert client.wait_closed() == 1000


def test_only_so_many_bytes_are_discarded(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(websocket_connection, "_MOST_DISCARDED", 4 * MIB)
    served = serve()
    client = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    downlink = session_of(session).downlink
    client.send_bytes(header(TEXT, 1 << 40) + MASK)
    assert send_until_cut(client) >= 4 * MIB
    wait_until(lambda: downlink.is_over)


def test_bytes_are_discarded_only_for_a_while(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0.2)
    served = serve()
    client = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    downlink = session_of(session).downlink
    client.send_bytes(header(TEXT, 1 << 40) + MASK)
    # Nothing follows, and the client does not close its side.
    wait_until(lambda: downlink.is_over)


def test_others_are_served_while_one_message_is_discarded(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(websocket_connection, "_MOST_DISCARDED", 1 << 40)
    served = serve(on_client_message=lambda message, client: client.send(message))
    client = WebSocket(served.port).open()
    other = WebSocket(served.port).open()
    client.send_bytes(header(TEXT, 1 << 40) + MASK)
    sending = gevent.spawn(send_until_cut, client)
    assert client.wait_closed() == 1009
    for number in range(100):
        other.send(str(number))
        assert other.receive() == str(number)
    assert not sending.ready(), "it was over before the other was served"
    sending.kill()
