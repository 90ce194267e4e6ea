"""The option ``recovery``: a client that was cut off goes on where it was."""

from __future__ import annotations

import re
import threading
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.http import DEADLINE
from support.in_process import listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent import recovery
from sockio_gevent.client import session_of
from sockio_gevent.monitoring.reasons import CloseReason, End
from sockio_gevent.testing import Client, Disconnected

LONG = 60.0  # seconds


def connect(listener: io.Listener, **options: Any) -> Client:
    return Client(listener, dialect="socket.io", **options)


def received(client: Client) -> list[Any]:
    """All that has come so far."""
    found = []
    while True:
        try:
            found.append(client.receive(timeout=0))
        except TimeoutError:
            return found


def test_a_client_that_comes_back_has_its_id_rooms_and_data() -> None:
    listener = listen(recovery=LONG)
    gone: list[str] = []
    recovered: list[bool] = []

    @listener.on("connection")
    def connected(client: io.Client) -> None:
        recovered.append(client.recovered)
        client.on("disconnect", lambda: gone.append(client.id))

    first = connect(listener)
    first.session.join("lobby", "kitchen")
    first.session.data["name"] = "Ann"
    old = first.session
    first.cut()
    assert gone == [old.id]
    assert not old.connected
    assert dict(listener.clients) == {}
    second = first.come_back()
    assert recovered == [False, True]
    new = second.session
    assert new is not old
    assert (new.id, new.rooms, new.data) == (old.id, {"lobby", "kitchen", old.id}, {"name": "Ann"})
    assert new.auth == {}
    assert list(listener.clients.values()) == [new]
    assert listener.to("lobby").clients() == [new]
    assert listener.to(new.id).clients() == [new]


def test_a_client_gets_what_it_has_missed_once_and_in_order() -> None:
    listener = listen(recovery=LONG)
    with connect(listener) as bystander:
        first = connect(listener)
        old = first.session
        old.join("lobby")
        old.emit("chat", 0)
        listener.emit("chat", 1)
        assert received(first) == [("chat", 0), ("chat", 1)]
        received(bystander)
        first.cut()
        old.emit("chat", 2)
        listener.emit("chat", 3, b"data")
        listener.to("lobby").send("four")
        listener.to("elsewhere").emit("chat", "not for it")
        listener.volatile.emit("chat", "not kept")
        listener.except_(old).emit("chat", "without it")
        bystander.session.broadcast.emit("chat", 5)
        old.send("six")
        second = first.come_back()
        expected = [("chat", 2), ("chat", 3, b"data"), ("message", "four"), ("chat", 5)]
        assert received(second) == [*expected, ("message", "six")]
        old.emit("chat", "by the old object")
        listener.emit("chat", 7)
        assert received(second)[-1] == ("chat", 7)
        assert [each[-1] for each in received(bystander)] == [b"data", "not kept", "without it", 7]


def test_events_that_were_lost_with_the_connection_are_sent_again() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    for number in range(5):
        first.session.emit("chat", number)
    assert len(received(first)) == 5
    # The client has seen only the first two: the others were lost on their way.
    first._link.seen["/"]["offset"] = str(int(first._link.seen["/"]["offset"]) - 3)  # type: ignore[attr-defined]
    first.cut()
    assert received(first.come_back()) == [("chat", 2), ("chat", 3), ("chat", 4)]


def test_a_client_can_be_cut_off_again_and_again() -> None:
    listener = listen(recovery=LONG)
    client = connect(listener)
    client_id = client.session.id
    client.session.join("lobby")
    for number in range(5):
        client.cut()
        listener.to("lobby").emit("chat", number)
        client = client.come_back()
        assert client.session.recovered
        assert client.session.id == client_id
        assert received(client) == [("chat", number)]


def test_a_client_can_be_cut_off_again_before_another_event_comes() -> None:
    listener = listen(recovery=LONG)
    client = connect(listener)
    client_id = client.session.id
    listener.emit("chat", 0)
    for _ in range(3):
        client.cut()
        client = client.come_back()
        assert client.session.recovered
    client.cut()
    listener.emit("chat", 1)
    client = client.come_back()
    assert (client.session.recovered, client.session.id) == (True, client_id)
    assert received(client) == [("chat", 1)]


@pytest.mark.parametrize("before", [0, 1])
def test_what_is_sent_again_and_lost_with_the_next_cut_is_sent_once_more(before: int) -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    for _ in range(before):
        listener.emit("chat", "before")
    first.cut()
    listener.emit("chat", 1)
    for _ in range(2):
        # It is cut off before it reads, so the client shows again what it has shown first.
        first.come_back().cut()
    listener.emit("chat", 2)
    last = first.come_back()
    assert last.session.recovered
    assert received(last) == [("chat", 1), ("chat", 2)]


def test_a_client_that_was_not_recovered_can_be_cut_off_before_an_event_comes() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    listener.emit("chat", 1)
    first.cut()
    first._link.seen["/"]["pid"] = "invented"  # type: ignore[attr-defined]
    # It shows still the offset of its first connection.
    second = first.come_back()
    assert not second.session.recovered
    second.cut()
    listener.emit("chat", 2)
    third = second.come_back()
    assert third.session.recovered
    assert received(third) == [("chat", 2)]


def test_a_client_that_is_cut_off_on_its_way_back_can_come_back_once_more() -> None:
    listener = listen(recovery=LONG)
    chat = listener.of("/chat")
    first = connect(listener, namespace="/chat")
    first.session.join("lobby")
    first.cut()
    chat.emit("chat", 1)
    asked, go_on = Event(), Event()

    @chat.use
    def check(client: io.Client) -> None:
        asked.set()
        go_on.wait()

    # Its connection is cut while the middleware decides.
    session = connect(listener)._session
    session.receive([f'40/chat,{{"pid":"{first._link.seen["/chat"]["pid"]}"}}'])  # type: ignore[attr-defined]
    session.start_handlers()
    assert asked.wait(DEADLINE)
    session.end(End(CloseReason.LOST, "cut"))
    go_on.set()
    assert session.handlers.wait_done(DEADLINE)
    last = first.come_back()
    assert (last.session.recovered, last.session.rooms) == (True, {"lobby", last.session.id})
    assert received(last) == [("chat", 1)]
    last.disconnect()
    assert not chat._space.rooms.absent


def test_a_client_that_was_sent_nothing_comes_back_too() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    first.cut()
    assert first.come_back().session.recovered


def test_a_client_comes_back_before_the_server_has_noticed_the_cut() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    ends: list[Any] = []
    first.session.on("disconnect", lambda: ends.append(first.session.disconnect_reason))
    second = first.come_back()
    assert ends == ["connection_lost"]
    assert second.session.recovered
    listener.emit("chat", 1)
    assert received(second) == [("chat", 1)]
    assert list(listener.clients.values()) == [second.session]


def test_a_client_on_its_way_back_is_not_awaited_any_more() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    recovery, kept = listener._space.recovery, session_of(first.session).kept["/"]  # type: ignore[index]
    assert recovery is not None
    awaited: list[bool] = []
    listener.use(lambda client: awaited.append(bool(recovery._awaited) or kept.slot is not None))
    assert first.come_back().session.recovered
    assert awaited == [False]


def test_what_is_forgotten_is_not_taken_for_nothing_missed() -> None:
    listener = listen(recovery=LONG)
    kept = session_of(connect(listener).session).kept["/"]  # type: ignore[index]
    assert kept.after(None) == []
    kept.forget()
    assert kept.after(None) is None


def test_a_client_that_is_back_is_told_the_same_secret() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    first.cut()
    secrets = [each._link.seen["/"]["pid"] for each in (first, first.come_back())]  # type: ignore[attr-defined]
    assert len(set(secrets)) == 1
    assert first.session.id not in secrets


def test_nobody_comes_back_with_an_invented_secret() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    first.cut()
    for auth in ({"pid": "invented"}, {"pid": 1}, {"pid": None, "offset": {}}, {"pid": ["x"]}):
        assert not connect(listener, auth=auth).session.recovered


def test_after_the_time_of_the_option_a_client_is_a_new_one() -> None:
    listener = listen(recovery=0.05)
    first = connect(listener)
    old = first.session
    old.join("lobby")
    first.cut()
    space = listener._space
    assert space.rooms.absent
    wait_until(lambda: not space.rooms.absent, "the end of the wait")
    old.emit("chat", "dropped")
    listener.to("lobby").emit("chat", "dropped")
    second = first.come_back()
    assert not second.session.recovered
    assert second.session.id != old.id
    assert second.session.rooms == {second.session.id}
    assert received(second) == []
    assert space.recovery is not None
    assert not space.recovery._awaited
    assert set(space.recovery._by_secret.values()) == {session_of(second.session).kept["/"]}  # type: ignore[index]


@pytest.mark.parametrize("end", ["client", "application", "namespace", "limit"])
def test_a_client_that_was_not_cut_off_does_not_come_back(end: str) -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    session = session_of(first.session)
    if end == "client":
        first.disconnect()
    elif end == "application":
        first.session.disconnect(close=True)
    elif end == "namespace":
        first.session.disconnect()
    else:
        session.end(End(CloseReason.LIMIT, "too much"))
    session.handlers.wait_done(5)
    assert not first.come_back().session.recovered


def test_events_beyond_the_bound_are_forgotten_and_then_the_client_is_a_new_one() -> None:
    listener = listen(recovery=LONG, max_memory=64 * 1024)
    first = connect(listener)
    first.session.send("seen")
    assert received(first) == [("message", "seen")]
    first.cut()
    for _ in range(10):
        listener.send("x" * 1000)
    recovery = listener._space.recovery
    assert recovery is not None
    assert recovery._held <= 16 * 1024
    assert len(received(first.come_back())) == 10
    second = connect(listener)
    second.session.send("seen")
    received(second)
    second.cut()
    for _ in range(100):
        listener.send("x" * 1000)
    assert recovery._held <= 16 * 1024
    third = second.come_back()
    assert not third.session.recovered
    assert received(third) == []


def test_a_broadcast_is_kept_once_for_all() -> None:
    listener = listen(recovery=LONG)
    clients = [connect(listener) for _ in range(10)]
    for client in clients:
        client.cut()
    listener.send("x" * 1000)
    recovery = listener._space.recovery
    assert recovery is not None
    assert 1000 < recovery._held < 2000
    assert [received(each.come_back()) for each in clients] == [[("message", "x" * 1000)]] * 10


def test_what_each_client_keeps_of_an_event_is_counted_too() -> None:
    listener = listen(recovery=LONG, max_memory=64 * 1024)
    kept = listener._space.recovery
    assert kept is not None
    costs = []
    clients: list[Client] = []
    for _ in range(2):
        clients += [connect(listener) for _ in range(20)]
        before = kept._held
        listener.send("x")
        costs.append(kept._held - before)
    assert costs[1] - costs[0] == 20 * 8
    # Many small events for many clients are over the bound sooner.
    for _ in range(100):
        listener.send("x")
    assert kept._held <= 16 * 1024
    assert sum(event.cost for event in kept._log) == kept._held
    assert received(clients[0])
    clients[0].cut()
    assert clients[0].come_back().session.recovered


def test_quiet_clients_do_not_hold_what_is_not_kept_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "_STALE", 100)
    listener = listen(recovery=LONG, max_memory=64 * 1024)
    quiet, busy = connect(listener), connect(listener)
    for _ in range(30):
        quiet.session.send("x")
    [kept] = (session_of(quiet.session).kept or {}).values()
    assert len(kept._events) == 30
    for _ in range(300):
        busy.session.send("x")
    assert len(kept._events) == 0
    assert len(received(quiet)) == 30
    listener.send("y")
    received(quiet)
    quiet.cut()
    listener.send("z")
    assert received(quiet.come_back()) == [("message", "z")]


def test_only_so_many_clients_are_awaited() -> None:
    listener = listen(recovery=LONG, max_sessions=3)
    clients = []
    for _ in range(5):
        client = connect(listener)
        client.cut()
        clients.append(client)
    back = [each.come_back().session.recovered for each in clients[:1]]
    assert back == [False]
    assert clients[4].come_back().session.recovered


def test_a_client_that_middleware_refuses_does_not_come_back() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener)
    refuse = True

    @listener.use
    def check(client: io.Client) -> None:
        assert client.recovered
        if refuse:
            raise io.Refused("no")

    first.cut()
    with pytest.raises(ConnectionRefusedError):
        first.come_back()
    assert not listener._space.rooms.absent
    assert not listener._space.recovery._awaited  # type: ignore[union-attr]


def test_namespaces_are_recovered_one_by_one() -> None:
    listener = listen(recovery=LONG)
    admin = listener.of("/admin")
    first = connect(listener)
    other = first.connect("/admin")
    other.session.join("lobby")
    first.cut()
    admin.to("lobby").emit("chat", 1)
    back = other.come_back()
    assert back.session.recovered
    assert received(back) == [("chat", 1)]
    assert first.come_back().session.recovered


def test_clients_of_other_dialects_get_no_offsets() -> None:
    listener = listen(recovery=LONG)
    with Client(listener) as classic:
        listener.send("hello")
        listener.emit("chat", 1)
        assert [classic.receive(), classic.receive()] == ["hello", {"name": "chat", "args": [1]}]
        with pytest.raises(TypeError, match="recovery"):
            classic.come_back()


def test_without_the_option_nothing_is_kept() -> None:
    listener = listen()
    first = connect(listener)
    listener.emit("chat", "1")
    assert received(first) == [("chat", "1")]
    first.cut()
    with pytest.raises(TypeError, match="recovery"):
        first.come_back()


def test_a_secret_is_not_enough_for_another_peer() -> None:
    listener = listen(recovery=LONG, same_peer="cookie:user")
    with connect(listener, environ={"HTTP_COOKIE": "user=ann"}) as ann:
        ann.session.join("lobby")
        secret = dict(ann._link.seen["/"])  # type: ignore[attr-defined]
        eve = connect(listener, environ={"HTTP_COOKIE": "user=eve"}, auth=secret)
        assert not eve.session.recovered
        assert eve.session.rooms == {eve.session.id}
        assert ann.connected
        ann.cut()
        again = connect(listener, environ={"HTTP_COOKIE": "user=ann"}, auth=secret)
        assert again.session.recovered
        assert "lobby" in again.session.rooms


def test_peers_that_cannot_be_compared_are_not_the_same() -> None:
    class Peer:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise LookupError("a mistake")

    listener = listen(recovery=LONG, same_peer=lambda environ: Peer())
    first = connect(listener, raise_exceptions=False)
    first.cut()
    assert not first.come_back().session.recovered


def test_nothing_is_kept_of_what_an_awaited_client_has_sent_to_connect() -> None:
    listener = listen(recovery=LONG)
    first = connect(listener, auth={"token": "secret"})
    at_its_end: list[Any] = []
    first.session.on("disconnect", lambda: at_its_end.append(first.session.auth))
    first.cut()
    assert at_its_end == [{"token": "secret"}]
    assert first.session.auth == {}


def test_a_return_whose_handler_is_ended_leaves_nothing() -> None:
    listener = listen(recovery=LONG)
    pattern = listener.of(re.compile("/room-.*"))
    first = connect(listener, namespace="/room-1")
    over = Event()
    first.session.on("disconnect", over.wait)
    gevent.spawn(first.cut)
    wait_until(lambda: not first.connected, "cut")
    session = connect(listener)._session
    session.receive([f'40/room-1,{{"pid":"{first._link.seen["/room-1"]["pid"]}"}}'])  # type: ignore[attr-defined]
    session.start_handlers()
    wait_until(lambda: session.handlers.busy, "waiting for the handler of the old client")
    session.handlers.kill()
    wait_until(lambda: session.ending, "ended")
    over.set()
    wait_until(lambda: not pattern.children, "forgotten")
    recovery = listener._space.recovery
    assert recovery is not None
    assert not [kept for kept in recovery._by_secret.values() if kept.space.name != "/"]


@pytest.mark.parametrize("old_first", [False, True])
def test_an_event_for_a_client_and_for_what_it_has_come_back_as_arrives_once(
    old_first: bool,
) -> None:
    """Another thread may choose the receivers just while the client comes back."""
    listener = listen(recovery=LONG)
    first = connect(listener)
    first.cut()
    second = first.come_back()
    sessions = [second._session, first._session]
    for number in range(3):
        receivers = sessions[::-1] if old_first else sessions
        listener._space.send("chat", (number,), receivers)
    assert received(second) == [("chat", 0), ("chat", 1), ("chat", 2)]
    second.cut()
    assert received(second.come_back()) == []


def test_clients_of_threads_that_have_ended_are_not_awaited_for_ever() -> None:
    listener = listen(recovery=LONG)

    def serve() -> None:
        connect(listener).cut()
        gevent.get_hub().destroy()

    for _ in range(3):
        thread = threading.Thread(target=serve)
        thread.start()
        thread.join()
    here = listener._sessions.loops.here()
    absent = listener._space.rooms.absent
    assert {session.loop for session in absent.values()} != {here}

    def only_ours_are_awaited() -> bool:
        connect(listener).cut()
        return {session.loop for session in absent.values()} == {here}

    # It may take a moment until the end of a thread can be seen.
    wait_until(only_ours_are_awaited, "forgotten")
    recovery = listener._space.recovery
    assert recovery is not None
    assert len(recovery._awaited) == len(recovery._by_secret) == len(absent)


def test_a_client_whose_events_are_not_kept_any_more_after_the_middleware_has_not_recovered() -> (
    None
):
    listener = listen(recovery=LONG)
    first = connect(listener)
    first.cut()
    first.session.emit("chat", "missed")
    recovery = listener._space.recovery
    assert recovery is not None
    takes_long = True

    @listener.use
    def check(client: io.Client) -> None:
        if takes_long:
            recovery._drop_old(monotonic() + 2 * LONG)

    with pytest.raises(Disconnected):
        first.come_back()
    assert listener.stats()["closes"]["away_too_long"] == 1
    assert not recovery._by_secret
    takes_long = False
    assert not first.come_back().session.recovered


def test_clients_of_one_address_crowd_out_no_others() -> None:
    listener = listen(recovery=LONG, max_sessions=6, max_sessions_per_address=5)
    first = connect(listener, environ={"REMOTE_ADDR": "192.0.2.1"})
    first.cut()
    others = []
    for _ in range(10):
        others.append(connect(listener, environ={"REMOTE_ADDR": "192.0.2.2"}))
        others[-1].cut()
    recovery = listener._space.recovery
    assert recovery is not None
    assert len(recovery._awaited) == 6
    assert first.come_back().session.recovered
    assert others[-1].come_back().session.recovered
    assert not others[4].come_back().session.recovered
    for kept in list(recovery._awaited):
        recovery.expire(kept)
    assert recovery._by_network == {}
