"""Namespaces, their middleware, and how clients come and go in them."""

from __future__ import annotations

import re
from typing import Any

import gevent
import pytest
from support.in_process import fail, listen
from support.modern import Peer, listen_to_all
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent import namespaces
from sockio_gevent.testing import Client, Refused


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def listener(lines: list[str]) -> io.Listener:
    return listen_to_all(log=lines.append)


def kinds(peer: Peer) -> list[Any]:
    return [packet[:2] for packet in peer.packets]


# --- namespaces ---


def test_the_listener_is_the_main_namespace(listener: io.Listener) -> None:
    assert listener.of("/") is listener
    assert listener.name == "/"
    assert listener.listener is listener
    assert isinstance(listener, io.Namespace)
    with Client(listener) as client:
        assert client.session.namespace is listener
        assert client.session.listener is listener


@pytest.mark.parametrize("name", ["/admin", "admin"])
def test_a_namespace_is_found_by_its_name(listener: io.Listener, name: str) -> None:
    admin = listener.of(name)
    assert admin is listener.of("/admin")
    assert admin.name == "/admin"
    assert admin.listener is listener
    assert repr(admin) == "<Namespace /admin 0 clients>"


@pytest.mark.parametrize("name", [None, 1, b"/admin"], ids=repr)
def test_the_name_of_a_namespace_is_a_string_or_a_pattern(listener: io.Listener, name: Any) -> None:
    with pytest.raises(TypeError, match="a str or a compiled pattern"):
        listener.of(name)


def test_a_session_has_a_client_in_each_namespace_that_it_has_asked_for(
    listener: io.Listener,
) -> None:
    came: list[Any] = []
    admin = listener.of("/admin")
    listener.on("connection", lambda client: came.append(("/", client.auth)))
    admin.on("connection", lambda client: came.append((client.namespace.name, client.auth)))
    peer = Peer(listener)
    peer.connect("/")
    peer.connect("/admin", {"token": 1})
    assert came == [("/", {}), ("/admin", {"token": 1})]
    first, second = peer.client(), peer.client("/admin")
    assert first is not second
    assert first.id != second.id
    assert (first.session_id, first.identity) == (second.session_id, second.identity)
    assert peer.packets == [["connected", "/", first.id], ["connected", "/admin", second.id]]
    assert dict(listener.clients) == {first.session_id: first}
    assert dict(admin.clients) == {first.session_id: second}


def test_namespaces_keep_rooms_events_and_messages_apart(listener: io.Listener) -> None:
    admin, heard = listener.of("/admin"), []
    listener.on("chat", lambda client, text: heard.append(("/", text)))
    admin.on("chat", lambda client, text: heard.append(("/admin", text)))
    listener.on("clientMessage", lambda message, client: heard.append(("/", message)))
    admin.on("clientMessage", lambda message, client: heard.append(("/admin", message)))
    peer = Peer(listener, "/", "/admin")
    peer.packets.clear()
    peer.send("chat", 1)
    peer.send("chat", 2, namespace="/admin")
    peer.send("message", 3, namespace="/admin")
    assert heard == [("/", 1), ("/admin", 2), ("/admin", 3)]
    peer.client().join("hall")
    admin.to("hall").send("for nobody")
    admin.send("for all")
    listener.to("hall").emit("chat", 1)
    assert peer.packets == [
        ["event", "/admin", "message", ["for all"], None],
        ["event", "/", "chat", [1], None],
    ]


def test_numbers_of_events_are_those_of_the_namespace(listener: io.Listener) -> None:
    listener.of("/admin")
    peer, heard = Peer(listener, "/", "/admin"), []
    peer.client().emit("ask", callback=lambda: heard.append("/"))
    peer.client("/admin").emit("ask", callback=lambda: heard.append("/admin"))
    assert [peer.wait("event")[4] for _ in range(2)] == [0, 0]
    peer.answer(0, namespace="/admin")
    peer.answer(0, namespace="/other")
    wait_until(lambda: heard, "answered")
    assert heard == ["/admin"]


def test_a_namespace_that_the_application_does_not_know_is_refused(listener: io.Listener) -> None:
    peer = Peer(listener, "/admin", "/")
    assert peer.packets[0] == ["refused", "/admin", "Invalid namespace", None]
    assert peer.client().connected


def test_events_of_a_namespace_that_a_session_is_not_in_are_dropped(listener: io.Listener) -> None:
    listener.of("/admin").on("chat", fail)
    peer = Peer(listener, "/")
    peer.packets.clear()
    peer.send("chat", namespace="/admin", ack_id=1)
    peer.send("chat", namespace="/other")
    peer.leave("/admin")
    peer.answer(1, namespace="/admin")
    assert peer.packets == []
    assert peer.client().connected


def test_a_session_that_asks_twice_for_a_namespace_ends(
    listener: io.Listener, lines: list[str]
) -> None:
    peer = Peer(listener, "/")
    client = peer.client()
    peer.connect("/")
    assert client.disconnect_reason == "protocol_error"
    assert "twice" in lines[-1]


# --- middleware ---


def test_middleware_runs_in_order_before_the_client_is_let_in(listener: io.Listener) -> None:
    steps: list[Any] = []

    @listener.use
    def first(client: io.Client) -> None:
        steps.append(("first", client.connected, len(listener.clients), client.auth))
        client.data["name"] = "ann"
        client.join("hall")
        client.send("dropped")
        listener.send("dropped")

    listener.use(lambda client: steps.append("second"))
    listener.on("connection", lambda client: steps.append((client.connected, client.data)))
    peer = Peer(listener)
    peer.connect("/", "token")
    assert steps == [("first", False, 0, "token"), "second", (True, {"name": "ann"})]
    assert kinds(peer) == [["connected", "/"]]
    assert listener.to("hall").clients() == [peer.client()]


# The exception, the packet that the client gets, and whether the exception is logged.
REFUSALS: dict[str, tuple[BaseException, list[Any], bool]] = {
    "a text": (io.Refused("not you"), ["not you", None], False),
    "a text and data": (io.Refused("not you", {"code": 7}), ["not you", {"code": 7}], False),
    "data without a form": (io.Refused("not you", object()), ["not you", None], True),
    "another exception": (LookupError("secret"), ["internal error", None], True),
    "a timeout": (gevent.Timeout(0), ["internal error", None], True),
}


@pytest.mark.parametrize(("error", "told", "logged"), REFUSALS.values(), ids=REFUSALS)
def test_middleware_that_raises_refuses_the_client(
    listener: io.Listener, lines: list[str], error: BaseException, told: list[Any], logged: bool
) -> None:
    kept: list[Any] = []

    @listener.use
    def refuse(client: io.Client) -> None:
        kept.append(client)
        client.join("hall")
        raise error

    for event in ("clientConnect", "connection", "clientDisconnect"):
        listener.on(event, fail)
    peer = Peer(listener, "/")
    assert peer.packets == [["refused", "/", *told]]
    assert peer.client() is None
    assert peer.session.connected
    assert not listener.clients
    assert listener._space.rooms._joined == {}
    assert any("Traceback" in line for line in lines) == logged
    (line,) = [line for line in lines if "is not let into" in line]
    expected = rf"session \w{{8}} \(.*, .*\) is not let into '/': {re.escape(repr(told[0]))}"
    assert re.fullmatch(expected, line)
    kept[0].send("nothing")
    kept[0].join("hall")
    assert peer.packets == []
    assert listener.to("hall").clients() == []


def test_a_client_whose_session_ends_when_it_is_told_that_it_is_in_leaves_nothing() -> None:
    events: list[str] = []
    listener = listen_to_all(log=False, max_buffer=500)
    listener.on("connection", lambda client: events.append("in"))
    listener.on("clientDisconnect", lambda client: events.append("out"))
    peer = Peer(listener)
    peer.session.downlink = None
    peer.session._waiting = 500
    peer.connect("/")
    wait_until(lambda: len(events) == 2, "gone")
    assert events == ["in", "out"]
    assert not listener.clients
    assert not listener._sessions.closing_sessions


def test_middleware_that_fails_is_logged(listener: io.Listener, lines: list[str]) -> None:
    listener.use(fail)
    Peer(listener, "/")
    [line] = [line for line in lines if "middleware" in line]
    assert line.startswith("middleware of <Listener socket.io 0 clients> failed for <Client")
    assert "LookupError: a mistake" in line


def test_a_client_whose_context_fails_is_not_let_in() -> None:
    def context() -> Any:
        raise LookupError("no database")

    listener = listen_to_all(log=False, context=context)
    listener.use(lambda client: None)
    peer = Peer(listener, "/")
    assert peer.packets == [["refused", "/", "internal error", None]]


def test_a_client_that_middleware_disconnects_is_refused(listener: io.Listener) -> None:
    listener.use(lambda client: client.disconnect())
    peer = Peer(listener, "/")
    assert peer.packets == [["refused", "/", "disconnected", None]]
    assert peer.client() is None


def test_a_session_that_ends_while_middleware_blocks_has_no_client(listener: io.Listener) -> None:
    gate, came = gevent.event.Event(), []
    listener.use(lambda client: gate.wait())
    listener.on("connection", came.append)
    listener.on("clientDisconnect", came.append)
    peer = Peer(listener, "/")
    peer.vanish()
    gate.set()
    wait_until(lambda: not listener._sessions.closing_sessions, "closed")
    assert came == []
    assert listener._space.rooms.is_empty


def test_a_classic_client_that_is_refused_is_disconnected(lines: list[str]) -> None:
    listener = listen(log=lines.append)

    @listener.use
    def refuse(client: io.Client) -> None:
        if "HTTP_X_BAD" in client.environ:
            raise io.Refused("not you")

    with Client(listener) as client:
        assert client.session.connected
    with pytest.raises(Refused, match="refused: 'not you'") as raised:
        Client(listener, environ={"HTTP_X_BAD": "1"})
    assert raised.value.status == ""
    assert "refused: 'not you'" in lines[-1]
    assert listener.stats()["closes"]["disconnected"] == 1


@pytest.mark.parametrize("function", [lambda: None, lambda a, b: None, "x", None], ids=range(4))
def test_middleware_takes_a_client(listener: io.Listener, function: Any) -> None:
    with pytest.raises(TypeError, match="cannot be middleware"):
        listener.use(function)


# --- leaving ---


def test_a_client_leaves_one_namespace_and_stays_in_the_others(listener: io.Listener) -> None:
    gone: list[Any] = []
    admin = listener.of("/admin")
    admin.on("clientDisconnect", lambda client: gone.append((client.rooms, admin.clients)))
    peer = Peer(listener, "/", "/admin")
    client = peer.client("/admin")
    client.on("disconnect", lambda: gone.append(client.disconnect_reason))
    client.join("hall")
    peer.packets.clear()
    peer.leave("/admin")
    assert gone == ["client_closed", ({client.id, "hall"}, {})]
    assert not client.connected
    assert peer.client().connected
    client.send("nothing")
    client.join("hall")
    client.disconnect()
    assert admin.to("hall", client.id).clients() == []
    assert peer.packets == []
    peer.connect("/admin")
    assert peer.client("/admin") is not client
    peer.client("/admin").join("cellar")
    assert not client.connected
    assert client.rooms == {client.id}


def test_the_application_disconnects_a_client_from_its_namespace(listener: io.Listener) -> None:
    gone: list[Any] = []
    listener.of("/admin").on("clientDisconnect", gone.append)
    listener.of("/admin").on("chat", fail)
    peer = Peer(listener, "/", "/admin")
    client = peer.client("/admin")
    peer.packets.clear()
    client.send("bye")
    client.disconnect()
    assert not client.connected
    peer.send("chat", namespace="/admin")
    assert peer.packets == [
        ["event", "/admin", "message", ["bye"], None],
        ["left", "/admin"],
    ]
    assert gone == [client]
    assert client.disconnect_reason == "disconnected"
    assert peer.client().connected


def test_a_client_that_comes_back_while_its_last_handlers_run_is_a_new_one(
    listener: io.Listener,
) -> None:
    gate, events = gevent.event.Event(), []
    listener.on("connection", lambda client: events.append("in"))
    listener.on("clientDisconnect", lambda client: gate.wait() and events.append("out"))
    peer = Peer(listener, "/")
    first = peer.client()
    first.disconnect()
    peer.connect("/")
    assert events == ["in"]
    gate.set()
    wait_until(lambda: len(events) == 3, "back")
    assert events == ["in", "out", "in"]
    assert peer.client() not in (None, first)


def test_the_application_ends_the_session_with_all_its_clients(listener: io.Listener) -> None:
    gone: list[Any] = []
    admin = listener.of("/admin")
    for each in (listener, admin):
        each.on("clientDisconnect", lambda client: gone.append(client.namespace.name))
    peer = Peer(listener, "/", "/admin")
    client = peer.client("/admin")
    client.disconnect(close=True)
    wait_until(lambda: len(gone) == 2, "gone")
    assert gone == ["/", "/admin"]
    assert not peer.session.connected
    assert client.disconnect_reason == "disconnected"


def test_all_clients_of_a_session_that_ends_leave_at_once(listener: io.Listener) -> None:
    admin = listener.of("/admin")
    gate, gone = gevent.event.Event(), []
    admin.on("wait", lambda client: gate.wait())
    peer = Peer(listener, "/", "/admin")
    client = peer.client("/admin")
    client.join("hall")
    client.on("disconnect", lambda: gone.append(client.rooms))
    peer.send("wait", namespace="/admin")
    peer.vanish()
    assert not admin.clients
    assert admin.to("hall", client.id).clients() == []
    assert not listener.clients
    assert gone == []
    gate.set()
    wait_until(lambda: gone, "gone")
    assert gone == [{client.id, "hall"}]


def test_the_last_handlers_of_all_clients_run_even_if_one_is_killed(listener: io.Listener) -> None:
    gone: list[Any] = []
    admin = listener.of("/admin")

    def killed(client: io.Client) -> None:
        raise gevent.GreenletExit

    listener.on("clientDisconnect", killed)
    admin.on("clientDisconnect", gone.append)
    peer = Peer(listener, "/", "/admin")
    peer.vanish()
    wait_until(lambda: gone, "gone")
    assert not listener._sessions.closing_sessions


# --- patterns ---


def test_a_pattern_makes_a_namespace_for_each_name_that_matches(listener: io.Listener) -> None:
    came: list[Any] = []
    parent = listener.of(re.compile(r"/room-\d+"))
    assert listener.of(re.compile(r"/room-\d+")) is parent
    parent.on("connection", lambda client: came.append(client.namespace.name))
    parent.on("chat", lambda client, text: f"{client.namespace.name} {text}")

    @parent.use
    def check(client: io.Client) -> None:
        if client.namespace.name == "/room-13":
            raise io.Refused("not this one")

    ann, ben = Peer(listener, "/room-1", "/room-13"), Peer(listener, "/room-2", "/room-x")
    assert came == ["/room-1", "/room-2"]
    assert kinds(ann) == [["connected", "/room-1"], ["refused", "/room-13"]]
    assert kinds(ben) == [["connected", "/room-2"], ["refused", "/room-x"]]
    ann.send("chat", "hello", namespace="/room-1", ack_id=0)
    assert ann.packets == [["answer", "/room-1", 0, ["/room-1 hello"]]]
    listener.of("/room-2").send("one")
    parent.send("all")
    parent.emit("chat", 1)
    assert [packet[3] for packet in ann.packets] == [["all"], [1]]
    assert [packet[3] for packet in ben.packets] == [["one"], ["all"], [1]]
    assert repr(parent) == r"<ParentNamespace /room-\d+ 2 namespaces>"


def test_a_pattern_matches_whole_names(listener: io.Listener) -> None:
    listener.of(re.compile(r"/room"))
    assert kinds(Peer(listener, "/room/secret")) == [["refused", "/room/secret"]]


def test_a_namespace_of_a_pattern_is_forgotten_when_its_last_client_has_left(
    listener: io.Listener,
) -> None:
    parent = listener.of(re.compile(r"/room-\d+"))
    parent.use(lambda client: None)
    first, second = Peer(listener, "/room-1"), Peer(listener, "/room-1")
    first.leave("/room-1")
    assert set(parent.children) == {"/room-1"}
    second.vanish()
    assert set(parent.children) == set()
    kept = listener.of("/room-2")
    Peer(listener, "/room-2").vanish()
    assert dict(parent.children) == {"/room-2": kept}
    assert listener._namespaces._made_for_clients == {}


def test_a_namespace_whose_middleware_blocks_is_not_forgotten(listener: io.Listener) -> None:
    parent, gate = listener.of(re.compile(r"/room-\d+")), gevent.event.Event()
    first = Peer(listener, "/room-1")
    parent.use(lambda client: gate.wait())
    second = Peer(listener, "/room-1")
    first.leave("/room-1")
    assert set(parent.children) == {"/room-1"}
    gate.set()
    second.wait("connected")
    assert parent.children["/room-1"].clients
    parent.send("hello")
    second.wait("event")


def test_clients_cannot_make_namespaces_without_end(
    listener: io.Listener, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "_MOST_MADE_FOR_CLIENTS", 3)
    parent = listener.of(re.compile(r"/.*"))
    peer = Peer(listener, *[f"/{number}" for number in range(5)], f"/{'x' * 1000}")
    assert [packet[0] for packet in peer.packets] == 3 * ["connected"] + 3 * ["refused"]
    assert len(parent.children) == 3
    assert any("clients have asked for 3 namespaces" in line for line in lines)
    peer.leave("/1")
    peer.connect("/5")
    assert kinds(peer) == [["connected", "/5"]]


def test_clients_of_one_address_leave_namespaces_for_others(
    listener: io.Listener, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "_MOST_OF_ONE_ADDRESS", 2)
    listener.of(re.compile(r"/.*"))
    greedy = [Peer(listener, address="192.0.2.1") for _ in range(2)]
    for number in range(4):
        greedy[number % 2].connect(f"/{number}")
    assert kinds(greedy[0]) == [["connected", "/0"], ["refused", "/2"]]
    assert kinds(greedy[1]) == [["connected", "/1"], ["refused", "/3"]]
    assert any("clients of 192.0.2.1 have asked for 2 namespaces" in line for line in lines)
    other = Peer(listener, "/2", "/3", address="192.0.2.2")
    assert kinds(other) == [["connected", "/2"], ["connected", "/3"]]
    # They may join those of others, and have room again when theirs are forgotten.
    greedy[0].connect("/2")
    greedy[1].leave("/1")
    greedy[1].connect("/4")
    assert kinds(greedy[0]) == [["connected", "/2"]]
    assert kinds(greedy[1]) == [["connected", "/4"]]
    for each in (*greedy, other):
        each.vanish()
    assert listener._namespaces._by_network == {}


def test_addresses_of_this_machine_are_not_counted(
    listener: io.Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may come through a proxy, from many clients."""
    monkeypatch.setattr(namespaces, "_MOST_OF_ONE_ADDRESS", 2)
    listener.of(re.compile(r"/.*"))
    peer = Peer(listener, *[f"/{number}" for number in range(4)])
    assert {packet[0] for packet in peer.packets} == {"connected"}


def test_a_name_that_is_too_long_for_clients_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="at most 256 characters, not 257"):
        listen().of("x" * 256)
