"""What is meant for all clients reaches those of the other workers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from support.http import DEADLINE
from support.modern import Peer
from support.times import with_time
from support.two_workers import Pair, two_workers
from support.waiting import wait_until

import sockio_gevent as io


@pytest.fixture
def pair() -> Iterator[Pair]:
    with two_workers() as pair:
        yield pair


def enter(listener: io.Listener, *namespaces: str) -> Peer:
    """A peer whose clients are in these namespaces, however busy the machine is."""
    peer = Peer(listener, *namespaces)
    wait_until(lambda: all(peer.client(name) for name in namespaces), "let in")
    return peer


def told(peer: Peer) -> list[Any]:
    """The events that a peer was told, by their names and arguments."""
    return [packet[2:4] for packet in peer.packets if packet[0] == "event"]


def reach(pair: Pair, *peers: Peer) -> list[list[Any]]:
    """What each peer was told so far, when all that was on its way has come."""
    pair.here.emit("end")
    pair.there.emit("end")
    came: list[list[Any]] = [[] for _ in peers]
    for peer, events in zip(peers, came, strict=True):

        def all_came(peer: Peer = peer, events: list[Any] = events) -> bool:
            events += told(peer)
            return sum(name == "end" for name, _ in events) == 2

        wait_until(all_came, "the end has come")
    return [[event for event in events if event[0] != "end"] for events in came]


def test_a_broadcast_reaches_all_clients_of_all_workers_once(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    pair.here.emit("news", 1, {"a": [None, True, "ü"]})
    pair.there.broadcast("text")
    pair.here.to().emit("nobody")
    expected = [["message", ["text"]], ["news", [1, {"a": [None, True, "ü"]}]]]
    for events in reach(pair, ann, ben):
        assert sorted(events) == expected


def test_bytes_arrive_as_bytes(pair: Pair) -> None:
    ben = enter(pair.there, "/")
    pair.here.emit("data", b"\x00\xff", {"deep": [b"more"]})
    assert reach(pair, ben) == [[["data", ["bytes 00ff", {"deep": ["bytes 6d6f7265"]}]]]]


def test_a_message_without_a_form_is_sent_to_nobody(pair: Pair) -> None:
    ben = enter(pair.there, "/")
    with pytest.raises(TypeError):
        pair.here.emit("data", object())
    with pytest.raises(ValueError, match="Out of range"):
        pair.here.emit("data", float("nan"))
    assert reach(pair, ben) == [[]]


def test_rooms_are_those_of_all_workers(pair: Pair) -> None:
    ann, ben, cem = enter(pair.here, "/"), enter(pair.there, "/"), enter(pair.there, "/")
    ann.client().join("red")
    ben.client().join("red", "blue")
    pair.here.to("red").emit("red")
    pair.here.to("red").except_("blue").emit("not blue")
    pair.there.except_("red").emit("not red")
    ann.client().to("red").emit("others in red")
    cem.client().broadcast.emit("not cem")
    assert [sorted(event for event, _ in events) for events in reach(pair, ann, ben, cem)] == [
        ["not blue", "not cem", "red"],
        ["not cem", "others in red", "red"],
        ["not red"],
    ]


def test_a_client_is_reached_by_its_id_wherever_it_is(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    pair.here.to(ben.client().id).emit("to ben")
    pair.here.except_(ben.client().id).emit("not ben")
    assert [[name for name, _ in events] for events in reach(pair, ann, ben)] == [
        ["not ben"],
        ["to ben"],
    ]


def test_a_session_of_another_worker_is_left_out(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    pair.here.broadcast("x", exclude=ben.session.session_id)
    assert [len(events) for events in reach(pair, ann, ben)] == [1, 0]


def test_local_stays_in_this_worker(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    pair.here.local.emit("here")
    pair.here.to("x").local.emit("nobody")
    assert repr(pair.here.local) == "<Target / local>"
    assert [[name for name, _ in events] for events in reach(pair, ann, ben)] == [["here"], []]
    assert [client.id for client in pair.here.local.clients()] == [ann.client().id]


def test_one_greenlet_is_heard_in_order_everywhere(pair: Pair) -> None:
    peers = [enter(pair.here, "/"), enter(pair.there, "/")]
    for number in range(200):
        pair.here.emit("number", number)
        if number % 50 == 0:
            gevent.sleep(0)
    for events in reach(pair, *peers):
        assert [arguments[0] for _, arguments in events] == list(range(200))


def test_a_thread_is_heard_everywhere_in_its_order(pair: Pair) -> None:
    peers = [enter(pair.here, "/"), enter(pair.there, "/")]

    def run() -> None:
        for number in range(100):
            pair.here.emit("number", number)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: not thread.is_alive(), "the thread has ended")
    for events in reach(pair, *peers):
        assert [arguments[0] for _, arguments in events] == list(range(100))


def test_clients_of_other_workers_join_and_leave_rooms(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    ben.client().join("red")
    pair.here.to("red").join("blue")
    pair.here.to("blue").emit("blue")
    pair.here.to("red").leave("red")
    pair.here.to("red").emit("red")
    assert [[name for name, _ in events] for events in reach(pair, ann, ben)] == [[], ["blue"]]
    assert ben.client().rooms == {"blue", ben.client().id}


def test_a_client_of_another_worker_that_joins_too_many_rooms_is_logged_there() -> None:
    with two_workers(max_rooms_per_client=1) as pair:
        ben = enter(pair.there, "/")
        pair.here.except_("x").join("one", "two")
        wait_until(lambda: any("too many rooms" in line for line in pair.lines), "logged")
        assert ben.client().rooms == {ben.client().id}


def test_clients_of_other_workers_are_disconnected(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    ben.client().join("red")
    pair.here.to("red").disconnect()
    assert ben.wait("left") == ["left", "/"]
    assert ann.client().connected


def test_clients_lists_those_of_all_workers(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there)
    ben.connect("/", {"token": 1})
    wait_until(ben.client, "let in")
    ben.client().join("red")
    ben.client().data = {"name": "Ben", "raw": b"1", "private": object(), "deep": {"set": {1}}}
    found = {client.id: client for client in pair.here.except_("x").clients()}
    assert found.keys() == {ann.client().id, ben.client().id}
    assert found[ann.client().id] is ann.client()
    remote = found[ben.client().id]
    assert isinstance(remote, io.RemoteClient)
    assert remote.rooms == {"red", remote.id}
    assert remote.auth == {"token": 1}
    assert remote.data == {"name": "Ben", "raw": b"1", "deep": {}}
    assert (remote.dialect, remote.transport) == ("spelled", "websocket")
    assert remote.worker == "b" * 10
    assert remote.namespace is pair.here
    assert remote.listener is pair.here
    assert repr(remote) == f"<RemoteClient {remote.id[:8]} of worker {remote.worker}>"
    assert not hasattr(remote, "session_id")


def test_a_listed_client_is_used_like_any_other(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    (remote,) = pair.here.to(ben.client().id).clients()
    remote.emit("event", 1)
    remote.send("text")
    remote.join("blue")
    pair.here.to("blue").emit("blue")
    remote.leave("blue")
    pair.here.except_(remote).emit("not ben")
    assert reach(pair, ann, ben) == [
        [["not ben", []]],
        [["event", [1]], ["message", ["text"]], ["blue", []]],
    ]
    calling = gevent.spawn(remote.call, "question", timeout=30)
    ack_id = ben.wait("event")[4]
    ben.answer(ack_id, "yes")
    assert calling.get(timeout=30) == "yes"
    remote.disconnect()
    ben.wait("left")
    with pytest.raises(io.Disconnected):
        remote.call("question", timeout=5)


def test_a_call_gathers_the_answers_of_all(pair: Pair) -> None:
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/")
    calling = gevent.spawn(pair.here.call, "question", 1, timeout=30)
    for peer, answer in ((ann, [1, 2]), (ben, [b"raw"])):
        packet = peer.wait("event")
        assert packet[2:4] == ["question", [1]]
        peer.answer(packet[4], *answer)
    assert calling.get(timeout=30) == {ann.client().id: (1, 2), ben.client().id: b"raw"}


def test_a_call_names_who_has_not_answered(pair: Pair) -> None:
    ann, ben, cem = enter(pair.here, "/"), enter(pair.there, "/"), enter(pair.there, "/")

    def ask(seconds: float) -> io.AckTimeout:
        calling = gevent.spawn(pair.here.call, "question", timeout=seconds)
        ben.answer(ben.wait("event")[4])
        calling.join(DEADLINE)
        error = calling.exception
        assert isinstance(error, io.AckTimeout)
        assert f"have not answered 'question' within {seconds:g} s" in str(error)
        return error

    error = with_time(ask, lambda error: error.answers)
    assert error.answers == {ben.client().id: None}
    assert sorted(error.missing) == sorted([ann.client().id, cem.client().id])
    assert "2 of 3 clients have not answered" in str(error)


def test_a_call_without_a_form_is_sent_to_nobody(pair: Pair) -> None:
    ben = enter(pair.there, "/")
    with pytest.raises(TypeError):
        pair.here.call("question", object())
    assert reach(pair, ben) == [[]]


def test_namespaces_are_kept_apart(pair: Pair) -> None:
    for listener in (pair.here, pair.there):
        listener.of("/admin")
    ann, ben = enter(pair.here, "/"), enter(pair.there, "/", "/admin")
    pair.here.of("/admin").emit("secret")
    packets = ben.packets
    wait_until(lambda: packets.extend(ben.packets) or "secret" in str(packets), "it has come")
    assert [packet[1] for packet in packets if packet[0] == "event"] == ["/admin"]
    assert reach(pair, ann, ben) == [[], []]


def test_a_pattern_reaches_namespaces_that_only_another_worker_has(pair: Pair) -> None:
    pattern = re.compile("/room/.*")
    for listener in (pair.here, pair.there):
        listener.of(pattern)
    ben = enter(pair.there, "/", "/room/7")
    pair.here.of(pattern).emit("all rooms", 1)
    pair.here.of(pattern).send("text")
    pair.here.of("/unknown").emit("nobody")
    assert reach(pair, ben) == [[["all rooms", [1]], ["message", ["text"]]]]


def test_an_event_for_the_other_workers_happens_there(pair: Pair) -> None:
    happened: list[Any] = []

    @pair.there.on_server_side("refresh")
    def refresh(*arguments: Any) -> Any:
        gevent.sleep(0)
        happened.append(arguments)
        return "done"

    pair.here.on_server_side("refresh", lambda *arguments: happened.append("here"))
    pair.here.server_side_emit("refresh", 1, b"x")
    assert pair.here.server_side_call("refresh") == {"b" * 10: "done"}
    wait_until(lambda: len(happened) == 2, "both have happened")
    assert sorted(happened, key=len) == [(), (1, b"x")]
    assert pair.here.server_side_call("unknown") == {"b" * 10: None}


def test_a_handler_of_another_worker_that_fails_is_logged_there(pair: Pair) -> None:
    @pair.there.on_server_side("refresh")
    def refresh() -> None:
        raise LookupError("a mistake")

    assert pair.here.server_side_call("refresh", timeout=30) == {"b" * 10: None}
    assert any("a mistake" in line for line in pair.lines)
    assert pair.here.server_side_call("refresh", "too many", timeout=30) == {"b" * 10: None}


def test_a_worker_that_does_not_answer_is_named(pair: Pair) -> None:
    pair.there.on_server_side("slow", lambda: gevent.sleep(30))
    with pytest.raises(io.AckTimeout) as caught:
        pair.here.server_side_call("slow", timeout=0.1)
    assert caught.value.missing == ["b" * 10]


@pytest.mark.parametrize("kind", ["emit", "join", "clients", "call", "server_side", "disconnect"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0\x09",
        b"\0\0\0\x013",
        b"\0\0\0\x033[]",
        b'\0\0\0\x053["/"',
        b'\0\0\0\x1b3["/",[1],[],[],false,"ev"]',
        b'\0\0\0\x1a3["/",null,[],5,false,{}]' + b"x",
        b"\xff" * 30,
    ],
)
def test_a_message_that_makes_no_sense_does_nothing(pair: Pair, kind: str, body: bytes) -> None:
    ben = enter(pair.there, "/")
    bus = pair.here._sessions.bus
    assert bus is not None
    bus.publish(kind, body)
    assert reach(pair, ben) == [[]]
    assert ben.client().connected


@pytest.mark.parametrize("values", [[5], [[1]], [["id", 5, {}, {}, "", ""]], [["id"]], [{}], []])
def test_an_answer_that_makes_no_sense_is_passed_over(pair: Pair, values: list[Any]) -> None:
    ann = enter(pair.here, "/")
    adapter: Any = pair.here._space.elsewhere
    bus = pair.there._sessions.bus
    assert bus is not None
    for kind in ("clients", "call", "server_side"):
        bus.receive(kind, lambda message: message.answer(adapter._pack(*values)))
    assert pair.here.except_("nobody").clients() == [ann.client()]
    assert pair.here.server_side_call("x", timeout=30).keys() == {"b" * 10}
    if values:
        assert any("an answer of worker bbbbbbbbbb is malformed" in line for line in pair.lines)
    ann.client().disconnect()
    with pytest.raises(io.AckTimeout, match="1 workers have not answered for their clients"):
        pair.here.call("question", timeout=30)
    for kind in ("clients", "call", "server_side"):
        bus.receive(kind, lambda message: message.answer(b"\xff"))
    with pytest.raises(io.AckTimeout, match="1 workers have not answered"):
        pair.here.server_side_call("x", timeout=30)


def test_data_that_cannot_be_sent_hides_no_client(pair: Pair) -> None:
    ann, ben, cem = (enter(pair.there, "/") for _ in range(3))
    ann.client().data.update(me=ann.client().data, name="ann")
    deep: dict[str, Any] = {}
    for _ in range(3000):
        deep = {"a": deep}
    ben.client().data.update(deep=deep, name="ben", parts={"good": 1, "bad": object()})
    cem.client().data["name"] = "cem"
    found = {client.data["name"]: client.data for client in pair.here.except_("nobody").clients()}
    assert found.keys() == {"ann", "ben", "cem"}
    assert found["ben"]["parts"] == {"good": 1}


def test_a_list_of_clients_with_too_much_data_has_all_of_them(pair: Pair) -> None:
    peers = [enter(pair.there, "/") for _ in range(5)]
    for peer in peers:
        peer.client().data["text"] = "x" * 3_000_000
    found = pair.here.except_("nobody").clients()
    assert {each.id for each in found} == {peer.client().id for peer in peers}
    assert sum(bool(each.data) for each in found) == 2
    assert any("those of 3 are left out" in line for line in pair.lines)


def test_a_worker_alone_encodes_nothing_for_others() -> None:
    with two_workers() as pair:
        assert pair.there._sessions.bus is not None
        pair.there._sessions.bus.close()
        wait_until(lambda: pair.here.stats()["cluster"]["members"] == 1, "it has gone")
        before = pair.here.stats()["cluster"]
        ann = enter(pair.here, "/")
        pair.here.emit("x")
        assert told(ann) == [["x", []]]
        assert pair.here.except_("y").clients() == [ann.client()]
        assert pair.here.server_side_call("x") == {}
        assert pair.here.stats()["cluster"] == before


def test_without_workers_there_is_no_bus() -> None:
    listener = io.listen(lambda environ, start_response: [])
    assert listener._sessions.bus is None
    assert listener._space.elsewhere is None
    assert listener.server_side_call("x") == {}
    listener.server_side_emit("x")
    assert listener.stats()["cluster"]["members"] == 1
