"""The handshakes of hixie-75 and hixie-76, byte for byte, and failed ones."""

import ssl

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support.hixie import ANSWER, CHALLENGE, KEYS, Hixie, frame, request
from support.http import LONG
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.server.http import hixie_handshake as server_hixie

names = pytest.mark.parametrize("name", ["websocket", "flashsocket"])
drafts = pytest.mark.parametrize("draft", [75, 76])

ORIGINS = "example.com:*"
HEAD_75 = (
    "HTTP/1.1 101 Web Socket Protocol Handshake\r\n"
    "Upgrade: WebSocket\r\n"
    "Connection: Upgrade\r\n"
    "WebSocket-Location: ws://example.com/socket.io/{}\r\n"
    "WebSocket-Origin: http://example.com\r\n"
)
HEAD_76 = (
    "HTTP/1.1 101 WebSocket Protocol Handshake\r\n"
    "Upgrade: WebSocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Location: ws://example.com/socket.io/{}\r\n"
    "Sec-WebSocket-Origin: http://example.com\r\n"
)


def head_76(path):
    return HEAD_76.format(path).encode() + b"\r\n"


@names
@pytest.mark.parametrize("tail", ["", "/", "//1290000000000", "?a=b&c=%20d", "//1?q=/"])
def test_hixie_75_is_answered_with_its_head_alone(serve, name, tail):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}{tail}", 75))
    (_, client) = served.wait("connection")
    expected = HEAD_75.format(name + tail).encode() + b"\r\n" + frame(client.session_id)
    assert raw.take(len(expected)) == expected
    assert client.transport == name


@names
@pytest.mark.parametrize("tail", ["", "/", "//1290000000000", "?a=b&c=%20d", "//1?q=/"])
def test_hixie_76_is_answered_with_its_head_and_the_proof(serve, name, tail):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}{tail}", 76) + CHALLENGE)
    (_, client) = served.wait("connection")
    expected = head_76(name + tail) + ANSWER + frame(client.session_id)
    assert raw.take(len(expected)) == expected
    assert client.transport == name


@names
def test_the_protocol_that_is_asked_for_is_echoed(serve, name):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}", 75, WebSocket_Protocol="sample"))
    expected = (HEAD_75 + "WebSocket-Protocol: sample\r\n\r\n").format(name).encode()
    assert raw.take(len(expected)) == expected
    head = request(f"/socket.io/{name}", 76, Sec_WebSocket_Protocol="sample")
    raw = Raw(served.port, head + CHALLENGE)
    expected = (HEAD_76 + "Sec-WebSocket-Protocol: sample\r\n\r\n").format(name).encode()
    assert raw.take(len(expected) + 16) == expected + ANSWER


@drafts
def test_a_program_without_an_origin_gets_none_in_the_answer(serve, draft):
    client = Hixie(serve().port, draft=draft, Origin="").open()
    assert not any("Origin" in header for header in client.headers)


@drafts
def test_under_tls_the_location_has_wss(serve, tls, draft):
    authority, files = tls
    server = WSGIServer(("127.0.0.1", 0), log=None, **files)
    served = serve(server=server, origins=ORIGINS)
    served.listener.on("clientMessage", lambda message, client: client.send(message))
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)

    def wrap(socket):
        return context.wrap_socket(socket, server_hostname="localhost")

    client = Hixie(served.port, wrap=wrap, draft=draft).open()
    location = client.headers["Sec-WebSocket-Location" if draft == 76 else "WebSocket-Location"]
    assert location == "wss://example.com/socket.io/websocket/"
    client.send("hello")
    assert client.receive() == "hello"


@names
def test_eight_bytes_that_a_proxy_holds_back_until_the_101_are_waited_for(serve, name):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}", 76))
    assert raw.until(b"\r\n\r\n") == head_76(name)
    assert served.listener.clients == {}
    raw.send(CHALLENGE)
    assert raw.take(16) == ANSWER
    (_, client) = served.wait("connection")
    expected = frame(client.session_id)
    assert raw.take(len(expected)) == expected


def test_a_handshake_may_come_byte_by_byte(serve):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port)
    raw.send_bytewise(request("/socket.io/websocket", 76))
    assert raw.until(b"\r\n\r\n") == head_76("websocket")
    raw.send_bytewise(CHALLENGE)
    assert raw.take(16) == ANSWER
    served.wait("connection")


@drafts
def test_frames_that_come_with_the_handshake_are_not_lost(echo, draft):
    served = echo(origins=ORIGINS)
    data = request("/socket.io/websocket", draft) + (CHALLENGE if draft == 76 else b"")
    raw = Raw(served.port, data + frame("early") + frame("too"))
    raw.until(frame("early") + frame("too"))


BAD_KEYS = {
    "the first alone": {"Sec-WebSocket-Key2": ""},
    "the second alone": {"Sec-WebSocket-Key1": ""},
    "no spaces": {"Sec-WebSocket-Key1": "46546xW"},
    "no digits": {"Sec-WebSocket-Key2": "a b c"},
    "a remainder": {"Sec-WebSocket-Key1": "4 @1  46546xW%0l 1 6"},
    "over 32 bits": {"Sec-WebSocket-Key2": "4 294967296"},
    "as long as a header can be": {"Sec-WebSocket-Key1": "1 " + "1" * 8000},
}


@names
@pytest.mark.parametrize("keys", BAD_KEYS.values(), ids=BAD_KEYS)
def test_keys_that_hide_no_numbers_are_refused(serve, name, keys):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}", 76, **keys))
    status, headers = raw.head()
    assert status == "HTTP/1.1 400 Bad Request"
    assert b"hide no numbers" in raw.take(int(headers["Content-Length"]))
    served.wait_line("400 Bad Request")
    assert len(served.lines) == 1
    assert served.listener.clients == {}


@names
@drafts
def test_a_foreign_origin_is_refused_before_the_upgrade(serve, name, draft):
    served = serve()
    client = Hixie(served.port, draft=draft, transport=name, Origin="http://evil.example")
    assert client.status == "HTTP/1.1 403 Forbidden"
    assert "Upgrade" not in client.headers
    served.wait_line("403 Forbidden")
    assert served.listener.clients == {}
    assert Hixie(served.port, draft=draft, transport=name).open().status.split()[1] == "101"


REFUSED = {
    "foreign origin": {"Origin": "http://evil.example"},
    "bad keys": {"Sec-WebSocket-Key1": "x"},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_the_eight_bytes_behind_a_refused_handshake_are_no_request(serve, capfd, headers):
    raw = Raw(serve(origins=ORIGINS).port, request("/socket.io/websocket", 76, **headers))
    raw.send(CHALLENGE)
    _, refusal = raw.head()
    raw.take(int(refusal["Content-Length"]))
    raw.socket.shutdown(1)
    assert raw.end() == b""
    assert "Invalid HTTP method" not in capfd.readouterr().err


@drafts
def test_a_name_that_is_not_enabled_is_refused(serve, draft):
    served = serve(transports=["websocket"])
    assert " 404 " in Hixie(served.port, draft=draft, transport="flashsocket").status
    assert Hixie(served.port, draft=draft).open().session_id in served.listener.clients


@drafts
def test_http_1_0_is_refused(serve, draft):
    served = serve(origins=ORIGINS)
    head = request("/socket.io/websocket", draft).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert Raw(served.port, head + CHALLENGE).head()[0].split()[1] == "400"
    assert served.listener.clients == {}


@drafts
@pytest.mark.parametrize("path", ["/own", "/socket.iox/websocket", "/socket.io/nosuch"])
def test_outside_of_the_resource_the_drafts_are_refused(serve, draft, path):
    status, headers = Raw(serve().port, request(path, draft)).head()
    assert status == "HTTP/1.1 426 Upgrade Required"
    assert headers["Sec-WebSocket-Version"] == "13, 8, 7"


@names
@pytest.mark.parametrize("part", [b"", b"^", CHALLENGE[:7]], ids=len)
def test_half_a_handshake_is_closed_after_its_timeout(serve, monkeypatch, name, part):
    monkeypatch.setattr(server_hixie, "HANDSHAKE_TIMEOUT", 0.1)
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request(f"/socket.io/{name}", 76) + part)
    assert raw.end() == head_76(name)
    place = f"refused 'GET' '{name}/' from 127.0.0.1"
    assert served.lines == [f"{place} (400 Bad Request): half a handshake"]
    assert served.listener.stats()["refused"]["request"] == 1
    assert served.listener.clients == {}


def test_a_slow_handshake_gets_no_more_time(serve, monkeypatch):
    monkeypatch.setattr(server_hixie, "HANDSHAKE_TIMEOUT", 0.2)
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request("/socket.io/websocket", 76))

    def trickle():
        for _ in range(7):
            gevent.sleep(0.1)
            raw.send(b"x")

    trickling = gevent.spawn(trickle)
    served.wait_line("half a handshake")
    assert not trickling.dead
    trickling.kill()


@pytest.mark.parametrize("how", [Raw.close, Raw.reset], ids=["politely", "with a reset"])
def test_a_hang_up_in_the_handshake_is_logged_and_leaves_nothing(serve, capfd, how):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request("/socket.io/websocket", 76) + b"^n:")
    raw.until(b"\r\n\r\n")
    how(raw)
    assert served.wait_line("half a handshake")
    assert len(served.lines) == 1
    assert served.listener.clients == {}
    assert "Traceback" not in capfd.readouterr().err


def test_half_a_handshake_does_not_replace_the_connection_that_a_session_has(serve, monkeypatch):
    monkeypatch.setattr(server_hixie, "HANDSHAKE_TIMEOUT", 0.1)
    served = serve(origins=ORIGINS)
    client = Hixie(served.port).open()
    (_, session) = served.wait("connection")
    raw = Raw(served.port, request(f"/socket.io/websocket/{client.session_id}", 76))
    raw.end()
    session.send("still here")
    assert client.receive() == "still here"
    assert session.connections == 1


def test_a_session_that_ends_during_the_handshake_stays_ended(serve):
    served = serve(origins=ORIGINS, transport_options={"websocket": {"close_timeout": LONG}})
    client = Hixie(served.port).open()
    (_, session) = served.wait("connection")
    client.vanish()
    wait_until(lambda: session_of(session).downlink is None)
    raw = Raw(served.port, request(f"/socket.io/websocket/{client.session_id}", 76))
    raw.until(b"\r\n\r\n")
    session.disconnect()
    raw.send(CHALLENGE)
    assert raw.take(18) == ANSWER + b"\xff\x00"
    raw.send(b"\xff\x00")
    assert raw.end() == b""
    assert served.listener.clients == {}
    assert session.connections == 1


def test_a_handshake_that_ends_after_the_listener_was_closed_opens_no_session(serve):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request("/socket.io/websocket", 76))
    raw.until(b"\r\n\r\n")
    served.listener.close(1)
    raw.send(CHALLENGE + b"\xff\x00")
    assert raw.end() == ANSWER + b"\xff\x00"
    assert served.happened("connection") == []
    assert served.listener.clients == {}


def test_the_keys_of_the_draft_are_the_ones_that_were_tested():
    # With these keys, the answers above are the draft's own example.
    assert list(KEYS.values()) == ["4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00"]
    assert (CHALLENGE, ANSWER) == (b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-")


def test_characters_that_a_header_may_not_hold_are_not_echoed(serve):
    served = serve(origins=ORIGINS)
    raw = Raw(served.port, request("/socket.io/websocket", 75, WebSocket_Protocol="a\x01b"))
    assert raw.take(13) == b"HTTP/1.1 400 "
    assert served.happened("connection") == []
