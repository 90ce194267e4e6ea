"""``python -m sockio_gevent``: what it serves, how, and how it stops."""

import json
import signal
import socket
import ssl
from http.client import HTTPConnection

import pytest
from gevent import ssl as gevent_ssl
from support.clients import Polling, WebSocket
from support.command import ECHO, write
from support.http import DEADLINE, HTTP, Ended
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent
from sockio_gevent.compiled import FORM

STOPS = [signal.SIGINT, signal.SIGTERM]

FLASK = """
    import flask
    import sockio_gevent as io

    application = flask.Flask(__name__)
    application.add_url_rule("/", "hello", lambda: "hello")
    socket = io.listen(application)
    socket.on("clientMessage", lambda message, client: client.send(message))
"""
BOTTLE = """
    import bottle
    import sockio_gevent as io

    application = bottle.Bottle()
    application.route("/")(lambda: "hello")
    socket = io.listen(application)
    socket.on("clientMessage", lambda message, client: client.send(message))
"""
MIDDLEWARE = """
    class Middleware:
        def __init__(self, {name}):
            self.{name} = {name}

        def __call__(self, environ, start_response):
            return self.{name}(environ, start_response)

    application = Middleware(application)
"""
HIDDEN = """
    socket = application

    def application(environ, start_response):
        return socket(environ, start_response)
"""


FACTORY = """
    import flask
    import sockio_gevent as io

    socket = io.listen()
    socket.on("clientMessage", lambda message, client: client.send(message))

    def create_app(config=None, name=__name__):
        app = flask.Flask(name)
        app.add_url_rule("/", "hello", lambda: "hello")
        socket.init_app(app)
        return app
"""


def echoes(opened):
    opened.open().send("to and fro")
    return opened.receive() == "to and fro"


def test_an_application_is_served(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    running = command("hello")
    assert HTTP(running.port).request("GET", "/").text == "hello"
    clients = WebSocket(running.port), Polling(running.port)
    assert all(map(echoes, clients))
    assert running.stop() == 0
    assert not any(running.count(client.session_id) for client in clients), "ids are secrets"
    assert running.out == [f"Open http://127.0.0.1:{running.port}/"]
    assert not running.count("Warning"), running


@pytest.mark.parametrize(
    ("sources", "target"),
    [
        pytest.param((FLASK,), "served", id="Flask"),
        pytest.param((BOTTLE,), "served", id="Bottle"),
        pytest.param((ECHO, MIDDLEWARE.format(name="app")), "served", id="middleware"),
        pytest.param((FLASK, MIDDLEWARE.format(name="app")), "served", id="round Flask"),
        pytest.param((ECHO, MIDDLEWARE.format(name="hidden")), "served", id="opaque"),
        pytest.param((ECHO, HIDDEN), "served", id="a function"),
        pytest.param((ECHO,), "served:application", id="a name"),
        pytest.param((FLASK,), "served:socket", id="the listener"),
        pytest.param((FLASK,), "served:socket.server", id="a dotted name"),
        pytest.param((FLASK,), "./served.py", id="a file"),
        pytest.param((FACTORY,), "served", id="a factory that is not named"),
        pytest.param((FACTORY,), "served:create_app", id="a factory"),
        pytest.param((FACTORY,), "served:create_app()", id="a factory that is called"),
        pytest.param((FACTORY,), "served.py:create_app()", id="a factory in a file"),
        pytest.param((FACTORY,), "served:create_app({'a': 1}, name='s')", id="with arguments"),
    ],
)
def test_listeners_are_found_wherever_they_are(command, tmp_path, sources, target):
    for framework in ("flask", "bottle"):
        if framework in sources[0]:
            pytest.importorskip(framework)
    write(tmp_path, "served", *sources)
    running = command(target)
    assert HTTP(running.port).request("GET", "/").text == "hello"
    assert echoes(WebSocket(running.port))
    assert running.stop() == 0
    assert not running.count("has no listener")


def test_an_application_without_a_listener_gets_one(command, tmp_path):
    write(tmp_path, "bare", ECHO.partition("application =")[0])
    running = command("bare:hello", "--origins", "https://example.com")
    opened = WebSocket(running.port, headers={"Origin": "https://example.com"}).open()
    assert HTTP(running.port).request("GET", "/").text == "hello"
    running.wait_line("bare:hello has no listener")
    running.send(signal.SIGTERM)
    assert opened.wait_closed() == 1001
    assert running.finish() == 0


def test_a_module_of_a_package_in_the_current_folder_is_found(command, tmp_path):
    (tmp_path / "shop").mkdir()
    write(tmp_path / "shop", "wsgi", ECHO)
    assert echoes(WebSocket(command("shop.wsgi").port))


def test_a_file_of_a_package_is_imported_with_its_package(command, tmp_path):
    package = tmp_path / "elsewhere" / "shop"
    package.mkdir(parents=True)
    write(package, "__init__", "")
    write(package, "live", ECHO)
    write(package, "wsgi", "from .live import application")
    assert echoes(WebSocket(command("elsewhere/shop/wsgi.py").port))


def test_everything_is_patched_before_the_module_is_imported(command, tmp_path):
    patched = """
        import sys, threading, time, gevent
        from gevent import monkey

        assert "ssl" not in sys.modules or monkey.is_module_patched("ssl")
        assert monkey.is_module_patched("socket")
        assert monkey.is_module_patched("threading")
        print("sleeps in", time.sleep.__module__, flush=True)
    """
    write(tmp_path, "hello", patched, ECHO)
    running = command("hello")
    running.wait_line("sleeps in gevent")
    assert echoes(WebSocket(running.port))
    assert running.stop() == 0
    assert not running.count("Warning"), running


def test_origins_replace_those_of_all_listeners(command, tmp_path):
    write(tmp_path, "hello", ECHO, "application = io.listen(application, resource='two')")
    running = command("hello", "--origins", "https://a.org,https://b.org", "--origins", "c.org:*")

    def status(resource, origin):
        path = f"/{resource}/xhr-polling/"
        return HTTP(running.port).request("GET", path, Origin=origin).status

    for resource in ("socket.io", "two"):
        for origin in ("https://a.org", "https://b.org", "http://c.org:81"):
            assert status(resource, origin) == 200
        assert status(resource, f"http://127.0.0.1:{running.port}") == 403


def test_the_log_level_is_that_of_the_command_line(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    lines = {}
    for level in ("debug", "warning"):
        running = command("hello", "--log-level", level)
        WebSocket(running.port).open()
        HTTP(running.port).request("GET", "/socket.io/nosuch-transport/")
        HTTP(running.port).request("GET", "/socket.io/xhr-polling/nosuchsession/1")
        assert running.stop() == 0
        lines[level] = running.err
    assert any(" INFO session " in line for line in lines["debug"])
    assert any(" WARNING refused " in line for line in lines["warning"])
    assert not any(" INFO " in line for line in lines["warning"])


def test_the_log_may_be_json(command, tmp_path):
    said = """
        import logging, warnings
        warnings.warn("be\\nware")
        logging.getLogger("hello").warning("%s is here", "Ann", extra={"user": 7})
    """
    write(tmp_path, "hello", said, ECHO)
    running = command("hello", "--log-format", "json")
    WebSocket(running.port).open()
    running.wait_line("opened")
    assert running.stop() == 0
    lines = [json.loads(line) for line in running.err]
    assert [line["level"] for line in lines[:2]] == ["warning", "warning"]
    assert "UserWarning: be\nware" in lines[0]["message"]
    assert (lines[1]["logger"], lines[1]["message"], lines[1]["user"]) == (
        "hello",
        "Ann is here",
        7,
    )
    assert any("session" in line["message"] for line in lines[2:])


def test_the_policy_file_for_flash_is_served_on_the_port(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    asked = Raw(command("hello").port, b"<policy-file-request/>\0")
    assert b"<cross-domain-policy>" in asked.end()


def test_the_command_serves_over_tls(command, tmp_path, tls):
    authority, files = tls
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)

    def wrap(plain):
        return context.wrap_socket(plain, server_hostname="localhost")

    write(tmp_path, "hello", ECHO)
    certificate = ("--certfile", files["certfile"], "--keyfile", files["keyfile"])
    running = command("hello", "--host", "localhost", *certificate)
    assert running.url == f"https://localhost:{running.port}/"
    assert HTTP(running.port, wrap).request("GET", "/").text == "hello"
    for client in (WebSocket, Polling):
        assert echoes(client(running.port, wrap=wrap))
    Raw(running.port, b"GET / HTTP/1.1\r\n\r\n").end()
    running.wait_line("no TLS with 127.0.0.1")
    opened = WebSocket(running.port, wrap=wrap).open()
    running.send(signal.SIGTERM)
    assert opened.wait_closed() == 1001
    assert running.finish() == 0
    assert not running.count("Traceback"), running


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_the_command_serves_over_ipv6(command, tmp_path, host):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    write(tmp_path, "hello", ECHO)
    running = command("hello", "--host", host)
    assert running.url == f"http://[::1]:{running.port}/"
    connection = HTTPConnection("::1", running.port, timeout=DEADLINE)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    connection.close()


def test_a_wildcard_address_is_printed_as_one_that_a_browser_can_open(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    running = command("hello", "--host", "0.0.0.0")
    assert running.url == f"http://localhost:{running.port}/"
    assert HTTP(running.port).request("GET", "/").text == "hello"


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_the_sessions_and_then_the_process(command, tmp_path, number):
    told = 'application.on("clientDisconnect", lambda client: print("told", flush=True))'
    write(tmp_path, "hello", ECHO, told)
    running = command("hello")
    opened = WebSocket(running.port).open()
    polling = Polling(running.port).open()
    polling.begin_poll()
    assert echoes(WebSocket(running.port)), "the poll has been read meanwhile"
    running.send(number)
    assert opened.wait_closed() == 1001
    try:
        assert polling.finish_poll() == []
    except (Ended, OSError):
        pass  # it was too late to be a poll
    assert running.finish() == 0
    assert running.count("told") == 3
    assert not running.count("Traceback"), running


def test_a_second_ctrl_c_stops_even_a_busy_process_at_once(command, tmp_path):
    busy = """
    @application.on("connection")
    def connected(client):
        print("busy", flush=True)
        while True:
            pass
    """
    write(tmp_path, "hello", ECHO, busy)
    running = command("hello")
    Raw(running.port, b"GET /socket.io/xhr-polling/ HTTP/1.1\r\nHost: x\r\n\r\n")
    running.wait_line("busy")

    def has_ended():
        running.send(signal.SIGINT)
        return running.process.poll() is not None

    wait_until(has_ended)
    assert running.finish() == -signal.SIGINT


def test_the_hub_is_there_before_the_patching(command, tmp_path):
    """Afterwards other threads, such as that of hupper, may make theirs at the same time.

    Then each would import what the other one has begun to import, with locks that need a hub.
    """
    program = """
        from gevent import _hub_local, monkey

        patch_all = monkey.patch_all

        def patch():
            print("the hub:", _hub_local.get_hub_if_exists() is not None, flush=True)
            patch_all()

        monkey.patch_all = patch

        from sockio_gevent.__main__ import main

        main()
    """
    write(tmp_path, "patching", program)
    write(tmp_path, "hello", ECHO)
    running = command("hello", program="patching")
    assert running.wait_line("the hub:") == "the hub: True"
    running.wait_line("Open ")
    assert running.stop() == 0


def test_ctrl_c_during_the_import_leaves_no_traceback(command, tmp_path):
    slow = """
        import time

        print("importing", flush=True)
        time.sleep(600)
    """
    write(tmp_path, "slow", slow)
    running = command("slow")
    running.wait_line("importing")
    running.send(signal.SIGINT)
    assert running.finish() == 130
    assert not running.count("Traceback"), running


def test_the_version_and_the_form_that_runs_are_printed(command):
    running = command("--version")
    assert running.finish() == 0
    assert running.out == [f"sockio-gevent {sockio_gevent.__version__} ({FORM})"]
