"""``python -m sockio_gevent --reload``: a source file changes, and the server with it."""

import signal
import ssl
import textwrap

import gevent
import pytest
from gevent import ssl as gevent_ssl
from support.clients import WebSocket
from support.command import ECHO, write
from support.http import DEADLINE, HTTP, LONG, Ended
from support.ports import reserve
from support.waiting import wait_until

pytest.importorskip("hupper")


def change(running, path, source, part):
    """Change a file, and wait for what follows."""
    before = running.count(part)
    path.write_text(textwrap.dedent(source))
    running.wait_line(part, before + 1)


def wait_says(running, text):
    """Wait until the server answers this; it may be restarted once more before."""

    def says():
        try:
            return HTTP(running.port).request("GET", "/").text == text
        except OSError:
            return False

    wait_until(says)


def status(port, path):
    """The status of an answer; 0 if none comes."""
    try:
        return HTTP(port).request("GET", path).status
    except (Ended, OSError):
        return 0


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


FACTORY = """
    import sockio_gevent as io

    socket = io.listen()

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    def create_app():
        socket.attach(hello)
        return socket
"""


def test_a_factory_in_a_file_elsewhere_is_called_again(command, tmp_path):
    (tmp_path / "site").mkdir()
    path = write(tmp_path / "site", "factory", FACTORY)
    running = command("site/factory.py:create_app()", "--reload")
    wait_says(running, "hello")
    change(running, path, FACTORY.replace('b"hello"', 'b"changed"'), running.url)
    wait_says(running, "changed")
    assert running.stop() == 0


@pytest.mark.parametrize("delay", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_an_edit_is_seen_however_soon_it_comes(command, tmp_path, delay):
    """The first check of a file may come long after its import."""
    path = write(tmp_path, "hello", ECHO)
    running = command("hello", "--reload")
    running.wait_line("Open ")
    gevent.sleep(delay)
    change(running, path, ECHO.replace('b"hello"', 'b"changed"'), "Open ")
    wait_says(running, "changed")


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("delay", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_mistake_may_be_mended_however_soon(command, tmp_path, delay, workers):
    path = write(tmp_path, "hello", "def")
    running = command("hello", "--reload", "--workers", str(workers))
    running.wait_line("SyntaxError")
    gevent.sleep(delay)
    change(running, path, ECHO, "Open ")
    wait_says(running, "hello")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_mistake_in_a_module_that_is_imported_may_be_mended(command, tmp_path, workers):
    write(tmp_path, "hello", "import other\n", ECHO)
    path = write(tmp_path, "other", "def")
    running = command("hello", "--reload", "--workers", str(workers))
    running.wait_line("SyntaxError")
    change(running, path, "", "Open ")
    wait_says(running, "hello")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_module_that_ends_its_process_at_the_start_may_be_mended(command, tmp_path, workers):
    source, part = FAILURES["death"]
    path = write(tmp_path, "hello", source)
    running = command("hello", "--reload", "--workers", str(workers))
    running.wait_line(part)
    change(running, path, ECHO, "Open ")
    wait_says(running, "hello")


FAILURES = {
    "syntax": ("def", "SyntaxError"),
    "import": ("import nosuch", "ModuleNotFoundError"),
    "no application": ("nothing = 1", "has no attribute 'application'"),
    "exit": ("import sys; print('leaving', flush=True); sys.exit(3)", "leaving"),
    "death": ("import os; print('dying', flush=True); os._exit(3)", "dying"),
}


@pytest.mark.parametrize(("source", "part"), FAILURES.values(), ids=FAILURES)
def test_requests_are_answered_while_nothing_can_be_served(command, tmp_path, source, part):
    path = write(tmp_path, "hello", ECHO)
    running = command("hello", "--reload")
    port = running.port
    change(running, path, source, part)
    for place in ("/", "/socket.io/xhr-polling"):
        # A request that comes too early is cut off with the old process.
        wait_until(lambda place=place: status(port, place) == 503)
    answer = HTTP(port).request("GET", "/")
    assert "cannot be started" in answer.text
    assert answer.headers["retry-after"] == "1"
    change(running, path, ECHO, "Open ")
    wait_says(running, "hello")
    assert running.stop() == 0


def test_requests_are_answered_over_tls_too_while_nothing_can_be_served(command, tmp_path, tls):
    authority, files = tls
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    write(tmp_path, "hello", "def")
    certificate = ("--certfile", files["certfile"], "--keyfile", files["keyfile"])

    def wrap(plain):
        return context.wrap_socket(plain, server_hostname="localhost")

    with reserve() as reserved:
        port = reserved.getsockname()[1]
        running = command("hello", "--reload", "--port", str(port), *certificate)
        running.wait_line("SyntaxError")
        assert HTTP(port, wrap).request("GET", "/").status == 503


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
