"""Objects that can be listened to, and warnings about the surroundings of a listener."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import wsgiref.simple_server
from pathlib import Path
from typing import Any

import bottle
import flask
import gevent.server
import pytest
import waitress.server
import werkzeug.serving
from gevent.pywsgi import WSGIServer
from support.clients import WebSocket
from support.http import HTTP
from support.labels import label
from support.lines import Lines
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import sockio_gevent as io


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


class Application:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return application(environ, start_response)


class Response:
    """A class that is an application: PEP 3333 has such an example."""

    def __init__(self, environ: Any, start_response: Any) -> None:
        self.body = application(environ, start_response)

    def __iter__(self) -> Any:
        return iter(self.body)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


class ASGI:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise NotImplementedError


def factory() -> Any:
    return application


def view(request: Any, name: Any, number: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    "good",
    [
        application,
        Application(),
        Application().__call__,
        Response,
        lambda *arguments: application(*arguments),
        functools.partial(application),
    ],
)
def test_any_wsgi_callable_can_be_listened_to(host, good):
    listener = io.listen(good, log=False)
    listener.on("connection", lambda client: client.send("welcome"))
    port = host(listener)
    assert WebSocket(port).open().receive() == "welcome"
    assert HTTP(port).request("GET", "/page").text == "/page"


WHAT_IT_TAKES = r"listen\(\) takes a gevent.pywsgi.WSGIServer or a WSGI application, not "


@pytest.mark.parametrize(
    ("bad", "advice"),
    [
        (None, "it cannot be called"),
        (("127.0.0.1", 8080), "it cannot be called"),
        ("module:app", "pass the application itself; 'python -m sockio_gevent module:app'"),
        (flask, "that is a module; pass the application in it"),
        (bottle, "that is a module; pass the application in it"),
        (Application, "that is a class; pass an object of it"),
        (flask.Flask, "that is a class; pass an object of it"),
        (bottle.Bottle, "that is a class; pass an object of it"),
        (WSGIServer, "that is a class; pass an object of it"),
        (asgi, "that is an ASGI application, .*; pass a WSGI one"),
        (functools.partial(asgi), "that is an ASGI application, .*; pass a WSGI one"),
        (ASGI(), "that is an ASGI application, .*; pass a WSGI one"),
        (factory, "if it makes the application, pass what it returns"),
        (view, r"it does not take \(environ, start_response\)"),
    ],
    ids=label,
)
def test_anything_else_is_a_type_error_that_says_what_to_do(bad, advice):
    with pytest.raises(TypeError, match=f"{WHAT_IT_TAKES}.*{advice}"):
        io.listen(bad)


@pytest.mark.parametrize(
    "make",
    [
        lambda: wsgiref.simple_server.make_server("127.0.0.1", 0, application),
        lambda: werkzeug.serving.make_server("127.0.0.1", 0, application),
        lambda: waitress.server.create_server(application, host="127.0.0.1", port=0),
        lambda: gevent.server.StreamServer(("127.0.0.1", 0), print),
    ],
    ids=["wsgiref", "werkzeug", "waitress", "gevent"],
)
def test_other_servers_are_a_type_error_that_names_the_right_ones(make):
    server = make()
    try:
        with pytest.raises(TypeError, match=r"gevent\.pywsgi\.WSGIServer or gunicorn -k gevent"):
            io.listen(server)
    finally:
        close = getattr(server, "server_close", None) or server.close
        close()


def test_a_misplaced_request_causes_one_warning(host):
    lines = Lines()
    http = HTTP(host(io.listen(application, log=lines)))
    for path in ("/page", "/a/b/socket.io/", "/app/socket.io/nothing", "/app/socket.iox/websocket"):
        assert http.request("GET", path).text == path
    assert lines == []
    for tail in ("websocket", "xhr-polling//1", "socket.io.js"):
        assert http.request("GET", f"/app/socket.io/{tail}").status == 200
    warning = lines.wait("it is not below")
    assert "'/app/socket.io/websocket'" in warning
    assert "it is not below '/socket.io/'" in warning
    assert "mounted at '/app'" in warning
    assert "SCRIPT_NAME" in warning
    assert "the option 'resource'" in warning
    assert lines == [warning]


def test_the_session_id_of_a_misplaced_request_is_not_logged(host):
    lines = Lines()
    secret = "0123456789abcdef" * 2
    HTTP(host(io.listen(application, log=lines))).request(
        "GET", f"/app/socket.io/xhr-polling/{secret}/1"
    )
    assert "'/app/socket.io/xhr-polling'" in lines.wait("it is not below")
    assert not any(secret in line for line in lines)


ASKS = "EIO=4&transport=polling&t=x"


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("socket.io", "/app/socket.io/"),
        ("socket.io", "/app/socket.io"),
        ("live", "/app/live/"),
        ("live", "/socket.io/"),
        ("socket.io", "/engine.io/"),
    ],
)
def test_a_misplaced_request_of_a_newer_client_causes_one_warning(host, resource, path):
    lines = Lines()
    http = HTTP(host(io.listen(application, log=lines, resource=resource)))
    secret = "0123456789abcdef" * 2
    for other in ("/?", "/page/?", f"{path}?x=EIO=4&", f"{path}?EIO=5&", "/app/socket.iox/?"):
        if not other.startswith(path):
            other += ASKS
        assert http.request("GET", other).status == 200
    assert lines == []
    for query in (f"{ASKS}&sid={secret}", ASKS, ASKS.replace("4", "3")):
        assert http.request("GET", f"{path}?{query}").text == path
    warning = lines.wait("goes to the application")
    assert f"for '{path}'" in warning
    assert f"it is not '/{resource}/'" in warning
    assert f"the option path: '/{resource}/'" in warning
    assert lines == [warning]


def test_a_request_of_a_newer_client_for_another_listener_is_not_misplaced(host):
    lines = Lines()
    inner = io.listen(application, resource="app/socket.io", log=lines)
    http = HTTP(host(io.listen(inner, log=lines)))
    assert http.request("GET", f"/app/socket.io/?{ASKS}").text.startswith("0{")
    assert not any("goes to the application" in line for line in lines)


def test_a_proxy_of_flask_is_refused_outside_of_a_request():
    with pytest.raises(TypeError, match="not there now; pass the application itself"):
        io.listen(flask.current_app)


def test_a_request_for_another_listener_is_not_misplaced(host):
    lines = Lines()
    inner = io.listen(application, resource="app/socket.io", log=lines)
    inner.on("connection", lambda client: client.send("inner"))
    outer = io.listen(inner, log=lines)
    port = host(outer)
    assert WebSocket(port, path="/app/socket.io/websocket").open().receive() == "inner"
    assert HTTP(port).request("GET", "/far/socket.io/websocket").text == "/far/socket.io/websocket"
    assert "'/far/socket.io/websocket'" in lines.wait("it is not below")
    assert sum("it is not below" in line for line in lines) == 1


def test_a_mounted_listener_sees_no_misplaced_requests(host):
    lines = Lines()
    listener = io.listen(application, log=lines)
    listener.on("connection", lambda client: client.send("mounted"))
    port = host(DispatcherMiddleware(application, {"/app": listener}))
    assert WebSocket(port, path="/app/socket.io/websocket").open().receive() == "mounted"
    assert not any("it is not below" in line for line in lines)


SERVED = """
from gevent.pywsgi import WSGIServer
import gevent, json, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {program}
    server = WSGIServer(("127.0.0.1", 0), lambda environ, start_response: [])
    listener = io.listen(server, flash_policy_port=None)
    again = io.listen(server, resource="other", flash_policy_port=None)
    server.start()
    with gevent.socket.create_connection(server.address) as client:
        client.sendall(b"GET /socket.io/xhr-polling//1 HTTP/1.0\\r\\n\\r\\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
print(json.dumps([[str(each.message), each.lineno] for each in caught
                  if each.category is RuntimeWarning]))
"""
PATCH = "from gevent import monkey; monkey.patch_all()"
IMPORT = "import sockio_gevent as io"


def warnings_of(*program: str) -> Any:
    command = [sys.executable, "-c", SERVED.format(program="; ".join(program))]
    folder = Path(io.__file__).parents[1]
    return json.loads(subprocess.check_output(command, cwd=folder, timeout=120))


@pytest.mark.parametrize("program", [[PATCH, IMPORT], [IMPORT]], ids=["patched", "not patched"])
def test_with_or_without_monkey_patching_there_is_no_warning(program):
    assert warnings_of(*program) == []


def test_monkey_patching_after_the_import_causes_one_warning_at_the_call_of_listen():
    [[text, line]] = warnings_of(IMPORT, PATCH)
    assert "monkey.patch_all() ran after sockio_gevent was imported" in text
    assert "make 'from gevent import monkey; monkey.patch_all()' the first lines" in text
    assert "listener = io.listen" in SERVED.splitlines()[line - 1]


def test_a_newer_client_causes_one_warning_and_its_requests_are_passed_on(host):
    lines = Lines()
    http = HTTP(host(io.listen(application, log=lines, dialects=["classic"])))
    others = ("/?EIO=4", "/socket.iox/?EIO=4", "/socket.io/?MEIO=4", "/socket.io/?x=EIO=4")
    for path in (*others, "/socket.io/?EIO=", "/socket.io/?EIO=four", "/socket.io/"):
        assert http.request("GET", path).status == 200
    assert lines == []
    for query in ("EIO=4&transport=polling&t=x", "transport=polling&EIO=3", "EIO=4"):
        assert http.request("GET", f"/socket.io/?{query}").text == "/socket.io/"
    warning = lines.wait("Socket.IO 1.0 or newer")
    assert "'/socket.io/'" in warning
    assert "EIO=4" in warning
    assert "the option 'dialects'" in warning
    assert lines == [warning]
