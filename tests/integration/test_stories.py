"""The life of a session, over each transport."""

import gevent
import pytest
from support import framing
from support.clients import ALL, WebSocket, as_json
from support.http import DEADLINE, LONG, Ended
from support.times import stand_still, wait_hung_up
from support.waiting import wait_until

from sockio_gevent.client import session_of

transports = pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)

STREAMING = [each.transport for each in ALL if each.streams]
POLLING = [each.transport for each in ALL if not each.streams]


def times(streaming, polling=None):
    """The same times for all transports of a kind."""
    return dict.fromkeys(STREAMING, streaming) | {name: polling or {} for name in POLLING}


# Polling keeps a session between polls anyway, the others only if they are told to.
KEPT = times({"close_timeout": LONG})


@transports
def test_the_first_message_is_the_session_id(serve, client):
    served = serve()
    opened = client(served.port).open()
    assert opened.session_id in served.listener.clients
    assert opened.session_id.isalnum()
    assert len(opened.session_id) >= 24
    (_, connected) = served.wait("connection")
    assert connected.session_id == opened.session_id
    assert connected.connected
    assert connected.transport == client.transport
    assert connected.connections == 1
    assert connected.environ["REMOTE_ADDR"] == "127.0.0.1"


@transports
def test_the_handshake_can_be_json(serve, client):
    served = serve(handshake="json")
    opened = client(served.port).open()
    assert as_json(opened.session_id) == {"sessionid": next(iter(served.listener.clients))}


@transports
def test_session_ids_never_repeat(serve, client):
    served = serve()
    assert len({client(served.port).open().session_id for _ in range(20)}) == 20


@transports
def test_tricky_strings_arrive_unaltered_both_ways(echo, client):
    served = echo()
    opened = client(served.port).open()
    for text in framing.TRICKY:
        opened.send(text)
        assert opened.receive() == text
    assert [event[1] for event in served.happened("message")] == framing.TRICKY


@transports
def test_many_tricky_strings_in_one_payload(echo, client):
    opened = client(echo().port).open()
    opened.send(*framing.TRICKY)
    assert [opened.receive() for _ in framing.TRICKY] == framing.TRICKY


@transports
def test_a_broadcast_reaches_all_but_the_excluded_clients(serve, client):
    served = serve()
    opened = [client(served.port).open() for _ in range(4)]
    served.wait("connection", 4)
    one, two, three, four = (served.listener.clients[each.session_id] for each in opened)
    served.listener.broadcast("all")
    served.listener.broadcast("not one", exclude=one.session_id)
    served.listener.broadcast("not one, not two", exclude=[one.session_id, two.session_id])
    three.broadcast("not three")
    assert [opened[0].receive() for _ in range(2)] == ["all", "not three"]
    assert [opened[1].receive() for _ in range(3)] == ["all", "not one", "not three"]
    assert [opened[2].receive() for _ in range(3)] == ["all", "not one", "not one, not two"]
    assert [opened[3].receive() for _ in range(4)] == [
        "all",
        "not one",
        "not one, not two",
        "not three",
    ]
    assert four.connected


@transports
def test_a_session_without_a_connection_keeps_messages_and_delivers_them_as_one_batch(
    serve, client
):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    assert session.connected
    for number in range(5):
        session.send(str(number))
    again = opened.resume()
    assert [again.receive() for _ in range(5)] == list("01234")
    assert session.connections == 2
    assert served.happened("disconnect") == []


@transports
def test_a_session_that_is_without_a_connection_too_long_ends(serve, client):
    short = {"close_timeout": 0.2}
    served = serve(transport_options=times(short, short))
    opened = client(served.port).open()
    opened.vanish()
    (_, session) = served.wait("disconnect")
    assert not session.connected
    assert served.listener.clients == {}
    served.wait_line("away for longer than 0.2 s")
    with pytest.raises(Exception, match="404"):
        opened.resume().receive()
    session.send("to nobody")
    assert len(served.happened("disconnect")) == 1


@transports
def test_an_unknown_id_is_refused(serve, client):
    served = serve()
    with pytest.raises(Exception, match="404"):
        client(served.port, "nosuchsession").receive()
    assert served.listener.clients == {}
    served.wait_line("no such session")


@transports
def test_the_application_can_disconnect_a_client(serve, client):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.listen(session)
    session.send("last words")
    session.disconnect()
    session.disconnect()
    assert not session.connected
    assert opened.receive() == "last words"
    with pytest.raises(Ended):
        opened.receive()
    served.wait("disconnect")
    gevent.idle()
    assert len(served.happened("disconnect")) == 1


@transports
def test_a_newer_connection_replaces_the_older(serve, client):
    served = serve(transport_options=KEPT)
    older = client(served.port).open()
    (_, session) = served.wait("connection")
    older.listen(session)
    replaced = session_of(session).downlink
    newer = older.resume()
    newer.listen(session)
    wait_until(lambda: session_of(session).downlink not in (None, replaced))
    session.send("to the newer")
    assert newer.receive() == "to the newer"
    if client.streams:
        older.wait_closed()
    else:
        assert older.more() == []
    assert session.connections == (2 if client.streams else 3)
    assert session.connected
    assert served.happened("disconnect") == []


@transports
def test_a_hang_up_is_noticed_without_waiting_for_a_message(serve, client):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.listen(session)
    opened.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    session.send("kept")
    assert opened.resume().receive() == "kept"


# Not for sockets: what their kernel buffer has taken cannot be taken back.
@pytest.mark.parametrize(
    "client",
    [each for each in ALL if not issubclass(each, WebSocket)],
    ids=lambda client: client.transport,
)
def test_a_message_sent_as_the_client_vanishes_is_kept(serve, client):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.listen(session)
    opened.vanish()
    wait_hung_up(session)
    session.send("kept")  # before the loop can see that the client has gone
    wait_until(lambda: session_of(session).downlink is None)
    assert opened.resume().receive() == "kept"


streaming = pytest.mark.parametrize(
    "client", [each for each in ALL if each.streams], ids=lambda client: client.transport
)


@streaming
def test_heartbeats_count_up_while_they_are_echoed(serve, client):
    served = serve(transport_options=times({"heartbeat_interval": 0.1, "timeout": LONG}))
    opened = client(served.port).open()
    for number in range(1, 4):
        assert opened.receive() == f"~h~{number}"
        opened.send(f"~h~{number}")
    assert served.happened("disconnect") == []
    assert served.happened("message") == []


@streaming
def test_a_heartbeat_without_its_echo_ends_the_session(serve, client):
    served = serve(transport_options=times({"heartbeat_interval": 0.1, "timeout": 0.1}))
    opened = client(served.port).open()
    assert opened.receive() == "~h~1"
    opened.send("~h~7")
    served.wait("disconnect")
    served.wait_line("no echo of a heartbeat in 0.1 s")
    opened.wait_closed()


@streaming
def test_an_echo_that_came_during_a_stall_counts(serve, client):
    served = serve(transport_options=times({"heartbeat_interval": 0.1, "timeout": 1}))
    opened = client(served.port).open()
    assert opened.receive() == "~h~1"
    # Sent, but read by nobody before the loop runs again.
    opened.begin_send("~h~1")
    stand_still(1.5)
    assert opened.receive() == "~h~2"
    assert served.happened("disconnect") == []


@transports
def test_a_hundred_sessions_at_once(echo, client):
    served = echo()
    texts = [f"{number} 😀" for number in range(10)]

    def run():
        opened = client(served.port).open()
        received = []
        for text in texts:
            opened.send(text)
            received.append(opened.receive())
        opened.vanish()
        return received

    running = [gevent.spawn(run) for _ in range(100)]
    gevent.joinall(running, timeout=DEADLINE, raise_error=True)
    assert [each.value for each in running] == [texts] * 100


@transports
def test_closing_the_listener_tells_the_clients(serve, client):
    served = serve()
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.listen(session)
    session.send("bye")
    closing = gevent.spawn(served.listener.close, None)
    assert opened.receive() == "bye"
    if client.streams:
        assert opened.wait_closed() == (1001 if issubclass(client, WebSocket) else None)
    closing.get(timeout=DEADLINE)
    assert len(served.happened("disconnect")) == 1
    assert served.listener.clients == {}
    with pytest.raises(Exception, match="503"):
        client(served.port).open()


def test_a_session_goes_on_over_another_transport(serve):
    served = serve(transport_options=KEPT)
    opened = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    for kind in ALL[1:]:
        opened.vanish()
        wait_until(lambda: session_of(session).downlink is None)
        session.send(kind.transport)
        opened = kind(served.port, opened.session_id)
        assert opened.receive() == kind.transport
        assert session.transport == kind.transport
