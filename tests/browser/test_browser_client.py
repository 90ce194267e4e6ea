"""The browser client in Chromium, against a real server."""

import pytest
from support.framing import TRICKY
from support.page import PATIENCE, RUNNING, check_tricky_strings, opened, wait_event

PAGE = "tests/browser/page_server.py"
transports = pytest.mark.parametrize("transport", RUNNING)


@transports
@pytest.mark.parametrize("handshake", ["plain", "json"])
def test_the_client_connects_by_itself_and_accepts_either_handshake(
    start, new_page, transport, handshake
):
    server = start(PAGE, "--handshake", handshake)
    page = opened(new_page(server.url), transports=[transport])
    wait_event(page, "connect")
    assert page.evaluate("events") == [["connecting", transport], ["connect"]]
    assert page.evaluate("socket.transport.type") == transport
    assert len(page.evaluate("socket.transport.sessionid")) == 40


@transports
def test_tricky_strings_arrive_unaltered_both_ways(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    check_tricky_strings(page)


@transports
def test_strings_that_look_like_frame_marks_arrive_as_strings(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    texts = ["~h~1", "~j~{}", "~h~", "~j~", "~j~oops"]
    page.evaluate("texts => texts.forEach(text => socket.send({text: text}))", texts)
    page.evaluate("texts => texts.forEach(text => socket.send(text))", texts)
    received = [message for (message,) in wait_event(page, "message", 10)]
    assert received[:5] == [{"text": text} for text in texts]
    assert received[5:] == [{"is": -1}] * 5, "as strings, and none of them lost"


@transports
def test_json_of_every_kind_comes_back(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    values = [{"a": [1, 2.5, None, True, "é😀"]}, {"nested": {"deep": []}}]
    page.evaluate("values => values.forEach(value => socket.send(value))", values)
    assert [message for (message,) in wait_event(page, "message", 2)] == values


@transports
def test_a_lone_surrogate_does_not_stop_what_follows(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    page.evaluate("socket.send({text: 'a\\ud800b'}); socket.send('\\udc00'); socket.send('é')")
    received = [message for (message,) in wait_event(page, "message", 3)]
    # JSON carries it as an escape, where the browser's JSON.stringify makes one.
    assert received[1:] == [{"is": -1}, {"is": TRICKY.index("é")}]


@transports
def test_messages_sent_before_the_connection_are_kept_in_order(page_url, new_page, transport):
    page = new_page(page_url)
    opened(page, transports=[transport], autoConnect=False)
    page.evaluate("for (var i = 0; i < 100; i++) socket.send({number: i}); socket.connect()")
    received = wait_event(page, "message", 100)
    assert [message["number"] for (message,) in received] == list(range(100))


@transports
def test_large_messages_are_not_cut(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    page.evaluate(
        "for (var i = 0; i < 5; i++) socket.send({text: new Array(100001).join('é😀'[i % 2])})"
    )
    received = wait_event(page, "message", 5)
    assert [len(message["text"]) for (message,) in received] == [100_000] * 5


@transports
def test_a_waiting_poll_or_socket_gets_later_messages(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    page.evaluate("socket.send({later: 1.5})")  # and several heartbeats later, if there are any
    assert wait_event(page, "message") == [["later"]]
    assert page.evaluate("events").count(["connect"]) == 1


@transports
def test_connecting_twice_makes_one_connection(start, new_page, transport):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport])
    page.evaluate("new Promise(done => { socket.connect(); socket.connect(done); })")
    page.evaluate("socket.send({done: 1})")
    wait_event(page, "message")
    assert sum("opened" in line for line in server.log()) == 1


@transports
def test_disconnect_ends_it_and_connect_begins_anew(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport])
    wait_event(page, "connect")
    first = page.evaluate("socket.transport.sessionid")
    page.evaluate("socket.send({last: 'words'}); socket.disconnect()")
    assert page.evaluate("events.slice(-1)") == [["disconnect", "client_closed", ""]]
    assert not page.evaluate("socket.connected")
    page.evaluate("new Promise(done => socket.connect(done))")
    assert page.evaluate("socket.transport.sessionid") != first
    names = [event[0] for event in page.evaluate("events")]
    assert names == ["connecting", "connect", "disconnect", "connecting", "connect"]


@transports
def test_messages_sent_before_disconnect_still_arrive(start, new_page, transport):
    server = start(PAGE)
    observer = opened(new_page(server.url))
    page = opened(new_page(server.url), transports=[transport])
    wait_event(page, "connect")
    page.evaluate("socket.send({end: 1}); socket.disconnect()")
    server.wait_line("disconnected by the application")
    assert observer.evaluate("events.length") >= 0


@transports
def test_the_client_reconnects_when_the_server_comes_back(start, new_page, transport):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport], reconnectionDelay=100)
    wait_event(page, "connect")
    # A frame does not report that it cannot be loaded: connectTimeout ends the attempt.
    page.evaluate("window.patience = 200")
    page.evaluate("socket.on('connecting', () => { socket.options.connectTimeout = patience; })")
    server.stop()
    wait_event(page, "disconnect")
    page.evaluate("socket.send({kept: true})")
    wait_event(page, "reconnecting", 2)
    server.start()
    page.evaluate("patience => { window.patience = patience; }", PATIENCE)
    ((reconnected, attempts),) = wait_event(page, "reconnect")
    assert reconnected == transport
    reconnecting = wait_event(page, "reconnecting")
    assert [number for _, number in reconnecting] == list(range(1, attempts + 1))
    for delay, number in reconnecting:
        assert 50 <= delay / 2 ** (number - 1) <= 150
    assert wait_event(page, "message") == [[{"kept": True}]]


def test_the_client_gives_up_after_the_last_attempt(start, new_page):
    server = start(PAGE)
    delays = {"reconnectionDelay": 10, "maxReconnectionAttempts": 3}
    page = opened(new_page(server.url), **delays)
    wait_event(page, "connect")
    server.stop()
    assert wait_event(page, "reconnect_failed") == [[0, ""]]
    assert [number for _, number in wait_event(page, "reconnecting")] == [1, 2, 3]
    server.start()
    page.evaluate("new Promise(done => socket.connect(done))")
    assert page.evaluate("socket.connected")


def test_without_the_option_reconnect_the_client_stays_away(start, new_page):
    server = start(PAGE)
    page = opened(new_page(server.url), reconnect=False)
    wait_event(page, "connect")
    server.stop()
    wait_event(page, "disconnect")
    page.evaluate("new Promise(done => setTimeout(done, 0))")
    assert len(wait_event(page, "disconnect")) == 1
    assert not page.evaluate("socket.reconnecting")


# Keeps the times of the timers that are set and have not fired yet.
TIMERS = """
  (function () {
    var set = window.setTimeout, clear = window.clearTimeout, timers = window.timers = new Map();
    window.setTimeout = function (done, time) {
      var timer = set(function () { timers.delete(timer); done(); }, time);
      timers.set(timer, time);
      return timer;
    };
    window.clearTimeout = function (timer) { timers.delete(timer); clear(timer); };
  }());
"""


def test_a_disconnect_listener_may_connect_anew(start, new_page):
    server = start(PAGE)
    page = new_page(server.url, before=TIMERS)
    opened(page, reconnectionDelay=10)
    page.evaluate("socket.on('disconnect', function () { socket.connect(); })")
    page.evaluate("socket.send({end: 1})")
    wait_event(page, "connect", 2)
    # Longer than any attempt to reconnect beside it would take.
    page.evaluate("socket.send({later: 1})")
    assert wait_event(page, "message") == [["later"]]
    assert len(wait_event(page, "connect")) == 2
    assert wait_event(page, "connecting", 2) == [["websocket"]] * 2
    assert len(wait_event(page, "reconnecting")) == 1
    assert PATIENCE not in page.evaluate("[...timers.values()]"), "nothing would end it later"
    assert sum("opened" in line for line in server.log()) == 2


def test_a_value_that_cannot_be_sent_throws_in_send(page_url, new_page):
    page = opened(new_page(page_url), autoConnect=False)
    message = page.evaluate(
        """() => {
          var circle = {};
          circle.circle = circle;
          try { socket.send(circle); } catch (error) { return error.name; }
        }"""
    )
    assert message == "TypeError"
    page.evaluate("var value = {number: 1}; socket.send(value); value.number = 2; socket.connect()")
    assert wait_event(page, "message") == [[{"number": 1}]]


def test_listeners_can_be_removed(page_url, new_page):
    page = opened(new_page(page_url))
    page.evaluate(
        """() => {
          window.calls = [];
          function once() { calls.push('once'); }
          function removed() { calls.push('removed'); }
          socket.once('message', once).addListener('message', removed);
          socket.removeEvent('message', removed);
          socket.send({a: 1}).send({b: 2});
        }"""
    )
    wait_event(page, "message", 2)
    assert page.evaluate("calls") == ["once"]
