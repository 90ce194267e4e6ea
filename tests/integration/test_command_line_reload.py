"""``python -m sockio_gevent --reload``: a source file changes, and the server with it."""

import itertools
import os
import signal
import textwrap

import gevent
import pytest
from support.clients import WebSocket
from support.command import ECHO, wait_until, write
from support.http import DEADLINE, HTTP, LONG

pytest.importorskip("hupper")


def change(running, path, source, part):
    """Change a file, and wait for what follows.

    hupper looks at files only some time after they were imported, and forgets
    what it sees while a process ends: so the file is touched now and then.
    """
    before = running.count(part)
    path.write_text(textwrap.dedent(source))
    now = path.stat().st_mtime
    for ahead in itertools.count(2, 2):
        try:
            wait_until(lambda: running.count(part) > before, 15)
            return
        except AssertionError:
            assert ahead < 12, running
            os.utime(path, (now, now + ahead))


def wait_says(running, text):
    """Wait until the server is the one that says this; it may be started again once more."""

    def says():
        try:
            return HTTP(running.port).request("GET", "/").text == text
        except OSError:
            return False

    wait_until(says)


def test_a_change_starts_the_server_again(command, tmp_path):
    path = write(tmp_path, "hello", ECHO)
    running = command("hello", "--reload")
    opened = WebSocket(running.port).open()
    closing = gevent.spawn(opened.wait_closed, deadline=LONG)
    change(running, path, ECHO.replace('b"hello"', 'b"changed"'), running.url)
    assert closing.get(timeout=DEADLINE) == 1001
    wait_says(running, "changed")
    assert running.stop() == 0
    for bad in ("Traceback", "Warning", "Exception ignored"):
        assert not running.count(bad), running


def test_a_mistake_is_shown_until_it_is_mended(command, tmp_path):
    path = write(tmp_path, "hello", "def")
    running = command("hello", "--reload")
    running.wait_line("SyntaxError")
    change(running, path, ECHO, "Open ")
    wait_says(running, "hello")
    change(running, path, "import nosuch", "ModuleNotFoundError")
    change(running, path, "nothing = 1", "the module 'hello' has no attribute 'application'")
    change(running, path, ECHO.replace('b"hello"', 'b"mended"'), "Open ")
    wait_says(running, "mended")
    assert running.process.poll() is None


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 0),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_no_process_outlives_the_one_that_was_started(command, tmp_path, number, status):
    write(tmp_path, "hello", ECHO)
    running = command("hello", "--reload")
    opened = WebSocket(running.port).open()
    running.send(number)
    assert opened.wait_closed() == 1001
    assert running.finish() == status


def test_ctrl_c_ends_both_processes(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    running = command("hello", "--reload")
    opened = WebSocket(running.port).open()
    running.press_ctrl_c()
    assert opened.wait_closed() == 1001
    assert running.finish() == 0
    assert not running.count("Traceback"), running


def test_ctrl_c_ends_the_wait_for_a_change(command, tmp_path):
    write(tmp_path, "hello", "def")
    running = command("hello", "--reload")
    running.wait_line("SyntaxError")
    running.press_ctrl_c()
    assert running.finish() != 0
