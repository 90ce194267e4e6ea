"""Answers to events, in both directions."""

from __future__ import annotations

import threading
from typing import Any

import gevent
import pytest
from support.http import DEADLINE
from support.in_process import fail
from support.modern import Peer, listen_to_all
from support.times import with_time
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.testing import Client


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def listener(lines: list[str]) -> io.Listener:
    return listen_to_all(log=lines.append)


@pytest.fixture
def peer(listener: io.Listener) -> Peer:
    peer = Peer(listener, "/")
    assert [packet[0] for packet in peer.packets] == ["connected"]
    return peer


# --- the answers of handlers ---

ANSWERS: dict[str, tuple[list[Any], list[Any]]] = {
    "nothing": ([None], []),
    "a value": (["yes"], ["yes"]),
    "false": ([False], [False]),
    "a list": ([[1, 2]], [[1, 2]]),
    "several": ([(1, "two")], [1, "two"]),
    "an empty tuple": ([()], []),
    "bytes": ([b"\x01"], ["bytes 01"]),
    "the first": (["first", "second"], ["first"]),
    "the first that is something": ([None, 0, 1], [0]),
}


@pytest.mark.parametrize(("returned", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_what_a_handler_returns_answers_the_client(
    peer: Peer, returned: list[Any], answer: list[Any]
) -> None:
    for value in returned:
        peer.client().on("ask", lambda value=value: value)
    peer.send("ask", ack_id=7)
    assert peer.packets == [["answer", "/", 7, answer]]


def test_a_handler_of_the_namespace_answers_too(listener: io.Listener, peer: Peer) -> None:
    listener.on("ask", lambda client, *arguments: list(arguments))
    peer.send("ask", 1, 2, ack_id=0)
    assert peer.packets == [["answer", "/", 0, [[1, 2]]]]


def test_the_answer_is_sent_when_all_handlers_have_run(peer: Peer) -> None:
    client, gate = peer.client(), gevent.event.Event()
    client.on("ask", lambda: "first")
    client.on("ask", gate.wait)
    peer.send("ask", ack_id=1)
    assert peer.packets == []
    gate.set()
    assert peer.wait("answer") == ["answer", "/", 1, ["first"]]


def test_an_event_that_wants_no_answer_gets_none(peer: Peer) -> None:
    peer.client().on("ask", lambda: "answer")
    peer.send("ask")
    assert peer.packets == []


def test_a_message_that_wants_an_answer_works_like_any_event(
    listener: io.Listener, peer: Peer
) -> None:
    heard: list[Any] = []
    listener.on("clientMessage", lambda message, client: heard.append(message))
    peer.client().on("message", lambda message: f"got {message}")
    peer.send("message", "hello", ack_id=3)
    peer.send("message", ack_id=4)
    assert peer.packets[0] == ["answer", "/", 3, ["got hello"]]
    assert heard == ["hello", None]


def unhandled(client: Any) -> None:
    client.on_any(lambda event, *arguments: "no answer")


def misfit(client: Any) -> None:
    client.on("ask", lambda one, two, three: "no answer")


def failing(client: Any) -> None:
    client.on("ask", fail)


def without_form(client: Any) -> None:
    client.on("ask", lambda: object())


@pytest.mark.parametrize("prepare", [unhandled, misfit, failing, without_form])
def test_an_event_that_no_handler_has_taken_is_not_acknowledged(peer: Peer, prepare: Any) -> None:
    prepare(peer.client())
    peer.send("ask", ack_id=7)
    assert peer.packets == []
    assert peer.client().connected


def test_an_answer_without_a_form_is_logged(peer: Peer, lines: list[str]) -> None:
    without_form(peer.client())
    peer.send("ask", ack_id=7)
    [line] = [line for line in lines if "answer" in line]
    assert line.startswith("the answer to 'ask' of <Client")
    assert "TypeError" in line


def test_a_handler_that_fails_does_not_take_the_answer_of_another(peer: Peer) -> None:
    peer.client().on("ask", fail)
    peer.client().on("ask", lambda: "answer")
    peer.send("ask", ack_id=7)
    assert peer.packets == [["answer", "/", 7, ["answer"]]]


def test_a_client_that_has_left_gets_no_answer(peer: Peer) -> None:
    client = peer.client()

    def bye() -> str:
        client.disconnect()
        return "too late"

    client.on("ask", bye)
    peer.send("ask", ack_id=7)
    assert peer.packets == [["left", "/"]]


# --- the answers of clients ---

CAME: dict[str, tuple[list[Any], Any]] = {
    "nothing": ([], None),
    "a value": (["yes"], "yes"),
    "a list": ([[1]], [1]),
    "several": ([1, "two"], (1, "two")),
}


@pytest.mark.parametrize(("arguments", "value"), CAME.values(), ids=CAME)
def test_a_call_returns_the_answer(peer: Peer, arguments: list[Any], value: Any) -> None:
    call = gevent.spawn(peer.client().call, "ask", 1, 2)
    [_, namespace, event, sent, number] = peer.wait("event")
    assert (namespace, event, sent) == ("/", "ask", [1, 2])
    peer.answer(number, *arguments)
    assert call.get(timeout=DEADLINE) == value


def test_a_handler_can_call_its_own_client(peer: Peer) -> None:
    client, answers = peer.client(), []
    client.on("start", lambda: answers.append(client.call("ask")))
    client.on("next", lambda: answers.append("next"))
    peer.send("start")
    number = peer.wait("event")[4]
    peer.send("next")  # it waits for the handler that has called
    assert answers == []
    peer.answer(number, "yes")
    wait_until(lambda: len(answers) == 2, "answered")
    assert answers == ["yes", "next"]


def test_a_thread_without_a_loop_can_call_a_client(peer: Peer) -> None:
    answers: list[Any] = []
    for timeout in (DEADLINE, None):
        thread = threading.Thread(
            target=lambda timeout=timeout: answers.append(
                peer.client().call("ask", timeout=timeout)
            )
        )
        thread.start()
        peer.answer(peer.wait("event")[4], "yes")
        wait_until(lambda thread=thread: not thread.is_alive(), "answered")
    assert answers == ["yes", "yes"]


def test_a_call_without_an_answer_times_out_and_a_late_answer_is_ignored(peer: Peer) -> None:
    with pytest.raises(io.AckTimeout, match=r"not answered .ask. within 0\.001 s") as raised:
        peer.client().call("ask", timeout=0.001)
    assert raised.value.missing == [peer.client().id]
    assert raised.value.answers == {}
    assert isinstance(raised.value, TimeoutError)
    peer.answer(peer.wait("event")[4], "late")
    assert peer.client().connected


def test_a_call_that_is_broken_off_leaves_nothing(listener: io.Listener, peer: Peer) -> None:
    with gevent.Timeout(0.01, False):
        peer.client().call("ask", timeout=None)
    assert listener._space.pending._awaited == {}


@pytest.mark.parametrize("end", ["vanish", "leave", "disconnect"])
def test_a_call_raises_when_the_client_leaves(peer: Peer, end: str) -> None:
    client = peer.client()
    call = gevent.spawn(client.call, "ask", timeout=None)
    peer.wait("event")
    if end == "disconnect":
        client.disconnect()
    else:
        getattr(peer, end)()
    with pytest.raises(io.Disconnected, match="has left without an answer to 'ask'"):
        call.get(timeout=DEADLINE)
    with pytest.raises(io.Disconnected):
        client.call("ask", timeout=None)
    assert issubclass(io.Disconnected, ConnectionError)
    assert client.listener._space.pending._awaited == {}


def test_a_callback_gets_the_arguments_of_the_answer_in_order_with_events(peer: Peer) -> None:
    client, heard, gate = peer.client(), [], gevent.event.Event()
    client.on("wait", gate.wait)
    client.on("event", lambda: heard.append("event"))
    client.emit("ask", "x", callback=lambda *arguments: heard.append(arguments))
    number = peer.wait("event")[4]
    peer.send("wait")
    peer.send("event")
    peer.answer(number, 1, "two")
    gevent.sleep(0)
    assert heard == []
    gate.set()
    wait_until(lambda: len(heard) == 2, "called")
    assert heard == ["event", (1, "two")]
    peer.answer(number, "again")
    peer.answer(99, "nobody has asked")
    gevent.sleep(0)
    assert len(heard) == 2


def test_a_callback_that_fails_is_logged_like_a_handler(peer: Peer, lines: list[str]) -> None:
    for callback in (fail, lambda one: None):
        peer.client().emit("ask", callback=callback)
        peer.answer(peer.wait("event")[4])
        gevent.sleep(0)
    assert "a handler of 'acknowledgement' failed" in lines[-2]
    assert "LookupError: a mistake" in lines[-2]
    assert "cannot take the arguments of a client's event" in lines[-1]
    assert peer.client().connected


def test_callbacks_run_inside_the_context() -> None:
    inside: list[Any] = []

    class Context:
        def __enter__(self) -> None:
            inside.append("in")

        def __exit__(self, *exception: object) -> None:
            inside.append("out")

    peer = Peer(listen_to_all(log=False, context=Context), "/")
    inside.clear()
    peer.client().emit("ask", callback=lambda: inside.append("called"))
    peer.answer(peer.wait("event")[4])
    wait_until(lambda: len(inside) == 3, "called")
    assert inside == ["in", "called", "out"]


def test_a_classic_client_cannot_acknowledge(listener: io.Listener) -> None:
    with Client(listener) as ann:
        for call in (
            lambda: ann.session.call("ask"),
            lambda: ann.session.emit("ask", callback=print),
        ):
            with pytest.raises(TypeError, match=r"acknowledges events, .* 'classic' do not"):
                call()
        with pytest.raises(TimeoutError):
            ann.receive(timeout=0)


def test_a_client_that_owes_too_many_answers_is_disconnected() -> None:
    lines: list[str] = []
    peer = Peer(listen_to_all(max_pending_acks=3, log=lines.append), "/")
    client = peer.client()
    for _ in range(3):
        client.emit("ask", callback=print)
    peer.answer(peer.wait("event")[4])
    client.emit("ask", callback=print)
    assert client.connected
    client.emit("ask", callback=print)
    assert not client.connected
    assert client.disconnect_reason == "limit_exceeded"
    assert client.listener.stats()["limits"]["max_pending_acks"] == 1
    assert any("(option 'max_pending_acks')" in line for line in lines)


# --- the answers of many ---


def test_a_target_gathers_the_answers_of_all(listener: io.Listener) -> None:
    peers = [Peer(listener, "/") for _ in range(3)]
    Client(listener)  # it cannot answer, and is not missed
    dialect: Any = listener._attachment.dialects[1]
    dialect.encoded = 0
    call = gevent.spawn(listener.call, "ask", "x")
    for number, peer in enumerate(peers):
        peer.answer(peer.wait("event")[4], number)
    answers = {peer.client().id: number for number, peer in enumerate(peers)}
    assert call.get(timeout=DEADLINE) == answers
    assert dialect.encoded == 1


def test_whoever_asks_for_others_is_told_of_each_answer_and_of_those_that_do_not_come(
    listener: io.Listener,
) -> None:
    peers = [Peer(listener, "/") for _ in range(3)]
    ids = [peer.client().id for peer in peers]
    begun: list[str] = []
    told: list[Any] = []
    stop = listener.local.ask_each(
        "ask", (), begun.extend, lambda each, values: told.append((each, values)), told.append
    )
    assert sorted(begun) == sorted(ids)
    peers[0].answer(peers[0].wait("event")[4], "yes")
    wait_until(lambda: told == [(ids[0], ["yes"])], "told of an answer")
    peers[1].vanish()
    wait_until(lambda: told[1:] == [ids[1]], "told of who has left")
    stop()
    assert told[2:] == [ids[2]]
    assert listener._space.pending._awaited == {}


def test_a_target_without_clients_answers_at_once(listener: io.Listener) -> None:
    assert listener.to("nobody").call("ask", timeout=None) == {}


def test_who_has_not_answered_is_named_with_the_answers_of_the_others(
    listener: io.Listener,
) -> None:
    def ask(seconds: float) -> tuple[list[str], Any]:
        ann, ben, cid = (Peer(listener, "/") for _ in range(3))
        ids = [peer.client().id for peer in (ann, ben, cid)]
        call = gevent.spawn(listener.call, "ask", timeout=seconds)
        ann.answer(ann.wait("event")[4], "yes")
        ben.vanish()
        with pytest.raises(io.AckTimeout, match="of 3 clients") as raised:
            call.get(timeout=DEADLINE)
        ann.vanish()
        cid.vanish()
        return ids, raised.value

    ids, error = with_time(ask, lambda asked: asked[1].answers)
    assert "2 of 3 clients" in str(error)
    assert error.answers == {ids[0]: "yes"}
    assert sorted(error.missing) == sorted(ids[1:])
    assert listener._space.pending._awaited == {}


def test_a_call_does_not_wait_for_clients_that_have_all_left(listener: io.Listener) -> None:
    peer = Peer(listener, "/")
    call = gevent.spawn(listener.call, "ask", timeout=None)
    peer.wait("event")
    peer.vanish()
    with pytest.raises(io.AckTimeout, match="before leaving"):
        call.get(timeout=DEADLINE)


def test_answers_that_take_too_much_memory_are_dropped() -> None:
    listener = listen_to_all(max_memory=4000)
    peers = [Peer(listener, "/") for _ in range(4)]
    call = gevent.spawn(listener.call, "ask", timeout=None)
    for number, peer in enumerate(peers):
        peer.answer(peer.wait("event")[4], number, cost=400)
    with pytest.raises(io.AckTimeout, match=r"2 of 4 .* 2 answers were dropped") as raised:
        call.get(timeout=DEADLINE)
    ids = [peer.client().id for peer in peers]
    assert raised.value.answers == {ids[0]: 0, ids[1]: 1}
    assert raised.value.missing == ids[2:]
    # There is room again.
    assert listener._space.gathered.held == 0
    call = gevent.spawn(peers[0].client().call, "ask", timeout=None)
    peers[0].answer(peers[0].wait("event")[4], "yes", cost=400)
    assert call.get(timeout=DEADLINE) == "yes"


def test_the_answers_of_all_calls_share_one_bound() -> None:
    listener = listen_to_all(max_memory=4000)
    room = listener.of("/room")
    ann, ben, cid = (Peer(listener, "/", "/room") for _ in range(3))
    first = gevent.spawn(room.to(ann.client("/room").id, ben.client("/room").id).call, "ask")
    ann.answer(ann.wait("event")[4], "yes", namespace="/room", cost=900)
    second = gevent.spawn(cid.client().call, "ask")
    cid.answer(cid.wait("event")[4], "no room", cost=200)
    with pytest.raises(io.AckTimeout, match="dropped"):
        second.get(timeout=DEADLINE)
    ben.vanish()
    with pytest.raises(io.AckTimeout) as raised:
        first.get(timeout=DEADLINE)
    assert list(raised.value.answers.values()) == ["yes"]
    assert listener._space.gathered.held == 0
