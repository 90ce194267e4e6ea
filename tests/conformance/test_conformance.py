"""The server on a real socket does what RFC 6455 says; the conversations are in ``cases``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
import pytest
from cases import ALL
from cases.case import CLOSE, LIMIT, NORMAL, SLOW, Frame, echo
from gevent.pywsgi import WSGIServer
from geventwebsocket import WebSocketError
from peer import Peer, as_expected
from support import framing
from support.client_frames import frame
from support.http import LONG
from support.times import patient
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.server.stream import websocket as server_websocket

FEWEST = 250


class EchoServer:
    """Sends all messages back: the listener's clients', and those of a route of its own.

    Attributes:
        received: the messages that the application got, by the query of their connection.
        listener: the listener beside the route.
        port: where it serves.
    """

    def __init__(self) -> None:
        self.received: dict[str, list[str | bytes]] = defaultdict(list)
        self.server = WSGIServer(("127.0.0.1", 0), self._echo, log=None)
        self.listener = io.listen(
            self.server,
            log=False,
            max_message_size=LIMIT,
            flash_policy_port=None,
            transport_options=patient({}),
            on_client_message=self._echo_to_client,
        )
        self.server.start()
        self.port: int = self.server.server_port

    def _echo(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        websocket = environ["wsgi.websocket"]
        received = self.received[environ["QUERY_STRING"]]
        try:
            while (message := websocket.receive()) is not None:
                received.append(message if isinstance(message, str) else bytes(message))
                websocket.send(message)
        except WebSocketError:
            pass  # closed before this message could be sent back
        return []

    def _echo_to_client(self, message: str, client: io.Client) -> None:
        self.received[client.environ["QUERY_STRING"]].append(framing.encode(message))
        client.send(message)
        if message == SLOW:
            # The messages are sent before the handler returns.
            gevent.idle()

    def stop(self) -> None:
        self.listener.close(1)
        self.server.stop(1)


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    # The client that closes last must not be cut off because this machine is slow.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_websocket, "CLOSE_TIMEOUT", LONG)
        running = EchoServer()
        yield running
        running.stop()


def connect(server: EchoServer, path: str, query: str) -> Peer:
    peer = Peer(server.port, f"{path}?{query}")
    if path != "/echo":
        greeting = peer.frame()
        [session_id] = framing.decode(greeting.payload.decode())
        assert session_id in server.listener.clients
    return peer


@pytest.mark.parametrize("name", ALL)
def test_a_conversation_follows_the_rfc(server: EchoServer, name: str) -> None:
    case, query = ALL[name], str(list(ALL).index(name))
    peer = connect(server, case.path, query)
    expected = [*(step for step in case.sent if isinstance(step, Frame)), *case.answer]
    peer.play(case.sent)
    codes: Sequence[int | None] = case.codes or [None]
    if case.codes is None:
        peer.wait_for(expected)
        peer.play([frame(CLOSE, NORMAL.to_bytes(2, "big"))])
        codes = [NORMAL]
    code = peer.until_closed()
    peer.close()
    assert as_expected(peer.frames, expected), peer.frames
    assert code in codes
    wait_until(lambda: not server.listener.clients)
    assert server.received.pop(query, []) == case.messages


def test_there_are_enough_cases() -> None:
    assert len(ALL) >= FEWEST


@pytest.mark.parametrize(
    ("got", "fits"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param(echo("a"), False, id="the first only"),
        pytest.param(echo("c"), False, id="the last only"),
        pytest.param(echo("a", "c"), True, id="what is required"),
        pytest.param(echo("a", "b", "c"), True, id="all"),
        pytest.param(echo("a", "c", "b"), False, id="another order"),
        pytest.param(echo("a", "b", "c", "c"), False, id="one too many"),
        pytest.param(echo("a", b"c"), False, id="another opcode"),
    ],
)
def test_frames_are_compared_with_optional_frames(got: list[Frame], fits: bool) -> None:
    assert as_expected(got, echo("a") + echo("b", required=False) + echo("c")) == fits
