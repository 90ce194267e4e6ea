"""What the browser client does if a transport does not get through."""

import pytest
from support.framing import TRICKY
from support.page import PATIENCE, RUNNING, TRANSPORTS, check_tricky_strings, opened, wait_event
from support.proxy import Proxy

PAGE = "tests/browser/page_server.py"


def test_if_websocket_fails_the_next_transport_is_tried_and_remembered(start, new_page):
    server = start(PAGE)
    page = new_page(server.url)
    page.evaluate("() => { window.WebSocket = function () { throw new Error('blocked'); }; }")
    opened(page, rememberTransport=True)
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["websocket"], ["server-events"]]
    page.reload()
    opened(page, rememberTransport=True)
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["server-events"]]


def test_a_browser_without_websocket_does_not_try_it(page_url, new_page):
    page = new_page(page_url, before="delete window.WebSocket")
    opened(page)
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["server-events"]]


def test_a_transport_that_does_not_answer_is_given_up_after_connect_timeout(page_url, new_page):
    page = new_page(page_url)
    page.evaluate("() => { window.WebSocket = function () { this.close = function () {}; }; }")
    opened(page, hopeless=["websocket"])
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["websocket"], ["server-events"]]


def test_only_the_first_transport_is_tried_if_an_option_says_so(page_url, new_page):
    page = new_page(page_url)
    page.evaluate("() => { window.WebSocket = function () { throw new Error('blocked'); }; }")
    opened(page, tryTransportsOnConnectTimeout=False, reconnect=False)
    wait_event(page, "connect_failed")
    assert wait_event(page, "connecting") == [["websocket"]]


def test_an_event_says_that_no_transport_connects(page_url, new_page):
    # The address answers with a page, which is no script for jsonp-polling to run.
    errors = []
    page = new_page(page_url, on_error=errors.append)
    opened(page, resource="nowhere", reconnect=False)
    wait_event(page, "connect_failed")
    assert wait_event(page, "connecting") == [[name] for name in TRANSPORTS]
    opened(page, resource="nowhere", transports=["jsonp-polling"], reconnect=False)
    wait_event(page, "connect_failed")
    assert all("Unexpected token" in error for error in errors)
    opened(page, transports=["no-such"])
    wait_event(page, "connect_failed")


# The page waits for an answer as long as for a connection, which for some is not long.
LASTING_QUESTION = """patience => {
  const ask = io.Socket.prototype.ask;
  io.Socket.prototype.ask = function () {
    this.options.connectTimeout = patience;
    ask.apply(this, arguments);
  };
}"""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_disconnect_ends_the_attempt_while_the_server_is_asked_why(page_url, new_page, transport):
    page = new_page(page_url)
    page.evaluate("() => { window.WebSocket = function () { throw new Error('blocked'); }; }")
    for path in ("**/*ask", f"**/{transport}/**"):
        page.route(path, lambda route: None if "ask" in route.request.url else route.abort())
    page.evaluate(LASTING_QUESTION, PATIENCE)
    opened(page, transports=[transport], hopeless=["htmlfile"])
    page.evaluate("socket.send({number: 1})")
    page.wait_for_function("socket.question")
    page.evaluate("socket.disconnect()")
    assert page.evaluate("events") == [["connecting", transport]]
    assert not page.evaluate("socket.connecting || socket.connected || socket.question")
    page.unroute_all()
    opened(page, transports=["xhr-polling"])
    wait_event(page, "connect")


@pytest.mark.parametrize("how", ["refuse", "drop"])
def test_behind_a_proxy_without_upgrades_the_next_transport_connects(start, new_page, how):
    with Proxy(start(PAGE).port, upgrades=how) as proxy:
        page = opened(new_page(proxy.url), hopeless=["websocket"] if how == "drop" else [])
        page.evaluate("socket.send({number: 1})")
        assert wait_event(page, "message") == [[{"number": 1}]]
        assert wait_event(page, "connecting") == [["websocket"], ["server-events"]]


def test_a_page_whose_transport_stops_working_goes_on_with_another(start, new_page):
    with Proxy(start(PAGE).port) as proxy:
        page = opened(new_page(proxy.url), rememberTransport=True, reconnectionDelay=50)
        wait_event(page, "connect")
        assert page.evaluate("socket.transport.type") == "websocket"
        proxy.upgrades = "refuse"
        proxy.cut()
        assert wait_event(page, "reconnect")[0][0] == "server-events"
        # The transport has worked before, so it was tried twice.
        tried = [["websocket"], ["websocket"], ["websocket"], ["server-events"]]
        assert wait_event(page, "connecting") == tried
        page.evaluate("socket.send({number: 1})")
        assert wait_event(page, "message") == [[{"number": 1}]]
        # And back, though the cookie now names the other.
        proxy.upgrades = "pass"
        proxy.cut()
        assert wait_event(page, "reconnect", 2)[1][0] == "server-events"


@pytest.mark.parametrize("transport", RUNNING)
def test_another_origin_connects_where_it_is_allowed(start, new_page, transport):
    server, elsewhere = start(PAGE), start(PAGE)
    page = opened(new_page(elsewhere.url), transports=[transport], port=server.port)
    if transport == "htmlfile":
        # A frame of another origin may not call into the page, so it is not even tried.
        wait_event(page, "connect_failed")
        assert page.evaluate("events") == [["connect_failed", 0, ""]]
        return
    page.evaluate("tricky => tricky.forEach(text => socket.send(text))", TRICKY)
    received = wait_event(page, "message", len(TRICKY))
    assert received == [[{"is": place}] for place in range(len(TRICKY))]
    assert any("opened" in line for line in server.log())
    assert not any("opened" in line for line in elsewhere.log())


@pytest.mark.parametrize("transport", RUNNING)
def test_another_origin_is_refused_where_it_is_not_allowed(start, page_url, new_page, transport):
    server = start(PAGE, "--origins", "self")
    options = {"transports": [transport], "port": server.port, "reconnect": False}
    page = opened(new_page(page_url), **options)
    wait_event(page, "connect_failed")
    assert not any("opened" in line for line in server.log())


def test_jsonp_polling_posts_forms_in_a_browser_without_xhr(page_url, new_page):
    page = new_page(page_url, before="delete window.XMLHttpRequest")
    opened(page, transports=["jsonp-polling"])
    check_tricky_strings(page)
    assert page.evaluate("socket.transport.type") == "jsonp-polling"


def test_forms_are_removed_from_the_page(page_url, new_page):
    page = new_page(page_url, before="delete window.XMLHttpRequest")
    opened(page, transports=["jsonp-polling"])
    for number in range(3):
        page.evaluate("number => socket.send({number: number})", number)
        wait_event(page, "message", number + 1)
    page.wait_for_function("document.querySelectorAll('form, iframe').length === 0")
    assert page.evaluate("document.querySelectorAll('script').length") <= 2


def test_a_multipart_answer_that_grows_large_is_renewed_without_a_loss(start, new_page):
    server = start(PAGE)
    page = opened(new_page(server.url), transports=["xhr-multipart"])
    wait_event(page, "connect")
    first = page.evaluate("socket.transport.sessionid")
    page.evaluate(
        "for (var i = 0; i < 60; i++) socket.send({number: i, text: new Array(50001).join('x')})"
    )
    received = [message["number"] for (message,) in wait_event(page, "message", 60)]
    assert received == list(range(60))
    assert page.evaluate("socket.transport.sessionid") == first
    page.wait_for_function("socket.transport.current?.responseText.length < 2500000")
    assert sum("opened" in line for line in server.log()) == 1


# Replaces the shim: the same interface, over the browser's own WebSocket.
SHIM = """
  var Native = window.WebSocket;
  window.tasks = 0;
  window.WebSocket = function (url) { return new Native(url); };
  window.WebSocket.__addTask = function (task) { window.tasks++; setTimeout(task, 0); };
"""


def test_flashsocket_is_used_on_a_page_with_a_shim(start, new_page):
    server = start(PAGE)
    page = opened(new_page(server.url, before=SHIM), transports=["websocket", "flashsocket"])
    page.evaluate("tricky => tricky.forEach(text => socket.send(text))", TRICKY)
    received = wait_event(page, "message", len(TRICKY))
    assert received == [[{"is": place}] for place in range(len(TRICKY))]
    assert wait_event(page, "connecting") == [["flashsocket"]]
    assert page.evaluate("tasks") == 1
    server.wait_line("(flashsocket, 127.0.0.1) opened")


def test_flashsocket_is_skipped_on_a_page_without_a_shim(page_url, new_page):
    page = opened(new_page(page_url), transports=["flashsocket", "xhr-polling"])
    wait_event(page, "connect")
    assert wait_event(page, "connecting") == [["xhr-polling"]]
