"""How many sessions there may be, in all and from one address."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event
from support.clients import ALL, JSONP, Polling, WebSocket
from support.hixie import ANSWER, CHALLENGE, CLOSE, request
from support.http import DEADLINE, HTTP, Ended
from support.limits import exceeded, wait_exceeded
from support.raw import Raw
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

from sockio_gevent.session.session_quota import counted_as


def refused(kind, port):
    """The status with which a client is refused."""
    with pytest.raises((Ended, InvalidStatus)) as caught:
        kind(port).open()
    if isinstance(caught.value, InvalidStatus):
        return caught.value.response.status_code
    return caught.value.args[0]


def test_a_handshake_that_finds_no_room_at_its_end_is_counted(serve):
    """hixie-76 ends after its answer, when the server can only close the socket."""
    served = serve(max_sessions=1)
    both = [Raw(served.port, request("/socket.io/websocket", 76, Origin="")) for _ in range(2)]
    for raw in both:
        raw.head()
    both[0].send(CHALLENGE)
    served.wait("connection")
    both[1].send(CHALLENGE)
    assert both[1].take(len(ANSWER + CLOSE)) == ANSWER + CLOSE
    both[1].close()
    wait_exceeded(served, "max_sessions")
    assert served.listener.stats()["refused"]["limit"] == 1
    assert len(served.listener.clients) == 1
    both[0].close()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)
def test_only_so_many_sessions_may_exist(serve, kind):
    served = serve(max_sessions=2)
    clients = [WebSocket(served.port).open(), Polling(served.port).open()]
    assert refused(kind, served.port) == 503
    assert len(served.listener.clients) == 2
    wait_exceeded(served, "max_sessions")
    assert served.listener.stats()["refused"]["limit"] == 1
    # Open sessions continue, and make room when they end.
    assert clients[1].send("x").status == 200
    clients[0].close()
    served.wait("disconnect")
    kind(served.port).open()
    assert len(served.listener.clients) == 2


def test_a_refused_client_is_told_when_to_try_again(serve):
    served = serve(max_sessions=1)
    Polling(served.port).open()
    answer = HTTP(served.port).request("GET", "/socket.io/xhr-polling//1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert answer.text == "there are 1 sessions already\n"


def test_a_client_that_waits_for_authorize_counts_once(serve):
    decided = Event()

    def authorize(environ):
        return decided.wait(DEADLINE)

    served = serve(max_sessions=3, authorize=authorize)
    polls = [HTTP(served.port) for _ in range(6)]
    for poll in polls:
        poll.begin("GET", "/socket.io/xhr-polling//1")
    sockets = [gevent.spawn(WebSocket, served.port) for _ in range(2)]
    gevent.sleep(0)
    decided.set()
    statuses = sorted(poll.finish().status for poll in polls)
    gevent.joinall(sockets)
    opened = [each for each in sockets if each.successful()]
    assert statuses.count(200) + len(opened) == 3 == len(served.listener.clients)
    assert set(statuses) <= {200, 503}
    assert exceeded(served) == {"max_sessions": 5}


class Behind:
    """A client behind the proxy that is trusted."""

    def __init__(self, port, address):
        self.headers = {"X-Forwarded-For": address}
        self.port = port

    def poll(self):
        return HTTP(self.port).request("GET", "/socket.io/xhr-polling//1", **self.headers).status

    def websocket(self):
        return WebSocket(self.port, headers=self.headers)


def test_each_address_may_have_only_so_many_sessions(serve):
    served = serve(max_sessions_per_address=2, trusted_proxies=1)
    one, other = Behind(served.port, "192.0.2.1"), Behind(served.port, "192.0.2.2")
    assert one.poll() == 200
    websocket = one.websocket().open()
    assert one.poll() == 429
    with pytest.raises(InvalidStatus, match="429"):
        one.websocket()
    wait_exceeded(served, "max_sessions_per_address", 2)
    assert [other.poll(), other.poll(), other.poll()] == [200, 200, 429]
    websocket.close()
    served.wait("disconnect")
    assert [one.poll(), one.poll()] == [200, 429]


def test_a_network_of_ipv6_counts_as_one_address(serve):
    served = serve(max_sessions_per_address=2, trusted_proxies=1)
    statuses = [
        Behind(served.port, address).poll()
        for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:9::", "2001:db8:0:1::1")
    ]
    assert statuses == [200, 200, 429, 200]


def test_addresses_of_the_machine_itself_are_not_counted(serve):
    served = serve(max_sessions_per_address=1)
    for kind in (Polling, JSONP, WebSocket, Polling):
        kind(served.port).open()
    assert exceeded(served) == {}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, ""),
        ("", ""),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "20010db800000000"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("1270.0.0.1", "1270.0.0.1"),
        ("not: an address", "not: an address"),
    ],
)
def test_what_counts_as_one_address(address, expected):
    assert counted_as(address) == expected


def test_the_count_is_freed_with_the_sessions(serve):
    served = serve(trusted_proxies=1)
    for number in range(20):
        client = Behind(served.port, f"192.0.2.{number % 5}").websocket().open()
        client.close()
    served.wait("disconnect", 20)
    quota = served.listener._sessions.quota
    wait_until(lambda: not served.listener.clients)
    assert (quota._total, dict(quota._by_network)) == (0, {})
    # An application that changes the environ of its client does not change the count.
    client = Behind(served.port, "192.0.2.9").websocket().open()
    (session,) = served.listener.clients.values()
    session.environ["REMOTE_ADDR"] = "192.0.2.10"
    client.close()
    served.wait("disconnect", 21)
    assert (quota._total, dict(quota._by_network)) == (0, {})


def test_without_limits_nothing_is_refused(serve):
    served = serve(max_sessions=None, max_sessions_per_address=None, trusted_proxies=1)
    behind = Behind(served.port, "192.0.2.1")
    assert [behind.poll() for _ in range(20)] == [200] * 20
