"""Bytes of a connection that are read before its requests, or together with them."""

from __future__ import annotations

import pytest
from gevent.pywsgi import WSGIHandler, WSGIServer
from support import doors, framing
from support.client_frames import frame
from support.fast_path import PLAIN, answer_ok
from support.raw import Raw

from sockio_gevent.wire.websocket import TEXT

PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
MANY = 300


class Own(WSGIHandler):
    """One that could have read something."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)


class ReadsInHandle(WSGIHandler):
    def handle(self):
        assert self.rfile.readline() == PROXY
        super().handle()


class ReadsAtOnce(WSGIHandler):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        assert self.rfile.readline() == PROXY


class ReadsItself(WSGIServer):
    def handle(self, client_socket, address):
        reader = client_socket.makefile("rb", -1)
        assert reader.readline() == PROXY
        self.handler_class(client_socket, address, self, reader).handle()


def in_handle(*arguments, **options):
    return WSGIServer(*arguments, handler_class=ReadsInHandle, **options)


def at_once(*arguments, **options):
    return WSGIServer(*arguments, handler_class=ReadsAtOnce, **options)


@pytest.mark.parametrize("pieces", [1, 2], ids=["together", "in turn"])
@pytest.mark.parametrize("make", [in_handle, at_once, ReadsItself])
def test_servers_may_read_before_the_first_request(serve, make, pieces):
    """For example, for the PROXY protocol."""
    served = serve(server=make(("127.0.0.1", 0), answer_ok, log=None))
    if pieces == 1:
        raw = Raw(served.port, PROXY + PLAIN["few headers"])
    else:
        raw = Raw(served.port, PROXY)
        raw.send(PLAIN["few headers"])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    raw.close()


@pytest.mark.parametrize("handler_class", [WSGIHandler, Own])
def test_all_frames_that_come_with_the_handshake_are_read_in_order(serve, handler_class):
    served = serve(server=WSGIServer(("127.0.0.1", 0), log=None, handler_class=handler_class))
    texts = [f"{number:0100}" for number in range(MANY)]
    frames = [frame(TEXT, framing.encode(text).encode()) for text in texts]
    raw = Raw(served.port, doors.head("websocket") + b"".join(frames))
    served.wait("message", MANY)
    assert [event[1] for event in served.happened("message")] == texts
    raw.close()
