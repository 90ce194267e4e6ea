"""Timeouts of sessions: a slow machine must not look like a silent client.

So nothing is due in a test unless it asks for that. Where a heartbeat or a
poll is to end a session, but not before the test has brought it there, the
test begins with long times, and then brings the deadline forward.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.server.stream.hang_up import has_hung_up

from .http import DEADLINE, LONG

POLLING = ("xhr-polling", "jsonp-polling")


def patient(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The option transport_options: long times, and those that are given over them."""
    return {
        name: {
            **({"close_timeout": LONG} if name in POLLING else {"heartbeat_interval": None}),
            **given.get(name, {}),
        }
        for name in KNOWN_TRANSPORTS
    }


def change_times(served: Any, name: str, **seconds: float) -> None:
    """Give a transport other times; deadlines that are already set stay the same."""
    times = served.listener.options.transport_options
    times[name] = replace(times[name], **seconds)


def bring_forward(session: Any, seconds: float = 0.1) -> None:
    """Move the deadline of a session to now."""
    session_of(session)._set_deadline(seconds)


def with_time(ask: Callable[[float], Any], is_enough: Callable[[Any], bool]) -> Any:
    """Ask what takes all of the time that it is given, because somebody never answers.

    So the first time is short. On a busy machine, longer ones follow, for those who do answer.

    Args:
        ask: asks, within so many seconds.
        is_enough: tells whether those who answer have done so.

    Returns:
        What the last question has returned.
    """
    for seconds in (0.1, 1.0, 25.0):
        found = ask(seconds)
        if is_enough(found):
            break
    return found


def wait_hung_up(session: Any) -> None:
    """Wait until the kernel knows that the client has gone, without letting the loop run."""
    end = monotonic() + DEADLINE
    while not has_hung_up(session_of(session).downlink._socket):
        assert monotonic() < end, "the client is still there"


def stand_still(seconds: float) -> None:
    """Stop the loop for a while, like a handler that blocks it."""
    # Not gevent's: the tests' own process is not patched.
    time.sleep(seconds)
