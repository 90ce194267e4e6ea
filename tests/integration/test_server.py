"""The user's own server and application are used, and not replaced."""

import ssl

import gevent
import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket import Resource, WebSocketApplication, WebSocketError, WebSocketServer
from geventwebsocket.handler import WebSocketHandler
from geventwebsocket.websocket import WebSocket as GeventWebSocket
from support.clients import Polling, WebSocket, as_json
from support.http import DEADLINE, HTTP
from support.waiting import wait_until
from websockets.frames import Opcode

import sockio_gevent as io
from sockio_gevent.server.stream.websocket import WebSocket as ServerWebSocket


def echo_request(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response(
        "201 Created", [("X-Method", environ["REQUEST_METHOD"]), ("X-Path", environ["PATH_INFO"])]
    )
    return [body]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/socket.iox/websocket",
        "/socket.io",
        "/socket.io/",
        "/socket.io/nosuch/1",
        "/x/socket.io/websocket",
    ],
)
def test_requests_outside_of_the_resource_reach_the_application(serve, path):
    answer = HTTP(serve(echo_request).port).request("PUT", path, "the body")
    assert answer.status == 201
    assert answer.headers["x-method"] == "PUT"
    assert answer.headers["x-path"] == path
    assert answer.text == "the body"


def test_an_application_may_stream(serve):
    more = gevent.event.Event()

    def stream(environ, start_response):
        start_response("200 OK", [])
        yield b"first"
        more.wait()
        yield b"second"

    client = HTTP(serve(stream).port)
    client.begin("GET", "/")
    received = b""
    with gevent.Timeout(DEADLINE):
        while b"first" not in received:
            received += client.socket.recv(65536)
        assert b"second" not in received
        more.set()
        while b"second" not in received:
            received += client.socket.recv(65536)


def test_an_exception_in_the_application_is_answered_by_the_server(serve, capfd):
    def fail(environ, start_response):
        raise LookupError("oh no")

    assert HTTP(serve(fail).port).request("GET", "/").status == 500
    assert "LookupError: oh no" in capfd.readouterr().err


def test_without_an_application_other_requests_are_not_found(serve):
    assert HTTP(serve(None).port).request("GET", "/").status == 404


def test_the_access_log_is_written_as_before(serve):
    lines = []

    class Log:
        write = staticmethod(lines.append)

    server = WSGIServer(("127.0.0.1", 0), echo_request, log=Log())
    HTTP(serve(server=server).port).request("GET", "/some/path")
    wait_until(lambda: lines)
    gevent.idle()
    assert len(lines) == 1
    assert '"GET /some/path HTTP/1.1" 201' in lines[0]


def test_the_user_s_handler_class_still_works(serve):
    class Handler(WSGIHandler):
        def get_environ(self):
            return {**super().get_environ(), "mine": "yes"}

    def app(environ, start_response):
        start_response("200 OK", [])
        return [environ["mine"].encode()]

    server = WSGIServer(("127.0.0.1", 0), app, handler_class=Handler, log=None)
    served = serve(server=server)
    assert issubclass(server.handler_class, Handler)
    assert HTTP(served.port).request("GET", "/").text == "yes"
    WebSocket(served.port).open()
    assert served.wait("connection")[1].environ["mine"] == "yes"


def test_all_transports_work_over_tls(serve, tls):
    authority, files = tls
    server = WSGIServer(("127.0.0.1", 0), log=None, **files)
    served = serve(server=server, max_buffer=8 * 1024 * 1024)
    served.listener.on("clientMessage", lambda message, client: client.send(message))
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)

    def wrap(socket):
        return context.wrap_socket(socket, server_hostname="localhost")

    for client in (WebSocket, Polling):
        opened = client(served.port, wrap=wrap).open()
        for text in ("hello", "x" * 900_000):
            opened.send(text)
            assert opened.receive() == text
        session = served.listener.clients[opened.session_id]
        for _ in range(7):
            session.send("y" * 1_000_000)
        assert [len(opened.receive()) for _ in range(7)] == [1_000_000] * 7
        opened.close()


def test_stopping_the_server_stops_it(serve):
    served = serve()
    opened = WebSocket(served.port).open()
    served.server.stop()
    with pytest.raises(ConnectionRefusedError):
        HTTP(served.port)
    assert served.listener.clients.keys() == {opened.session_id}


def test_killing_the_server_s_greenlets_ends_the_sessions(serve):
    server = WSGIServer(("127.0.0.1", 0), spawn=gevent.pool.Pool(), log=None)
    served = serve(server=server)
    opened = WebSocket(served.port).open()
    polling = Polling(served.port).open()
    polling.begin_poll()
    server.stop(0.1)
    served.wait("disconnect")
    assert opened.wait_closed() is None
    assert len(served.listener.clients) == 1, "the polling session is only away"


def test_two_resources_on_one_server(serve):
    served = serve(echo_request)
    other = io.listen(served.server, resource="/other/", log=False)
    other.on("connection", lambda client: client.send("other"))
    opened = WebSocket(served.port, path="/other/websocket").open()
    assert opened.receive() == "other"
    WebSocket(served.port).open()
    served.wait("connection")
    assert len(other.clients) == 1
    assert HTTP(served.port).request("GET", "/").status == 201
    with pytest.raises(ValueError, match="already"):
        io.listen(served.server, resource="other")
    other.close(0.1)


def test_a_wsgi_application_can_be_listened_to(serve):
    listener = io.listen(echo_request, log=False)
    listener.on("clientMessage", lambda message, client: client.send(message))
    server = WSGIServer(("127.0.0.1", 0), listener, log=None)
    server.start()
    client = Polling(server.server_port).open()
    client.send("hello")
    assert client.receive() == "hello"
    assert HTTP(server.server_port).request("GET", "/").status == 201
    listener.close()
    server.stop()


def test_an_object_of_another_kind_cannot_be_listened_to():
    with pytest.raises(TypeError, match="WSGI application"):
        io.listen(("127.0.0.1", 8080))


def websocket_app(environ, start_response):
    """An application with a WebSocket route of its own, written for gevent-websocket."""
    websocket = environ.get("wsgi.websocket")
    if websocket is None:
        return echo_request(environ, start_response)
    assert isinstance(websocket, GeventWebSocket)
    assert isinstance(websocket, ServerWebSocket)
    assert environ["wsgi.websocket_version"] == "13"
    assert websocket.path == "/own"
    assert not websocket.closed
    while True:
        message = websocket.receive()
        if message is None:
            assert websocket.closed
            with pytest.raises(WebSocketError):
                websocket.receive()
            with pytest.raises(WebSocketError):
                websocket.send("too late")
            return []
        if message == "close":
            websocket.close(4000, b"as you wish")
            return []
        if message == "return":
            return []
        websocket.send(message)
        websocket.send(message, binary=True)


def test_the_application_s_own_websocket_routes_work(serve):
    served = serve(websocket_app)
    client = WebSocket(served.port, path="/own")
    for sent in ("text", "x" * 70_000, "😀"):
        client.send_payload(sent)
        frames = client.frame(), client.frame()
        assert [frame.opcode for frame in frames] == [Opcode.TEXT, Opcode.BINARY]
        assert [frame.data for frame in frames] == [sent.encode()] * 2
    client.protocol.send_binary(b"\xff\x00")
    client._flush()
    assert (client.frame().opcode, client.frame().data) == (Opcode.BINARY, b"\xff\x00")
    client.close()
    assert client.close_code == 1000


@pytest.mark.parametrize(("text", "code"), [("close", 4000), ("return", 1000)])
def test_an_application_s_websocket_route_may_close(serve, text, code):
    client = WebSocket(serve(websocket_app).port, path="/own")
    client.send_payload(text)
    assert client.wait_closed() == code
    assert client.eof


def test_the_application_s_routes_are_strict_and_limited_too(serve):
    served = serve(websocket_app, max_message_size=1000)
    client = WebSocket(served.port, path="/own")
    client.send_payload("x" * 1001)
    assert client.wait_closed() == 1009
    client = WebSocket(served.port, path="/own")
    client.send_bytes(b"\x81\x01x")
    assert client.wait_closed() == 1002


def test_a_send_of_the_application_waits_for_its_reader(serve):
    done = gevent.event.Event()

    def flood(environ, start_response):
        for _ in range(300):
            environ["wsgi.websocket"].send("x" * 65536)
        done.set()
        return []

    client = WebSocket(serve(flood).port, path="/own")
    assert not done.wait(0.2)
    assert sum(len(client.frame().data) for _ in range(300)) == 300 * 65536
    assert done.wait(DEADLINE)


def test_an_exception_in_a_websocket_route_ends_it(serve, capfd):
    def fail(environ, start_response):
        raise LookupError("oh no")

    client = WebSocket(serve(fail).port, path="/own")
    assert client.wait_closed() == 1011
    assert client.eof
    assert "LookupError: oh no" in capfd.readouterr().err


class Echo(WebSocketApplication):
    closed = gevent.event.Event()

    @classmethod
    def protocol_name(cls):
        return "echo"

    def on_message(self, message, *arguments, **options):
        if message is not None:
            self.ws.send("resource: " + message)

    def on_close(self, *arguments):
        self.closed.set()


def test_gevent_websocket_s_own_applications_and_server_work(serve):
    server = WebSocketServer(("127.0.0.1", 0), Resource([("/own", Echo)]), log=None)
    served = serve(server=server)
    client = WebSocket(served.port, path="/own", subprotocols=["echo"])
    assert client.protocol.subprotocol == "echo"
    client.send_payload("hello")
    assert client.frame().data == b"resource: hello"
    client.close()
    assert Echo.closed.wait(DEADLINE)
    WebSocket(served.port).open()
    assert issubclass(server.handler_class, WebSocketHandler)


def test_messages_may_be_sent_from_anywhere(serve):
    def app(environ, start_response):
        served.listener.broadcast({"path": environ["PATH_INFO"]})
        return echo_request(environ, start_response)

    served = serve(app)
    opened = WebSocket(served.port).open()
    HTTP(served.port).request("GET", "/news")
    assert as_json(opened.receive()) == {"path": "/news"}
