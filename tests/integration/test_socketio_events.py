"""Clients of Socket.IO 1 to 4 on a real server: events, answers, rooms and namespaces."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from gevent.event import Event
from support.clients import Polling, WebSocket
from support.http import DEADLINE, Ended
from support.limits import wait_exceeded
from support.socketio import SocketIO
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of


def connected(served: Any, *versions: int) -> list[SocketIO]:
    """Clients of these versions of Engine.IO in the main namespace."""
    clients = []
    for version in versions:
        client = SocketIO(served.port, version)
        if version == 4:
            client.connect()
        else:
            client.expect("0")
        clients.append(client)
    served.wait("connection", len(clients))
    return clients


def its(served: Any, client: Any) -> io.Client:
    found: io.Client = served.listener.clients[client.session_id]
    return found


both = pytest.mark.parametrize("version", [4, 3])


@both
def test_events_go_both_ways(serve: Any, version: int) -> None:
    served = serve()
    served.listener.on("add", lambda client, *numbers: client.emit("sum", sum(numbers), numbers))
    [client] = connected(served, version)
    client.tell('2["add",1,2]')
    client.expect('2["sum",3,[1,2]]')


@both
def test_bytes_go_both_ways(serve: Any, version: int) -> None:
    served = serve()
    served.listener.on("photo", lambda client, *given: client.emit("photo", *given))
    [client] = connected(served, version)
    client.tell('51-["photo",{"of":{"_placeholder":true,"num":0}}]', b"\x00\xff")
    client.expect('51-["photo",{"of":{"_placeholder":true,"num":0}}]', b"\x00\xff")


@both
def test_what_a_handler_returns_answers_an_event(serve: Any, version: int) -> None:
    served = serve()
    served.listener.on("message", lambda client, text: (text, b"\x01"))
    served.listener.on("nothing", lambda client: None)
    [client] = connected(served, version)
    client.tell('27["message","hello"]', '28["nothing"]', '29["unknown"]', '20["nothing"]')
    client.expect('61-7["hello",{"_placeholder":true,"num":0}]', b"\x01", "38[]", "30[]")


@both
def test_a_handler_can_call_its_client(serve: Any, version: int) -> None:
    served = serve()
    served.listener.on("start", lambda client: client.emit("got", client.call("ask", "x")))
    [client] = connected(served, version)
    client.tell('2["start"]')
    client.expect('20["ask","x"]')
    client.tell('30["yes",1]')
    client.expect('2["got",["yes",1]]')


def test_a_thread_calls_all_clients_at_once(serve: Any) -> None:
    served, answers = serve(), []
    clients = connected(served, 4, 3, 4)
    WebSocket(served.port).open()
    thread = threading.Thread(
        target=lambda: answers.append(served.listener.call("ask", timeout=DEADLINE))
    )
    thread.start()
    for number, client in enumerate(clients):
        client.expect('20["ask"]')
        client.tell(f"30[{number}]")
    wait_until(lambda: answers)
    assert answers == [{its(served, client).id: i for i, client in enumerate(clients)}]


def test_a_call_fails_when_the_client_hangs_up(serve: Any) -> None:
    served, failures = serve(), []

    def start(client: io.Client) -> None:
        try:
            client.call("ask", timeout=None)
        except io.Disconnected as error:
            failures.append(error)

    served.listener.on("start", start)
    [client] = connected(served, 4)
    client.tell('2["start"]')
    client.expect('20["ask"]')
    client.vanish()
    served.wait("disconnect")
    assert len(failures) == 1


def test_callbacks_and_events_of_one_payload_are_called_in_order(serve: Any) -> None:
    served, heard = serve(), []
    served.listener.on("event", lambda client, number: heard.append(number))
    [client] = connected(served, 4)
    for _ in range(2):
        its(served, client).emit("ask", callback=heard.append)
    client.expect('20["ask"]', '21["ask"]')
    client.tell('2["event",1]', "30[2]", '2["event",3]', "31[4]", "31[5]", "399[6]")
    wait_until(lambda: len(heard) == 4)
    assert heard == [1, 2, 3, 4]


def test_one_room_has_clients_of_all_generations(serve: Any) -> None:
    served = serve()

    @served.listener.on("clientMessage")
    def said(message: Any, client: io.Client) -> None:
        if message == "join":
            client.join("hall")
            client.send("welcome")
        else:
            client.to("hall").send(message)

    new, old = connected(served, 4, 3)
    classic, poll = WebSocket(served.port).open(), Polling(served.port).open()
    for client in (new, old):
        client.tell('2["message","join"]')
        client.expect('2["message","welcome"]')
    for client in (classic, poll):
        client.send("join")
        assert client.receive() == "welcome"
    for number, client in enumerate((new, old, classic, poll)):
        text = f"from {number}"
        if number < 2:
            client.tell(f'2["message","{text}"]')
        else:
            client.send(text)
        for other in (new, old, classic, poll):
            if other is client:
                continue
            if other in (new, old):
                other.expect(f'2["message","{text}"]')
            else:
                assert other.receive() == text
    served.listener.to("hall").emit("news", 1)
    for client in (new, old):
        client.expect('2["news",1]')
    assert classic.receive() == '~j~{"name":"news","args":[1]}'


def test_bytes_for_all_pass_over_classic_clients(serve: Any) -> None:
    served = serve()
    clients = connected(served, 4, 3)
    classic = WebSocket(served.port).open()
    for _ in range(2):
        served.listener.emit("photo", b"\x01")
    served.listener.send("end")
    for client in clients:
        for _ in range(2):
            client.expect('51-["photo",{"_placeholder":true,"num":0}]', b"\x01")
    assert classic.receive() == "end"
    assert len([line for line in served.lines if "passes over clients" in line]) == 1


# --- namespaces ---


def test_a_session_speaks_in_several_namespaces(serve: Any) -> None:
    served = serve()
    admin = served.listener.of("/admin")
    admin.on("connection", lambda client: client.emit("auth", client.auth))
    admin.on("ask", lambda client, text: f"admin {text}")
    served.listener.on("ask", lambda client, text: f"main {text}")
    [client] = connected(served, 4)
    admin_id = client.connect("/admin", {"token": "x"})
    client.expect('2/admin,["auth",{"token":"x"}]')
    assert admin_id == admin.clients[client.session_id].id
    assert admin_id not in (its(served, client).id, client.session_id)
    client.tell('2/admin,1["ask","a"]', '21["ask","b"]')
    client.expect('3/admin,1["admin a"]', '31["main b"]')
    admin.send("for admins")
    served.listener.send("for all")
    client.expect('2/admin,["message","for admins"]', '2["message","for all"]')


@both
def test_a_client_is_told_why_it_is_not_let_in(serve: Any, version: int) -> None:
    served = serve()

    @served.listener.of("/admin").use
    def check(client: io.Client) -> None:
        raise io.Refused("not you", {"code": 7})

    client = SocketIO(served.port, version)
    client.tell("0/admin,", "0/other,")
    if version == 4:
        client.expect('4/admin,{"message":"not you","data":{"code":7}}')
        client.expect('4/other,{"message":"Invalid namespace"}')
    else:
        client.expect("0", '4/admin,{"code":7}', '4/other,"Invalid namespace"')


def test_the_ids_of_old_clients_are_those_that_they_make_themselves(serve: Any) -> None:
    served = serve()
    admin = served.listener.of("/admin")
    [client] = connected(served, 3)
    client.tell("0/admin?token=x,")
    client.expect("0/admin,")
    assert its(served, client).id == client.session_id
    assert admin.clients[client.session_id].id == f"/admin#{client.session_id}"
    assert admin.clients[client.session_id].auth == {"token": "x"}
    admin.to(f"/admin#{client.session_id}").send("for you")
    client.expect('2/admin,["message","for you"]')


@both
def test_an_old_client_waits_for_middleware_of_the_main_namespace(serve: Any, version: int) -> None:
    served = serve()

    @served.listener.use
    def check(client: io.Client) -> None:
        if client.environ.get("HTTP_X_BAD"):
            raise io.Refused("not you")

    served.listener.of("/open")
    client = SocketIO(served.port, version, headers={"X-Bad": "1"})
    if version == 4:
        client.tell("0")
        client.expect('4{"message":"not you"}')
    else:
        client.expect('4"not you"')
    client.tell("0/open,")
    packet = client.packet()
    assert isinstance(packet, str)
    assert packet.startswith("0/open,")
    assert not served.listener.clients


def test_a_client_leaves_a_namespace_and_comes_back(serve: Any) -> None:
    served, events = serve(), []
    admin = served.listener.of("/admin")
    admin.on("connection", lambda client: events.append("in"))
    admin.on("clientDisconnect", lambda client: events.append(client.disconnect_reason))
    [client] = connected(served, 4)
    first = client.connect("/admin")
    client.tell("1/admin,")
    second = client.connect("/admin")
    assert first != second
    assert events == ["in", "client_closed", "in"]
    assert its(served, client).connected


@both
def test_the_application_disconnects_a_client(serve: Any, version: int) -> None:
    served = serve()
    [client] = connected(served, version)
    its(served, client).send("bye")
    its(served, client).disconnect()
    client.expect('2["message","bye"]', "1")
    served.wait("disconnect")
    client.tell('2["message","nobody hears"]', "0")
    answer = client.packet()
    assert isinstance(answer, str)
    assert answer[0] == "0"
    assert served.wait("connection", 2)[1].connected
    assert not served.happened("message")


def test_a_session_ends_with_all_its_clients(serve: Any) -> None:
    served, gone = serve(), []
    admin = served.listener.of("/admin")
    admin.on("clientDisconnect", lambda client: gone.append(client.disconnect_reason))
    [client] = connected(served, 4)
    client.connect("/admin")
    its(served, client).disconnect(close=True)
    assert sorted(str(client.packet()) for _ in range(2)) == ["1", "1/admin,"]
    with pytest.raises(Ended):
        client.packet()
    wait_until(lambda: gone)
    assert gone == ["disconnected"]


def test_a_session_that_has_left_all_namespaces_stays(serve: Any) -> None:
    served = serve(connect_timeout=0.2, ping_interval=0.3, ping_timeout=DEADLINE)
    [client] = connected(served, 4)
    client.tell("1")
    served.wait("disconnect")
    # Its first ping comes after the time in which it had to connect.
    frame = client.frame()
    assert frame.data == b"2"
    client.send_payload("3")
    client.connect()


def test_namespaces_of_a_pattern_come_and_go(serve: Any) -> None:
    served = serve()
    parent = served.listener.of(re.compile(r"/room-\d+"))
    parent.on("ask", lambda client: client.namespace.name)
    client = SocketIO(served.port)
    client.connect("/room-1")
    client.connect("/room-2")
    client.tell("0/room-x,", '2/room-2,1["ask"]', "1/room-1,")
    client.expect('4/room-x,{"message":"Invalid namespace"}', '3/room-2,1["/room-2"]')
    wait_until(lambda: set(parent.children) == {"/room-2"})
    client.vanish()
    wait_until(lambda: not parent.children)


# --- limits ---


def test_a_session_that_asks_for_too_many_namespaces_ends(serve: Any) -> None:
    served = serve(max_namespaces_per_session=2)
    served.listener.of("/a")
    [client] = connected(served, 4)
    client.connect("/a")
    client.tell("0/b,")
    assert client.wait_closed() == 1008
    wait_exceeded(served, "max_namespaces_per_session")


def test_a_namespace_that_is_left_and_asked_for_again_while_the_application_ends_it_counts(
    serve: Any,
) -> None:
    served = serve(max_namespaces_per_session=2)
    room, gate = served.listener.of("/a"), Event()
    room.on("block", lambda client: gate.wait())
    [client] = connected(served, 4)
    client.connect("/a")
    [old] = room.clients.values()
    client.tell('2/a,["block"]', "1/a,", "0/a,")
    wait_until(lambda: session_of(old).handlers.added >= 5)
    old.disconnect()
    gate.set()
    # It has left before, so the application does not end what it has asked for since.
    assert str(client.packet()).startswith("0/a,")
    wait_until(lambda: room.clients and old not in room.clients.values())
    client.tell("0/b,")
    assert client.wait_closed() == 1008
    wait_exceeded(served, "max_namespaces_per_session")


def test_a_session_that_asks_twice_for_a_namespace_ends(serve: Any) -> None:
    served = serve()
    [client] = connected(served, 4)
    client.tell("0")
    assert client.wait_closed() == 1002
    served.wait_line("asked for the namespace / twice")


def test_a_client_that_answers_nothing_is_disconnected(serve: Any) -> None:
    served = serve(max_pending_acks=5)
    [client] = connected(served, 4)
    for _ in range(6):
        its(served, client).emit("ask", callback=print)
    assert client.wait_closed() == 1008
    wait_exceeded(served, "max_pending_acks")


# --- hostile ---


@pytest.mark.parametrize(
    "packet", ['2["connection"]', '2["clientDisconnect",1]', '2["clientMessage"]', "30[]", '2[""]']
)
def test_events_of_odd_names_do_no_harm(serve: Any, packet: str) -> None:
    served = serve()
    served.listener.on("echo", lambda client: client.send("here"))
    [client] = connected(served, 4)
    client.tell(packet, '2["echo"]')
    client.expect('2["message","here"]')
    assert len(served.happened("connection")) == 1
    assert not served.happened("disconnect")
    assert not any("failed" in line for line in served.lines)


def test_session_ids_are_not_in_the_log(serve: Any) -> None:
    served = serve(max_rooms_per_client=1)
    [client] = connected(served, 3)
    with pytest.raises(ValueError, match="max_rooms_per_client"):
        its(served, client).join("a", "b")
    its(served, client).on("chat", lambda: None)
    client.tell('2["chat",1]', "1")
    served.wait("disconnect")
    client.close()
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert served.lines
    assert not any(client.session_id in line for line in served.lines)
