"""The API of Flask-SocketIO: ``run()`` serves, and says what is wrong."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest
from support.clients import WebSocket
from support.processes import Process

PROGRAM = """
import sys
{patch}
import flask
import gevent
from sockio_gevent.ext.flask_socketio import SocketIO

app = flask.Flask("shop")
socketio = SocketIO(app{options})

def stop_when_it_serves():
    while socketio.wsgi_server is None or not socketio.wsgi_server.started:
        gevent.sleep(0.01)
    socketio.stop()

gevent.spawn(stop_when_it_serves)
socketio.run(app, port=0)
"""
PATCH = "from gevent import monkey; monkey.patch_all()"


def said_by(patch: str, options: str) -> str:
    """What a program says that serves, and stops."""
    program = PROGRAM.format(patch=patch, options=options)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_it_prints_the_address_and_ctrl_c_ends_sessions_and_process() -> None:
    process = Process("tests/programs/flask_socketio_app.py").start()
    try:
        assert f"Open http://127.0.0.1:{process.port}/" in process.lines
        client = WebSocket(process.port).open()
        assert process.stop(signal.SIGINT) == 0
        assert "Traceback" not in "\n".join(process.lines)
        assert client.session_id not in "".join(process.lines), "ids are secrets"
        assert any("ended: the server goes away" in line for line in process.lines), process.lines
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("", "run()"),
        (", async_mode='threading'", "async_mode='threading' has no effect"),
        (", async_mode='eventlet'", "async_mode='eventlet' has no effect"),
    ],
)
def test_an_unpatched_program_is_told_once_what_stops_the_server(options: str, what: str) -> None:
    warnings = re.findall(r"RuntimeWarning: (.*)", said_by("", options))
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{what}: handlers run in greenlets")
    assert "monkey.patch_all()" in warnings[0]
    assert "python -m sockio_gevent" in warnings[0]


@pytest.mark.parametrize("options", ["", ", async_mode='threading'"])
def test_a_patched_program_is_told_nothing(options: str) -> None:
    assert "Warning" not in said_by(PATCH, options)


MISSING = """
import sys
sys.modules["flask"] = None
try:
    import sockio_gevent.ext.flask_socketio
except ImportError as error:
    print(error)
"""


def test_without_flask_an_error_says_what_to_install() -> None:
    command = [sys.executable, "-c", MISSING]
    said = subprocess.check_output(command, text=True, timeout=120)
    expected = "the API of Flask-SocketIO needs Flask: pip install 'sockio_gevent[flask]'\n"
    assert said == expected
