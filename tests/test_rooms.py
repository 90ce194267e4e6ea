"""Rooms, and the targets of messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.in_process import listen
from support.modern import Peer, listen_to_all
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.rooms import new_client_id
from sockio_gevent.testing import Client


@pytest.fixture
def listener() -> io.Listener:
    return listen_to_all(log=False)


def classic(listener: io.Listener, count: int) -> list[Client]:
    return [Client(listener) for _ in range(count)]


def received(client: Client) -> list[Any]:
    """What a client gets now."""
    messages = []
    while True:
        try:
            messages.append(client.receive(timeout=0))
        except TimeoutError:
            return messages


def test_a_message_to_a_room_reaches_those_who_are_in_it(listener: io.Listener) -> None:
    ann, ben, cid = classic(listener, 3)
    ann.session.join("hall")
    ben.session.join("hall", "cellar")
    listener.to("hall").send("hello")
    assert [received(each) for each in (ann, ben, cid)] == [["hello"], ["hello"], []]
    ann.session.leave("hall", "attic")
    listener.to("hall").send("again")
    assert [received(each) for each in (ann, ben)] == [[], ["again"]]


def test_a_client_in_several_of_the_rooms_gets_a_message_once(listener: io.Listener) -> None:
    [ann] = classic(listener, 1)
    ann.session.join("hall", "cellar")
    listener.to("hall").to("cellar", ann.session.id).send("hello")
    assert received(ann) == ["hello"]


def test_clients_of_all_generations_meet_in_a_room(listener: io.Listener) -> None:
    [ann], ben = classic(listener, 1), Peer(listener, "/")
    ann.session.join("hall")
    ben.client().join("hall")
    ben.packets.clear()
    listener.to("hall").send("hello")
    listener.to("hall").emit("chat", 1, "two")
    assert received(ann) == ["hello", {"name": "chat", "args": [1, "two"]}]
    assert ben.packets == [
        ["event", "/", "message", ["hello"], None],
        ["event", "/", "chat", [1, "two"], None],
    ]


def test_each_client_is_in_the_room_of_its_own_id(listener: io.Listener) -> None:
    ann, ben = classic(listener, 2)
    assert ann.session.rooms == {ann.session.id}
    ann.session.leave(ann.session.id)
    ann.session.join("hall")
    assert ann.session.rooms == {ann.session.id, "hall"}
    listener.to(ann.session.id).send("for ann")
    assert (received(ann), received(ben)) == (["for ann"], [])


def test_a_client_is_in_the_room_of_an_id_that_middleware_has_asked_for() -> None:
    listener, ids = listen(), []
    listener.use(lambda client: ids.append(client.id))
    [ann] = classic(listener, 1)
    assert listener.to(*ids).clients() == [ann.session]


def test_the_id_of_a_client_stays_and_is_not_its_session_id(listener: io.Listener) -> None:
    ann, ben = classic(listener, 2)
    first = ann.session.id
    assert first == ann.session.id
    assert len({first, ben.session.id, ann.session_id, ben.session_id}) == 4
    assert len(first) == 20


TARGETS: dict[str, tuple[Callable[[io.Listener, list[Client]], Any], set[int]]] = {
    "all": (lambda socket, clients: socket, {0, 1, 2}),
    "the broadcast of a client": (lambda socket, clients: clients[0].session.broadcast, {1, 2}),
    "a room": (lambda socket, clients: socket.to("even"), {0, 2}),
    "a room without the client": (lambda socket, clients: clients[0].session.to("even"), {2}),
    "the broadcast of a client to a room": (
        lambda socket, clients: clients[0].session.broadcast.to("even"),
        {2},
    ),
    "except a room": (lambda socket, clients: socket.except_("even"), {1}),
    "except an id": (lambda socket, clients: socket.except_(clients[2].session.id), {0, 1}),
    "except a client": (lambda socket, clients: socket.except_(clients[2].session), {0, 1}),
    "except both": (lambda socket, clients: socket.except_("odd", clients[2].session), {0}),
    "others except a room": (lambda socket, clients: clients[0].session.except_("odd"), {2}),
    "a room except a client": (
        lambda socket, clients: socket.to("even").except_(clients[0].session),
        {2},
    ),
    "except first": (lambda socket, clients: socket.except_("odd").to("even", "odd"), {0, 2}),
    "an empty room": (lambda socket, clients: socket.to("nobody"), set()),
    "no room": (lambda socket, clients: socket.to(), set()),
    "local": (lambda socket, clients: socket.local.to("even"), {0, 2}),
    "volatile": (lambda socket, clients: socket.volatile.to("odd"), {1}),
    "a client": (lambda socket, clients: clients[1].session.volatile, {1}),
}


@pytest.mark.parametrize(("target", "reached"), TARGETS.values(), ids=TARGETS)
def test_a_target_reaches_the_clients_that_it_names(
    listener: io.Listener, target: Any, reached: set[int]
) -> None:
    clients = classic(listener, 3)
    for number, client in enumerate(clients):
        client.session.join("odd" if number % 2 else "even")
    chosen = target(listener, clients)
    chosen.send("hello")
    chosen.emit("chat", 1)
    expected = ["hello", {"name": "chat", "args": [1]}]
    assert [received(each) for each in clients] == [
        expected if number in reached else [] for number in range(3)
    ]
    if chosen is not listener:
        chosen("called")
        assert {number for number in range(3) if received(clients[number])} == reached
        assert set(chosen.clients()) == {clients[number].session for number in reached}


def test_a_target_never_changes(listener: io.Listener) -> None:
    [ann] = classic(listener, 1)
    ann.session.join("hall")
    target = listener.to("hall")
    for other in (target.to("x"), target.except_("hall"), target.volatile, target.local):
        assert other is not target
    target.except_("hall").send("for nobody")
    target.send("hello")
    assert received(ann) == ["hello"]
    with pytest.raises(AttributeError):
        target.rooms = ()  # type: ignore[attr-defined]


def test_a_target_is_shown_without_session_ids(listener: io.Listener) -> None:
    [ann] = classic(listener, 1)
    shown = repr(listener.to("a", "b").except_("c", ann.session).volatile)
    assert shown == "<Target / to 'a', 'b' except 'c', 1 clients volatile>"
    assert repr(listener.to()) == "<Target / to no room>"
    assert repr(ann.session.volatile) == f"<Target / to '{ann.session_id[:8]}…' volatile local>"


@pytest.mark.parametrize("name", [1, None, b"hall", ["hall"]], ids=repr)
def test_the_name_of_a_room_is_a_string(listener: io.Listener, name: Any) -> None:
    [ann] = classic(listener, 1)
    calls: list[Callable[[Any], Any]] = [
        listener.to,
        listener.except_,
        listener.local.join,
        listener.local.leave,
        ann.session.to,
        ann.session.join,
        ann.session.leave,
    ]
    for call in calls:
        with pytest.raises(TypeError, match="the name of a room is a str"):
            call(name)


def test_a_target_moves_its_clients(listener: io.Listener) -> None:
    ann, ben, cid = classic(listener, 3)
    ann.session.join("hall")
    ben.session.join("hall")
    listener.to("hall").join("cellar", "attic")
    listener.to("hall").leave("hall")
    assert set(listener.to("cellar").clients()) == {ann.session, ben.session}
    assert listener.to("hall").clients() == []
    listener.to("attic").except_(ann.session).disconnect()
    assert [each.connected for each in (ann, ben, cid)] == [True, False, True]


def test_a_client_that_has_gone_is_in_no_room_and_can_still_say_in_which_it_was(
    listener: io.Listener,
) -> None:
    seen: list[Any] = []

    def gone(client: io.Client) -> None:
        seen.append((client.rooms, listener.to("hall").clients(), len(listener.clients)))

    listener.on("clientDisconnect", gone)
    with Client(listener) as ann:
        ann.session.join("hall")
        rooms = ann.session.rooms
    assert seen == [(rooms, [], 0)]
    assert "hall" in rooms
    ann.session.join("cellar")
    assert listener.to("cellar", ann.session.id).clients() == []


def test_nothing_is_kept_of_rooms_that_are_empty(listener: io.Listener) -> None:
    ann, ben = classic(listener, 2)
    for client in (ann, ben):
        client.session.join("hall", "cellar")
        assert client.session.id
    ann.session.leave("hall", "cellar")
    ann.disconnect()
    ben.disconnect()
    rooms = listener._space.rooms
    kept = rooms.sessions, rooms._rooms, rooms._joined, rooms._client_ids, rooms._by_client_id
    assert not any(kept)


def test_a_client_that_joins_more_rooms_than_it_may_joins_none_of_them(
    listener: io.Listener,
) -> None:
    lines: list[str] = []
    listener = listen(max_rooms_per_client=3, log=lines.append)
    [ann] = classic(listener, 1)
    ann.session.join("a", "b")
    ann.session.join("b", "c")
    with pytest.raises(ValueError, match=r"too many rooms: .* 3 \(option 'max_rooms_per_client'"):
        ann.session.join("a", "d")
    assert ann.session.rooms == {"a", "b", "c", ann.session.id}
    assert listener.stats()["limits"]["max_rooms_per_client"] == 1
    assert any("'max_rooms_per_client'" in line for line in lines)
    assert not any(ann.session_id in line for line in lines)
    ann.session.leave("a")
    ann.session.join("d")


def test_threads_join_leave_and_send_while_clients_come_and_go(listener: io.Listener) -> None:
    ann, ben = classic(listener, 2)
    done: list[int] = []

    def work(number: int) -> None:
        for turn in range(200):
            ann.session.join(f"room {number}", "all")
            listener.to("all", f"room {number}").except_(ben.session).volatile.clients()
            ann.session.leave(f"room {number}")
            if turn % 50 == 0:
                listener.to("all").send(number)
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        Client(listener).disconnect()
        gevent.sleep(0)
    wait_until(lambda: len(done) == 3, "done")
    gevent.sleep(0.01)
    assert sorted(received(ann)) == [0] * 4 + [1] * 4 + [2] * 4
    assert ann.session.rooms == {"all", ann.session.id}


# --- what is sent ---


def test_a_volatile_message_leaves_out_clients_that_could_not_get_it_now(
    listener: io.Listener,
) -> None:
    ann, ben = classic(listener, 2)
    ann._session.downlink = None  # between two requests
    listener.volatile.send("now")
    ann.session.volatile.send("only now")
    listener.send("later")
    ann._session.downlink = ann._link
    ann._session.flush()
    assert received(ann) == ["later"]
    assert received(ben) == ["now", "later"]


def test_a_volatile_message_to_one_client_reaches_nobody_else_in_the_room_of_its_id(
    listener: io.Listener,
) -> None:
    ann, ben = classic(listener, 2)
    ben.session.join(ann.session.id)
    alone = ann.session.volatile
    alone.send("hello")
    assert (received(ann), received(ben)) == (["hello"], [])
    assert alone.clients() == [ann.session]
    assert alone.except_(ann.session).clients() == []
    ann.disconnect()
    alone.send("too late")
    assert alone.clients() == received(ben) == []


def test_a_broadcast_encodes_once_for_each_dialect(listener: io.Listener) -> None:
    classic(listener, 2)
    [Peer(listener, "/") for _ in range(3)]
    dialect: Any = listener._attachment.dialects[1]
    dialect.encoded = 0
    listener.send("hello")
    assert dialect.encoded == 1


def test_a_broadcast_with_bytes_passes_over_clients_without_bytes_and_says_so_once() -> None:
    lines: list[str] = []
    listener = listen_to_all(log=lines.append)
    [ann], ben = classic(listener, 1), Peer(listener, "/")
    ben.packets.clear()
    for _ in range(2):
        listener.emit("photo", b"\x01", {"in": [b"\x02"]})
    assert received(ann) == []
    arguments = ["bytes 01", {"in": ["bytes 02"]}]
    assert ben.packets == 2 * [["event", "/", "photo", arguments, None]]
    listener.except_(ben.client()).send(b"\x01")
    assert [line for line in lines if "bytes" in line] == [
        "an event with bytes passes over clients whose dialect 'classic' has none"
    ]


def test_bytes_to_one_classic_client_are_a_mistake(listener: io.Listener) -> None:
    [ann] = classic(listener, 1)
    with pytest.raises(TypeError, match="base64"):
        ann.session.send(b"\x01")
    with pytest.raises(TypeError, match="bytes"):
        ann.session.emit("photo", b"\x01")
    with pytest.raises(TypeError, match="base64"):
        listen(dialects=["classic"]).broadcast(b"\x01")


@pytest.mark.parametrize("peers", [[], ["classic"], ["modern"], ["classic", "modern"]], ids=repr)
def test_a_message_without_a_form_is_a_mistake_whoever_gets_it(
    listener: io.Listener, peers: list[str]
) -> None:
    for peer in peers:
        if peer == "classic":
            Client(listener)
        else:
            Peer(listener, "/")
    for wrong in (object(), {1, 2}):
        with pytest.raises(TypeError):
            listener.broadcast(wrong)
    with pytest.raises(ValueError, match=r"NaN|nan|Out of range"):
        listener.emit("chat", float("nan"))


@pytest.mark.parametrize("event", ["connect", "disconnecting", "newListener"])
def test_a_reserved_name_cannot_be_sent(listener: io.Listener, event: str) -> None:
    [ann], ben = classic(listener, 1), Peer(listener, "/")
    calls = [ann.session.emit, listener.emit, listener.to("hall").emit, ben.client().call]
    for call in calls:
        with pytest.raises(ValueError, match="reserved"):
            call(event)
    for call in calls:
        with pytest.raises(TypeError, match="the name of an event"):
            call(None)


def test_an_id_can_be_an_argument_of_a_command() -> None:
    assert not any(new_client_id().startswith("-") for _ in range(2000))
