"""Messages and handlers, over each transport."""

import json

import gevent
import pytest
from gevent.event import Event
from support.clients import ALL, as_json
from support.waiting import wait_until

transports = pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)


@transports
@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True]}, [], 7, 1.5, False, None, {"é": "😀"}]
)
def test_json_goes_both_ways(serve, client, value):
    served = serve()
    served.listener.on("clientMessage", lambda message, sender: sender.send({"got": message}))
    opened = client(served.port).open()
    opened.send("~j~" + json.dumps(value))
    assert as_json(opened.receive()) == {"got": value}
    assert served.wait("message")[1] == value


@transports
def test_messages_of_connection_handlers_come_after_the_id(serve, client):
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
@pytest.mark.parametrize("text", ["~j~{", "~j~", "~j~NaN", "~j~" + "[" * 100])
def test_broken_json_is_dropped_and_logged(echo, client, text):
    served = echo()
    opened = client(served.port).open()
    opened.send(text, "next")
    assert opened.receive() == "next"
    served.wait_line("bad JSON")
    assert len(served.happened("message")) == 1


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
    wait_until(lambda: "gone" in order)
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
    wait_until(lambda: len(order) == 6)
    sender.join()
    assert order == ["connected", "0", "1", "2", "3", "4"]


@transports
def test_a_handler_that_fails_is_logged_and_the_session_continues(echo, client):
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
