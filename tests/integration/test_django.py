"""A Django project behind a listener: pages, database and logins."""

from __future__ import annotations

import pytest
from support.clients import DEFAULT, Polling, WebSocket, as_json
from support.http import HTTP
from support.processes import Process

PROGRAM = "tests/programs/django_app.py"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    database = tmp_path_factory.mktemp("django") / "database"
    process = Process(PROGRAM, "--database", str(database))
    try:
        yield process.start()
    finally:
        process.stop()


def create(client, name):
    """Let a handler create a user of this name; return its report about the database."""
    client.send(name)
    return as_json(client.receive())


@pytest.mark.parametrize("client", DEFAULT, ids=lambda client: client.transport)
def test_handlers_use_the_database_over_every_transport(program, client):
    opened = client(program.port).open()
    assert opened.receive() == "hello, stranger"
    before = create(opened, f"{client.transport} 1")["users"]
    assert create(opened, f"{client.transport} 2")["users"] == before + 1
    assert HTTP(program.port).request("GET", "/").text == f"{before + 1} users"
    opened.close()


def test_views_are_served_as_before(program):
    assert HTTP(program.port).request("GET", "/").text.endswith(" users")
    assert HTTP(program.port).request("GET", "/nowhere/").status == 404


def test_a_user_who_has_logged_in_is_greeted_by_name(program):
    http = HTTP(program.port)
    answer = http.request("GET", "/login/ada/")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("sessionid=")
    opened = WebSocket(program.port, headers={"Cookie": cookie}).open()
    assert opened.receive() == "hello, ada"
    polled = http.request("GET", "/socket.io/xhr-polling//1", Cookie=cookie)
    assert polled.text.endswith("hello, ada")
    forged = WebSocket(program.port, headers={"Cookie": "sessionid=" + 32 * "a"}).open()
    assert forged.receive() == "hello, stranger"


@pytest.mark.parametrize("client", [WebSocket, Polling])
def test_no_handler_leaves_a_database_connection_open(program, client):
    opened = client(program.port).open()
    opened.receive()
    for name in ("one", "two"):
        assert create(opened, f"{client.transport} {name}")["was open"] is False
        assert HTTP(program.port).request("GET", "/open/").text == "0 connections"


def test_a_handler_that_raises_leaves_no_connection_and_the_session_continues(program):
    opened = WebSocket(program.port).open()
    opened.receive()
    create(opened, "fail")
    program.wait_line("LookupError: oh no")
    assert HTTP(program.port).request("GET", "/open/").text == "0 connections"
    assert create(opened, "after that")["was open"] is False


def test_connections_are_kept_as_long_as_the_settings_say(start, tmp_path):
    program = start(PROGRAM, "--database", str(tmp_path / "database"), "--max-age", "600")
    opened = WebSocket(program.port).open()
    opened.receive()
    assert [create(opened, name)["was open"] for name in ("one", "two")] == [False, True]
    assert HTTP(program.port).request("GET", "/open/").text == "1 connections"
