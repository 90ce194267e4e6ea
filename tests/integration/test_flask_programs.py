"""Flask programs in development: app.run(), flask run, flask routes."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlencode

import pytest
from support.clients import DEFAULT, Ended, Polling, WebSocket
from support.http import HTTP
from support.processes import ROOT, Process
from websockets.exceptions import InvalidStatus

PROGRAM = "tests/programs/flask_app.py"
UNPATCHED = "tests/programs/flask_unpatched.py"


def flask(program: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", "flask", "--app", str(ROOT / program), *arguments)


COMMANDS = {
    "app.run()": (PROGRAM,),
    "app.run(debug=True)": (PROGRAM, "--debug"),
    "flask run": flask(PROGRAM, "run"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def program(request):
    process = Process(*COMMANDS[request.param])
    try:
        yield process.start()
    finally:
        process.stop()


@pytest.mark.parametrize("client", DEFAULT, ids=lambda client: client.transport)
def test_every_transport_works_on_werkzeug_s_server(program, client):
    opened = client(program.port).open()
    assert opened.receive() == "hello, stranger"
    for text in ("hello", "é😀", "x" * 100_000):
        opened.send(text)
        assert opened.receive() == text
    opened.close()


def test_the_pages_are_served_as_before_without_warnings(program):
    answer = HTTP(program.port).request("GET", "/")
    assert answer.text == "hello from flask_app" or answer.text == "hello from __main__"
    assert HTTP(program.port).request("GET", "/nowhere").status == 404
    assert not any("Warning" in line or "Traceback" in line for line in program.log())


def test_a_user_who_has_logged_in_is_greeted_by_name(program):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    http = HTTP(program.port)
    answer = http.request("POST", "/login", urlencode({"name": "Ada"}), **form)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    opened = WebSocket(program.port, headers={"Cookie": cookie}).open()
    assert opened.receive() == "hello, Ada"
    polled = http.request("GET", "/socket.io/xhr-polling//1", Cookie=cookie)
    assert polled.text.endswith("hello, Ada")
    forged = cookie.replace("=ey", "=EY")
    opened = WebSocket(program.port, headers={"Cookie": forged}).open()
    assert opened.receive() == "hello, stranger"


@pytest.mark.parametrize("command", [(UNPATCHED,), flask(UNPATCHED, "run")])
def test_without_monkey_patching_the_pages_work_and_sessions_are_refused(start, command):
    program = start(*command)
    how = "flask run" if "run" in command else "app.run()"
    program.wait_line(f"RuntimeWarning: {how} serves each request in a thread of its own")
    assert HTTP(program.port).request("GET", "/").text == "the page"
    answer = HTTP(program.port).request("GET", "/socket.io/xhr-polling//1")
    assert answer.status == 503
    assert "does not run requests in greenlets, so it cannot keep connections" in answer.text
    for client in (WebSocket, Polling):
        with pytest.raises((InvalidStatus, Ended), match="503"):
            client(program.port).open()
    program.wait_line("make 'from gevent import monkey; monkey.patch_all()' the first lines", 2)
    assert sum("RuntimeWarning" in line for line in program.log()) == 1


@pytest.mark.parametrize("program", [PROGRAM, UNPATCHED])
def test_flask_routes_lists_the_routes_and_no_warnings(program):
    command = [sys.executable, *flask(program, "routes")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.splitlines()[2].split() == ["index", "GET", "/"]
    assert ended.stderr == ""
