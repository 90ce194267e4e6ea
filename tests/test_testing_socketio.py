"""The client for tests as a client of Socket.IO: events, answers, namespaces."""

from __future__ import annotations

from typing import Any

import pytest
from support.in_process import listen

import sockio_gevent as io
from sockio_gevent.testing import Client, Disconnected, Event, Refused


def connect(listener: io.Listener, **options: Any) -> Client:
    return Client(listener, dialect="socket.io", **options)


def test_it_sends_and_receives_messages() -> None:
    listener = listen()
    listener.on("clientMessage", lambda message, client: client.send([message, b"\0\xff"]))
    with connect(listener) as client:
        client.send({"text": "grüße 😀", "data": b"\1\2"})
        event = client.receive()
    assert event == ("message", [{"text": "grüße 😀", "data": b"\1\2"}, b"\0\xff"])
    assert (event.name, event.arguments) == ("message", event[1:])
    assert client.session.dialect == "socket.io"


def test_it_is_told_the_id_of_the_session() -> None:
    with connect(listen()) as client:
        assert client.session_id == client.session.session_id


def test_it_emits_events_and_gets_their_answers() -> None:
    listener = listen()

    @listener.on("add")
    def add(client: io.Client, *numbers: int) -> Any:
        return sum(numbers), len(numbers)

    @listener.on("nothing")
    def nothing(client: io.Client) -> None:
        pass

    with connect(listener) as client:
        assert client.call("add", 1, 2, 3) == (6, 3)
        assert client.call("nothing") is None
        answers: list[Any] = []
        client.emit("add", 4, callback=lambda *answer: answers.append(answer))
        client.call("nothing")
        assert answers == [(4, 1)]
        with pytest.raises(TimeoutError, match=r"no answer to 'unknown' came within 0\.01 s"):
            client.call("unknown", timeout=0.01)


def test_it_answers_the_application() -> None:
    listener = listen()
    answers: list[Any] = []

    @listener.on("ask")
    def ask(client: io.Client) -> None:
        answers.append(client.call("question", 1, timeout=5))

    @listener.on("ask later")
    def ask_later(client: io.Client) -> None:
        client.emit("question", 2, callback=lambda *answer: answers.append(answer))

    with connect(listener) as client:
        client.on("question", lambda number: ("answer", number))
        client.emit("ask")
        assert answers == [("answer", 1)]
        client.on("question", lambda number: None)
        client.emit("ask")
        assert answers == [("answer", 1), None]
    with connect(listener) as client:
        client.emit("ask later")
        question = client.receive()
        assert isinstance(question, Event)
        assert question.wants_answer
        question.answer("a", b"b")
        client.send("and on")
        assert answers[2:] == [("a", b"b")]


def test_an_event_without_a_wish_for_an_answer_cannot_be_answered() -> None:
    with connect(listen(on_connection=lambda client: client.emit("hello", 1))) as client:
        event = client.receive()
        assert event == ("hello", 1)
        assert not event.wants_answer
        with pytest.raises(ValueError, match="wants no answer to 'hello'"):
            event.answer()


def test_it_connects_to_namespaces() -> None:
    listener = listen()
    admin = listener.of("/admin")
    seen: list[Any] = []
    admin.on("connection", lambda client: seen.append(client.auth))
    admin.on("disconnect me", lambda client: client.disconnect())
    admin.on("echo", lambda client, x: client.emit("echo", x))
    with connect(listener, auth={"a": 1}) as client:
        assert client.session.auth == {"a": 1}
        other = client.connect("/admin", {"token": "t"})
        assert seen == [{"token": "t"}]
        assert other.session.namespace is admin
        other.emit("echo", 1)
        assert other.receive() == ("echo", 1)
        with pytest.raises(TimeoutError):
            client.receive(timeout=0)
        other.disconnect()
        assert not other.connected
        assert client.connected
        third = client.connect("/admin")
        third.emit("disconnect me")
        with pytest.raises(Disconnected, match="left the namespace"):
            third.receive()
        with pytest.raises(Disconnected):
            third.send("x")
    with connect(listener, namespace="/admin") as client:
        assert client.session.namespace is admin
    assert not admin.clients


def test_middleware_refuses_it_with_its_data() -> None:
    listener = listen()

    @listener.use
    def refuse(client: io.Client) -> None:
        raise io.Refused("no entry", {"code": 7})

    with pytest.raises(Refused, match="no entry") as caught:
        connect(listener)
    assert (caught.value.status, caught.value.data) == ("", {"code": 7})
    with pytest.raises(Refused, match="Invalid namespace"):
        connect(listen(), namespace="/unknown")


def test_a_client_that_is_disconnected_at_once_is_told() -> None:
    with pytest.raises(Disconnected):
        connect(listen(on_connection=lambda client: client.disconnect()))


def test_the_failure_of_a_handler_is_raised() -> None:
    listener = listen()
    failure = LookupError("a mistake")

    @listener.on("fail")
    def fail(client: io.Client) -> None:
        raise failure

    with connect(listener) as client:
        with pytest.raises(LookupError) as caught:
            client.emit("fail")
        assert caught.value is failure


def test_what_only_one_dialect_has_is_refused_for_the_other() -> None:
    listener = listen()
    with pytest.raises(TypeError, match="'classic' has no namespace"):
        Client(listener, namespace="/admin")
    with pytest.raises(ValueError, match=r"no dialect 'socketio': did you mean 'socket\.io'"):
        Client(listener, dialect="socketio")
    with Client(listener) as client:
        with pytest.raises(TypeError, match="no namespaces"):
            client.connect("/admin")
        with pytest.raises(TypeError, match="gets no answers"):
            client.call("x")
        with pytest.raises(TypeError, match="messages only"):
            client.on("x", print)


def test_without_the_classic_dialect_it_speaks_the_other_one() -> None:
    with Client(listen(dialects=["socket.io"])) as client:
        assert client.session.dialect == "socket.io"
