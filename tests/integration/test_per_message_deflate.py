"""permessage-deflate on real sockets, with the websockets library as the client."""

from __future__ import annotations

import base64
import random
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from geventwebsocket import WebSocketServer
from support import client_frames, deflated_frames
from support.certificates import Certificate
from support.clients import WebSocket
from support.deflated_frames import MIB, bomb, deflated, frame, message
from support.framing import TRICKY, encode
from support.http import LONG
from support.waiting import wait_until
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Opcode

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.compiled import FORM
from sockio_gevent.wire.deflate import Compression

TEXT, CONTINUATION, PING = 1, 0, 9
OPTIONS: dict[str, Any] = {
    "defaults": True,
    "everything": {"threshold": 0},
    "contexts": {"context_takeover": True, "threshold": 0},
    "small windows": {"window_bits": 9, "context_takeover": True, "threshold": 0},
}
LONG_TEXT = "one of many words, " * 1000


class Deflating(WebSocket):
    """A client that offers permessage-deflate as browsers do."""

    def __init__(self, port: int, session_id: str = "", **more: Any) -> None:
        more.setdefault("extensions", [ClientPerMessageDeflateFactory(client_max_window_bits=True)])
        super().__init__(port, session_id, **more)

    @property
    def agreed(self) -> bool:
        """Whether the server has accepted."""
        return bool(self.protocol.extensions)


def noise(size: int, seed: int) -> str:
    """Text that hardly becomes shorter."""
    return base64.b64encode(random.Random(seed).randbytes(size)).decode()


@pytest.fixture(params=OPTIONS.values(), ids=OPTIONS)
def deflating(request: Any, echo: Any) -> Any:
    """An echo with each set of options."""
    return echo(per_message_deflate=request.param, max_buffer=8 * MIB)


def test_messages_of_all_kinds_come_back(deflating: Any) -> None:
    client = Deflating(deflating.port).open()
    assert client.agreed
    texts = [*TRICKY, LONG_TEXT, noise(100_000, 1), "x" * 1_000_000, "", *"abc"]
    for text in texts:
        client.send(text)
    assert [client.receive() for _ in texts] == texts
    client.close()
    deflating.wait("disconnect")


@pytest.mark.parametrize(
    "offer",
    [
        {"server_no_context_takeover": True},
        {"client_no_context_takeover": True},
        {"server_max_window_bits": 9},
        {"client_max_window_bits": 9},
        {"server_max_window_bits": 12, "client_max_window_bits": 10},
    ],
    ids=repr,
)
def test_each_parameter_of_an_offer_is_kept(deflating: Any, offer: dict[str, Any]) -> None:
    factory = ClientPerMessageDeflateFactory(**{"client_max_window_bits": True, **offer})
    client = Deflating(deflating.port, extensions=[factory]).open()
    assert client.agreed
    # Long enough that the windows matter.
    text = noise(40_000, 2)
    client.send(text, text)
    assert [client.receive(), client.receive()] == [text, text]


def test_clients_that_offer_nothing_are_served_beside_the_others(deflating: Any) -> None:
    plain, compressed = WebSocket(deflating.port).open(), Deflating(deflating.port).open()
    for text in ("short", LONG_TEXT):
        deflating.listener.broadcast(text)
        assert plain.receive() == compressed.receive() == text


def test_by_default_an_offer_is_declined(echo: Any) -> None:
    client = Deflating(echo().port).open()
    assert not client.agreed
    client.send(LONG_TEXT)
    assert client.receive() == LONG_TEXT


@pytest.mark.parametrize(
    "offer",
    ["permessage-deflate; nonsense", "permessage-deflate; server_max_window_bits=8", ";;=", '"'],
)
def test_a_bad_offer_is_declined_and_the_handshake_succeeds(echo: Any, offer: str) -> None:
    served = echo(per_message_deflate=True)
    client = WebSocket(served.port, headers={"Sec-WebSocket-Extensions": offer}).open()
    client.send(LONG_TEXT)
    assert client.receive() == LONG_TEXT


def test_only_version_13_has_compression(echo: Any) -> None:
    served = echo(per_message_deflate=True)
    assert not Deflating(served.port, version="8").open().agreed
    assert Deflating(served.port, version="13").open().agreed


def test_messages_under_the_threshold_are_not_compressed(serve: Any) -> None:
    served = serve(per_message_deflate={"threshold": 100})
    client = Deflating(served.port).open()
    first_bytes = []
    for size in (90, 92):
        served.listener.broadcast("x" * size)  # and eight bytes of a frame mark
        first_bytes.append(client.socket.recv(65536)[0])
    assert first_bytes == [0x81, 0xC1]


def test_a_broadcast_is_compressed_once(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    compress = Compression.compress

    def counting(self: Compression, text: bytes) -> bytes:
        calls.append(self.window_bits)
        return compress(self, text)

    monkeypatch.setattr(Compression, "compress", counting)
    served = serve(per_message_deflate=True)
    clients = [Deflating(served.port).open() for _ in range(5)]
    small = ClientPerMessageDeflateFactory(server_max_window_bits=10)
    clients += [Deflating(served.port, extensions=[small]).open(), WebSocket(served.port).open()]
    served.listener.broadcast(LONG_TEXT)
    assert [client.receive() for client in clients] == [LONG_TEXT] * 7
    assert sorted(calls) == [10, 15]


@pytest.mark.skipif(FORM == "compiled", reason="compiled classes have no slots to look into")
def test_a_quiet_connection_keeps_no_compressor_and_no_window(serve: Any) -> None:
    served = serve(per_message_deflate=True)
    client = Deflating(served.port).open()
    client.send(LONG_TEXT)
    (_, _, session) = served.wait("message")
    session.send(LONG_TEXT)
    assert client.receive() == LONG_TEXT
    protocol = session_of(session).downlink._websocket.protocol
    kept = [getattr(protocol, name) for name in type(protocol).__slots__]
    assert [each for each in kept if each and type(each) is not int] == [protocol._agreement]


def test_an_own_websocket_of_the_application_is_not_compressed(serve: Any) -> None:
    def own(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        websocket = environ["wsgi.websocket"]
        websocket.send(websocket.receive())
        return []

    served = serve(own, per_message_deflate=True)
    client = Deflating(served.port, path="/own")
    assert not client.agreed
    client.send_payload(LONG_TEXT)
    assert client.frame().data == LONG_TEXT.encode()


def test_another_server_with_the_listener_as_its_application_compresses(host: Any) -> None:
    listener = io.listen(lambda environ, start_response: [], per_message_deflate=True, log=False)
    listener.on("clientMessage", lambda text, client: client.send(text))
    client = Deflating(host(listener)).open()
    assert client.agreed
    client.send(LONG_TEXT)
    assert client.receive() == LONG_TEXT
    listener.close(0.5)


def test_a_websocket_that_was_opened_before_the_listener_is_not_compressed() -> None:
    listener = io.listen(lambda environ, start_response: [], per_message_deflate=True, log=False)
    listener.on("clientMessage", lambda text, client: client.send(text))
    server = WebSocketServer(("127.0.0.1", 0), listener)
    server.start()
    try:
        client = Deflating(server.server_port).open()
        assert not client.agreed
        client.send(LONG_TEXT)
        assert client.receive() == LONG_TEXT
    finally:
        listener.close(0.5)
        server.stop(1)


# --- frames that no library sends ---


def test_messages_may_come_in_fragments_with_pings_between(echo: Any) -> None:
    client = Deflating(echo(per_message_deflate=True).port).open()
    ping = client_frames.frame(PING, b"?")
    client.send_bytes(message(encode("one", "two").encode(), 3, 5, between=ping))
    assert [client.frame().opcode, client.frame().opcode] == [Opcode.PONG] * 2
    client.send_bytes(client_frames.frame(TEXT, encode("plain").encode()))
    assert [client.receive() for _ in range(3)] == ["one", "two", "plain"]


VIOLATIONS = {
    "a continuation": (
        frame(TEXT, deflated(b"~m~1~m~x")[:3], final=False) + frame(CONTINUATION, b"x"),
        1002,
    ),
    "a ping": (frame(PING, b""), 1002),
    "another bit": (frame(TEXT, b"", reserved=2), 1002),
    "no DEFLATE data": (frame(TEXT, b"\xff" * 9), 1007),
    "truncated data": (frame(TEXT, deflated(LONG_TEXT.encode())[:-9]), 1007),
    "not UTF-8": (frame(TEXT, deflated(b"~m~1~m~\xff")), 1007),
    "a bomb": (bomb(100 * MIB), 1009),
    "a bomb in fragments": (message(b" " * 100 * MIB, 10, 1000, 5000), 1009),
    "binary": (deflated_frames.frame(2, deflated(b"x" * 100)), 1003),
}


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_ends_the_connection_with_its_code(echo: Any, data: bytes, code: int) -> None:
    served = echo(per_message_deflate=True)
    client = Deflating(served.port).open()
    client.send_bytes(message(b"~m~6~m~before") + data)
    assert client.wait_closed() == code
    assert [event[1] for event in served.happened("message")] == ["before"]
    served.wait("disconnect")
    assert served.listener.stats()["limits"]["max_message_size"] == (code == 1009)


def test_the_limit_counts_what_a_message_is_inflated(echo: Any) -> None:
    client = Deflating(echo(per_message_deflate=True, max_message_size=5000).port).open()
    client.send("x" * (5000 - len("~m~4990~m~")))
    assert len(client.receive()) == 4990
    client.send("x" * (5001 - len("~m~4990~m~")))
    assert client.wait_closed() == 1009


# --- little data that inflates to much ---


@pytest.fixture(params=["plain", "tls"])
def large(request: Any, serve: Any, tmp_path: Any) -> Any:
    """A server that compresses, over plain sockets or TLS; and the wrapper for its clients."""
    if request.param == "plain":
        return serve(per_message_deflate=True), None
    certificate = Certificate(tmp_path)
    files = {"keyfile": str(certificate.keyfile), "certfile": str(certificate.certfile)}
    server = WSGIServer(("127.0.0.1", 0), None, log=None, **files)
    return serve(server=server, per_message_deflate=True), certificate.wrap


def numbered(count: int, size: int = 900_000) -> bytes:
    """Messages of which dozens come with one read."""
    return b"".join(
        message(encode(f"{number:03}" + "x" * size).encode()) for number in range(count)
    )


def test_many_large_messages_in_one_read_arrive_in_order(large: Any) -> None:
    served, wrap = large
    client = Deflating(served.port, wrap=wrap).open()
    bystander = WebSocket(served.port, wrap=wrap).open()
    client.send_bytes(numbered(30) + message(b"~m~4~m~last"))
    bystander.send("me, too")
    served.wait("message", 32)
    texts = [text[:4] for _, text, _ in served.happened("message") if text != "me, too"]
    assert texts == [*(f"{number:03}x" for number in range(30)), "last"]
    client.close()


def test_no_more_is_inflated_than_may_wait_for_handlers(large: Any) -> None:
    served, wrap = large
    release = Event()

    def block(text: str, client: io.Client) -> None:
        if text.startswith("000x"):
            release.wait()

    served.listener.on("clientMessage", block)
    client = Deflating(served.port, wrap=wrap).open()
    (_, session) = served.wait("connection")
    client.send_bytes(numbered(12))  # so few that one read takes all of them
    served.wait("message")
    inner = session_of(session)
    wait_until(lambda: inner.handlers.stops_reading and inner.downlink._connection.has_rest)
    assert inner.downlink.has_unread(), "the client is not quiet"
    most = 0
    bystander = WebSocket(served.port, wrap=wrap).open()
    for number in range(20):
        bystander.send(str(number))
        served.wait("message", number + 2)
        most = max(most, inner.handlers.waiting)
    assert most < 3 * MIB
    release.set()
    served.wait("message", 32)
    assert inner.incoming == 0


def test_a_session_that_ends_in_a_pause_leaves_nothing(serve: Any) -> None:
    served = serve(per_message_deflate=True)
    served.listener.on("clientMessage", lambda text, client: client.disconnect())
    client = Deflating(served.port).open()
    (_, session) = served.wait("connection")
    downlink = session_of(session).downlink
    client.send_bytes(numbered(30))
    assert client.wait_closed() == 1000
    wait_until(lambda: downlink.is_over)
    assert session_of(session).held == 0
    assert len(served.happened("message")) < 30


def test_a_client_that_hangs_up_in_a_pause_is_noticed(serve: Any) -> None:
    served = serve(per_message_deflate=True)
    client = Deflating(served.port).open()
    client.send_bytes(numbered(30))
    client.vanish()
    served.wait("disconnect")
    served.wait_line("the connection was lost")
    assert len(served.happened("message")) == 30


# --- slow readers ---


@pytest.mark.parametrize("keeps", [False, True], ids=["by itself", "with a context"])
def test_messages_that_a_broken_socket_did_not_take_go_to_the_next_one(
    serve: Any, keeps: bool
) -> None:
    served = serve(
        max_buffer=64 * MIB,
        transport_options={"websocket": {"close_timeout": LONG}},
        per_message_deflate={"context_takeover": keeps},
    )
    slow = Deflating(served.port).open()
    session = served.listener.clients[slow.session_id]
    inner = session_of(session)
    texts = []
    while not inner.downlink.writing:
        texts.append(f"{len(texts)} " + noise(50_000, len(texts)))
        session.send(texts[-1])
        gevent.idle()
    assert inner.downlink.copied > 0, "the compressed form takes memory, too"
    for number in range(50):
        session.send(f"{number} " + noise(2000, number))
    slow.vanish()
    wait_until(lambda: inner.downlink is None)
    again = Deflating(served.port, slow.session_id)
    received = [again.receive()]
    while len(received[-1]) > 10_000 or not received[-1].startswith("49 "):
        received.append(again.receive())
    expected = texts + [f"{number} " + noise(2000, number) for number in range(50)]
    assert received == expected[-len(received) :]
    assert len(received) >= 50
