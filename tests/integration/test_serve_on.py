"""A listener that is made before its server, and whose origins are set later."""

import pytest
from gevent.pywsgi import WSGIServer
from support.clients import WebSocket
from support.http import HTTP
from support.raw import Raw

import sockio_gevent as io


@pytest.fixture
def served():
    """A listener inside an application, on a server that was made later."""

    def hello(environ, start_response):
        start_response("200 OK", [])
        return [b"hello"]

    def application(environ, start_response):
        return listener(environ, start_response)

    listener = io.listen(hello, log=False)
    server = WSGIServer(("127.0.0.1", 0), log=None)
    listener.serve_on(server, application)
    server.start()
    yield listener, server.server_port
    listener.close(0.5)
    server.stop()


def test_an_application_with_a_listener_in_it_is_served(served):
    listener, port = served
    assert HTTP(port).request("GET", "/").text == "hello"
    opened = WebSocket(port).open()
    assert opened.session_id in listener.clients
    assert b"<cross-domain-policy>" in Raw(port, b"<policy-file-request/>\0").end()


def test_origins_can_be_replaced(served):
    listener, port = served
    own = {"Origin": f"http://127.0.0.1:{port}"}
    opened = WebSocket(port, headers=own).open()
    listener.set_origins(["https://example.com"])
    assert listener.options.origins == ["https://example.com"]
    assert HTTP(port).request("GET", "/socket.io/xhr-polling/", **own).status == 403
    WebSocket(port, headers={"Origin": "https://example.com"}).open()
    listener.broadcast("still there")
    assert opened.receive() == "still there"


@pytest.mark.parametrize("origins", ["nonsense", 5])
def test_origins_that_make_no_sense_replace_nothing(served, origins):
    listener, port = served
    with pytest.raises((TypeError, ValueError), match="option 'origins'"):
        listener.set_origins(origins)
    own = {"Origin": f"http://127.0.0.1:{port}"}
    WebSocket(port, headers=own).open()
