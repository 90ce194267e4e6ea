"""The option ``context``: what handlers run in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import sockio_gevent as io
from sockio_gevent.testing import Client


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


class Transactions:
    """Commits or rolls back, as a session of a database would."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.done.append(f"rolled back: {error}")
            raise
        else:
            self.done.append("committed")


@pytest.fixture
def transactions() -> Transactions:
    return Transactions()


def test_each_event_has_a_context_of_its_own(transactions):
    listener = io.listen(application, log=False, context=transactions)
    with Client(listener) as client:
        assert transactions.done == ["committed"]
        client.send("a")
        client.send("b")
        assert transactions.done == ["committed"] * 3
    assert transactions.done == ["committed"] * 4


@pytest.mark.parametrize("event", ["connection", "clientMessage", "clientDisconnect"])
def test_a_context_sees_that_a_handler_has_failed(transactions, event):
    lines: list[str] = []
    listener = io.listen(application, log=lines.append, context=transactions)
    listener.on(event, lambda *arguments: 1 / 0)
    client = Client(listener, raise_exceptions=False)
    client.send("message")
    client.disconnect()
    assert transactions.done.count("rolled back: division by zero") == 1
    assert transactions.done.count("committed") == 2
    assert sum("ZeroDivisionError" in line for line in lines) == 1, "logged once"


def test_the_first_of_several_failures_counts_and_all_are_logged(transactions):
    lines: list[str] = []
    listener = io.listen(application, log=lines.append, context=transactions)
    listener.on("clientConnect", lambda client: 1 / 0)
    listener.on("connection", lambda client: [][0])
    Client(listener, raise_exceptions=False).disconnect()
    assert transactions.done[0].startswith("rolled back: ")
    assert sum("Traceback" in line for line in lines) == 2


def test_a_context_that_raises_is_logged_and_the_session_continues():
    lines: list[str] = []

    @contextmanager
    def broken() -> Iterator[None]:
        yield
        raise OSError("the database has gone")

    listener = io.listen(application, log=lines.append, context=broken)
    listener.on("clientMessage", lambda message, client: client.send(message))
    with Client(listener, raise_exceptions=False) as client:
        client.send("hello")
        assert client.receive() == "hello"
        assert client.connected
    assert sum("the context of a handler failed" in line for line in lines) == 3
