"""How much a client may send: exactly each limit, and one more."""

from __future__ import annotations

import json

import gevent
import pytest
from gevent.event import Event
from support import framing
from support.client_frames import frame
from support.clients import ALL, JSONP, FlashSocket, HTTPClient, Polling, WebSocket
from support.doors import head
from support.http import DEADLINE, HTTP
from support.limits import exceeded, wait_exceeded
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.wire.websocket import BINARY, CLOSE, TEXT

SOCKETS = [WebSocket, FlashSocket]
POSTING = [kind for kind in ALL if kind not in SOCKETS]


def ids(kind):
    return kind.transport


def received(served):
    return [event[1] for event in served.happened("message")]


@pytest.mark.parametrize("kind", POSTING, ids=ids)
def test_a_post_of_exactly_the_size_is_accepted_and_a_larger_one_refused(serve, kind):
    served = serve(max_message_size=100)
    client = kind(served.port).open()
    path = client.path("send")
    just = "x" * (100 - len("~m~93~m~"))
    assert client.post.request("POST", path, f"data={framing.encode(just)}").status == 200
    assert client.post.request("POST", path, f"data={framing.encode(just + 'x')}").status == 413
    assert received(served) == [just]
    wait_exceeded(served, "max_message_size")
    # The session has survived the mistake.
    assert client.send("again").status == 200


@pytest.mark.parametrize("kind", SOCKETS, ids=ids)
@pytest.mark.parametrize("version", ["13", "8"])
def test_a_frame_of_exactly_the_size_is_accepted_and_a_larger_one_refused(serve, kind, version):
    served = serve(max_message_size=100)
    client = kind(served.port, version=version).open()
    just = "x" * (100 - len("~m~93~m~"))
    client.send(just)
    served.wait("message")
    client.send(just + "x")
    assert client.wait_closed() == 1009
    assert received(served) == [just]
    wait_exceeded(served, "max_message_size")
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1


@pytest.mark.parametrize("kind", POSTING, ids=ids)
def test_a_body_of_exactly_the_size_is_accepted_and_a_larger_one_refused(serve, kind):
    served = serve(max_body_size=40)
    client = kind(served.port).open()
    path = client.path("send")
    just = "data=" + framing.encode("x" * 27)
    assert len(just) == 40
    assert client.post.request("POST", path, just).status == 200
    answer = client.post.request("POST", path, just.replace("27", "28") + "x")
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert received(served) == ["x" * 27]
    wait_exceeded(served, "max_body_size")


def test_without_the_option_a_body_may_hold_a_payload_in_which_all_is_escaped(serve):
    served = serve(max_message_size=100)
    polling, jsonp = Polling(served.port).open(), JSONP(served.port).open()
    just = "x" * (100 - len("~m~93~m~"))
    assert polling.send(just).status == 200  # the client escapes all of it
    assert jsonp.send("\n" * len(just)).status == 200
    for client, size in ((polling, 305), (jsonp, 605)):
        http, path = HTTP(served.port), client.path("send")
        assert http.request("POST", path, "y" * size).status == 400
        assert exceeded(served).get("max_body_size", 0) == (client is jsonp)
        assert http.request("POST", path, "y" * (size + 1)).status == 413
    wait_exceeded(served, "max_body_size", 2)


def of_empty(count):
    return framing.encode(*[""] * count)


@pytest.mark.parametrize("kind", POSTING, ids=ids)
def test_a_post_with_too_many_messages_delivers_none(serve, kind):
    served = serve(max_payload_messages=3)
    client = kind(served.port).open()
    assert client.send("1", "2", "3").status == 200
    assert client.send("4", "5", "6", "7").status == 413
    assert client.send("\U0001f600", "9", "9", "9").status == 413
    assert client.send("8").status == 200
    assert received(served) == ["1", "2", "3", "8"]
    wait_exceeded(served, "max_payload_messages", 2)


def test_a_frame_with_too_many_messages_delivers_none(serve):
    served = serve(max_payload_messages=3)
    client = WebSocket(served.port).open()
    client.send("1", "2", "3")
    served.wait("message", 3)
    client.send("4", "5", "6", "7")
    assert client.wait_closed() == 1009
    served.wait("disconnect")
    assert received(served) == ["1", "2", "3"]
    wait_exceeded(served, "max_payload_messages")


def test_by_default_a_payload_may_have_ten_thousand_messages(serve):
    served = serve()
    client = Polling(served.port).open()
    assert client.send_payload(of_empty(10_000)).status == 200
    assert client.send_payload(of_empty(10_001)).status == 413
    assert len(received(served)) == 10_000


def array(count):
    """JSON of an array with so many values in it."""
    return f"~j~[{','.join(['1'] * count)}]"


def nested(depth):
    return f"~j~{'[' * depth}{']' * depth}"


ELEMENTS = {
    "an array": (array(9), array(10)),
    "members": ('~j~{"a":1,"b":2,"c":3,"d":4}', '~j~{"a":1,"b":2,"c":3,"d":4,"e":5}'),
    "nothing but brackets": (f"~j~[{'[],' * 8}[]]", f"~j~[{'[],' * 9}[]]"),
    "strings": ('~j~["[[,,::","\\",\\"{","\\\\",{"}:":"]"}]', "~j~" + '[""' + ',""' * 10 + "]"),
}


@pytest.mark.parametrize("kind", [WebSocket, Polling], ids=ids)
@pytest.mark.parametrize("case", ELEMENTS)
def test_json_with_too_many_elements_is_not_decoded(serve, kind, case):
    served = serve(max_json_elements=10)
    few, many = ELEMENTS[case]
    client = kind(served.port).open()
    client.send(few)
    served.wait("message")
    sent = client.send("before", many, "behind")
    if kind is WebSocket:
        assert client.wait_closed() == 1009
    else:
        assert sent.status == 413
    # Messages before it were taken, and none after it.
    assert received(served) == [json.loads(few[3:]), "before"]
    wait_exceeded(served, "max_json_elements")


@pytest.mark.parametrize("kind", [WebSocket, Polling], ids=ids)
def test_json_that_is_nested_too_deep_is_not_decoded(serve, kind):
    served = serve(max_json_depth=5)
    client = kind(served.port).open()
    client.send(nested(5), f"~j~[{'[],' * 100}{{}}]", '~j~"[[[[[[[[["')
    served.wait("message", 3)
    sent = client.send(nested(6))
    if kind is WebSocket:
        assert client.wait_closed() == 1009
    else:
        assert sent.status == 413
    assert len(received(served)) == 3
    wait_exceeded(served, "max_json_depth")


def test_by_default_json_may_have_twenty_thousand_elements_and_a_hundred_levels(serve):
    served = serve()
    client = Polling(served.port).open()
    assert client.send(array(19_999)).status == 200
    assert client.send(array(20_000)).status == 413
    assert client.send(nested(100)).status == 200
    assert client.send(nested(101)).status == 413
    assert len(received(served)) == 2


def test_a_limit_is_the_reason_though_the_client_closes_behind_the_payload(serve):
    served = serve(max_payload_messages=2)
    payload = frame(TEXT, framing.encode("1", "2", "3").encode())
    WebSocket(served.port).open().send_bytes(payload + frame(CLOSE, b"\x03\xe8"))
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1
    wait_exceeded(served, "max_payload_messages")


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("sockio_gevent.session.inbox.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_posts_beyond_the_rate_are_refused_until_time_has_passed(serve, clock):
    served = serve(max_message_rate=4)
    client = Polling(served.port).open()
    assert client.send("1", "2").status == 200
    assert client.send("3", "4").status == 200
    answer = client.send("no")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    clock.now += 0.5
    assert client.send("no", "no", "no").status == 429
    assert client.send("5", "6").status == 200
    clock.now += 100
    assert client.send("no", "no", "no", "no", "no").status == 429
    assert client.send("7", "8", "9", "10").status == 200
    assert received(served) == [str(number) for number in range(1, 11)]
    wait_exceeded(served, "max_message_rate", 3)


def test_a_rate_below_one_lets_single_messages_through(serve, clock):
    served = serve(max_message_rate=0.1)
    client = Polling(served.port).open()
    assert client.send("1").status == 200
    clock.now += 9.9
    assert client.send("no").status == 429
    clock.now += 0.1
    assert client.send("2").status == 200
    assert received(served) == ["1", "2"]


def test_a_socket_beyond_the_rate_is_closed(serve, clock):
    served = serve(max_message_rate=3)
    client = WebSocket(served.port).open()
    client.send("1", "2")
    client.send("3")
    served.wait("message", 3)
    clock.now += 0.4
    client.send("4")
    served.wait("message", 4)
    client.send("5")
    assert client.wait_closed() == 1008
    served.wait("disconnect")
    assert received(served) == ["1", "2", "3", "4"]
    wait_exceeded(served, "max_message_rate")


@pytest.mark.parametrize(
    ("opcode", "payload", "cause"),
    [
        (TEXT, framing.encode("1", "2").encode(), "limit_exceeded"),
        (BINARY, b"\0", "protocol_error"),
    ],
    ids=["over a limit", "binary"],
)
def test_a_client_that_does_not_answer_the_close_has_no_session_meanwhile(
    serve, opcode, payload, cause
):
    served = serve(max_payload_messages=1)
    raw = Raw(served.port, head("websocket"))
    raw.until(b"~m~40~m~")
    raw.send(frame(opcode, payload))
    served.wait("disconnect")
    # The server did not wait for the client's close frame.
    assert served.listener.clients == {}
    closes = served.listener.stats()["closes"]
    assert {name: count for name, count in closes.items() if count} == {cause: 1}
    raw.close()


def test_messages_before_a_binary_message_arrive(echo):
    raw = Raw(echo().port, head("websocket"))
    raw.until(b"~m~40~m~")
    raw.take(40)
    raw.send(frame(TEXT, framing.encode("before").encode()) + frame(BINARY, b"\0"))
    sent = framing.encode("before").encode()
    assert raw.take(2 + len(sent)) == bytes((0x80 | TEXT, len(sent))) + sent
    closing = raw.take(2)
    assert raw.take(closing[1])[:2] == (1003).to_bytes(2, "big")
    raw.close()


def test_the_rate_counts_for_each_session(serve, clock):
    served = serve(max_message_rate=1)
    for _ in range(5):
        assert Polling(served.port).open().send("x").status == 200
    assert exceeded(served) == {}


class Gate:
    """A handler that waits, and so delays all POSTs of its session."""

    def __init__(self, served):
        self.opened = Event()
        served.listener.on("clientMessage", lambda message, client: self.opened.wait(DEADLINE))


@pytest.mark.parametrize("kind", POSTING, ids=ids)
def test_a_session_may_have_only_so_many_posts_at_once(serve, kind):
    served = serve(max_requests_per_session=3, max_message_size=64 * 1024)
    gate = Gate(served)
    first, other = kind(served.port).open(), kind(served.port).open()
    clients: list[HTTPClient] = []
    (session,) = [
        each for each in served.listener.clients.values() if each.session_id == first.session_id
    ]
    # It is answered at once; those behind it wait until there is room for what is in them.
    assert first.send("0").status == 200
    large = "x" * session.listener.options.max_message_size
    for number in range(1, 4):
        client = Polling(served.port, first.session_id)
        client.transport = kind.transport
        clients.append(client)
        client.begin_send(f"{number}{large}"[: len(large) - 100])
        # 'connection', the first message, and those that wait.
        wait_until(lambda: session_of(session).handlers.added == 2 + len(clients))
    # Neither is its body waited for, nor does it cost the session anything.
    late = HTTP(served.port)
    late.begin("POST", first.path("send"), None, Content_Length="1000")
    assert late.finish().status == 429
    wait_exceeded(served, "max_requests_per_session")
    # Others have room of their own.
    gevent.spawn(other.send, "other")
    served.wait("message", 2)
    gate.opened.set()
    assert [client.post.finish().status for client in clients] == [200] * 3
    assert first.send("4").status == 200
    served.wait("message", 6)
    texts = [text[0] for text in received(served) if text != "other"]
    assert texts == ["0", "1", "2", "3", "4"]


def test_polls_that_newer_ones_have_replaced_are_counted_until_they_are_over(serve):
    served = serve(max_requests_per_session=1)
    polling = Polling(served.port).open()
    (session,) = served.listener.clients.values()
    replaced, stuck, last = (polling.resume() for _ in range(3))
    downlinks = []
    for poll in (replaced, stuck, last):
        poll.begin_poll()
        wait_until(lambda: session_of(session).downlink not in (None, *downlinks))
        downlinks.append(session_of(session).downlink)
        if poll is stuck:
            assert replaced.get.finish().status == 200
    assert stuck.get.finish().status == 200
    downlinks[1].is_over = False  # as if its answer had not been taken
    late = polling.resume()
    late.begin_poll()
    assert late.get.finish().status == 429
    wait_exceeded(served, "max_requests_per_session")
    session.send("news")
    assert last.finish_poll() == ["news"]
