"""Events and their handlers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sockio_gevent.events import Emitter, did_you_mean
from sockio_gevent.log import Log
from sockio_gevent.sparing import SparingLog


class Door(Emitter):
    EVENTS = ("opened", "closed", "clientMessage")

    def __init__(self, lines: list[str] | None = None) -> None:
        super().__init__()
        self.log = SparingLog(Log(False if lines is None else lines.append))

    def happen(self, event: str, *arguments: object) -> None:
        self._emit(self.log, event, *arguments)


def test_a_handler_gets_the_arguments_of_its_event() -> None:
    door, heard = Door(), []
    door.on("opened", lambda *arguments: heard.append(arguments))
    door.happen("opened", 1, "two")
    assert heard == [(1, "two")]


def test_a_handler_hears_no_other_event() -> None:
    door, heard = Door(), []
    door.on("opened", lambda: heard.append("opened"))
    door.happen("closed")
    assert heard == []


def test_an_event_without_handlers_happens_unheard() -> None:
    door = Door()
    door.happen("opened")
    door.on("closed", lambda: None)
    door.happen("opened", 1)


def test_handlers_run_in_the_order_in_which_they_were_added() -> None:
    door, heard = Door(), []
    door.on("opened", lambda: heard.append(1))
    door.add_listener("opened", lambda: heard.append(2))
    door.on("opened")(lambda: heard.append(3))
    door.happen("opened")
    assert heard == [1, 2, 3]


def test_on_returns_the_handler() -> None:
    door = Door()

    def handler() -> None: ...

    assert door.on("opened", handler) is handler


def test_on_is_a_decorator_that_leaves_the_function_alone() -> None:
    door, heard = Door(), []

    def handler() -> None:
        heard.append("opened")

    assert door.on("opened")(handler) is handler
    door.happen("opened")
    assert heard == ["opened"]


def test_a_handler_that_was_added_twice_runs_twice() -> None:
    door, heard = Door(), []
    for _ in range(2):
        door.on("opened", heard.append)
    door.happen("opened", "x")
    assert heard == ["x", "x"]


def test_removing_takes_away_one_of_two() -> None:
    door, heard = Door(), []
    for _ in range(2):
        door.on("opened", heard.append)
    door.remove_listener("opened", heard.append)
    door.happen("opened", "x")
    assert heard == ["x"]
    door.remove_listener("opened", heard.append)
    door.happen("opened", "y")
    assert heard == ["x"]


def test_removing_leaves_the_other_handlers_in_order() -> None:
    door, heard = Door(), []
    handlers = [lambda i=i: heard.append(i) for i in range(3)]
    for handler in handlers:
        door.on("opened", handler)
    door.remove_listener("opened", handlers[1])
    door.happen("opened")
    assert heard == [0, 2]


def test_removing_what_was_never_added_is_passed_over() -> None:
    door, heard = Door(), []
    door.remove_listener("opened", print)
    door.on("opened", heard.append)
    door.remove_listener("opened", print)
    door.remove_listener("closed", heard.append)
    door.happen("opened", "x")
    assert heard == ["x"]


def test_a_method_can_be_removed_by_naming_it_again() -> None:
    class Hall:
        heard = 0

        def listen(self) -> None:
            self.heard += 1

    door, hall = Door(), Hall()
    door.on("opened", hall.listen)
    door.remove_listener("opened", hall.listen)
    door.happen("opened")
    assert hall.heard == 0


def test_emitters_do_not_share_handlers() -> None:
    front, back, heard = Door(), Door(), []
    front.on("opened", heard.append)
    back.happen("opened", "x")
    assert heard == []


def test_what_a_handler_raises_is_logged_and_the_others_go_on() -> None:
    lines: list[str] = []
    door, heard = Door(lines), []

    def stuck() -> None:
        raise RuntimeError("the hinge is gone")

    door.on("opened", stuck)
    door.on("opened", lambda: heard.append("opened"))
    door.happen("opened")
    assert heard == ["opened"]
    [line] = lines
    assert "'opened'" in line
    assert "in stuck" in line
    assert "RuntimeError: the hinge is gone" in line


def test_a_handler_that_takes_other_arguments_is_logged_like_any_failure() -> None:
    lines: list[str] = []
    door = Door(lines)
    door.on("opened", lambda: None)
    door.happen("opened", "unexpected")
    assert "TypeError" in lines[0]


def test_a_handler_that_is_added_while_the_event_goes_round_waits_for_the_next() -> None:
    door, heard = Door(), []

    def late() -> None:
        heard.append("late")

    door.on("opened", lambda: door.on("opened", late))
    door.happen("opened")
    assert heard == []
    door.happen("opened")
    assert heard == ["late"]


def test_a_handler_may_remove_itself_without_skipping_the_next() -> None:
    door, heard = Door(), []

    def once() -> None:
        heard.append("once")
        door.remove_listener("opened", once)

    door.on("opened", once)
    door.on("opened", lambda: heard.append("always"))
    door.happen("opened")
    door.happen("opened")
    assert heard == ["once", "always", "always"]


CALLS: dict[str, Callable[[Door, Any], Any]] = {
    "on": lambda door, event: door.on(event, print),
    "on as a decorator": lambda door, event: door.on(event),
    "add_listener": lambda door, event: door.add_listener(event, print),
    "remove_listener": lambda door, event: door.remove_listener(event, print),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_unknown_event_is_refused_and_the_one_meant_is_named(
    call: Callable[[Door, Any], Any],
) -> None:
    with pytest.raises(ValueError, match="no event 'open': did you mean 'opened'"):
        call(Door(), "open")


@pytest.mark.parametrize("event", ["xyz", 1, ()], ids=repr)
def test_an_event_like_no_other_is_refused_and_all_are_named(event: Any) -> None:
    with pytest.raises(ValueError, match="opened, closed, clientMessage"):
        Door().on(event)


@pytest.mark.parametrize("handler", ["opened", 1, []], ids=repr)
def test_a_handler_that_cannot_be_called_is_refused(handler: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"'opened' must be callable, not {re.escape(repr(handler))}"
    ):
        Door().on("opened", handler)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("orgins", "origins"), ("transportOptions", "transport_options"), ("log", "log")],
)
def test_the_nearest_name_is_the_one_meant(name: str, meant: str) -> None:
    known = ("resource", "transports", "transport_options", "log", "origins")
    assert did_you_mean(name, known) == f"did you mean {meant!r}?"


def test_without_a_near_name_all_are_listed() -> None:
    assert did_you_mean("zzz", ("abc", "def")) == "there are abc, def"
