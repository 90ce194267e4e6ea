"""What ``python -m sockio_gevent`` says when it cannot serve: one line, and status 2."""

import socket

import pytest
import trustme
from support.command import ECHO, write

APPLICATIONS = """
    import sockio_gevent as io
    from gevent.pywsgi import WSGIServer

    text = "text"

    class Application:
        def __call__(self, environ, start_response):
            return []

    async def asgi(scope, receive, send):
        pass

    server = WSGIServer(("127.0.0.1", 0), Application())

    def make(config):
        return Application()

    def make_app(config, debug=False):
        return Application()

    def forgets():
        Application()
"""
UNATTACHED = """
    import sockio_gevent as io

    socket = io.listen()

    def app(environ, start_response):
        return []
"""


def failed(running):
    """The one line that the command printed before it ended."""
    assert running.finish() == 2, running
    assert running.out == []
    assert len(running.err) == 1, running
    assert running.err[0].startswith("sockio-gevent: ")
    return running.err[0].removeprefix("sockio-gevent: ")


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("nosuch", "there is no module 'nosuch' in "),
        ("nosuch.inner:app", "there is no module 'nosuch' in "),
        ("hello.inner:app", "there is no module 'hello.inner' in "),
        ("hello:aplication", "'hello' has no attribute 'aplication': did you mean 'application'?"),
        ("hello:io.Listner", "'io' has no attribute 'Listner'"),
        ("hello:hello", "the listener hello:application comes before hello:hello"),
        ("applications:text", "applications:text is 'text', which is no WSGI application: "),
        ("applications:Application", "a class; pass an object of it"),
        ("applications:asgi", "an ASGI application"),
        ("applications:server", "applications:server is a server: run it from a program"),
        ("empty", "has no attribute 'application', 'app', 'create_app' or 'make_app': name"),
        ("applications", "applications:make_app() cannot be called without arguments, it takes (c"),
        (
            "applications:make_app",
            "write them, as in 'applications:make_app(\"text\", debug=True)'",
        ),
        (
            "applications:make(1, 2)",
            "make(1, 2) cannot be called: too many positional arguments; i",
        ),
        ("applications:make", "applications:make is <function make"),
        ("applications:make()", "make() cannot be called without arguments, it takes (config)"),
        ("applications:text()", "applications:text() cannot be called: 'text' is no function"),
        ("applications:forgets", "applications:forgets() returned None, which is no WSGI"),
        ("unattached:socket", "unattached:socket is a listener without an application: call its"),
        ("unattached:app", "and nobody has called its attach(): call it with the application, un"),
        ("./nosuch.py", "there is no file './nosuch.py' in "),
    ],
)
def test_a_target_that_cannot_be_served_is_an_error(command, tmp_path, target, line):
    write(tmp_path, "hello", ECHO)
    write(tmp_path, "applications", APPLICATIONS)
    write(tmp_path, "unattached", UNATTACHED)
    write(tmp_path, "empty")
    assert line in failed(command(target))


def test_a_failed_import_inside_the_module_shows_a_traceback(command, tmp_path):
    write(tmp_path, "hello", "import nosuch", ECHO)
    running = command("hello")
    assert running.finish() == 1
    assert any("hello.py" in line for line in running.err)
    assert running.err[-1] == "ModuleNotFoundError: No module named 'nosuch'"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("hello", "--port", "65536"), "'65536' is not a port between 0 and 65535"),
        (("hello", "--host", "host.invalid"), "cannot listen on the host 'host.invalid': "),
        (("hello", "--host", "192.0.2.1"), "cannot listen on port 0 of 192.0.2.1: Cannot assign"),
    ],
)
def test_arguments_that_cannot_be_used_are_an_error(command, tmp_path, arguments, line):
    write(tmp_path, "hello", ECHO)
    assert line in failed(command(*arguments))


def test_a_port_that_is_in_use_is_an_error(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for reload in ((), ("--reload",)):
            line = failed(command("hello", "--port", port, *reload))
            place = f"port {port} of 127.0.0.1"
            problem = "Address already in use; choose another with --port"
            assert line == f"cannot listen on {place}: {problem}"


def test_certificates_that_cannot_be_used_are_an_error(command, tmp_path, tls):
    _, files = tls
    write(tmp_path, "hello", ECHO)
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(other))
    certificate, key = files["certfile"], files["keyfile"]
    for certfile, keyfile, line in (
        ("nosuch.pem", key, "cannot read 'nosuch.pem': No such file or directory"),
        (certificate, str(tmp_path), f"cannot read '{tmp_path}': Is a directory"),
        (certificate, str(other), f"the key in '{other}' is not that of the certificate in"),
        ("hello.py", key, "no certificate in 'hello.py', or no key in"),
    ):
        given = ("hello", "--certfile", certfile, "--keyfile", keyfile)
        assert line in failed(command(*given))


def test_reload_without_hupper_is_an_error(command, tmp_path):
    write(tmp_path, "hello", ECHO)
    missing = "raise ModuleNotFoundError('No module named \\'hupper\\'', name='hupper')"
    write(tmp_path, "hupper", missing)
    line = failed(command("hello", "--reload"))
    assert line == "--reload needs hupper: pip install 'sockio_gevent[reload]'"


def test_reload_does_not_wait_for_a_module_that_does_not_exist(command):
    pytest.importorskip("hupper")
    assert "there is no module 'nosuch' in " in failed(command("nosuch", "--reload"))
