"""The streaming transports, byte for byte."""

import json
import re

import gevent
import pytest
from support import framing
from support.clients import ServerEvents
from support.http import DEADLINE, HTTP, LONG
from support.streams import STREAMS, Stream, chunk, times
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import session_of

streams = pytest.mark.parametrize("name", STREAMS)


def opened(served, name):
    """A stream whose first event has been read, and its session."""
    raw = Stream(served.port, name)
    raw.head()
    (_, session) = served.wait("connection")
    first = chunk(raw.preamble) + chunk(raw.carried(framing.encode(session.session_id)))
    assert raw.take(len(first)) == first
    return raw, session


HEAD = {
    "Cache-Control": "no-store, no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Origin",
}
# Rules for a browser that takes the answer for a page.
POLICIES = {
    "htmlfile": {"Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'"},
    "xhr-multipart": {"Content-Security-Policy": "sandbox"},
}


@streams
def test_the_answer_begins_with_its_head_the_preamble_and_the_session_id(serve, name):
    served = serve()
    raw = Stream(served.port, name)
    status, headers = raw.head()
    assert status == "HTTP/1.1 200 OK"
    assert headers.pop("Date")
    assert headers.pop("Content-Type")
    assert headers == {**HEAD, **POLICIES.get(name, {}), "Transfer-Encoding": "chunked"}
    (_, session) = served.wait("connection")
    first = chunk(raw.preamble) + chunk(raw.carried(f"~m~40~m~{session.session_id}"))
    assert raw.take(len(first)) == first


@streams
@pytest.mark.parametrize("headers", [{}, {"Connection": "keep-alive"}], ids=["plain", "keep-alive"])
def test_http_1_0_gets_no_chunks_and_the_end_of_the_connection(serve, name, headers):
    served = serve()
    raw = Stream(served.port, name, version="1.0", **headers)
    status, headers = raw.head()
    assert status in ("HTTP/1.0 200 OK", "HTTP/1.1 200 OK")
    assert headers.pop("Date")
    assert headers.pop("Content-Type")
    assert headers == {**HEAD, **POLICIES.get(name, {}), "Connection": "close"}
    (_, session) = served.wait("connection")
    first = raw.preamble + raw.carried(framing.encode(session.session_id))
    assert raw.take(len(first)) == first
    session.send("last")
    session.disconnect()
    assert raw.end() == raw.carried("~m~4~m~last")


@streams
def test_an_allowed_origin_may_read_with_its_credentials(serve, name):
    served = serve(origins="http://other.example")
    raw = Stream(served.port, name, Origin="http://other.example")
    _, headers = raw.head()
    assert headers["Access-Control-Allow-Origin"] == "http://other.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Vary"] == "Origin"


@streams
def test_a_foreign_origin_gets_no_session(serve, name):
    served = serve()
    status, headers = Stream(served.port, name, Origin="http://evil.example").head()
    assert status == "HTTP/1.1 403 Forbidden"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not any(header.startswith("Access-Control") for header in headers)
    assert served.listener.clients == {}
    served.wait_line("403 Forbidden")


@streams
def test_messages_of_one_tick_come_as_one_batch(serve, name):
    raw, session = opened(serve(), name)
    for message in ("one", {"two": 2}, "three"):
        session.send(message)
    two = '~m~12~m~~j~{"two":2}' if name == "xhr-multipart" else '~m~12~m~~j~{\\"two\\":2}'
    batch = chunk(raw.carried(f"~m~3~m~one{two}~m~5~m~three"))
    assert raw.take(len(batch)) == batch
    session.send("four")
    gevent.idle()
    session.send("five")
    batches = chunk(raw.carried("~m~4~m~four")) + chunk(raw.carried("~m~4~m~five"))
    assert raw.take(len(batches)) == batches
    assert not raw.buffer


@streams
def test_messages_of_connection_handlers_come_with_the_id(serve, name):
    served = serve(on_connection=lambda client: client.send("welcome"))
    raw = Stream(served.port, name)
    raw.head()
    (_, session) = served.wait("connection")
    payload = framing.encode(session.session_id, "welcome")
    first = chunk(raw.preamble) + chunk(raw.carried(payload))
    assert raw.take(len(first)) == first


@streams
def test_a_stream_that_is_opened_again_gets_its_head_at_once(serve, name):
    served = serve(**times(name, close_timeout=LONG))
    raw, session = opened(served, name)
    raw.close()
    wait_until(lambda: session_of(session).downlink is None)
    again = Stream(served.port, name, f"{session.session_id}/1")
    assert again.head()[0] == "HTTP/1.1 200 OK"
    preamble = chunk(again.preamble)
    assert again.take(len(preamble)) == preamble
    gevent.idle()
    session.send("later")
    later = chunk(again.carried("~m~5~m~later"))
    assert again.take(len(later)) == later
    assert session.connections == 2


@streams
def test_the_stream_ends_cleanly_behind_the_last_messages(serve, name):
    served = serve()
    raw, session = opened(served, name)
    session.send("last")
    session.disconnect()
    end = chunk(raw.carried("~m~4~m~last")) + b"0\r\n\r\n"
    assert raw.take(len(end)) == end
    served.wait("disconnect")
    # The connection is a plain one again.
    raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    raw.until(b"hello")


@streams
def test_messages_are_posted(echo, name):
    served = echo()
    raw, session = opened(served, name)
    post = HTTP(served.port)
    path = f"/socket.io/{name}/{session.session_id}/send"
    answer = post.request("POST", path, "data=%7Em%7E5%7Em%7Ea+b%2Bc~m~2~m~hi")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    # Both in one batch; in two if the time slice of the handlers has ended between them.
    together = chunk(raw.carried("~m~5~m~a b+c~m~2~m~hi"))
    apart = chunk(raw.carried("~m~5~m~a b+c")) + chunk(raw.carried("~m~2~m~hi"))
    size = raw.take(4)  # of the first chunk
    batches = together if together.startswith(size) else apart
    assert size + raw.take(len(batches) - len(size)) == batches
    assert [event[1] for event in served.happened("message")] == ["a b+c", "hi"]


@streams
def test_a_post_is_taken_at_its_own_address_only(echo, name):
    served = echo()
    raw, session = opened(served, name)
    post = HTTP(served.port)
    path = f"/socket.io/{name}/{session.session_id}"
    for wrong in (path, f"{path}/", f"{path}/1", f"/socket.io/{name}/", f"/socket.io/{name}//send"):
        assert post.request("POST", wrong, "data=~m~2~m~hi").status == 405
    foreign = post.request("POST", f"{path}/send", "data=~m~2~m~hi", Origin="http://evil.example")
    assert foreign.status == 403
    for body, reason in (("data=", "bad payload"), ("x=1", "no data field"), ("data=%", "percent")):
        answer = post.request("POST", f"{path}/send", body)
        assert answer.status == 400
        assert reason in answer.text
    assert served.happened("message") == []
    assert session.connected
    raw.close()


@streams
def test_a_hang_up_is_noticed_while_nothing_is_sent(serve, name):
    for version in ("1.1", "1.0"):
        served = serve()
        raw = Stream(served.port, name, version=version)
        raw.head()
        served.wait("connection")
        raw.close()
        served.wait("disconnect")
        served.wait_line("the client hung up")
        assert served.listener.clients == {}


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--",
    "<!--<script>",
    "--></SCRIPT >",
    "\u2028alert(1)\u2029",
    '");alert(1);("',
    "\\",
    "a\n\ndata: b\r\rid: 1\r\n\r\nevent: x",
    "\n--socketio\n--socketio--\n",
    "\n--socketio\nContent-Type: text/html\n\n<script>alert(1)</script>\n--socketio\n",
    "é😀\x00\x7f",
]


@streams
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_message_breaks_out_of_what_carries_it(serve, name, text):
    raw, session = opened(serve(), name)
    session.send(text)
    body = raw.take(int(raw.until(b"\r\n"), 16)).decode()
    assert raw.take(2) == b"\r\n"
    if name == "xhr-multipart":
        assert body.encode() == raw.carried(framing.encode(text))
        assert body.count(raw.boundary) == 1
        return
    begin, end = raw.carried("|").decode().split("|")
    assert body.startswith(begin)
    assert body.endswith(end)
    inside = body.removeprefix(begin).removesuffix(end)
    assert not re.search("[<>\u2028\u2029\x00-\x1f]", inside)
    assert json.loads(f'"{inside}"') == framing.encode(text)


def test_each_multipart_answer_has_a_boundary_of_its_own(serve):
    served = serve(**times("xhr-multipart", close_timeout=LONG))
    raw, session = opened(served, "xhr-multipart")
    boundaries = {raw.boundary}
    for _ in range(3):
        again = Stream(served.port, "xhr-multipart", f"{session.session_id}/1")
        again.head()
        boundaries.add(again.boundary)
    assert len(boundaries) == 4


@pytest.mark.parametrize("last", [False, True], ids=["in between", "at the end of the session"])
def test_a_message_with_the_boundary_is_not_sent_in_that_answer(serve, last):
    served = serve(**times("xhr-multipart", close_timeout=LONG))
    raw, session = opened(served, "xhr-multipart")
    # Only the client knows it, but may let other clients send it back.
    message = f"\n--{raw.boundary}\nContent-Type: text/html\n\n<script>alert(1)</script>"
    session.send("before")
    gevent.idle()
    session.send(message)
    session.send("behind")
    if last:
        session.disconnect()
    end = chunk(raw.carried("~m~6~m~before")) + b"0\r\n\r\n"
    assert raw.take(len(end)) == end
    if last:
        served.wait("disconnect")
        return
    wait_until(lambda: session_of(session).downlink is None)
    again = Stream(served.port, "xhr-multipart", f"{session.session_id}/1")
    again.head()
    batch = chunk(again.preamble) + chunk(again.carried(framing.encode(message, "behind")))
    assert again.take(len(batch)) == batch


def test_a_session_that_is_not_kept_ends_with_a_message_that_has_the_boundary(serve):
    served = serve()
    raw, session = opened(served, "xhr-multipart")
    session.send(f"x{raw.boundary}x")
    assert raw.take(5) == b"0\r\n\r\n"
    served.wait("disconnect")
    served.wait_line("a message has the boundary of the stream in it")


def test_an_echo_that_comes_while_the_client_is_away_does_not_change_how_long_it_may_be(serve):
    times = {"heartbeat_interval": LONG, "timeout": LONG, "close_timeout": DEADLINE}
    served = serve(transport_options={"server-events": times})
    client = ServerEvents(served.port).open()
    (_, session) = served.wait("connection")
    bring_forward(session)
    assert client.receive() == "~h~1"
    client.vanish()
    wait_until(lambda: session_of(session).away)
    deadline = session_of(session)._deadline
    assert client.send("~h~1").status == 200
    assert session_of(session)._deadline == deadline
