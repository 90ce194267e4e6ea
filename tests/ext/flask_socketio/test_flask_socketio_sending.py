"""The API of Flask-SocketIO: who gets what, and what is said about misuse."""

from __future__ import annotations

import logging
from typing import Any

import flask
import pytest

import sockio_gevent as io
from sockio_gevent.ext.flask_socketio import (
    SocketIO,
    SocketIOTestClient,
    close_room,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
)
from sockio_gevent.ext.flask_socketio.options import translate
from sockio_gevent.testing import Client, Refused


class Room:
    """An application whose clients tell it whom to send to; three are there."""

    def __init__(self) -> None:
        self.app = flask.Flask("room")
        self.socketio = socketio = SocketIO(self.app)

        @socketio.event
        def who() -> str:
            return flask.request.sid  # type: ignore[no-any-return, attr-defined]

        socketio.on("join")(lambda *names: [join_room(name) for name in names] and None)
        socketio.on("leave")(leave_room)
        socketio.on("close")(close_room)
        socketio.on("rooms")(rooms)
        socketio.on("out")(disconnect)
        socketio.on("send")(lambda options: emit("heard", 1, **options))
        self.clients = [socketio.test_client(self.app) for _ in range(3)]
        self.sids = [client.emit("who", callback=True) for client in self.clients]

    def heard(self) -> list[int]:
        """The numbers of the clients that have got something."""
        return [n for n, client in enumerate(self.clients) if client.get_received()]


@pytest.fixture
def room() -> Room:
    return Room()


def test_whom_emit_means_in_a_handler(room: Room) -> None:
    first, second, _ = room.clients
    first.emit("join", "lobby", "window")
    second.emit("join", "lobby")
    for options, heard in (
        ({}, [0]),
        ({"broadcast": True}, [0, 1, 2]),
        ({"broadcast": True, "include_self": False}, [1, 2]),
        ({"broadcast": True, "skip_sid": room.sids[1]}, [0, 2]),
        ({"broadcast": True, "skip_sid": room.sids[1:]}, [0]),
        ({"to": "lobby"}, [0, 1]),
        ({"room": "lobby"}, [0, 1]),
        ({"to": "lobby", "include_self": False}, [1]),
        ({"to": "lobby", "skip_sid": room.sids[0]}, [1]),
        ({"to": ["window", room.sids[2]]}, [0, 2]),
        ({"to": room.sids[2]}, [2]),
        ({"to": "nowhere"}, []),
        ({"to": "lobby", "namespace": "/nowhere"}, []),
    ):
        first.emit("send", options)
        assert room.heard() == heard, options


def test_whom_emit_means_outside_of_handlers(room: Room) -> None:
    socketio = room.socketio
    room.clients[0].emit("join", "7")
    for options, heard in (
        ({}, [0, 1, 2]),
        ({"to": 7}, [0]),
        ({"skip_sid": room.sids[0]}, [1, 2]),
        ({"namespace": "/nowhere"}, []),
    ):
        socketio.emit("heard", 1, **options)
        assert room.heard() == heard, options
        socketio.send("heard", **options)
        assert room.heard() == heard, options


def test_rooms_may_be_left_and_closed(room: Room) -> None:
    first, second, _ = room.clients
    for client in (first, second):
        client.emit("join", "lobby", 7)
    assert set(first.emit("rooms", callback=True)) == {"lobby", "7", room.sids[0]}
    first.emit("leave", 7)
    assert set(first.emit("rooms", callback=True)) == {"lobby", room.sids[0]}
    first.emit("close", "lobby")
    assert second.emit("rooms", callback=True) in (["7", room.sids[1]], [room.sids[1], "7"])
    assert room.socketio.rooms(room.sids[1]) != []
    assert room.socketio.rooms("nobody") == []


def test_a_handler_may_disconnect_its_client(room: Room) -> None:
    room.clients[0].emit("out")
    assert not room.clients[0].is_connected()
    assert room.clients[1].is_connected()


def test_a_tuple_stands_for_several_arguments(room: Room) -> None:
    room.socketio.emit("pair", (1, [2]))
    room.socketio.emit("list", [1, 2])
    room.socketio.emit("nothing")
    assert [event["args"] for event in room.clients[0].get_received()] == [[1, [2]], [[1, 2]], []]


def test_a_callback_gets_the_answer_and_is_in_the_request_that_has_asked(room: Room) -> None:
    answers: list[Any] = []

    def answered(*values: Any) -> None:
        request: Any = flask.request
        answers.append((request.sid, request.namespace, values))

    asking = room.socketio.on("ask")
    asking(lambda sid: emit("question", "?", to=sid, callback=answered))
    with Client(room.socketio.listener, dialect="socket.io") as other:
        other.on("question", lambda text: (text, 42))
        room.clients[0].emit("ask", other.session.id)
        room.clients[0].emit("who")
        room.heard()
    assert answers == [(room.sids[0], "/", ("?", 42))]


def test_a_callback_of_the_server_gets_the_answer(room: Room) -> None:
    answers: list[Any] = []
    with Client(room.socketio.listener, dialect="socket.io") as other:
        other.on("question", lambda: 42)
        room.socketio.emit("question", to=other.session.id, callback=answers.append)
        room.heard()
        other.send("what comes later is handled later")
    assert answers == [42]


def test_a_callback_is_a_plain_function(room: Room) -> None:
    async def later() -> None: ...

    for callback in (5, later):
        with pytest.raises(TypeError, match="callback is a plain function, not "):
            room.socketio.emit("question", to=room.sids[0], callback=callback)


def test_call_waits_for_the_answer(room: Room) -> None:
    with Client(room.socketio.listener, dialect="socket.io") as other:
        other.on("question", lambda text: text.upper())
        assert room.socketio.call("question", "yes?", to=other.session.id) == "YES?"
        with pytest.raises(TimeoutError):
            room.socketio.call("unheard", to=other.session.id, timeout=0.01)
        sid = other.session.id
    with pytest.raises(io.Disconnected, match="no client of / has the id"):
        room.socketio.call("question", to=sid)
    with pytest.raises(ValueError, match="name it with 'to'"):
        room.socketio.call("question")


def test_the_functions_are_for_handlers(room: Room) -> None:
    with (
        room.app.test_request_context(),
        pytest.raises(RuntimeError, match=r"is for handlers of Socket\.IO events"),
    ):
        emit("hello")
    with room.app.test_request_context():
        emit("hello", broadcast=True)
    assert room.heard() == [0, 1, 2]


def test_nothing_is_sent_without_an_application() -> None:
    socketio = SocketIO()
    with pytest.raises(RuntimeError, match="no application yet, so it has no clients"):
        socketio.emit("hello")
    with pytest.raises(RuntimeError, match=r"call init_app\(app\)"):
        socketio.run(flask.Flask("other"))
    with pytest.raises(RuntimeError, match="does not serve"):
        socketio.stop()


OPTIONS = [
    ({"path": "/live/"}, "resource", "live"),
    ({"resource": "live"}, "resource", "live"),
    ({"cors_allowed_origins": "*"}, "origins", "*:*"),
    ({"cors_allowed_origins": ["*"]}, "origins", "*:*"),
    ({"cors_allowed_origins": []}, "origins", "*:*"),
    ({"cors_allowed_origins": "https://a.org"}, "origins", ("https://a.org",)),
    ({"cors_allowed_origins": None}, "origins", None),
    ({"ping_interval": (5, 2)}, "ping_interval", 5),
    ({"ping_timeout": 7}, "ping_timeout", 7),
    ({"max_http_buffer_size": 5000}, "max_message_size", 5000),
    ({"transports": ["polling", "websocket"]}, "transports", ("xhr-polling", "websocket")),
    ({"transports": "websocket"}, "transports", ("websocket",)),
    ({"json": flask.json}, "serializer", None),
    ({"serializer": "default"}, "serializer", None),
    ({"max_sessions": 5}, "max_sessions", 5),
]


@pytest.mark.parametrize(("given", "name", "value"), OPTIONS, ids=str)
def test_options_have_their_meaning_here(given: Any, name: str, value: Any) -> None:
    listener = SocketIO(flask.Flask("options"), **given).listener
    assert listener is not None
    found = getattr(listener.options, name)
    assert (tuple(found) if isinstance(value, tuple) else found) == value


@pytest.mark.parametrize(
    "allows",
    [lambda origin: origin == "https://a.org", lambda origin, environ: origin == "https://a.org"],
)
def test_a_function_may_decide_about_origins(allows: Any) -> None:
    listener = SocketIO(flask.Flask("options"), cors_allowed_origins=allows).listener
    assert listener is not None
    with Client(listener, environ={"HTTP_ORIGIN": "https://a.org"}) as client:
        assert client.connected
    with pytest.raises(Refused, match="origin"):
        Client(listener, environ={"HTTP_ORIGIN": "https://b.org"})


def test_options_without_a_meaning_here_are_accepted() -> None:
    with pytest.warns(RuntimeWarning, match="monkey.patch_all"):
        SocketIO(
            flask.Flask("options"),
            async_mode="threading",
            allow_upgrades=False,
            always_connect=True,
            async_handlers=False,
            compression_threshold=1,
            cookie="sid",
            cors_credentials=True,
            engineio_logger=True,
            http_compression=False,
            logger=False,
            monitor_clients=True,
        )


def test_a_logger_gets_the_log() -> None:
    lines: list[str] = []
    app = flask.Flask("logs")
    socketio = SocketIO(app, logger=lines.append)
    socketio.test_client(app)
    assert any("session" in line for line in lines)


def test_logger_true_shows_the_log() -> None:
    logger = logging.getLogger("sockio_gevent")
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.ERROR)
    try:
        SocketIO(flask.Flask("logs"), logger=True)
        assert logger.isEnabledFor(logging.INFO)
        assert logger.hasHandlers()
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"nosuch": 1}, TypeError, "no option 'nosuch'"),
        ({"serializer": "msgpack"}, ValueError, "messages are JSON here"),
        ({"client_manager": object()}, ValueError, "leave it out"),
    ],
)
def test_options_that_cannot_be_had_are_errors(given: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        SocketIO(flask.Flask("options"), **given)


def test_a_message_queue_is_the_redis_of_the_cluster() -> None:
    assert translate({"message_queue": "redis://host/1"}) == {"cluster": "redis://host/1"}
    assert translate({"message_queue": None}) == {}


def test_another_message_queue_is_said_to_do_nothing_without_its_password() -> None:
    with pytest.warns(RuntimeWarning, match="does nothing here: use a Redis") as caught:
        SocketIO(flask.Flask("queue"), message_queue="amqp://user:secret@host")
    assert "secret" not in str(caught[0].message)
    assert caught[0].filename == __file__


def test_what_only_python_socketio_has_is_named(room: Room) -> None:
    with pytest.raises(AttributeError, match=r"SocketIO\.listener"):
        room.socketio.server.enter_room("sid", "room")


def test_the_test_client_has_several_namespaces() -> None:
    app = flask.Flask("namespaces")
    socketio = SocketIO(app)
    left: list[str] = []
    for name in ("/", "/two"):
        socketio.on("hello", namespace=name)(lambda name=name: emit("heard", name))
        socketio.on("disconnect", namespace=name)(lambda reason, name=name: left.append(name))
    client = SocketIOTestClient(app, socketio)
    client.connect("/two")
    client.emit("hello", namespace="/two")
    client.emit("hello")
    assert [event["args"] for event in client.get_received("/two")] == [["/two"]]
    assert [event["args"] for event in client.get_received()] == [["/"]]
    client.disconnect()
    assert (client.is_connected(), client.is_connected("/two")) == (False, True)
    client.disconnect("/two")
    assert left == ["/", "/two"]


def test_an_event_without_a_handler_gets_no_answer(room: Room) -> None:
    assert room.clients[0].emit("unheard", callback=True) is None
