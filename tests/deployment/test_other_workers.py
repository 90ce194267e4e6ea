"""Requests that come to a worker for a session of another one, on every kind of server."""

from __future__ import annotations

from socket import SHUT_WR

import gevent
import pytest
from support import engineio
from support.clients import JSONP, Polling, WebSocket
from support.http import HTTP, Ended
from support.raw import Raw
from support.servers import order
from support.waiting import wait_until
from support.workers import CLASSIC, KINDS, workers_of

# Servers that do not give their sockets take no WebSockets.
SOCKETLESS = ("pywsgi_wrapped", "waitress_patched")

OPTIONS = {"dialects": ["classic", "engine.io"]}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def workers(deploying, certificate, kind):
    """Two workers."""
    with workers_of(deploying, kind, certificate, **OPTIONS) as workers:
        yield workers
    assert workers.problems() == [], "\n".join(workers.problems())


@pytest.fixture
def given(workers):
    """Check that a test has not been answered where the requests came in."""
    before = sum(workers.given().values())
    yield
    # The answer may be here before the worker has counted what it has given.
    wait_until(lambda: sum(workers.given().values()) > before)


@pytest.mark.parametrize("client", CLASSIC, ids=lambda client: client.transport)
def test_a_classic_session_goes_on_at_another_worker(workers, kind, given, client):
    if client is WebSocket and kind in SOCKETLESS:
        client = Polling
    first, second = workers.pair(client, first="one")
    for text in ("two", "three", "\U0001f600" * 5000):
        second.send(text)
        assert second.receive() == text
    assert workers[0].ask("/sessions")[first.session_id] in ("open", "away")
    assert first.session_id not in workers[1].ask("/sessions")
    second.send(order(disconnect=True))
    workers[0].wait_state(first.session_id, None)
    first.vanish()
    second.vanish()


@pytest.mark.parametrize("client", engineio.POLLING, ids=repr)
def test_a_session_of_engineio_polls_at_another_worker(workers, given, client):
    first, second = workers.pair(client)
    for text in ("one", "two", "\U0001f600" * 5000):
        second.send(text)
        assert second.receive() == text
    second.leave()
    workers[0].wait_state(first.session_id, None)
    first.vanish()


@pytest.mark.parametrize("version", [4, 3])
def test_an_upgrade_comes_to_another_worker(workers, kind, given, version):
    here, there = workers.ports
    first = engineio.Polling(here, version, wrap=workers.wrap).open()
    if kind in SOCKETLESS:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        http = HTTP(there, workers.wrap)
        where = engineio.address("websocket", first.session_id, version)
        answer = http.request("GET", where, **upgrade)
        http.close()
        engineio.refused(answer, 400, 3, "Bad request")
        assert workers[0].wait_line("the socket of this connection is out of reach")
        first.leave()
        return
    probe = engineio.WebSocket(there, version, first.session_id, wrap=workers.wrap)
    probe.put("2probe")
    assert probe.packet() == "3probe"
    probe.put("5")
    for text in ("one", "two", "x" * 300_000):
        probe.send(text)
        assert probe.receive() == text
    assert workers[0].ask("/stats")["sessions"]["websocket"]["open"] == 1
    probe.leave()
    workers[0].wait_state(first.session_id, None)
    first.vanish()


def test_a_session_ends_when_its_websocket_at_another_worker_is_lost(workers, kind):
    if kind in SOCKETLESS:
        pytest.skip("it takes no WebSockets")
    first, second = workers.pair(WebSocket)
    assert first.wait_closed() == 1000  # replaced
    second.socket.close()
    workers[0].wait_state(first.session_id, None)


def test_the_owner_closes_a_websocket_at_another_worker(workers, kind):
    if kind in SOCKETLESS:
        pytest.skip("it takes no WebSockets")
    _, second = workers.pair(WebSocket)
    second.send("last", order(disconnect=True))
    assert second.receive() == "last"
    with pytest.raises(Ended):
        second.receive()
    assert second.wait_closed() == 1000
    assert second.socket.recv(1) == b""


def test_a_poll_that_hangs_up_at_another_worker_is_noticed(workers, kind):
    if kind in SOCKETLESS:
        pytest.skip("nobody can notice that without the socket")
    first, second = workers.pair(Polling)
    second.begin_poll()
    workers[0].wait_state(first.session_id, "open")
    second.get.close()
    workers[0].wait_state(first.session_id, "away")
    # No message is lost by that.
    second.send("hello")
    third = second.resume()
    assert third.receive() == "hello"


def test_a_post_without_a_length_comes_in_chunks(workers, given):
    here, there = workers.ports
    first = engineio.Polling(here, wrap=workers.wrap).open()
    http = HTTP(there, workers.wrap)

    def pieces():
        yield b"4in "
        gevent.sleep(0.05)
        yield b"chunks"

    answer = http.request("POST", first.address, pieces(), Content_Type="text/plain")
    assert (answer.status, answer.text) == (200, "ok")
    assert first.receive() == "in chunks"
    http.close()
    first.leave()


def test_the_client_sees_the_end_of_a_connection_that_it_wants_to_end(workers):
    here, there = workers.ports
    session = engineio.Polling(here, wrap=workers.wrap).open()
    head = f"POST {session.address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n"
    raw = Raw(there, head.encode() + b"4hello", wrap=workers.wrap)
    assert raw.head()[0].endswith(" 200 OK")
    assert raw.end() == b"ok"
    assert session.receive() == "hello"
    raw.close()
    session.leave()


def test_the_limits_of_the_owner_count(workers):
    first, second = workers.pair(engineio.Polling)
    answer = second.put_body(b"4" + b"x" * 1_100_000)
    assert answer.status == 413
    limits = [sum(server.ask("/stats")["limits"].values()) for server in workers]
    assert limits[0] > 0 == limits[1]
    second.vanish()
    first.vanish()


def test_who_still_sends_a_refused_body_sees_the_answer(workers, kind):
    first, second = workers.pair(engineio.Polling)
    size = 1_500_000
    head = f"POST {second.address} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    raw = Raw(workers.ports[1], head.encode() + b"4", wrap=workers.wrap)
    # waitress reads all of a body before it answers, and gunicorn what comes soon.
    early = not kind.startswith(("gunicorn", "waitress"))
    if early:
        assert " 413 " in raw.head()[0]
    raw.send(b"x" * (size - 1))
    if not early:
        assert " 413 " in raw.head()[0]
    # A connection that was closed too early is reset.
    raw.socket.shutdown(SHUT_WR)
    raw.end()
    raw.close()
    second.vanish()
    first.vanish()


def test_a_session_that_has_ended_is_unknown_at_another_worker(workers, given):
    here, there = workers.ports
    first = engineio.Polling(here, wrap=workers.wrap).open()
    address = first.address
    first.leave()
    workers[0].wait_state(first.session_id, None)
    http = HTTP(there, workers.wrap)
    # The first poll may get the close packet.
    http.request("GET", address)
    http.close()
    http = HTTP(there, workers.wrap)
    engineio.refused(http.request("GET", address), 400, 1, "Session ID unknown")
    http.close()


def test_an_unknown_id_is_answered_at_once(workers):
    http = HTTP(workers.ports[1], workers.wrap)
    address = engineio.address("polling", "0" * 40)
    engineio.refused(http.request("GET", address), 400, 1, "Session ID unknown")
    assert http.request("GET", f"/socket.io/xhr-polling/{'0' * 40}/1").status == 404
    http.close()


def test_many_at_once(workers, kind):
    """Each message is sent and received over another worker than the one before."""
    ports = workers.ports
    before = workers.given()

    def talk(number):
        session_id = ""
        open_clients = []
        kind = (Polling, JSONP)[number % 2]
        for step in range(6):
            client = kind(ports[(number + step) % 2], session_id, wrap=workers.wrap)
            open_clients.append(client)
            if not session_id:
                session_id = client.open().session_id
                continue
            client.send(f"{number} {step}")
            assert client.receive() == f"{number} {step}"
        for client in open_clients:
            client.vanish()
        return session_id

    # waitress, patched, comes to a halt by itself under more at once, with one worker, too.
    count = 3 if kind == "waitress_patched" else 20
    talks = [gevent.spawn(talk, number) for number in range(count)]
    gevent.joinall(talks, raise_error=True)
    assert len({each.value for each in talks}) == len(talks)
    after = workers.given()
    changed = {name for name in after if after[name] > before[name]}
    assert changed == {KINDS[kind]}
