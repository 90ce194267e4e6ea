"""What gunicorn logs: one line a request when it ends, and no error however it ends."""

from __future__ import annotations

import pytest
from support.clients import HTMLFile, Polling, ServerEvents, WebSocket
from support.hixie import CHALLENGE, request
from support.http import HTTP
from support.raw import Raw
from support.servers import Gunicorn, order
from websockets.exceptions import InvalidStatus

# The text of pywsgi in place of a status that could not be written.
WRITE_FAILED = "(200|400|socket)"
RFC_6455 = {"Sec_WebSocket_Key": "A" * 22 + "==", "Sec_WebSocket_Version": "13"}


@pytest.fixture(scope="module", params=["gevent", "gevent_pywsgi"])
def server(request, deploying):
    with deploying() as deploy:
        running = deploy(Gunicorn, request.param).listening()
        yield running
    assert running.problems() == [], str(running)


def socket(server, path):
    return WebSocket(server.port, path=path).open()


def stream(server, path, kind=ServerEvents):
    """A stream whose GET has this path."""
    of_session = kind.path

    def get_or_post(self, tail):
        return of_session(self, tail) if self.session_id else path

    return type(kind.__name__, (kind,), {"path": get_or_post})(server.port).open()


def socket_closed_by_the_client(server, path):
    opened = socket(server, path)
    assert server.ask("/sessions")[opened.session_id] == "open"
    assert server.found(f"access .*{path} ") == [], "it has not ended"
    opened.close()


def socket_closed_by_the_application(server, path):
    opened = socket(server, path)
    opened.send(order(disconnect=True))
    assert opened.wait_closed() == 1000


def socket_closed_with_an_error(server, path):
    opened = socket(server, path)
    opened.send_bytes(b"\x81\x01x")
    assert opened.wait_closed() == 1002


def socket_hung_up(server, path):
    socket(server, path).vanish()


def socket_hung_up_with_much_to_read(server, path):
    opened = socket(server, path)
    opened.send(order(send=1_000_000))
    server.wait_state(opened.session_id, "open")
    opened.vanish()


def socket_reset_inside_a_frame(server, path):
    raw = Raw(server.port, request(path, 75, Origin="", **RFC_6455))
    raw.head()
    raw.send(b"\x81\xfe")
    raw.reset()


def socket_of_a_draft(server, path):
    raw = Raw(server.port, request(path, 76, Origin="") + CHALLENGE)
    raw.head()
    raw.take(16)
    raw.close()


def half_a_handshake(server, path):
    raw = Raw(server.port, request(path, 76, Origin=""))
    raw.head()
    raw.close()


def unknown_version(server, path):
    with pytest.raises(InvalidStatus):
        WebSocket(server.port, path=path, version="99")


def stream_that_hangs_up(server, path):
    stream(server, path).vanish()


def stream_that_hangs_up_with_much_to_read(server, path):
    opened = stream(server, path, HTMLFile)
    opened.send(order(send=1_000_000))
    opened.vanish()


def stream_ended_by_the_application(server, path):
    opened = stream(server, path)
    opened.send(order(disconnect=True))
    opened.wait_closed()
    opened.close()


def poll_that_is_answered(server, path):
    assert HTTP(server.port).request("GET", path).status == 200


def poll_that_hangs_up(server, path):
    opened = Polling(server.port).open()
    opened.get.begin("GET", path.replace("//", f"/{opened.session_id}/"))
    server.wait_state(opened.session_id, "open")
    opened.vanish()


def post_that_hangs_up(server, path):
    opened = Polling(server.port).open()
    path = path.replace("//", f"/{opened.session_id}/send?")
    raw = Raw(server.port, f"POST {path} HTTP/1.1\r\nContent-Length: 9\r\n\r\ndata".encode())
    raw.close()
    opened.close()


def refused(server, path):
    answer = HTTP(server.port).request("GET", path, Origin="http://example.com")
    assert answer.status == 403


@pytest.mark.parametrize(
    ("act", "transport", "status"),
    [
        (socket_closed_by_the_client, "websocket", 101),
        (socket_closed_by_the_application, "websocket", 101),
        (socket_closed_with_an_error, "websocket", 101),
        (socket_hung_up, "websocket", 101),
        (socket_hung_up_with_much_to_read, "websocket", 101),
        (socket_reset_inside_a_frame, "websocket", 101),
        (socket_of_a_draft, "websocket", 101),
        (half_a_handshake, "websocket", 101),
        (unknown_version, "websocket", 426),
        (stream_that_hangs_up, "server-events", 200),
        (stream_that_hangs_up_with_much_to_read, "htmlfile", WRITE_FAILED),
        (stream_ended_by_the_application, "server-events", 200),
        (poll_that_is_answered, "xhr-polling", 200),
        (poll_that_hangs_up, "xhr-polling", 200),
        (post_that_hangs_up, "xhr-polling", WRITE_FAILED),
        (refused, "xhr-polling", 403),
    ],
)
def test_each_request_is_logged_once_when_it_ends(server, act, transport, status):
    act(server, f"/socket.io/{transport}//{act.__name__}")
    line = rf"access 127\.0\.0\.1 (GET|POST) /socket\.io/{transport}/.*{act.__name__} HTTP/1\.1 "
    assert server.wait_line(line + rf"{status} ")
    server.ask("/")
    assert len(server.found(line)) == 1
