"""Sessions over hixie-75 and hixie-76: their frames and their ends."""

import gevent
import pytest
from support import framing
from support.hixie import CLOSE, Hixie, frame
from support.http import DEADLINE, LONG, Ended
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.server.stream import websocket as server_websocket

KINDS = [(draft, name) for draft in (75, 76) for name in ("websocket", "flashsocket")]
kinds = pytest.mark.parametrize(
    ("draft", "name"), KINDS, ids=[f"hixie-{draft}-{name}" for draft, name in KINDS]
)
drafts = pytest.mark.parametrize("draft", [75, 76])


def times(**seconds):
    return {"transport_options": {"websocket": seconds, "flashsocket": seconds}}


def opened(served, draft=76, name="websocket"):
    """A client and its session."""
    client = Hixie(served.port, draft=draft, transport=name, Origin="").open()
    wait_until(lambda: client.session_id in served.listener.clients)
    return client, served.listener.clients[client.session_id]


def closing(draft):
    """What the server sends last."""
    return CLOSE if draft == 76 else b""


@kinds
def test_tricky_strings_are_echoed_unaltered(echo, draft, name):
    served = echo()
    client, session = opened(served, draft, name)
    assert session.transport == name
    for text in framing.TRICKY:
        client.send(text)
        assert client.receive() == text
    client.send(*framing.TRICKY)
    assert [client.receive() for _ in framing.TRICKY] == framing.TRICKY
    assert [event[1] for event in served.happened("message")] == framing.TRICKY * 2


@kinds
def test_frames_may_come_in_any_pieces(echo, draft, name):
    client, _ = opened(echo(), draft, name)
    client.raw.send_bytewise(frame("é😀"))
    assert client.receive() == "é😀"
    several = frame("one") + frame("two", "three") + frame("four")
    client.raw.send(several[:-1])
    assert [client.receive() for _ in range(3)] == ["one", "two", "three"]
    client.raw.send(several[-1:])
    assert client.receive() == "four"


@drafts
def test_messages_of_one_tick_are_sent_in_one_write(serve, draft):
    client, session = opened(serve(), draft)
    for number in range(50):
        session.send(str(number))
    with gevent.Timeout(DEADLINE):
        assert client.raw.socket.recv(65536) == b"".join(frame(str(i)) for i in range(50))


@kinds
def test_a_close_of_the_client_ends_the_session(serve, draft, name):
    served = serve()
    client, _ = opened(served, draft, name)
    client.raw.send(CLOSE)
    assert client.raw.end() == closing(draft)
    served.wait("disconnect")
    # The older draft has no closing frame: there it is a violation, and as good an end.
    served.wait_line("closed by the client" if draft == 76 else "no frame begins with 0xff")


@kinds
def test_a_hang_up_ends_the_session_at_once(serve, draft, name):
    served = serve()
    client, _ = opened(served, draft, name)
    client.vanish()
    served.wait("disconnect")
    served.wait_line("the connection was lost")
    assert served.listener.clients == {}


@kinds
def test_the_server_closes_behind_its_last_messages(serve, monkeypatch, draft, name):
    monkeypatch.setattr(server_websocket, "CLOSE_TIMEOUT", 60)
    served = serve()
    client, session = opened(served, draft, name)
    session.send("last")
    session.send("words")
    session.disconnect()
    expected = frame("last") + frame("words") + closing(draft)
    assert client.raw.take(len(expected)) == expected
    if draft == 76:
        client.raw.send(CLOSE)
    else:
        with pytest.raises(Ended):
            client.raw.take(1)
        client.vanish()
    served.wait("disconnect")
    assert client.draft == 75 or client.raw.end() == b""


@drafts
def test_a_client_that_never_answers_the_close_is_cut_off(serve, monkeypatch, draft):
    monkeypatch.setattr(server_websocket, "CLOSE_TIMEOUT", 0.1)
    served = serve()
    client, session = opened(served, draft)
    downlink = session_of(session).downlink
    session.disconnect()
    assert client.raw.take(len(closing(draft))) == closing(draft)
    with gevent.Timeout(DEADLINE):
        downlink.wait_over()
    assert client.raw.end() == b""


@drafts
def test_messages_after_the_server_s_close_are_dropped(serve, draft):
    served = serve()
    client, session = opened(served, draft)
    session.disconnect()
    client.raw.send(frame("too late") + CLOSE)
    assert client.raw.end() == closing(draft)
    served.wait("disconnect")
    assert served.happened("message") == []


BROKEN = {
    "another first byte": (b"\x01", "no frame begins with 0x01"),
    "a frame with a length": (b"\x80\x05hello", "no frame begins with 0x80"),
    "a frame of RFC 6455": (b"\x81\x80\0\0\0\0", "no frame begins with 0x81"),
    "nearly a close": (b"\xff\x01", "no frame begins with 0xff"),
    "bad UTF-8": (b"\x00\xc3\x28\xff", "not UTF-8"),
    "a frame that never ends": (b"\x00" + b"x" * 1001, "over 1000 bytes"),
    "a frame over the limit": (b"\x00" + b"x" * 1001 + b"\xff", "over 1000 bytes"),
}


@kinds
@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_violation_ends_the_connection(echo, draft, name, data, reason):
    served = echo(max_message_size=1000)
    bystander, _ = opened(served)
    client, _ = opened(served, draft, name)
    client.raw.send(frame("before") + data)
    assert client.raw.end() == closing(draft)
    served.wait("disconnect")
    assert [event[1] for event in served.happened("message")] == ["before"]
    ended = [line for line in served.lines if "ended" in line and client.session_id[:8] in line]
    assert len(ended) == 1
    assert reason in ended[0]
    assert list(served.listener.clients) == [bystander.session_id]
    bystander.send("alive")
    assert bystander.receive() == "alive"


@drafts
def test_a_payload_of_the_limit_is_accepted(echo, draft):
    client, _ = opened(echo(max_message_size=1000), draft)
    client.send("x" * (1000 - len("~m~991~m~")))
    assert len(client.receive()) == 991


@kinds
def test_heartbeats_count_up_while_they_are_echoed(serve, draft, name):
    served = serve(**times(heartbeat_interval=0.1, timeout=LONG))
    client, _ = opened(served, draft, name)
    for number in range(1, 4):
        assert client.receive() == f"~h~{number}"
        client.send(f"~h~{number}")
    assert served.happened("disconnect") == []
    assert served.happened("message") == []


@kinds
def test_a_heartbeat_without_its_echo_ends_the_session(serve, draft, name):
    served = serve(**times(heartbeat_interval=0.1, timeout=0.1))
    client, _ = opened(served, draft, name)
    assert client.receive() == "~h~1"
    served.wait("disconnect")
    served.wait_line("no echo of a heartbeat in 0.1 s")
    assert client.raw.take(len(closing(draft))) == closing(draft)
    client.raw.socket.shutdown(1)
    assert client.raw.end() == b""


@kinds
def test_a_session_is_resumed_by_its_id(serve, draft, name):
    served = serve(**times(close_timeout=LONG))
    client, session = opened(served, draft, name)
    client.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    for number in range(3):
        session.send(str(number))
    again = Hixie(served.port, client.session_id, draft=draft, transport=name, Origin="")
    expected = frame("0") + frame("1") + frame("2")
    assert again.raw.take(len(expected)) == expected
    assert session.connections == 2
    assert served.happened("disconnect") == []


@drafts
def test_a_newer_connection_replaces_the_older(serve, draft):
    served = serve(**times(close_timeout=LONG))
    older, session = opened(served, draft)
    newer = Hixie(served.port, older.session_id, draft=151 - draft, Origin="")
    assert older.raw.take(len(closing(draft))) == closing(draft)
    session.send("to the newer")
    assert newer.receive() == "to the newer"
    assert session.connections == 2
    assert served.happened("disconnect") == []


@drafts
def test_an_unknown_id_is_refused(serve, draft):
    served = serve()
    assert " 404 " in Hixie(served.port, "nosuchsession", draft=draft, Origin="").status
    served.wait_line("no such session")


def fill(session, size=64 * 1024):
    """Send until the socket of a reader that does not read is full; return how much was sent."""
    for count in range(200):
        session.send("x" * size)
        gevent.idle()
        if session_of(session).downlink is None or session_of(session).downlink.writing:
            return count + 1
    raise AssertionError("the socket took everything")


@drafts
def test_a_reader_that_stops_is_closed_at_its_limit(serve, draft):
    served = serve(max_buffer=256 * 1024, **times(timeout=LONG))
    client, session = opened(served, draft)
    fill(session)
    for _ in range(5):
        session.send("x" * 64 * 1024)
    served.wait("disconnect")
    assert client.session_id[:8] in served.wait_line("bytes wait and are not taken")
    assert served.listener.clients == {}


@drafts
def test_messages_that_a_broken_socket_did_not_take_go_to_the_next_one(serve, draft):
    served = serve(max_buffer=4 * 1024 * 1024, **times(close_timeout=LONG))
    slow, session = opened(served, draft)
    fill(session)
    session.send("one")
    session.send("two")
    slow.raw.reset()
    wait_until(lambda: session_of(session).downlink is None)
    again = Hixie(served.port, slow.session_id, draft=draft, Origin="")
    received = again.receive()
    while received != "one":  # the last of the large ones, cut in the middle before
        assert received == "x" * 64 * 1024
        received = again.receive()
    assert again.receive() == "two"


@drafts
def test_closing_the_listener_tells_the_clients(serve, draft):
    served = serve()
    client, session = opened(served, draft)
    session.send("bye")
    closed = gevent.spawn(served.listener.close, None)
    expected = frame("bye") + closing(draft)
    assert client.raw.take(len(expected)) == expected
    client.vanish()
    closed.get(timeout=DEADLINE)
    assert len(served.happened("disconnect")) == 1
    assert " 503 " in Hixie(served.port, draft=draft, Origin="").status
