"""All that the test of sessions knows about the inside of the package.

Everything else is asked of a session as transports and applications ask it.
"""

from __future__ import annotations

import logging
from typing import Any
from wsgiref.util import setup_testing_defaults

import gevent

import sockio_gevent as io
from sockio_gevent.hub.deadlines import Deadlines
from sockio_gevent.session.session import Session

__all__ = ["FAR", "MOST", "MOST_WAITS", "Agenda", "Errors", "listen", "open_session", "wait_until"]

# Seconds: so many that nothing is due unless the test says so.
FAR = 1e6
# The option max_buffer: how many bytes of memory may wait for one client.
MOST = 3000
# How often the time for an echo runs out before a client that goes on sending is given up.
MOST_WAITS = 4
_DEADLINE = 60.0


class Agenda(Deadlines):
    """Replaces ``Deadlines``: a deadline comes when the test says so.

    Attributes:
        deadlines: the deadline of each session.
    """

    def __init__(self) -> None:
        super().__init__(print)
        self.deadlines: dict[Any, float] = {}

    def look(self, item: Any, deadline: float) -> None:
        """Note a deadline; the last one counts."""
        self.deadlines[item] = deadline

    def forget(self, item: Any) -> None:
        """Forget a deadline."""
        self.deadlines.pop(item, None)

    def come_to(self, item: Any) -> None:
        """Let time pass up to the deadline of this session."""
        again = item.due(self.deadlines.pop(item))
        if again is not None:
            self.look(item, again)


class Errors(logging.Handler):
    """Collects failures that are only logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []
        self.logger = logging.Logger("fuzzing", logging.ERROR)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, and the traceback that belongs to it."""
        self.lines.append(self.format(record))


def listen(errors: Errors) -> tuple[io.Listener, Agenda]:
    """A listener without a server, and whose time the test moves."""
    listener = io.listen(
        _nothing,
        log=errors.logger,
        max_buffer=MOST,
        flash_policy_port=None,
        # A timeout of handlers would make the session check far deadlines earlier.
        handler_timeout=None,
        transport_options={
            "websocket": {"heartbeat_interval": FAR, "timeout": FAR},
            "server-events": {"heartbeat_interval": FAR, "timeout": FAR, "close_timeout": FAR},
            "xhr-polling": {"close_timeout": FAR, "duration": FAR},
        },
    )
    agenda = Agenda()
    listener._sessions.loops.here().deadlines = agenda
    return listener, agenda


def open_session(listener: io.Listener, transport: str) -> Session:
    """Begin a session, as a request that has come in does."""
    environ: dict[str, Any] = {
        "PATH_INFO": f"/socket.io/{transport}",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
    }
    setup_testing_defaults(environ)
    return listener.open_session(transport, environ, _nothing)


def wait_until(condition: Any) -> None:
    """Let the loop run until this holds."""
    with gevent.Timeout(_DEADLINE, AssertionError("it never becomes so")):
        while not condition():
            gevent.sleep(0)


def _nothing(*arguments: object) -> list[bytes]:
    return []
