"""The test client raises exceptions of handlers in the call that made them run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent.event import Event
from support.http import DEADLINE
from support.in_process import echo, fail, listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.testing import Client, Disconnected


def test_send_raises_the_exception_of_a_handler() -> None:
    listener = echo()
    listener.on("clientMessage", fail)
    with Client(listener) as client:
        for _ in range(2):
            with pytest.raises(LookupError, match="a mistake"):
                client.send("hello")
            assert client.receive() == "hello"
        assert client.connected


def test_the_first_of_several_exceptions_comes_out_and_all_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = listen()

    @listener.on("connection")
    def connected(session: io.Client) -> None:
        session.on("message", fail)
        session.on("message", lambda message: 1 / 0)

    with Client(listener) as client:
        with pytest.raises(LookupError, match="a mistake"):
            client.send("hello")
        assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_connect_raises_the_exception_of_a_handler_and_leaves_no_session() -> None:
    gone: list[io.Client] = []
    listener = listen(on_connection=fail, on_client_disconnect=gone.append)
    with pytest.raises(LookupError, match="a mistake"):
        Client(listener)
    assert not listener.clients
    assert len(gone) == 1


def test_an_exception_of_the_context_is_raised_too() -> None:
    @contextmanager
    def context() -> Iterator[None]:
        yield
        fail()

    listener = listen(context=context)
    with pytest.raises(LookupError, match="a mistake"):
        Client(listener)
    assert not listener.clients


def test_a_timeout_that_runs_out_in_a_handler_is_not_lost() -> None:
    with Client(listen(on_client_message=lambda message, client: Event().wait())) as client:
        timeout = gevent.Timeout(0.01)
        with pytest.raises(gevent.Timeout) as raised, timeout:
            client.send("hello")
        assert raised.value is timeout


def test_a_greenlet_that_is_killed_while_connecting_leaves_no_session() -> None:
    reached = Event()

    def connected(session: io.Client) -> None:
        reached.set()
        Event().wait()

    listener = listen(on_connection=connected)
    connecting = gevent.spawn(Client, listener)
    assert reached.wait(DEADLINE)
    connecting.kill()
    assert not listener.clients


def test_disconnect_raises_the_exception_of_a_disconnect_handler() -> None:
    client = Client(listen(on_client_disconnect=fail))
    with pytest.raises(LookupError, match="a mistake"):
        client.disconnect()
    client.disconnect()


@pytest.mark.parametrize("ends", [io.Listener.close, lambda listener: Client(listener).send("x")])
def test_disconnect_raises_it_too_if_the_application_ended_the_session(
    ends: Callable[[io.Listener], None],
) -> None:
    listener = listen()
    client = Client(listener)
    client.session.on("disconnect", fail)
    listener.on("clientMessage", lambda message, session: client.session.disconnect())
    ends(listener)
    with pytest.raises(LookupError, match="a mistake"):
        client.disconnect()
    listener.close()


def test_receive_does_not_hide_a_mistake_behind_the_end() -> None:
    client = Client(listen(on_client_disconnect=fail))
    client.session.disconnect()
    wait_until(lambda: client._failures, "failed")
    with pytest.raises(LookupError, match="a mistake"):
        client.receive()
    with pytest.raises(Disconnected):
        client.receive()


def test_each_client_raises_the_exceptions_of_its_own_messages() -> None:
    listener = listen()
    both = Event()

    @listener.on("clientMessage")
    def message(text: str, session: io.Client) -> None:
        if text == "good":
            both.set()
        both.wait()
        if text == "bad":
            raise LookupError("a mistake")

    with Client(listener) as good, Client(listener) as bad:
        sending = [gevent.spawn(bad.send, "bad"), gevent.spawn(good.send, "good")]
        gevent.joinall(sending, DEADLINE)
        assert isinstance(sending[0].exception, LookupError)
        assert sending[1].successful()


def test_exceptions_are_only_logged_if_the_test_says_so(caplog: pytest.LogCaptureFixture) -> None:
    listener = listen(on_connection=fail, on_client_message=fail, on_client_disconnect=fail)
    with Client(listener, raise_exceptions=False) as client:
        client.send("hello")
    logged = [record.exc_info and record.exc_info[0] for record in caplog.records]
    assert logged == [LookupError] * 3


def test_a_with_block_raises_the_first_exception() -> None:
    with pytest.raises(KeyError), Client(listen(on_client_disconnect=fail)):
        raise KeyError
    with pytest.raises(LookupError, match="a mistake"), Client(listen(on_client_disconnect=fail)):
        pass
