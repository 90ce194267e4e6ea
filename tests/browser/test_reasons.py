"""The reasons that a page gets: why a connection has ended, or why none was opened."""

from __future__ import annotations

import signal

import pytest
from support.page import TRANSPORTS, opened, wait_event

PAGE = "tests/browser/page_server.py"
transports = pytest.mark.parametrize("transport", TRANSPORTS)


def reason(page):
    """The reason for the end of the connection, and its text."""
    return tuple(wait_event(page, "disconnect")[0])


def tell(page, **message):
    """Send a message over an open connection."""
    wait_event(page, "connect")
    page.evaluate("message => socket.send(message)", message)


def warnings(server):
    return [line for line in server.log() if line.startswith("WARNING")]


@transports
def test_a_client_that_the_server_disconnects_knows_it_and_stays_away(start, new_page, transport):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport], reconnectionDelay=1)
    tell(page, end=1)
    assert reason(page) == ("disconnected", "disconnected by the application")
    assert page.evaluate("events")[-1][0] == "disconnect"
    assert not page.evaluate("socket.connecting || socket.reconnecting || socket.connected")
    # It is not over for good: the page may ask for another connection.
    page.evaluate("new Promise(done => socket.connect(done))")
    assert sum(" opened" in line for line in server.log()) == 2


@transports
def test_a_disconnected_client_comes_back_if_an_option_says_so(page_url, new_page, transport):
    options = {"reconnectionDelay": 1, "reconnectOnServerDisconnect": True}
    page = opened(new_page(page_url), transports=[transport], **options)
    tell(page, end=1)
    assert reason(page)[0] == "disconnected"
    wait_event(page, "reconnect")


@transports
def test_a_server_that_goes_away_says_so(start, new_page, transport):
    page = opened(new_page(start(PAGE).url), transports=[transport])
    tell(page, close=1)
    assert reason(page) == ("going_away", "the server goes away")
    wait_event(page, "reconnecting")


@transports
def test_a_server_that_is_killed_is_a_lost_connection(start, new_page, transport):
    server = start(PAGE)
    short = {"transportOptions": {"htmlfile": {"timeout": 2000}}}
    page = opened(new_page(server.url), transports=[transport], **short)
    wait_event(page, "connect")
    server.stop(signal.SIGKILL)
    # A frame does not report that its document was cut off.
    assert reason(page)[0] == ("heartbeat_lost" if transport == "htmlfile" else "connection_lost")
    wait_event(page, "reconnecting")


@transports
@pytest.mark.parametrize("size", [1_200_000, 30_000_000])
def test_a_message_that_is_too_large_is_reported_and_not_sent_again(
    start, new_page, transport, size
):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=[transport], reconnectionDelay=1)
    wait_event(page, "connect")
    page.evaluate("size => { socket.send('x'.repeat(size)); socket.send({number: 1}); }", size)
    why, text = reason(page)
    assert why == "limit_exceeded"
    assert " is over " in text
    wait_event(page, "reconnect")
    page.evaluate("socket.send({number: 2})")
    received = [message["number"] for (message,) in wait_event(page, "message")]
    # By WebSocket the message behind it may have left the page, too.
    assert received[0] == 1 or transport == "websocket"
    assert len(wait_event(page, "disconnect")) == 1


@transports
def test_silence_is_a_lost_heartbeat(page_url, new_page, transport):
    options = {"transportOptions": {transport: {"timeout": 50}}, "reconnect": False}
    page = opened(new_page(page_url), transports=[transport], **options)
    assert reason(page) == ("heartbeat_lost", "nothing has come for 0.05 s")


def test_a_proxy_that_refuses_a_poll_is_reported_as_a_proxy(page_url, new_page):
    page = new_page(page_url)
    opened(page, transports=["xhr-polling"], reconnect=False)
    wait_event(page, "connect")
    page.route("**/xhr-polling/**", lambda route: route.fulfill(status=403, body="<h1>no</h1>"))
    page.evaluate("socket.send({number: 1})")
    assert reason(page) == ("refused", "")


def test_the_page_s_own_disconnect_is_reported_as_such(page_url, new_page):
    page = opened(new_page(page_url))
    wait_event(page, "connect")
    page.evaluate("socket.disconnect()")
    assert reason(page) == ("client_closed", "")


OUT = "document.cookie = 'out=1; path=/'"


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refused_page_gets_status_and_text_and_does_not_ask_again(start, new_page, status):
    server = start(PAGE, "--refuse", str(status))
    page = new_page(server.url)
    page.evaluate(OUT)
    opened(page)
    assert wait_event(page, "connect_failed") == [[status, "log in first"]]
    assert page.evaluate("events") == [
        ["connecting", "websocket"],
        ["connect_failed", status, "log in first"],
    ]
    assert not page.evaluate("socket.connecting || socket.reconnecting")
    assert len(warnings(server)) == 1
    # Logged in, it connects.
    page.evaluate("document.cookie = 'out=0; path=/'")
    page.evaluate("new Promise(done => socket.connect(done))")


@transports
def test_each_transport_reports_a_refusal(page_url, new_page, transport):
    page = new_page(page_url)
    page.evaluate(OUT)
    opened(page, transports=[transport])
    assert wait_event(page, "connect_failed") == [[401, "log in first"]]


def test_a_page_that_is_refused_when_it_comes_back_is_told_so(start, new_page):
    server = start(PAGE)
    # It must not give up before the server is there again, however long that takes.
    lasting = {"reconnectionDelayMax": 100, "maxReconnectionAttempts": 10_000}
    page = opened(new_page(server.url), reconnectionDelay=1, **lasting)
    wait_event(page, "connect")
    page.evaluate(OUT)
    server.stop()
    server.start()
    assert wait_event(page, "reconnect_failed") == [[401, "log in first"]]


def test_a_server_that_is_full_or_fails_is_tried_again(start, new_page):
    server = start(PAGE, "--refuse", "503")
    page = new_page(server.url)
    page.evaluate(OUT)
    opened(page, reconnectionDelay=1, maxReconnectionAttempts=3)
    assert wait_event(page, "connect_failed") == [[503, "log in first"]]
    names = [event[0] for event in page.evaluate("events")]
    assert names == ["connecting", "reconnecting"] * 3 + ["connecting", "connect_failed"]


def test_a_transport_that_is_not_enabled_leads_to_the_next(start, new_page):
    page = opened(new_page(start(PAGE, "--transports", "xhr-polling").url), rememberTransport=True)
    wait_event(page, "connect")
    assert page.evaluate("socket.transport.type") == "xhr-polling"
    assert "socketio=xhr-polling" in page.evaluate("document.cookie")


def test_a_proxy_s_own_error_page_is_not_a_reason(page_url, new_page):
    """A 401 with a form for a password comes from a proxy, and not from the server."""
    page = new_page(page_url, keep=False)
    page.route(
        "**/websocket/**",
        lambda route: route.fulfill(status=401, content_type="text/html", body="<form>"),
    )
    page.route_web_socket("**/websocket", lambda websocket: websocket.close())
    opened(page)
    assert wait_event(page, "connect_failed") == [[401, ""]]


def test_a_warning_names_events_of_other_generations(page_url, new_page):
    page, lines = new_page(page_url, keep=False), []
    page.on("console", lambda line: lines.append((line.type, line.text)))
    opened(page)
    wait_event(page, "connect")
    page.evaluate("""() => {
        socket.on('message', () => {}).on('disconnect', () => {}).once('connect', () => {});
        socket.on('chat', () => {}).emit('chat', {a: 1}).emit('chat', {a: 2});
    }""")
    assert lines == [
        (
            "warning",
            "socket.io: there is no event 'chat' here. "
            "What the server sends is the event 'message'.",
        ),
        ("warning", "socket.io: there is no event 'chat' here. Nothing is sent: use send()."),
    ]
