"""Events and their handlers."""

from __future__ import annotations

import re
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, wraps
from typing import Any, ClassVar

import pytest
from support.labels import label

from sockio_gevent.events import Emitter, emit
from sockio_gevent.monitoring.log import Log
from sockio_gevent.monitoring.throttled_log import ThrottledLog
from sockio_gevent.options.suggestions import did_you_mean
from sockio_gevent.wire.socketio import RESERVED


class Door(Emitter):
    EVENTS: ClassVar[Any] = {
        "opened": (),
        "closed": (),
        "said": ("text",),
        "clientMessage": ("message", "client"),
    }

    def __init__(self, lines: list[str] | None = None) -> None:
        super().__init__()
        self.log = ThrottledLog(Log(False if lines is None else lines.append))

    def happen(self, event: str, *arguments: object) -> None:
        emit(self, self.log, event, *arguments)


def test_a_handler_gets_the_arguments_of_its_event() -> None:
    door, heard = Door(), []
    door.on("opened", lambda *arguments: heard.append(arguments))
    door.happen("opened", 1, "two")
    assert heard == [(1, "two")]


def test_a_handler_is_not_called_for_other_events() -> None:
    door, heard = Door(), []
    door.on("opened", lambda: heard.append("opened"))
    door.happen("closed")
    assert heard == []


def test_an_event_without_handlers_does_nothing() -> None:
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
        door.on("said", heard.append)
    door.happen("said", "x")
    assert heard == ["x", "x"]


def test_removing_takes_away_one_of_two() -> None:
    door, heard = Door(), []
    for _ in range(2):
        door.on("said", heard.append)
    door.remove_listener("said", heard.append)
    door.happen("said", "x")
    assert heard == ["x"]
    door.remove_listener("said", heard.append)
    door.happen("said", "y")
    assert heard == ["x"]


def test_removing_leaves_the_other_handlers_in_order() -> None:
    door, heard = Door(), []
    handlers = [lambda i=i: heard.append(i) for i in range(3)]
    for handler in handlers:
        door.on("opened", handler)
    door.remove_listener("opened", handlers[1])
    door.happen("opened")
    assert heard == [0, 2]


def test_removing_a_handler_that_was_never_added_does_nothing() -> None:
    door, heard = Door(), []
    door.remove_listener("said", print)
    door.on("said", heard.append)
    door.remove_listener("said", print)
    door.remove_listener("closed", heard.append)
    door.happen("said", "x")
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
    front.on("said", heard.append)
    back.happen("said", "x")
    assert heard == []


def test_an_exception_of_a_handler_is_logged_and_the_others_run() -> None:
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


def test_a_handler_that_is_added_during_an_event_runs_at_the_next_one() -> None:
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
def test_a_name_that_is_nearly_that_of_an_event_warns_once_and_names_it(
    call: Callable[[Door, Any], Any],
) -> None:
    class Gate(Door):  # a class for which no name was checked before
        pass

    with pytest.warns(RuntimeWarning, match="'openned' .* did you mean 'opened'") as warned:
        call(Gate(), "openned")
    assert [warning.filename for warning in warned] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(Gate(), "openned")


@pytest.mark.parametrize("event", ["xyz", "open", "said by", 1], ids=label)
def test_an_event_of_another_name_is_the_applications_own(event: Any) -> None:
    door, heard = Door(), []
    door.on(event, lambda *arguments: heard.append(arguments))
    door.happen(event, 1, "two")
    assert heard == [(1, "two")]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("event", sorted(RESERVED))
def test_a_reserved_name_is_refused_where_it_is_no_event(
    call: Callable[[Door, Any], Any], event: str
) -> None:
    with pytest.raises(ValueError, match=f"no event '{event}' here: .*opened"):
        call(Door(), event)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("event", [None, (), True, 1.5, b"opened"], ids=label)
def test_what_cannot_be_the_name_of_an_event_is_refused(
    call: Callable[[Door, Any], Any], event: Any
) -> None:
    with pytest.raises(TypeError, match="the name of an event is a str"):
        call(Door(), event)


def test_an_event_of_the_applications_own_takes_handlers_of_any_arguments() -> None:
    door = Door()
    for handler in (lambda: None, lambda a, b, *, c=1: None, Heard.three, print):
        assert door.on("chat", handler) is handler


@pytest.mark.parametrize("handler", ["opened", 1, []], ids=repr)
def test_a_handler_that_cannot_be_called_is_refused(handler: Any) -> None:
    text = f"{re.escape(repr(handler))} cannot be a handler of 'opened': it cannot be called"
    with pytest.raises(TypeError, match=text):
        Door().on("opened", handler)


async def in_the_future(message: str, client: object) -> None: ...


def one_by_one(message: str, client: object) -> Iterator[None]:
    yield


async def one_by_one_in_the_future(message: str, client: object) -> AsyncIterator[None]:
    yield


class Asynchronous:
    async def __call__(self, message: str, client: object) -> None: ...

    async def method(self, message: str, client: object) -> None: ...


NEVER_RUN = {
    "async": in_the_future,
    "a generator": one_by_one,
    "an async generator": one_by_one_in_the_future,
    "an async method": Asynchronous().method,
    "an object": Asynchronous(),
    "partial": partial(in_the_future, "message"),
}


@pytest.mark.parametrize("handler", NEVER_RUN.values(), ids=NEVER_RUN)
def test_a_handler_that_would_never_run_is_refused(handler: Any) -> None:
    with pytest.raises(TypeError, match="nothing would run it"):
        Door().on("chat", handler)
    with pytest.raises(TypeError, match="nothing would run it"):
        Door().on_any(handler)
    with pytest.raises(TypeError, match="nothing would run it"):
        Door().on("clientMessage", handler)
    with pytest.raises(TypeError, match="nothing would run it"):
        Door().on("clientMessage")(handler)
    with pytest.raises(TypeError, match="nothing would run it"):
        Door().add_listener("clientMessage", handler)


class Heard:
    def nothing(self) -> None: ...

    def message(self, message: str) -> None: ...

    def both(self, message: str, client: object) -> None: ...

    def __call__(self, message: str, client: object, more: int = 0) -> None: ...

    @staticmethod
    def three(message: str, client: object, more: int) -> None: ...


TAKE_TOO_LITTLE = {
    "nothing": lambda: None,
    "one": lambda message: None,
    "three": Heard.three,
    "a name is missing": lambda message, client, *, room: None,
    "a method without": Heard().nothing,
    "a method with one": Heard().message,
    "a class": Heard.both,
    "partial": partial(Heard().both, "message"),
}
TAKE_BOTH = {
    "two": lambda message, client: None,
    "more with defaults": lambda message, client, more=1: None,
    "defaults": lambda message=1, client=2: None,
    "any": lambda *arguments: None,
    "any, and names": lambda message, *others, room="", **more: None,
    "a method": Heard().both,
    "an object": Heard(),
    "partial": partial(Heard.three, more=3),
    "of C": print,
}


@pytest.mark.parametrize("handler", TAKE_TOO_LITTLE.values(), ids=TAKE_TOO_LITTLE)
def test_a_handler_that_does_not_take_the_arguments_of_its_event_is_refused(handler: Any) -> None:
    with pytest.raises(TypeError, match=r"it is called with \(message, client\), and takes \("):
        Door().on("clientMessage", handler)


@pytest.mark.parametrize("handler", TAKE_BOTH.values(), ids=TAKE_BOTH)
def test_a_handler_that_takes_the_arguments_of_its_event_is_added(handler: Any) -> None:
    assert Door().on("clientMessage", handler) is handler


def test_a_decorated_function_may_take_other_arguments() -> None:
    heard: list[object] = []

    def for_the_first(message: str) -> None:
        heard.append(message)

    @wraps(for_the_first)
    def decorated(*arguments: object) -> None:
        for_the_first(str(arguments[0]))

    door = Door()
    door.on("clientMessage", decorated)
    door.happen("clientMessage", "hello", None)
    assert heard == ["hello"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("orgins", "origins"), ("transportOptions", "transport_options"), ("log", "log")],
)
def test_the_nearest_name_is_suggested(name: str, meant: str) -> None:
    known = ("resource", "transports", "transport_options", "log", "origins")
    assert did_you_mean(name, known) == f"did you mean {meant!r}?"


def test_without_a_near_name_all_are_listed() -> None:
    assert did_you_mean("zzz", ("abc", "def")) == "there are abc, def"
