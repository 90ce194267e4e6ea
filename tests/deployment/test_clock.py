"""A wall clock that jumps by a day, forward or back, does not affect sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
from email.utils import parsedate_to_datetime
from time import monotonic

import pytest
from support.clients import ALL, JSONP, Polling, ServerEvents, WebSocket
from support.fleet import open_all
from support.http import HTTP, LONG
from support.missing import missing
from support.servers import Program
from support.times import POLLING

from sockio_gevent.hub.deadlines import RESOLUTION

DAY = 24 * 3600
JUMPS = {"forward": 1, "back": -1}

LOOKS = 5  # checks of deadlines by the server, before a jump is known to have ended nothing

SOON = 1.0  # seconds
# Heartbeats, and the ends of polls and of sessions without a connection, come soon.
SHORT = {
    name: {"duration": SOON, "close_timeout": 3 * SOON}
    if name in POLLING
    else {"heartbeat_interval": SOON, "timeout": LONG}
    for name in [client.transport for client in ALL]
}


class Clock:
    """The wall clock of a server. Only this clock is changed, and not the monotonic one."""

    def __init__(self, deploy, folder, **more):
        if shutil.which("faketime") is None:
            missing("the program faketime is not installed")
        self._file = folder / "clock"
        self._turn(0)
        printed = subprocess.check_output(["faketime", "-f", "+0", "env"], text=True)
        environ = {
            "LD_PRELOAD": dict(line.split("=", 1) for line in printed.splitlines())["LD_PRELOAD"],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.server = deploy(Program, "counted", environ=environ, **more).listening()
        self._asking = HTTP(self.server.port)
        self._before = self._seconds()

    def _turn(self, days):
        # At once: it is read whenever somebody asks for the time.
        new = self._file.with_suffix(".new")
        new.write_text(f"{days:+d}d\n")
        os.rename(new, self._file)

    def _seconds(self):
        """What the header Date says."""
        date = self._asking.request("GET", "/socket.io/socket.io.js").headers["date"]
        return parsedate_to_datetime(date).timestamp()

    def jump(self, days):
        """Put it forward or back, by so many days from where it was at the start."""
        self._turn(days)
        passed = self._seconds() - self._before
        # Half a day, for this machine may be slow.
        assert abs(passed - days * DAY) < DAY / 2, "the server did not notice"


def exchange(session):
    """Exchange a message. A polling client has a poll open before, and opens one again."""
    session.begin_send("hello")
    if session.streams:
        assert session.receive() == "hello"
    else:
        assert session.finish_poll() == ["hello"]
    if not isinstance(session, WebSocket):
        assert session.post.finish().status == 200
    if not session.streams:
        session.begin_poll()


@pytest.mark.parametrize("days", JUMPS.values(), ids=JUMPS)
def test_no_session_ends_and_messages_are_exchanged(deploy, tmp_path, days):
    clock = Clock(deploy, tmp_path)
    server = clock.server
    away = [server.client(kind).open() for kind in (Polling, JSONP)]
    sessions = open_all(server)
    for jump in (days, 0, -days, days):
        clock.jump(jump)
        began = monotonic()
        while monotonic() - began < LOOKS * RESOLUTION:
            for session in sessions:
                exchange(session)
        known = server.ask("/sessions")
        for session in sessions:
            server.wait_state(session.session_id, "open")
        assert {known[session.session_id] for session in away} == {"away"}
    assert server.found("session .* ended") == []
    assert server.problems() == []
    for session in sessions:
        session.vanish()


@pytest.mark.parametrize("days", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("kind", [WebSocket, ServerEvents], ids=lambda kind: kind.transport)
def test_heartbeats_continue(deploy, tmp_path, kind, days):
    clock = Clock(deploy, tmp_path, options={"transport_options": SHORT})
    session = clock.server.client(kind).open()
    for number, jump in enumerate((days, 0, -days), 1):
        clock.jump(jump)
        assert session.receive() == f"~h~{number}"
        session.send(f"~h~{number}")
    assert clock.server.found("session .* ended") == []
    session.vanish()


@pytest.mark.parametrize("days", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("kind", [Polling, JSONP], ids=lambda kind: kind.transport)
def test_polls_keep_their_duration_and_a_client_that_stays_away_is_ended(
    deploy, tmp_path, kind, days
):
    clock = Clock(deploy, tmp_path, options={"transport_options": SHORT})
    session = clock.server.client(kind).open()
    for jump in (days, 0):
        began = monotonic()
        session.begin_poll()
        clock.server.wait_state(session.session_id, "open")
        clock.jump(jump)
        assert session.finish_poll() == []
        assert monotonic() - began > SOON / 2
    clock.jump(days)
    session.vanish()
    assert clock.server.found("session .* ended") == []
    clock.server.wait_line(f"session {session.session_id[:8]} .* ended: away for longer than")
