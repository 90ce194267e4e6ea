"""The logic of the examples, without a browser or a server."""

from __future__ import annotations

from typing import Any

import pytest

from sockio_gevent.testing import Client, Disconnected

# ---- the lobby ----


@pytest.fixture
def lobby(load_example):
    return load_example("flask_app")


def log_in(lobby: Any, name: str) -> dict[str, str]:
    """Log in as a browser does; return the environ of its later requests."""
    browser = lobby.app.test_client()
    assert browser.post("/login", data={"name": name}).status_code == 303
    return {"HTTP_COOKIE": f"session={browser.get_cookie('session').value}"}


def come_in(lobby: Any, name: str) -> Any:
    return Client(lobby.socket, environ=log_in(lobby, name))


def names(message: Any) -> list[str]:
    return [person["name"] for person in message["people"]]


@pytest.mark.parametrize(
    "environ", [{}, {"HTTP_COOKIE": "session=eyJuYW1lIjoiQWRhIn0.aaaaaa.aaaaaaaaaaaaaaaaaaa"}]
)
def test_a_user_who_has_not_logged_in_is_sent_to_the_door(lobby, environ):
    client = Client(lobby.socket, environ=environ)
    assert client.receive() == {"login": True}
    with pytest.raises(Disconnected):
        client.receive()
    assert lobby.people == {}


def test_people_see_who_is_there_who_comes_and_who_leaves(lobby):
    ada = come_in(lobby, "Ada")
    assert names(ada.receive()) == ["Ada"]
    bob = come_in(lobby, "Bob")
    welcome = bob.receive()
    assert names(welcome) == ["Ada", "Bob"]
    assert ada.receive() == {"came": {"id": welcome["you"], "name": "Bob", "says": ""}}
    bob.disconnect()
    assert ada.receive() == {"left": welcome["you"]}
    assert [person.name for person in lobby.people.values()] == ["Ada"]
    ada.disconnect()
    assert lobby.people == {}


def test_a_line_carries_the_name_of_the_user_who_has_logged_in(lobby):
    ada, bob = come_in(lobby, "Ada"), come_in(lobby, "Bob")
    me = ada.receive()["you"]
    ada.receive(), bob.receive()
    for nothing in (" \n ", {"said": ["somebody else", "hello"]}, None, 7, ["hello"]):
        ada.send(nothing)
    ada.send("  hello,\n<b>Bob</b>  ")
    ada.send("x" * 1000)
    for client in (ada, bob):
        assert client.receive() == {"said": [me, "hello, <b>Bob</b>"]}
        assert client.receive() == {"said": [me, "x" * lobby.LONGEST_WORDS]}
    newcomer = come_in(lobby, "Carol").receive()
    assert [person["says"][:3] for person in newcomer["people"]] == ["xxx", "", ""]


def test_a_user_with_two_windows_is_listed_once_until_both_are_closed(lobby):
    other = come_in(lobby, "Bob")
    other.receive()
    environ = log_in(lobby, "Ada")
    windows = [Client(lobby.socket, environ=environ) for _ in range(2)]
    assert [names(window.receive()) for window in windows] == [["Bob", "Ada"]] * 2
    assert other.receive()["came"]["name"] == "Ada"
    windows[0].disconnect()
    with pytest.raises(TimeoutError):
        other.receive(timeout=0)
    windows[1].disconnect()
    assert "left" in other.receive()


def test_logging_out_closes_all_windows(lobby):
    browser = lobby.app.test_client()
    browser.post("/login", data={"name": "Ada"})
    environ = {"HTTP_COOKIE": f"session={browser.get_cookie('session').value}"}
    windows = [Client(lobby.socket, environ=environ) for _ in range(2)]
    with browser.post("/logout") as answer:
        assert answer.status_code == 303
    for window in windows:
        assert "people" in window.receive()
        assert window.receive() == {"login": True}
        window.disconnect()
    assert lobby.people == {}
    assert "Your name" in browser.get("/").text


@pytest.mark.parametrize(("name", "problem"), [(" ", "write a name"), ("aDA", "already")])
def test_a_name_that_is_blank_or_in_use_is_refused(lobby, name, problem):
    ada = come_in(lobby, "Ada")
    answer = lobby.app.test_client().post("/login", data={"name": name})
    assert answer.status_code == 422
    assert problem in answer.text
    ada.disconnect()


def test_a_name_is_never_markup(lobby):
    browser = lobby.app.test_client()
    browser.post("/login", data={"name": "<script>1</script>"})
    page = browser.get("/").text
    assert "<script>1" not in page
    assert "&lt;script&gt;1&lt;/script&gt;" in page


# ---- the drawing board ----


@pytest.fixture
def board(load_example):
    return load_example("bottle_app")


def test_lines_are_seen_by_all_and_by_newcomers(board):
    one, two = Client(board.socket), Client(board.socket)
    assert [one.receive(), one.receive(), one.receive()] == [
        {"lines": []},
        {"count": 1},
        {"count": 2},
    ]
    assert [two.receive(), two.receive()] == [{"lines": []}, {"count": 2}]
    line = [5, 0, 0, 1200, 800, 17, 4]
    one.send({"line": line})
    assert one.receive() == two.receive() == {"line": line}
    assert Client(board.socket).receive() == {"lines": [line]}


def test_wiping_wipes_for_all(board):
    client = Client(board.socket)
    client.send({"line": [0, 1, 2]})
    client.send({"clear": True})
    received = [client.receive() for _ in range(4)]
    assert received == [{"lines": []}, {"count": 1}, {"line": [0, 1, 2]}, {"lines": []}]
    assert Client(board.socket).receive() == {"lines": []}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "line",
        {"line": None},
        {"line": []},
        {"line": [0]},
        {"line": [0, 1]},
        {"line": [6, 1, 2]},
        {"line": [-1, 1, 2]},
        {"line": [0, 1201, 2]},
        {"line": [0, 1, 801]},
        {"line": [0, -1, 2]},
        {"line": [0, 1.5, 2]},
        {"line": [0, True, 2]},
        {"line": [0, "1", 2]},
        {"line": [0, [1], 2]},
        {"line": [0, 10**20, 2]},
        {"line": [0, *[1] * 2000]},
        {"clear": "yes"},
    ],
    ids=lambda bad: str(bad)[:30],
)
def test_a_malformed_line_is_not_passed_on(board, bad):
    board.drawing.add([0, 1, 2])
    client = Client(board.socket)
    client.send(bad)
    assert [client.receive(), client.receive()] == [{"lines": [[0, 1, 2]]}, {"count": 1}]
    with pytest.raises(TimeoutError):
        client.receive(timeout=0)


def test_the_oldest_lines_are_dropped_so_that_the_board_is_bounded(board):
    client = Client(board.socket)
    longest = [0, *[1] * 1000]
    for colour in range(200):
        client.send({"line": [colour % board.COLOURS, *longest[1:]]})
    assert board.drawing.size == sum(map(len, board.drawing.lines)) <= 2 * board.MOST_POINTS
    assert len(board.drawing.lines) == 2 * board.MOST_POINTS // len(longest)
    client.disconnect()


# ---- the live plot ----


@pytest.fixture
def plot(load_example):
    return load_example("live_plot")


class Listener:
    """Replaces a listener, with known statistics."""

    def __init__(self, *stats: dict[str, Any]) -> None:
        self._stats = iter(stats)

    def stats(self) -> dict[str, Any]:
        return next(self._stats)


def stats(uptime: float, came: int, went: int, **sessions: int) -> dict[str, Any]:
    return {
        "uptime": uptime,
        "sessions": {name: {"open": count, "away": 1} for name, count in sessions.items()},
        "messages": {"in": came, "out": went},
        "buffered": 7,
    }


def test_a_sample_has_the_present_numbers_and_the_rates(plot):
    told = stats(10, 5, 0, one=0), stats(10.5, 6, 20, one=3), stats(12.5, 6, 21, one=1)
    made = plot.Plot(Listener(*told))
    assert [made.sample(), made.sample()] == [
        {"time": 10.5, "sessions": {"one": 4}, "buffered": 7, "in": 2.0, "out": 40.0},
        {"time": 12.5, "sessions": {"one": 2}, "buffered": 7, "in": 0.0, "out": 0.5},
    ]


def test_a_newcomer_gets_the_last_minute(plot):
    for _ in range(200):
        plot.plot.sample()
    client = Client(plot.socket)
    message = client.receive()
    assert message["window"] == 60
    assert len(message["samples"]) == 121
    assert message["samples"][-1] == plot.plot.samples[-1]
    assert plot.plot.sample()["sessions"]["websocket"] == 1


def test_only_pings_are_answered(plot):
    client = Client(plot.socket)
    client.receive()
    for message in ({"ping": "x"}, "ping", None, {"pong": 1}, {"ping": 3}):
        client.send(message)
    assert client.receive() == {"pong": 3}
