"""Connections that are handed over to the owner of a session, as if it had accepted them."""

from __future__ import annotations

import json
from http.client import HTTPException
from time import monotonic

import gevent
import pytest
from support import engineio
from support.clients import Polling, WebSocket
from support.hixie import ANSWER, CHALLENGE, request
from support.http import DEADLINE, HTTP
from support.raw import Raw
from support.waiting import wait_until
from support.workers import workers_of

OPTIONS = {"dialects": ["classic", "engine.io"], "trusted_proxies": 1, "same_peer": "address"}


@pytest.fixture(scope="module", params=["logged", "gunicorn"])
def workers(request, deploying):
    """Three workers with access logs, behind a proxy that they trust."""
    with workers_of(deploying, request.param, count=3, **OPTIONS) as workers:
        yield workers
    assert workers.problems() == [], "\n".join(workers.problems())


def logged(workers, pattern):
    """How many lines of each access log match."""
    return [len(server.found(rf"^(access )?127\.0\.0\.1 .*{pattern}")) for server in workers]


def post(session, text, headers=""):
    """The bytes of a POST to a session."""
    body = f"4{text}"
    return (
        f"POST {session.address} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_one_connection_goes_from_owner_to_owner(workers):
    sessions = [engineio.Polling(port).open() for port in workers.ports]
    pids = [server.ask("/")["pid"] for server in workers]
    http = HTTP(workers.ports[0])
    numbers = [1, 2, 0, 2, 2, 1]
    for number in numbers:
        answer = http.request("POST", sessions[number].address, "4hello", Content_Type="text/plain")
        assert (answer.status, answer.text) == (200, "ok")
        assert sessions[number].receive() == "hello"
        # The owner answers for the application, too.
        assert f'"pid": {pids[number]}' in http.request("GET", "/").text
    assert http._connection.sock is http.socket
    http.close()
    for number, session in enumerate(sessions):
        pattern = rf'POST /socket\.io/\?\S*sid={session.session_id[:8]}\.\.\.\S* HTTP/1\.1"? 200'
        own = [numbers.count(number) if each == number else 0 for each in range(3)]
        wait_until(lambda pattern=pattern, own=own: logged(workers, pattern) == own)
        session.vanish()


def test_a_body_that_has_begun_goes_on_at_the_owner(workers):
    session = engineio.Polling(workers.ports[0]).open()
    data = post(session, "a" * 5000)
    before = workers.given()["handed_over"]
    raw = Raw(workers.ports[1], data[:1000])
    wait_until(lambda: workers.given()["handed_over"] > before)
    raw.send(data[1000:])
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert session.receive() == "a" * 5000
    raw.close()
    session.vanish()


def test_a_client_that_waits_for_a_sign_to_send_its_body_gets_one(workers):
    session = engineio.Polling(workers.ports[0]).open()
    data = post(session, "hello", "Expect: 100-continue\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    raw = Raw(workers.ports[1], head + b"\r\n\r\n")
    assert raw.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.send(body)
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    assert session.receive() == "hello"
    raw.close()
    session.vanish()


def test_requests_behind_one_another_all_reach_their_owners(workers):
    sessions = [engineio.Polling(port).open() for port in workers.ports]
    order = (1, 2, 0)
    raw = Raw(workers.ports[0], b"".join(post(sessions[number], "hello") for number in order))
    for number in order:
        status, headers = raw.head()
        assert status == "HTTP/1.1 200 OK"
        raw.take(int(headers["Content-Length"]))
        assert sessions[number].receive() == "hello"
    raw.close()
    for session in sessions:
        session.vanish()


@pytest.mark.parametrize("tail", [CHALLENGE, b""], ids=["at once", "later"])
def test_a_draft_handshake_is_finished_by_the_owner(workers, tail):
    session = WebSocket(workers.ports[0]).open()
    path = f"/socket.io/websocket/{session.session_id}"
    raw = Raw(workers.ports[1], request(path, 76, Origin="") + tail)
    status, headers = raw.head()
    assert status.startswith("HTTP/1.1 101 ")
    assert headers["Sec-WebSocket-Location"].endswith(path)
    raw.send(CHALLENGE if not tail else b"")
    assert raw.take(16) == ANSWER
    raw.send(b"\x00~m~5~m~hello\xff")
    assert raw.take(14) == b"\x00~m~5~m~hello\xff"
    raw.close()
    session.wait_closed()


def test_frames_behind_a_handshake_are_not_lost(workers):
    session = WebSocket(workers.ports[0]).open()
    masked = b"\x81\x8c\x00\x00\x00\x00~m~5~m~hello"
    head = (
        f"GET /socket.io/websocket/{session.session_id} HTTP/1.1\r\nHost: localhost\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
    )
    raw = Raw(workers.ports[2], head.encode() + masked * 3)
    assert raw.head()[0] == "HTTP/1.1 101 Switching Protocols"
    assert raw.take(42) == (b"\x81\x0c" + b"~m~5~m~hello") * 3
    raw.close()
    session.wait_closed()


def test_the_address_that_a_proxy_tells_is_that_of_the_peer(workers):
    """The option same_peer is decided by the owner, as at home."""
    addresses = "192.0.2.1", "192.0.2.2"
    first = engineio.Polling(workers.ports[0], headers={"X-Forwarded-For": addresses[0]}).open()
    for port in workers.ports:
        for address in addresses:
            client = engineio.Polling(
                port, session_id=first.session_id, headers={"X-Forwarded-For": address}
            )
            answer = client.put("4hello")
            client.vanish()
            if address == addresses[0]:
                assert (answer.status, answer.text) == (200, "ok")
                assert first.receive() == "hello"
            else:
                engineio.refused(answer, 400, 1, "Session ID unknown")
    refused = [server.ask("/stats")["refused"]["peer"] for server in workers]
    assert refused == [3, 0, 0]
    first.vanish()


def test_what_is_lost_with_the_owner_is_answered_at_once(deploying):
    with workers_of(deploying, "logged", count=3, **OPTIONS) as workers:
        session = engineio.Polling(workers.ports[0]).open()
        classic = Polling(workers.ports[0]).open()
        http = HTTP(workers.ports[1])
        # It waits at the owner, and is cut off with it.
        workers[0].wait_state(session.session_id, "away")
        waiting = engineio.Polling(workers.ports[1], session_id=session.session_id)
        waiting.begin_poll()
        workers[0].wait_state(session.session_id, "open")
        workers.kill(0)
        began = monotonic()
        engineio.refused(http.request("GET", session.address), 400, 1, "Session ID unknown")
        for path in (classic.path("1"), classic.path("send")):
            assert http.request("GET", path).status == 404
        assert monotonic() - began < 4.0  # the shortest time for which a worker is waited for
        with pytest.raises((OSError, HTTPException)):
            waiting.finish_poll()
        http.close()


def test_a_request_waits_for_an_owner_that_stands_still(deploying):
    with workers_of(deploying, "logged", count=3, **OPTIONS) as workers:
        session = engineio.Polling(workers.ports[0]).open()
        other = engineio.Polling(workers.ports[2]).open()
        raw = Raw(workers.ports[1])
        with workers.stopped(0):
            raw.send(post(session, "hello"))
            # Others are served meanwhile, by the same worker.
            via = engineio.Polling(workers.ports[1], session_id=other.session_id)
            for text in ("one", "two"):
                via.send(text)
                assert via.receive() == text
        assert raw.head()[0] == "HTTP/1.1 200 OK"
        assert session.receive() == "hello"


def test_what_is_relayed_ends_soon_when_its_owner_stands_still(deploying):
    """A poll that waits already, and a POST over a stream that was kept."""
    with workers_of(deploying, "pywsgi_wrapped", count=3, dialects=["engine.io"]) as workers:
        session = engineio.Polling(workers.ports[0]).open()
        other = engineio.Polling(workers.ports[2]).open()
        via, poll = (
            engineio.Polling(workers.ports[1], session_id=session.session_id) for _ in range(2)
        )
        via.send("kept")
        assert session.receive() == "kept"
        workers[0].wait_state(session.session_id, "away")
        poll.begin_poll()
        workers[0].wait_state(session.session_id, "open")
        with workers.stopped(0):
            began = monotonic()
            requests = [gevent.spawn(via.put, "4hello"), gevent.spawn(poll.get.finish)]
            friend = engineio.Polling(workers.ports[1], session_id=other.session_id)
            friend.send("others are served")
            assert friend.receive() == "others are served"
            for request in requests:
                answer = request.get(timeout=DEADLINE)
                assert answer.status == 503
                assert "the worker of this session does not answer" in answer.text
            assert monotonic() - began < 20.0  # 10, and some for a busy machine


def test_a_connection_counts_at_its_owner(deploying):
    """gunicorn's limit of connections: those that were handed over count there."""
    with workers_of(deploying, "gunicorn", arguments=["--worker-connections=4"], **OPTIONS) as w:
        here, there = w.ports
        sessions = []
        for _ in range(4):
            session = engineio.Polling(here).open()
            session.vanish()
            sessions.append(session)
        polls = []
        # More than the worker where they come in could keep: it has handed each over.
        for session in sessions[:3]:
            poll = engineio.Polling(there, session_id=session.session_id)
            poll.post.close()
            poll.begin_poll()
            polls.append(poll)
        wait_until(lambda: w[1].ask("/given")["handed_over"] == 3)
        # The owner has room for one more connection only.
        last = HTTP(here)
        assert last.request("GET", "/page").status == 200
        assert w[1].ask("/given") == {"handed_over": 3, "relayed": 0}
        # So requests for it are relayed, and all are answered.
        via = HTTP(there)
        for session, poll in zip(sessions, polls, strict=False):
            answer = via.request("POST", session.address, "4hello", Content_Type="text/plain")
            assert (answer.status, answer.text) == (200, "ok")
            assert [packet for packet in poll.finish_poll() if packet != "6"] == ["4hello"]
            poll.vanish()
        assert w[1].ask("/given")["relayed"] > 0
        last.close()
        via.close()


def test_a_session_id_is_in_no_log(workers):
    session = engineio.Polling(workers.ports[0]).open()
    via = engineio.Polling(workers.ports[1], session_id=session.session_id)
    via.send("hello")
    assert via.receive() == "hello"
    via.leave()
    workers[0].wait_state(session.session_id, None)
    workers[0].wait_line(f"^(?!root INFO gone).*{session.session_id[:8]}")
    lines = [line for server in workers for line in server.lines]
    # The application of the tests logs ids itself.
    lines = [line for line in lines if not line.startswith("root INFO gone")]
    assert not [line for line in lines if session.session_id[:9] in line]


def test_what_a_proxy_says_before_the_first_request_is_told_to_the_owner(deploying):
    arguments = ["--proxy-protocol=auto", "--proxy-allow-from=127.0.0.1"]
    with workers_of(deploying, "gunicorn", arguments=arguments, **OPTIONS) as workers:
        own, other = (f"PROXY TCP4 192.0.2.{end} 192.0.2.1 4711 80\r\n".encode() for end in (7, 8))
        opening = f"GET {engineio.address()} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        opener = Raw(workers.ports[0], own + opening)
        body = opener.take(int(opener.head()[1]["Content-Length"]))
        session = engineio.Polling(workers.ports[0], session_id=json.loads(body[1:])["sid"])
        for proxy, expected in ((own, ["200 OK", "200 OK"]), (other, ["400 Bad Request"])):
            raw = Raw(workers.ports[1], proxy)
            for status in expected:
                raw.send(post(session, "hello"))
                head, headers = raw.head()
                assert head == f"HTTP/1.1 {status}"
                raw.take(int(headers["Content-Length"]))
            raw.close()
        assert workers[0].wait_line("access 192.0.2.7 POST", 2)
        assert workers[0].wait_line("refused 'POST' .* from 192.0.2.8 .* 'same_peer'")
        opener.close()
        session.vanish()
