"""What every session goes through, over each transport."""

import json

import gevent
import pytest
from gevent.event import Event
from support import framing
from support.clients import Ended, Polling, WebSocket, as_json, wait_for

CLIENTS = [WebSocket, Polling]
transports = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.transport)

# Polling keeps a session between polls anyway, a WebSocket only if it is told to.
KEPT = {"websocket": {"close_timeout": 5}}


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
@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True]}, [], 7, 1.5, False, None, {"é": "😀"}]
)
def test_json_both_ways(serve, client, value):
    served = serve()
    served.listener.on("clientMessage", lambda message, sender: sender.send({"got": message}))
    opened = client(served.port).open()
    opened.send("~j~" + json.dumps(value))
    assert as_json(opened.receive()) == {"got": value}
    assert served.wait("message")[1] == value


@transports
def test_what_handlers_send_on_connection_comes_after_the_id(serve, client):
    def connected(each):
        each.send("first")
        each.send("second")

    served = serve(on_connection=connected)
    opened = client(served.port).open()
    assert [opened.receive(), opened.receive()] == ["first", "second"]


@transports
def test_a_broken_payload_is_delivered_up_to_the_mistake(echo, client):
    served = echo()
    opened = client(served.port).open()
    opened.send_payload("~m~4~m~goodrest")
    assert opened.receive() == "good"
    line = served.wait_line("bad payload")
    assert opened.session_id[:8] in line
    assert opened.session_id not in line
    assert "127.0.0.1" in line
    opened.send("still here")
    assert opened.receive() == "still here"


@transports
@pytest.mark.parametrize("text", ["~j~{", "~j~", "~j~NaN", "~j~" + "[" * 100_000])
def test_broken_json_is_dropped_and_logged(echo, client, text):
    served = echo()
    opened = client(served.port).open()
    opened.send(text, "next")
    assert opened.receive() == "next"
    served.wait_line("bad JSON")
    assert len(served.happened("message")) == 1


@transports
def test_a_broadcast_reaches_all_but_the_excluded(serve, client):
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
def test_away_it_keeps_messages_and_delivers_them_as_one_batch(serve, client):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    opened.vanish()
    wait_for(lambda: session.downlink is None)
    assert session.connected
    for number in range(5):
        session.send(str(number))
    again = opened.resume()
    assert [again.receive() for _ in range(5)] == list("01234")
    assert session.connections == 2
    assert served.happened("disconnect") == []


@transports
def test_away_too_long_it_ends(serve, client):
    times = {"close_timeout": 0.2}
    served = serve(transport_options={"websocket": times, "xhr-polling": times})
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
    opened = client(served.port)
    opened.session_id = "nosuchsession"
    with pytest.raises(Exception, match="404"):
        opened.resume().receive()
    assert served.listener.clients.keys() <= {opened.session_id} | set(served.listener.clients)
    assert any("no such session" in line for line in served.lines)


@transports
def test_the_application_can_disconnect_a_client(serve, client):
    served = serve(transport_options=KEPT)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    if client is Polling:
        opened.begin_poll()
        wait_for(lambda: session.downlink is not None)
    session.send("last words")
    session.disconnect()
    session.disconnect()
    assert not session.connected
    last = opened.finish_poll()[0] if client is Polling else opened.receive()
    assert last == "last words"
    with pytest.raises(Ended, match="404" if client is Polling else "1000"):
        opened.receive()
    served.wait("disconnect")
    gevent.idle()
    assert len(served.happened("disconnect")) == 1


@transports
def test_disconnect_fires_once_after_the_handler_that_runs(serve, client):
    served = serve()
    order = []

    @served.listener.on("connection")
    def connected(each):
        @each.on("message")
        def message(text):
            each.disconnect()
            gevent.sleep(0.01)
            order.append(text)

        @each.on("disconnect")
        def gone():
            order.append("gone")

    opened = client(served.port).open()
    opened.send("one", "two")
    wait_for(lambda: "gone" in order)
    assert order == ["one", "gone"]


@transports
def test_handlers_run_in_order_even_if_they_block(serve, client):
    served = serve()
    order = []
    release = Event()

    @served.listener.on("connection")
    def connected(each):
        release.wait()
        order.append("connected")

    @served.listener.on("clientMessage")
    def message(text, each):
        gevent.sleep(0.002 if text == "0" else 0)
        order.append(text)

    opened = client(served.port).open()
    sender = gevent.spawn(lambda: [opened.send(str(number)) for number in range(5)])
    gevent.idle()
    assert order == []
    release.set()
    wait_for(lambda: len(order) == 6)
    sender.join()
    assert order == ["connected", "0", "1", "2", "3", "4"]


@transports
def test_a_handler_that_fails_is_logged_and_costs_nothing(echo, client):
    served = echo()

    @served.listener.on("connection")
    def fail(each):
        each.on("message", lambda text: 1 / 0)
        raise LookupError("oh no")

    opened = client(served.port).open()
    opened.send("works")
    assert opened.receive() == "works"
    assert "LookupError: oh no" in served.wait_line("a handler of 'connection' failed")
    assert "ZeroDivisionError" in served.wait_line("a handler of 'message' failed")


@transports
def test_a_message_over_max_buffer_raises_at_once(serve, client):
    served = serve(max_buffer=1000)
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    with pytest.raises(ValueError, match="max_buffer"):
        session.send("x" * 1000)
    with pytest.raises(ValueError, match="max_buffer"):
        served.listener.broadcast("x" * 1000)
    session.send("x" * 900)
    assert opened.receive() == "x" * 900


@transports
def test_a_message_without_a_json_form_raises_at_once(serve, client):
    served = serve()
    client(served.port).open()
    (_, session) = served.wait("connection")
    for message in (b"bytes", object(), {1, 2}):
        with pytest.raises(TypeError):
            session.send(message)
    with pytest.raises(ValueError, match="JSON"):
        session.send(float("nan"))


@transports
def test_closing_the_listener_tells_the_clients(serve, client):
    served = serve()
    opened = client(served.port).open()
    (_, session) = served.wait("connection")
    if client is Polling:
        opened.begin_poll()
        wait_for(lambda: session.downlink is not None)
    session.send("bye")
    closing = gevent.spawn(served.listener.close, 5)
    if client is Polling:
        assert opened.finish_poll() == ["bye"]
    else:
        assert opened.receive() == "bye"
        assert opened.wait_closed() == 1001
    closing.get(timeout=5)
    assert len(served.happened("disconnect")) == 1
    assert served.listener.clients == {}
    with pytest.raises(Exception, match="503"):
        client(served.port).open()
