"""A handler that does not return: its session ends, nothing is left, and the others continue."""

from __future__ import annotations

import gc
import logging
from time import monotonic

import gevent
import pytest
from gevent.event import Event
from support import framing
from support.client_frames import frame
from support.clients import ALL, Polling, WebSocket
from support.limits import exceeded
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.wire.websocket import CLOSE, TEXT

TIME = 0.3


@pytest.fixture
def stuck(serve):
    """A server whose handlers wait for ever if a message says so."""
    served = serve(handler_timeout=TIME)
    served.ends = []

    def wait(reason):
        try:
            Event().wait()
        except BaseException as error:
            served.ends.append((reason, error))
            raise

    @served.listener.on("connection")
    def connected(client):
        @client.on("message")
        def message(text):
            if text == "wait":
                wait("message")
            client.send(f"echo {text}")

        @client.on("disconnect")
        def gone():
            if client.environ.get("stuck at the end"):
                wait("disconnect")

    served.stick = wait
    return served


def greenlets():
    gc.collect()
    return {
        each for each in gc.get_objects() if isinstance(each, gevent.Greenlet) and not each.dead
    }


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_a_message_handler_that_waits_for_ever_ends_its_session_and_no_other(stuck, kind):
    other, client = WebSocket(stuck.port).open(), kind(stuck.port).open()
    client.begin_send("wait")
    stuck.wait("message")
    other.send("still here")
    assert other.receive() == "echo still here"
    gone = stuck.wait("disconnect")[1]
    assert gone.session_id == client.session_id
    ((reason, error),) = stuck.ends
    assert reason == "message"
    assert isinstance(error, gevent.Timeout)
    assert not isinstance(error, Exception)
    assert exceeded(stuck) == {"handler_timeout": 1}
    assert stuck.listener.stats()["closes"]["limit_exceeded"] == 1
    log = "\n".join(stuck.lines)
    assert f"a handler has not returned for {TIME} s (option 'handler_timeout')" in log
    # The traceback shows where it was.
    assert "Event().wait()" in log
    other.send("and now")
    assert other.receive() == "echo and now"
    if isinstance(client, WebSocket):
        assert client.wait_closed() == 1011
    else:
        client.vanish()


def test_each_message_has_the_whole_time(serve):
    served = serve(handler_timeout=4 * TIME)
    client = WebSocket(served.port).open()
    served.listener.on("clientMessage", lambda message, client: gevent.sleep(TIME))
    client.send("1", "2", "3", "4")
    client.send("5", "6", "7", "8")
    served.wait("message", 8)
    served.listener.broadcast("done")
    assert client.receive() == "done"
    assert exceeded(served) == {}


def test_a_connection_handler_has_the_timeout_too(stuck):
    stuck.listener.on("connection", lambda client: stuck.stick("connection"))
    client = WebSocket(stuck.port).open()
    assert client.wait_closed() == 1011
    stuck.wait("disconnect")
    assert [reason for reason, _ in stuck.ends] == ["connection"]


def test_a_disconnect_handler_has_the_timeout_too(stuck):
    before = greenlets()
    client = WebSocket(stuck.port).open()
    (session,) = stuck.listener.clients.values()
    session.environ["stuck at the end"] = True
    client.close()
    stuck.wait_line("has ended, and a handler has not returned")
    wait_until(lambda: stuck.ends)
    stuck.wait("disconnect")
    assert exceeded(stuck) == {"handler_timeout": 1}
    wait_until(lambda: not stuck.listener._sessions.closing_sessions)
    del session, client
    wait_until(
        lambda: len(greenlets() - before) <= 1
    )  # the reader that is kept for the next iteration


def test_a_client_that_leaves_during_its_handler_leaves_nothing_behind(stuck):
    client = WebSocket(stuck.port).open()
    client.begin_send("wait")
    stuck.wait("message")
    client.vanish()
    stuck.wait("disconnect")
    assert [reason for reason, _ in stuck.ends] == ["message"]
    wait_until(lambda: not stuck.listener._sessions.closing_sessions)
    assert stuck.listener._sessions.loops.here().deadlines._slots == {}


def test_a_handler_that_catches_all_errors_is_ended_too(serve):
    served = serve(handler_timeout=TIME)
    rounds = []

    @served.listener.on("clientMessage")
    def stubborn(message, client):
        while True:
            try:
                rounds.append(1)
                Event().wait()
            except Exception:
                logging.exception("and on")

    client = Polling(served.port).open()
    client.begin_send("x")
    served.wait("disconnect")
    assert len(rounds) == 1


def test_a_handler_that_survives_even_that_is_ended_again(serve):
    served = serve(handler_timeout=TIME)
    rounds = []

    @served.listener.on("clientMessage")
    def more_than_stubborn(message, client):
        while len(rounds) < 3:
            try:
                Event().wait()
            except gevent.Timeout as error:
                rounds.append(str(error))

    client = WebSocket(served.port).open()
    client.begin_send("x")
    served.wait("disconnect")
    assert rounds == [f"a handler has not returned for {TIME} s"] * 3
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1


def test_without_the_option_a_handler_may_wait_for_ever(serve):
    served = serve(handler_timeout=None)
    released = Event()
    served.listener.on("clientMessage", lambda message, client: released.wait())
    client = WebSocket(served.port).open()
    client.send("x")
    served.wait("message")
    (session,) = served.listener.clients.values()
    assert session_of(session).due(1e12) is None
    assert session.connected
    released.set()


def test_waiting_handlers_run_afterwards_and_find_the_session_ended(stuck):
    client = Polling(stuck.port).open()
    posts = [client.resume() for _ in range(3)]
    for post in posts:
        post.begin_send("wait")
    stuck.wait("disconnect")
    statuses = {post.post.finish().status for post in posts}
    assert statuses <= {200, 404}
    assert len(stuck.ends) == 1


def test_a_handler_that_only_waits_for_others_is_not_late(serve):
    """Together they take far longer than one of them may, and each is quick."""
    served = serve(handler_timeout=0.1)
    clients = [WebSocket(served.port).open() for _ in range(100)]

    def busy(client):
        end = monotonic() + 0.0002
        while monotonic() < end:
            pass

    served.listener.on("clientMessage", lambda text, client: busy(client))
    for client in clients:
        client.send(*["x"] * 25)
    served.wait("message", 100 * 25)
    assert exceeded(served) == {}
    assert len(served.listener.clients) == 100


@pytest.mark.parametrize("ended_before", [False, True], ids=["open", "closed"])
def test_after_a_handler_that_has_not_returned_no_waiting_message_is_handled(serve, ended_before):
    served = serve(handler_timeout=TIME)
    begun, blocks = [], Event()

    def hang(message, client):
        begun.append(message)
        if ended_before:
            client.disconnect()
        blocks.set()
        Event().wait()

    served.listener.on("clientMessage", hang)
    client = Polling(served.port).open()
    assert client.send("first", "second", "third").status == (404 if ended_before else 200)
    assert blocks.wait(60)
    served.wait("disconnect")
    assert begun == ["first"]


# A message and a close that the server reads at once.
LAST_WORDS = frame(TEXT, framing.encode("wait").encode()) + frame(CLOSE, b"\x03\xe8")


def test_a_handler_that_begins_after_the_end_of_its_session_has_the_timeout_too(stuck):
    stuck.listener.on("connection", lambda client: stuck.stick("connection"))

    def disconnect_first():
        while not stuck.listener.clients:
            gevent.sleep(0)
        for client in stuck.listener.clients.values():
            client.disconnect()

    disconnecting = gevent.spawn(disconnect_first)
    Polling(stuck.port).begin_poll()
    disconnecting.get()
    stuck.wait("disconnect")
    assert [reason for reason, _ in stuck.ends] == ["connection"]


def test_a_handler_whose_message_comes_with_a_close_has_the_timeout_too(stuck):
    WebSocket(stuck.port).open().send_bytes(LAST_WORDS)
    stuck.wait("disconnect")
    assert [reason for reason, _ in stuck.ends] == ["message"]


def test_the_messages_behind_a_late_handler_are_not_handled_after_a_close(stuck):
    client = WebSocket(stuck.port).open()
    client.send("wait", "wait", "wait")
    stuck.wait("message")
    client.close()
    stuck.wait("disconnect")
    assert len(stuck.happened("message")) == len(stuck.ends) == 1
