"""The API of Flask-SocketIO: which handler an event has, and what it finds."""

from __future__ import annotations

from typing import Any

import flask
import pytest

import sockio_gevent as io
from sockio_gevent.ext.flask_socketio import (
    ConnectionRefusedError,  # noqa: A004 - its name there
    Namespace,
    SocketIO,
    emit,
    send,
)
from sockio_gevent.testing import Client, Refused


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask("shop")
    app.secret_key = "for tests"
    return app


@pytest.fixture
def socketio(app: flask.Flask) -> SocketIO:
    return SocketIO(app)


def names(client: Any, namespace: str = "/") -> list[Any]:
    return [event["name"] for event in client.get_received(namespace)]


def test_handlers_may_be_added_before_and_after_the_application(app: flask.Flask) -> None:
    socketio = SocketIO()
    socketio.on("before")(lambda: "before")
    socketio.init_app(app)
    assert app.extensions["socketio"] is socketio
    socketio.on("after")(lambda: "after")
    socketio.on_event("later", lambda: "later", namespace="/chat")
    client = socketio.test_client(app)
    assert client.emit("before", callback=True) == "before"
    assert client.emit("after", callback=True) == "after"
    client.connect("/chat")
    assert client.emit("later", callback=True, namespace="/chat") == "later"


def test_the_last_handler_of_an_event_is_the_only_one(app: flask.Flask, socketio: SocketIO) -> None:
    for number in (1, 2):
        socketio.on("number")(lambda number=number: emit("number", number))
    client = socketio.test_client(app)
    client.emit("number")
    assert [event["args"] for event in client.get_received()] == [[2]]


def test_a_handler_knows_its_request(app: flask.Flask, socketio: SocketIO) -> None:
    @socketio.on("who", namespace="/chat")
    def who(data: Any) -> Any:
        request: Any = flask.request
        return {
            "app": flask.current_app.name,
            "sid": request.sid,
            "namespace": request.namespace,
            "event": request.event["message"],
            "args": list(request.event["args"]),
            "query": request.args["page"],
            "header": request.headers["X-Test"],
        }

    client = socketio.test_client(app, "/chat", query_string="page=2", headers={"X-Test": "yes"})
    answer = client.emit("who", 1, namespace="/chat", callback=True)
    (there,) = socketio.listener.of("/chat").clients.values()
    assert answer == {
        "app": "shop",
        "sid": there.id,
        "namespace": "/chat",
        "event": "who",
        "args": [1],
        "query": "2",
        "header": "yes",
    }


@pytest.mark.parametrize(
    ("handler", "text", "data"),
    [
        (lambda: False, "Connection rejected by server", None),
        (lambda auth: False, "Connection rejected by server", None),
        (ConnectionRefusedError(), "Connection rejected by server", None),
        (ConnectionRefusedError("no"), "no", None),
        (ConnectionRefusedError("no", {"code": 7}), "no", {"code": 7}),
        (ConnectionRefusedError("no", 1, 2), "no", [1, 2]),
        (io.Refused("no", 3), "no", 3),
        (ZeroDivisionError(), "internal error", None),
    ],
)
def test_the_connect_handler_can_refuse(
    app: flask.Flask, socketio: SocketIO, handler: Any, text: str, data: Any
) -> None:
    def refuse() -> None:
        raise handler

    socketio.on("connect")(refuse if isinstance(handler, Exception) else handler)
    with pytest.raises(Refused) as caught:
        Client(socketio.listener, dialect="socket.io", raise_exceptions=False)
    assert (caught.value.text, caught.value.data) == (text, data)
    assert not socketio.listener.clients


def test_a_refused_client_of_a_test_is_not_connected(app: flask.Flask, socketio: SocketIO) -> None:
    socketio.on("connect")(lambda auth: auth == {"token": "right"})
    client = socketio.test_client(app, auth={"token": "wrong"})
    assert not client.is_connected()
    assert client.eio_sid is None
    with pytest.raises(RuntimeError, match="not connected"):
        client.emit("anything")
    client.connect(auth={"token": "right"})
    assert client.is_connected()


def test_what_the_connect_handler_sends_waits_until_the_client_is_in(
    app: flask.Flask, socketio: SocketIO
) -> None:
    @socketio.event
    def connect(auth: Any) -> Any:
        socketio.enter_room(flask.request.sid, "lobby")
        emit("to itself")
        emit("to all", broadcast=True)
        emit("to others", broadcast=True, include_self=False)
        emit("to the room", to="lobby")
        socketio.emit("from the server")
        return not auth

    first = socketio.test_client(app)
    assert names(first) == ["to itself", "to all", "to the room", "from the server"]
    socketio.test_client(app, auth={"refuse": True})
    assert names(first) == ["to all", "to others", "to the room", "from the server"]


def test_one_handler_may_have_all_events_and_all_namespaces(
    app: flask.Flask, socketio: SocketIO
) -> None:
    socketio.on("*")(lambda event, *values: emit("any", [event, *values]))
    socketio.on("*", namespace="*")(lambda event: emit("any at all", event))
    socketio.on("known", namespace="*")(lambda: "in any namespace")
    socketio.on("connect", namespace="*")(lambda: send("welcome"))
    client = socketio.test_client(app)
    for event in ("unheard", "connection", "clientMessage", "message", 7):
        client.emit(event, 1)
    received = client.get_received()
    assert received.pop(0) == {"name": "message", "args": "welcome", "namespace": "/"}
    assert [event["args"][0][0] for event in received] == [
        "unheard",
        "connection",
        "clientMessage",
        "message",
        7,
    ]
    client.connect("/anywhere")
    assert client.emit("known", namespace="/anywhere", callback=True) == "in any namespace"
    client.emit("unknown", namespace="/anywhere")
    assert names(client, "/anywhere") == ["message", "any at all"]


def test_a_namespace_without_handlers_is_open_only_if_an_option_says_so(app: flask.Flask) -> None:
    socketio = SocketIO(app, namespaces=["/", "/open"])
    client = socketio.test_client(app, namespace="/open")
    assert client.is_connected("/open")
    socketio.emit("anything", namespace="/closed")
    client.connect("/closed")
    assert not client.is_connected("/closed")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda client: client.disconnect(), "client disconnect"),
        (lambda client: client.leave(), "client disconnect"),
        (lambda client: client.cut(), "transport close"),
        (lambda client: client.session.disconnect(), "server disconnect"),
    ],
)
def test_the_disconnect_handler_is_told_why(
    app: flask.Flask, socketio: SocketIO, end: Any, reason: str
) -> None:
    told: list[Any] = []
    socketio.on("disconnect")(told.append)
    client = Client(socketio.listener, dialect="socket.io")
    end(client)
    client.disconnect()
    assert told == [reason]


def test_a_disconnect_handler_needs_no_argument(app: flask.Flask, socketio: SocketIO) -> None:
    told: list[Any] = []
    socketio.on("disconnect")(lambda: told.append("gone"))
    client = socketio.test_client(app)
    client.disconnect()
    assert told == ["gone"]
    with pytest.raises(RuntimeError, match="not connected"):
        client.disconnect()


def test_exceptions_go_to_their_handler_and_else_to_the_log(
    app: flask.Flask, socketio: SocketIO, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    for namespace in ("/", "/chat", "/other"):
        socketio.on("fail", namespace=namespace)(fail)
    client = socketio.test_client(app)
    with pytest.raises(ValueError, match="on purpose"):
        client.emit("fail")
    assert "Traceback" in caplog.text
    socketio.on_error("/chat")(lambda error: f"chat: {error}")
    socketio.on_error_default(lambda error: f"default: {error}")
    client.connect("/chat")
    client.connect("/other")
    assert client.emit("fail", namespace="/chat", callback=True) == "chat: on purpose"
    assert client.emit("fail", namespace="/other", callback=True) == "default: on purpose"


class Chat(Namespace):
    def on_connect(self) -> None:
        self.emit("came")

    def on_disconnect(self, reason: str) -> None:
        self.emit("went", reason)

    def on_join(self, room: Any) -> list[str]:
        self.enter_room(flask.request.sid, room)
        return sorted(set(self.rooms(flask.request.sid)) - {flask.request.sid})

    def on_leave(self, room: Any) -> None:
        self.leave_room(flask.request.sid, room)

    def on_say(self, room: str, text: str) -> None:
        self.emit("said", text, to=room, include_self=False)

    def on_close(self, room: str) -> None:
        self.close_room(room)

    def on_out(self) -> None:
        self.disconnect(flask.request.sid)


def test_the_methods_of_a_class_are_handlers(app: flask.Flask, socketio: SocketIO) -> None:
    socketio.on_namespace(Chat("/chat"))
    ann, ben = (socketio.test_client(app, "/chat") for _ in range(2))
    for client in (ann, ben):
        assert client.emit("join", 7, namespace="/chat", callback=True) == ["7"]
    ann.emit("say", "7", "hello", namespace="/chat")
    assert names(ann, "/chat") == ["came", "came"]
    assert names(ben, "/chat") == ["came", "said"]
    ann.emit("close", 7, namespace="/chat")
    ben.emit("say", "7", "anybody?", namespace="/chat")
    assert names(ann, "/chat") == []
    ben.emit("out", namespace="/chat")
    assert not ben.is_connected("/chat")
    assert ann.get_received("/chat") == [
        {"name": "went", "args": ["server disconnect"], "namespace": "/chat"}
    ]


def test_a_class_may_choose_the_handlers_itself(app: flask.Flask, socketio: SocketIO) -> None:
    class Own(Namespace):
        def trigger_event(self, event: str | int, *args: Any) -> Any:
            if event in ("connect", "disconnect"):
                return super().trigger_event(event, *args)
            sid, *values = args
            emit("seen", [event, sid == flask.request.sid, *values])
            return None

    socketio.on_namespace(Own("/own"))
    client = socketio.test_client(app, "/own")
    client.emit("anything", 1, namespace="/own")
    assert client.get_received("/own")[0]["args"] == [["anything", True, 1]]


@pytest.mark.parametrize("wrong", [Chat, "chat", object()])
def test_only_an_object_of_a_namespace_has_handlers(socketio: SocketIO, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"on_namespace\(\) takes an object of a subclass"):
        socketio.on_namespace(wrong)


@pytest.mark.parametrize("decorate", ["on_error_default", "on_error"])
def test_a_handler_of_exceptions_is_a_function(socketio: SocketIO, decorate: str) -> None:
    take: Any = getattr(socketio, decorate)
    with pytest.raises(ValueError, match="is a function, not 'nothing'"):
        (take if decorate == "on_error_default" else take())("nothing")


@pytest.fixture
def counting(app: flask.Flask, request: pytest.FixtureRequest) -> SocketIO:
    socketio = SocketIO(app, manage_session=request.param)

    @app.get("/first")
    def first() -> str:
        flask.session["count"] = 10
        return ""

    @socketio.event
    def count() -> int:
        flask.session["count"] = flask.session.get("count", 0) + 1
        number: int = flask.session["count"]
        return number

    return socketio


@pytest.mark.parametrize("counting", [True], indirect=True)
def test_a_managed_session_is_a_copy_that_a_connection_keeps(
    app: flask.Flask, counting: SocketIO
) -> None:
    pages = app.test_client()
    pages.get("/first")
    client = counting.test_client(app, flask_test_client=pages)
    assert [client.emit("count", callback=True) for _ in range(2)] == [11, 12]
    other = counting.test_client(app, flask_test_client=pages)
    assert other.emit("count", callback=True) == 11
    with pages.session_transaction() as session:
        assert session["count"] == 10
    assert counting.test_client(app).emit("count", callback=True) == 1


@pytest.mark.parametrize("counting", [False], indirect=True)
def test_an_unmanaged_session_is_that_of_flask(app: flask.Flask, counting: SocketIO) -> None:
    saved: list[Any] = []

    class Kept(flask.sessions.SecureCookieSessionInterface):
        def save_session(self, app: Any, session: Any, response: Any) -> None:
            saved.append(dict(session))

    app.session_interface = Kept()
    client = counting.test_client(app)
    assert [client.emit("count", callback=True) for _ in range(2)] == [1, 1]
    assert saved == [{"count": 1}, {"count": 1}]


def test_the_slash_of_a_namespace_may_be_left_out(app: flask.Flask, socketio: SocketIO) -> None:
    socketio.on("name", namespace="chat")(lambda: flask.request.namespace)
    socketio.on_namespace(Chat("news"))
    client = socketio.test_client(app, namespace="/chat")
    assert client.emit("name", namespace="/chat", callback=True) == "/chat"
    client.connect("/news")
    assert names(client, "/news") == ["came"]
    socketio.emit("hello", namespace="chat")
    assert names(client, "/chat") == ["hello"]


def test_each_application_of_a_factory_has_a_listener_of_its_own() -> None:
    socketio = SocketIO()
    socketio.on("name")(lambda: flask.current_app.name)
    listeners = []
    for name in ("first", "second"):
        app = flask.Flask(name)
        socketio.init_app(app)
        listeners.append(socketio.listener)
        assert socketio.test_client(app).emit("name", callback=True) == name
    assert listeners[0] is not listeners[1]
