"""Checks of the values that a user gives for options.

A check takes the name of the option and the value, and returns the value to
keep. It raises ``TypeError`` if the value is of the wrong kind, and
``ValueError`` if the kind is right but the value makes no sense.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from ..monitoring.log import LogTarget
from .callables import callable_problem
from .hosts import Hosts
from .origins import Origins
from .same_peer import peer_rule
from .suggestions import did_you_mean

__all__ = [
    "Check",
    "called_with",
    "count",
    "handler",
    "handshake",
    "hosts",
    "log",
    "names",
    "optional",
    "origins",
    "port",
    "positive",
    "rate",
    "resource",
    "same_peer",
    "seconds",
    "size",
    "wrong",
]

Check = Callable[[str, Any], Any]

# Path segments of unreserved characters (RFC 3986 section 2.3), without dot segments.
_SEGMENT = r"(?!\.\.?(?:/|$))[\w.~-]+"
_RESOURCE = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)


def wrong(name: str, value: object, wanted: str) -> TypeError:
    """The error for a value of the wrong kind."""
    return TypeError(f"option {name!r} must be {wanted}, not {value!r}")


def optional(check: Check) -> Check:
    """The same check for an option that may be ``None``, too."""
    return lambda name, value: None if value is None else check(name, value)


def names(kind: str, known: tuple[str, ...]) -> Callable[[str, object], tuple[str, ...]]:
    """A check for a list of known names of some kind."""

    def check(name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise wrong(name, value, "a list of names")
        for each in value:
            if each not in known:
                hint = did_you_mean(str(each), known)
                raise ValueError(f"option {name!r}: no {kind} {each!r}: {hint}")
        if not value:
            raise ValueError(f"option {name!r} is empty: nobody could connect")
        return tuple(dict.fromkeys(value))

    return check


def resource(name: str, value: object) -> str:
    """A path; slashes around it are dropped."""
    if not isinstance(value, str):
        raise wrong(name, value, "a string")
    path = value.strip("/")
    if not _RESOURCE.fullmatch(path):
        raise ValueError(f"option {name!r}: {value!r} is not a path like 'socket.io'")
    return path


def switch(name: str, value: object) -> bool:
    """Check that a value is ``True`` or ``False``."""
    if not isinstance(value, bool):
        raise wrong(name, value, "True or False")
    return value


def seconds(name: str, value: object, zero: bool = False) -> Any:
    """A time to wait, in seconds; it may be 0 only if ``zero`` says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(name, value, "a number of seconds")
    # The upper bound, some thirty years, refuses infinity; NaN is in no range.
    if not 0 <= value < 1e9 or (value == 0 and not zero):
        raise ValueError(f"option {name!r}: {value!r} is not a time to wait")
    return value


def size(name: str, value: object) -> int:
    """A number of bytes."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(name, value, "a number of bytes")
    return _at_least_one(name, value)


def positive(most: int | None = None) -> Check:
    """How many of something there may be: at least one, at most so many."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(name, value, "a number")
        if most is not None and value > most:
            raise ValueError(f"option {name!r} must be at most {most}, not {value!r}")
        return _at_least_one(name, value)

    return check


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"option {name!r} must be at least 1, not {value!r}")
    return value


def count(name: str, value: object) -> int:
    """How many of something there are; 0 is allowed."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(name, value, "a number")
    if value < 0:
        raise ValueError(f"option {name!r} must be 0 or more, not {value!r}")
    return value


def rate(name: str, value: object) -> Any:
    """How many of something there may be in a second."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(name, value, "a number a second")
    if not 0 < value < 1e9:
        raise ValueError(f"option {name!r}: {value!r} is not a rate")
    return value


def port(name: str, value: object) -> int:
    """A TCP port."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(name, value, "a port or None")
    if not 1 <= value <= 65535:
        raise ValueError(f"option {name!r}: {value!r} is not a port")
    return value


def log(name: str, value: Any) -> LogTarget:
    """Where log lines go, see :class:`~sockio_gevent.monitoring.log.Log`."""
    usable = value is None or isinstance(value, (bool, logging.Logger)) or callable(value)
    if not usable:
        raise wrong(name, value, "a logger, a function, None or False")
    if callable(value):
        _of_line(name, value)
    return value  # type: ignore[no-any-return]


def origins(name: str, value: Any) -> Any:
    """Which origins may connect, see :class:`~sockio_gevent.options.origins.Origins`."""
    if not (
        value is None or callable(value) or isinstance(value, (str, list, tuple, set, frozenset))
    ):
        raise wrong(name, value, "an origin, a list of origins, a function or None")
    if callable(value):
        return _of_origin(name, value)
    Origins(value)
    return value


def hosts(name: str, value: Any) -> Any:
    """The host names of the server, see :class:`~sockio_gevent.options.hosts.Hosts`."""
    if not isinstance(value, (str, list, tuple, set, frozenset)):
        raise wrong(name, value, "a host, a list of hosts or None")
    if not value:
        raise ValueError(f"option {name!r} is empty: nobody could connect")
    Hosts(value)
    return value


def called_with(*arguments: str) -> Check:
    """A function that is called with these arguments, and whose return value is used."""

    def check(name: str, value: Any) -> Any:
        if value is None:
            return None
        if not callable(value):
            raise wrong(name, value, "a function or None")
        problem = callable_problem(value, arguments)
        if problem:
            raise TypeError(f"option {name!r}: {value!r:.80} cannot be used: {problem}")
        return value

    return check


_of_environ = called_with("environ")
_of_origin = called_with("origin", "environ")
_of_line = called_with("line")


def same_peer(name: str, value: Any) -> Any:
    """How two requests of one peer are recognised, see :mod:`~sockio_gevent.options.same_peer`."""
    if value is None or value is False:
        return None
    if not isinstance(value, str):
        if not callable(value):
            raise wrong(name, value, "'address', 'cookie:NAME', a function or None")
        return _of_environ(name, value)
    try:
        peer_rule(value)
    except ValueError as error:
        raise ValueError(f"option {name!r}: {error}") from None
    return value


def handshake(name: str, value: object) -> str:
    """How a client receives the id of its new session."""
    if value not in ("plain", "json"):
        raise ValueError(f"option {name!r} must be 'plain' or 'json', not {value!r}")
    return str(value)


def handler(name: str, value: Any) -> Any:
    """A handler of an event."""
    if not (value is None or callable(value)):
        raise wrong(name, value, "a function or None")
    return value
