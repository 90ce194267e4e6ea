"""How the browser client reconnects: when, by which transport, and with which messages."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
from support.page import PATIENCE, TRANSPORTS, opened, wait_event
from support.proxy import Proxy

PAGE = "tests/browser/page_server.py"
POSTING = [name for name in TRANSPORTS if name != "websocket"]


def cookie(page):
    return page.evaluate("document.cookie")


def names(page):
    return [event[0] for event in page.evaluate("events")]


def numbers(page, count):
    """The number of each attempt to reconnect, of so many."""
    return [number for _, number in wait_event(page, "reconnecting", count)][:count]


@contextmanager
def standing_still(server):
    """Requests hang meanwhile, as they do while an application is imported."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


# How long the page waits from now on for requests that hang.
PATIENT = """patience => {
  if (!window.patience) socket.on('connecting', () => {
    socket.options.connectTimeout = window.patience;
  });
  window.patience = socket.options.connectTimeout = patience;
}"""


def test_a_server_that_hangs_for_a_while_costs_no_transport(start, new_page):
    server = start(PAGE)
    with Proxy(server.port) as proxy:
        page = opened(new_page(proxy.url), rememberTransport=True, reconnectionDelay=50)
        wait_event(page, "connect")
        with standing_still(server):
            page.evaluate(PATIENT, 300)
            proxy.cut()
            wait_event(page, "reconnecting", 3)
            page.evaluate(PATIENT, PATIENCE)
        assert wait_event(page, "reconnect")[0][0] == "websocket"
        assert {name for (name,) in wait_event(page, "connecting")} == {"websocket"}
        assert cookie(page) == "socketio=websocket"


def test_a_new_page_that_the_server_kept_waiting_tries_the_same_transport_again(start, new_page):
    server, elsewhere = start(PAGE), start(PAGE)
    page = new_page(elsewhere.url)
    with standing_still(server):
        opened(page, port=server.port, rememberTransport=True, hopeless=["websocket"])
        # The question why hangs, too, for longer than the second that an answer may take.
        page.wait_for_function("socket.question && (window.asked = window.asked || Date.now())")
        page.evaluate("clearTimeout(socket.timer)")
        page.evaluate(PATIENT, PATIENCE)
        page.wait_for_function("Date.now() - asked > 1200")
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["websocket"], ["websocket"]]
    assert page.evaluate("socket.transport.type") == "websocket"


def test_a_transport_that_does_not_work_is_not_tried_again_for_an_hour(start, new_page):
    with Proxy(start(PAGE).port, upgrades="refuse") as proxy:
        page = opened(new_page(proxy.url), rememberTransport=True)
        wait_event(page, "connect")
        (kept,) = page.context.cookies()
        assert kept["value"] == "server-events"
        assert 3500 < kept["expires"] - page.evaluate("Date.now() / 1000") <= 3600
        page.reload()
        opened(page, rememberTransport=True)
        wait_event(page, "connect")
        assert wait_event(page, "connecting") == [["server-events"]]
        # The hour does not begin again when the page begins with that transport.
        assert page.context.cookies() == [kept]
        page.context.clear_cookies()
        proxy.upgrades = "pass"
        page.reload()
        opened(page, rememberTransport=True)
        wait_event(page, "connect")
        assert wait_event(page, "connecting") == [["websocket"]]


def test_a_client_that_is_disconnected_at_once_stays_away(start, new_page):
    server = start(PAGE, "--send-away")
    page = opened(new_page(server.url), reconnectionDelay=10)
    told = ["disconnected", "disconnected by the application"]
    assert wait_event(page, "disconnect") == [told]
    assert names(page) == ["connecting", "connect", "disconnect"]
    assert not page.evaluate("socket.connecting || socket.reconnecting")
    assert sum(" opened" in line for line in server.log()) == 1


def test_delays_grow_until_a_connection_has_lasted_for_a_while(start, new_page):
    options = {"reconnectOnServerDisconnect": True, "reconnectionDelay": 1}
    page = opened(new_page(start(PAGE, "--send-away").url), **options)
    assert numbers(page, 5) == [1, 2, 3, 4, 5]
    # The clock runs faster: each connection has lasted long now.
    page.evaluate("""() => {
        const now = Date.now;
        let passed = 0;
        window.Date.now = () => now() + passed;
        socket.on('disconnect', () => events.push(['mark']));
        const decide = socket.onDisconnect;
        socket.onDisconnect = function (why) { passed += 10000; decide.call(this, why); };
    }""")
    page.wait_for_function("events.filter(event => event[0] === 'mark').length >= 2")
    page.wait_for_function("events[events.length - 1][0] === 'reconnecting'")
    events = page.evaluate("events")
    after = events[[event[0] for event in events].index("mark") :]
    assert {event[2] for event in after if event[0] == "reconnecting"} == {1}


CONNECT = "name => socket.on(name, () => socket.connect())"


@pytest.mark.parametrize("back", [True, False], ids=["comes-back", "stays-away"])
def test_a_disconnect_listener_that_connects_does_so_after_growing_delays(start, new_page, back):
    server = start(PAGE, "--send-away")
    page = new_page(server.url)
    opened(page, reconnectionDelay=200, reconnectOnServerDisconnect=back, autoConnect=False)
    page.evaluate(CONNECT, "disconnect")
    page.evaluate("socket.connect()")
    assert numbers(page, 4) == [1, 2, 3, 4]
    each = ["connecting", "connect", "disconnect", "reconnecting"]
    assert [name for name in names(page) if name != "reconnect"][:12] == 3 * each


def test_a_listener_that_connects_after_a_refusal_does_so_after_growing_delays(page_url, new_page):
    page = new_page(page_url)
    page.evaluate("document.cookie = 'out=1'")
    opened(page, transports=["xhr-polling"], reconnectionDelay=200, autoConnect=False)
    page.evaluate(CONNECT, "connect_failed")
    page.evaluate("socket.connect()")
    assert numbers(page, 3) == [1, 2, 3]
    page.evaluate("document.cookie = 'out=; max-age=0'")
    wait_event(page, "connect")


def test_a_listener_that_connects_after_the_last_attempt_does_not_begin_anew(start, new_page):
    server = start(PAGE)
    page = new_page(server.url)
    server.stop()
    opened(page, reconnectionDelay=200, maxReconnectionAttempts=1, autoConnect=False)
    page.evaluate(CONNECT, "connect_failed")
    page.evaluate("socket.connect()")
    assert numbers(page, 3) == [1, 2, 3]


def test_a_page_that_connects_while_it_waits_does_not_wait_any_longer(start, new_page):
    server = start(PAGE)
    page = new_page(server.url)
    opened(page, reconnectionDelay=PATIENCE * 10, reconnectionDelayMax=PATIENCE * 10)
    wait_event(page, "connect")
    page.evaluate(CONNECT, "reconnecting")
    server.stop()
    wait_event(page, "reconnecting")
    assert names(page)[-1] == "reconnecting", "a listener is no user"
    server.start()
    page.wait_for_function("Date.now() - socket.failedAt > 1000")
    page.evaluate("socket.connect()")
    wait_event(page, "reconnect")


def test_delays_are_spread_and_bounded(start, new_page):
    server = start(PAGE)
    page = new_page(server.url)
    page.evaluate(
        """patience => {
        window.delays = [];
        window.connected = 0;
        for (let i = 0; i < 30; i++) {
          const socket = new io.Socket(null, {connectTimeout: patience, rememberTransport: false});
          socket.on('connect', () => { connected += 1; });
          socket.on('reconnecting', (delay, number) => { if (number === 1) delays.push(delay); });
        }
    }""",
        PATIENCE,
    )
    page.wait_for_function("connected === 30")
    server.stop(signal.SIGKILL)
    page.wait_for_function("delays.length === 30")
    delays = page.evaluate("delays")
    assert min(delays) >= 250
    assert max(delays) <= 750
    assert len(set(delays)) > 15
    assert max(delays) - min(delays) > 100
    opened(page, reconnectionDelay=8, reconnectionDelayMax=20, maxReconnectionAttempts=8)
    wait_event(page, "connect_failed")
    bounded = [delay for delay, _ in wait_event(page, "reconnecting", 8)]
    assert max(bounded) <= 30
    assert min(bounded[2:]) >= 10


@pytest.mark.parametrize("transport", POSTING)
def test_messages_that_never_left_arrive_in_order_over_the_next_connection(
    start, new_page, transport
):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport], reconnectionDelay=50)
    wait_event(page, "connect")
    with page.expect_event("requestfinished", is_post_of_message):
        page.evaluate("socket.send({note: 'first'})")
    # The page has had its turn for the answer, too.
    page.evaluate("new Promise(done => setTimeout(done, 0))")
    # From now on the server answers nothing, so a POST hangs, and those behind it wait.
    server.process.send_signal(signal.SIGSTOP)
    with page.expect_request(is_post_of_message):
        page.evaluate("socket.send({note: 'hangs'})")
    page.evaluate("socket.send({note: 'second'}).send({note: 'third'})")
    # A frame does not report that it cannot be loaded.
    page.evaluate(PATIENT, 300)
    server.stop(signal.SIGKILL)
    wait_event(page, "disconnect")
    page.evaluate("socket.send({note: 'fourth'})")
    server.start()
    page.evaluate(PATIENT, PATIENCE)
    server.wait_line("note fourth")
    notes = [line.split()[-1] for line in server.log() if "note " in line]
    # The one that hangs may have arrived, as far as the page knows: it is not sent again.
    assert notes == ["first", "second", "third", "fourth"]


@pytest.mark.parametrize("transport", POSTING)
def test_messages_for_an_ended_session_arrive_in_the_next_one(page_url, new_page, transport):
    options = {"reconnectOnServerDisconnect": True, "reconnectionDelay": 10}
    page = opened(new_page(page_url), transports=[transport], **options)
    wait_event(page, "connect")
    # The first goes alone, unless it waits for the echo of a heartbeat.
    page.wait_for_function("""() => {
        if (socket.transport.posting) return false;
        socket.send({end: 1});
        for (let i = 0; i < 5; i++) socket.send({number: i});
        return true;
    }""")
    assert received(page, last=4) == list(range(5))
    assert wait_event(page, "disconnect")[0][0] == "disconnected"


# The answer to a POST, and its messages that arrive over the next connection.
ANSWERS = {
    "nobody-knows-the-session": (404, "no such session; it may have timed out", [1, 2]),
    "it-has-ended": (404, "this session has ended (going_away): the server goes away", [1, 2]),
    "the-server-goes-away": (503, "the server goes away", [1, 2]),
    "it-ended-meanwhile": (404, "the session ended before all of the body was here", [1, 2]),
    "none-was-taken": (404, "the session ended before any of the messages was taken", [1, 2]),
    "some-were-taken": (404, "the session ended before all messages were taken", [2]),
    "too-many": (429, "there were more than 5 messages a second", [2]),
    "a-proxy-waited-too-long": (504, "gateway timeout", [2]),
}


@pytest.mark.parametrize(("status", "text", "come"), ANSWERS.values(), ids=ANSWERS)
def test_only_messages_that_certainly_have_not_arrived_are_sent_again(
    page_url, new_page, status, text, come
):
    page = opened(new_page(page_url), transports=["server-events"], reconnectionDelay=10)
    wait_event(page, "connect")
    answered = []

    def answer_first(route):
        # No other: the next connection may send before the test goes on.
        if not answered and is_post_of_message(route.request):
            answered.append(route)
            route.fulfill(status=status, content_type="text/plain", body=f"{text}\n")
        else:
            route.continue_()

    page.route("**/send", answer_first)
    page.evaluate("socket.send({number: 1})")
    wait_event(page, "disconnect")
    page.evaluate("socket.send({number: 2})")
    assert received(page, last=2) == come


@pytest.mark.parametrize("transport", POSTING)
def test_a_page_that_is_disconnected_during_a_post_stays_away(start, new_page, transport):
    server = start(PAGE)
    page = new_page(server.url)
    opened(page, transports=[transport], reconnectionDelay=10)
    # The first goes alone, and the next POST brings both others.
    page.evaluate("socket.send({note: 'first'}).send({end: 1}).send({note: 'last'})")
    told = ["disconnected", "disconnected by the application"]
    assert wait_event(page, "disconnect") == [told]
    assert not page.evaluate("socket.connecting || socket.reconnecting || socket.waiting")
    page.evaluate("new Promise(done => socket.connect(done))")
    page.evaluate("socket.send({number: 1})")
    assert received(page, last=1) == [1]
    notes = [line.split()[-1] for line in server.log() if "note " in line]
    assert notes == ["first"]


# The page waits for the answer to a POST of its last connection until the test says otherwise.
NEVER_TOO_LONG = """
  (function () {
    var set = window.setTimeout;
    window.setTimeout = function (done, time) {
      if (time === 5000) window.tooLong = done;
      else return set.apply(window, arguments);
    };
  }());
"""


class HeldPost:
    """The first POST of a page that has a message hangs; heartbeats and later ones go through."""

    def __init__(self, page):
        self.route = None
        page.route("**/send", self._decide)

    def _decide(self, route):
        if self.route is None and is_post_of_message(route.request):
            self.route = route
        else:
            route.continue_()

    def answer(self, status, text):
        self.route.fulfill(status=status, content_type="text/plain", body=f"{text}\n")


def is_post_of_message(request):
    return request.url.endswith("/send") and "~j~" in request.post_data


def send_first(page):
    """Send the first message, and wait until it is on its way."""
    with page.expect_request(is_post_of_message):
        page.evaluate("socket.send({number: 1})")


def ended_under_a_post(start, new_page, transport):
    """A page that is connected again, while the POST of its last connection hangs."""
    server = start(PAGE)
    short = {"transportOptions": {"htmlfile": {"timeout": 2000}}, "maxReconnectionAttempts": 100}
    page = new_page(server.url, before=NEVER_TOO_LONG)
    opened(page, transports=[transport], reconnectionDelay=10, **short)
    wait_event(page, "connect")
    post = HeldPost(page)
    send_first(page)
    page.evaluate("socket.send({number: 2})")
    # A frame does not report that it cannot be loaded.
    page.evaluate(PATIENT, 300)
    server.stop(signal.SIGKILL)
    wait_event(page, "disconnect")
    server.start()
    page.evaluate(PATIENT, PATIENCE)
    wait_event(page, "reconnect")
    page.evaluate("socket.send({number: 3})")
    return page, post


def received(page, last):
    """The numbers that have come back, once the last of them is there."""
    page.wait_for_function(
        "last => events.some(event => event[0] === 'message' && event[1].number === last)", arg=last
    )
    return [message["number"] for (message,) in wait_event(page, "message")]


@pytest.mark.parametrize("transport", POSTING)
def test_the_next_connection_waits_for_a_post_that_is_not_taken(start, new_page, transport):
    page, post = ended_under_a_post(start, new_page, transport)
    post.answer(404, "no such session; it may have timed out")
    assert received(page, last=3) == [1, 2, 3]


@pytest.mark.parametrize(("status", "text", "come"), ANSWERS.values(), ids=ANSWERS)
def test_a_late_answer_to_a_post_decides_about_its_messages_alone(
    start, new_page, status, text, come
):
    page, post = ended_under_a_post(start, new_page, "server-events")
    assert "message" not in names(page)
    post.answer(status, text)
    assert received(page, last=3) == [*come, 3]


def test_a_post_that_was_taken_as_its_connection_ended_is_not_sent_again(start, new_page):
    page, post = ended_under_a_post(start, new_page, "server-events")
    post.answer(200, "ok")
    assert received(page, last=3) == [2, 3]


def test_a_post_without_an_answer_delays_the_next_connection_only_for_a_while(start, new_page):
    page, post = ended_under_a_post(start, new_page, "server-events")
    page.evaluate("tooLong()")
    assert received(page, last=3) == [2, 3]
    # It counts as one that may have arrived.
    with page.expect_response(lambda response: response.status == 404):
        post.answer(404, "no such session; it may have timed out")
    page.evaluate("socket.send({number: 4})")
    assert received(page, last=4) == [2, 3, 4]


def test_messages_after_a_disconnect_of_the_page_stay_behind_those_before_it(start, new_page):
    server = start(PAGE)
    page = opened(new_page(server.url, before=NEVER_TOO_LONG), transports=["server-events"])
    wait_event(page, "connect")
    post = HeldPost(page)
    with page.expect_request(is_post_of_message):
        page.evaluate("socket.send({note: 'first'})")
    page.evaluate("socket.send({note: 'second'}).disconnect().connect().send({note: 'third'})")
    wait_event(page, "connect", 2)
    page.evaluate("socket.send({number: 4})")
    post.route.continue_()
    received(page, last=4)
    server.wait_line("note second")
    server.wait_line("note third")
    notes = [line.split()[-1] for line in server.log() if "note " in line]
    assert notes == ["first", "second", "third"]


@pytest.mark.parametrize("transport", POSTING)
def test_a_lost_connection_is_closed_whatever_its_post_does(start, new_page, transport):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport], reconnectionDelay=PATIENCE * 10)
    wait_event(page, "connect")
    HeldPost(page)
    send_first(page)
    with (
        standing_still(server),
        page.expect_event(
            "requestfailed", lambda failed: f"/{transport}/" in failed.url
        ) as hung_up,
    ):
        page.evaluate("socket.transport.options.timeout = 300; socket.transport.onAlive()")
    assert hung_up.value.method == "GET"
    assert wait_event(page, "disconnect")[0][0] == "heartbeat_lost"


SOURCES = """
  window.sources = [];
  window.EventSource = class extends window.EventSource {
    constructor() { super(...arguments); sources.push(this); }
  };
"""


@pytest.mark.parametrize("end", ["null", "socket.disconnect()"], ids=["lost", "by-the-page"])
def test_a_stream_that_breaks_under_a_post_opens_no_session_by_itself(start, new_page, end):
    with Proxy(start(PAGE).port) as proxy:
        page = new_page(proxy.url, before=SOURCES)
        opened(page, transports=["server-events"], reconnectionDelay=PATIENCE * 10)
        wait_event(page, "connect")
        HeldPost(page)
        send_first(page)
        page.evaluate(end)
        assert page.evaluate("sources.map(each => each.readyState)") == [1]
        proxy.cut()
        page.wait_for_function("sources[0].readyState === EventSource.CLOSED")
        wait_event(page, "disconnect")
        assert page.evaluate("sources.length") == 1


def test_messages_to_a_closing_websocket_arrive_over_the_next_one(page_url, new_page):
    page = opened(new_page(page_url), reconnectionDelay=10)
    wait_event(page, "connect")
    page.evaluate("""() => {
        socket.send({number: 1});
        socket.transport.native.close();
        socket.send({number: 2}).send({text: 'é😀'}).send({number: 3});
    }""")
    received = [message for (message,) in wait_event(page, "message", 3)]
    assert received[-3:] == [{"number": 2}, {"text": "é😀"}, {"number": 3}]
    assert len(wait_event(page, "disconnect")) == 1


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "htmlfile"])
def test_a_page_that_is_older_than_the_server_connects(start, new_page, transport):
    server, elsewhere = start(PAGE), start(PAGE)
    port = server.port
    server.stop()
    page = opened(
        new_page(elsewhere.url),
        transports=[transport],
        port=port,
        reconnectionDelay=50,
    )
    page.evaluate("socket.send({kept: true})")
    assert numbers(page, 2) == [1, 2]
    assert page.evaluate("socket.reconnecting")
    server.start()
    assert wait_event(page, "message") == [[{"kept": True}]]
    assert "connect_failed" not in names(page)
    assert names(page)[-3:-1] == ["connect", "reconnect"]


def test_without_reconnect_the_first_attempt_is_the_only_one(start, new_page):
    server = start(PAGE)
    page = new_page(server.url)
    server.stop()
    opened(page, reconnect=False)
    assert wait_event(page, "connect_failed") == [[0, ""]]
    # No other transport would find a server either.
    assert names(page) == ["connecting", "connect_failed"]


def test_a_page_that_has_given_up_tries_again_when_the_browser_is_online(page_url, new_page):
    page = new_page(page_url)
    page.context.set_offline(True)
    opened(page, maxReconnectionAttempts=2, reconnectionDelay=1)
    wait_event(page, "connect_failed")
    page.context.set_offline(False)
    wait_event(page, "connect")


VISIBLE = "document.dispatchEvent(new Event('visibilitychange'))"
HIDDEN = "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"


@pytest.mark.parametrize("waiting", [True, False], ids=["waits", "has-given-up"])
def test_a_page_tries_at_once_when_it_is_visible_again(start, new_page, waiting):
    server = start(PAGE)
    page = opened(
        new_page(server.url),
        maxReconnectionAttempts=10 if waiting else 0,
        reconnectionDelay=PATIENCE * 10,
        reconnectionDelayMax=PATIENCE * 10,
    )
    wait_event(page, "connect")
    server.stop()
    wait_event(page, "reconnecting" if waiting else "reconnect_failed")
    server.start()
    page.evaluate(HIDDEN)
    page.evaluate(VISIBLE)
    assert not page.evaluate("socket.connecting"), "nobody looks at it"
    page.evaluate("delete document.hidden")
    page.evaluate(VISIBLE)
    wait_event(page, "reconnect")


def test_a_page_that_has_disconnected_stays_away_whatever_the_browser_reports(page_url, new_page):
    page = new_page(page_url)
    page.context.set_offline(True)
    opened(page, reconnectionDelay=PATIENCE * 10, reconnectionDelayMax=PATIENCE * 10)
    wait_event(page, "reconnecting")
    page.evaluate("socket.disconnect()")
    page.context.set_offline(False)
    page.evaluate(VISIBLE)
    assert not page.evaluate("socket.connecting || socket.reconnecting")
