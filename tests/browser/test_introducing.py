"""What the browser client finds out and shows when it connects: its prefix, auth, query."""

import pytest
from support.page import RUNNING, opened, wait_event
from support.processes import Process

PAGE = "tests/browser/page_server.py"
transports = pytest.mark.parametrize("transport", RUNNING)


def who(page):
    """What the server knows about the client of a page."""
    before = page.evaluate("events.filter(event => event[0] === 'message').length")
    page.evaluate("socket.send({who: 1})")
    return wait_event(page, "message", before + 1)[-1][0]


@pytest.fixture(scope="module")
def mounted():
    process = Process(PAGE, "--resource", "live/socket.io")
    try:
        yield process.start().url
    finally:
        process.stop()


@transports
def test_the_prefix_is_that_of_the_script(mounted, new_page, transport):
    page = opened(new_page(mounted), transports=[transport])
    wait_event(page, "connect")
    assert page.evaluate("socket.options.resource") == "live/socket.io"


RESOURCE = "([host, options]) => new io.Socket(host, options).options.resource"


@pytest.mark.parametrize(
    ("host", "options", "resource"),
    [
        (None, {}, "live/socket.io"),
        (None, {"resource": "other"}, "other"),
        (None, {"port": 1}, "socket.io"),
        (None, {"secure": True}, "socket.io"),
        ("example.com", {}, "socket.io"),
    ],
)
def test_the_prefix_is_for_the_server_of_the_script_only(
    mounted, new_page, host, options, resource
):
    options = {"autoConnect": False, **options}
    assert new_page(mounted).evaluate(RESOURCE, [host, options]) == resource


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/socket.io/socket.io.js", "socket.io"),
        ("/a/b/socket.io/classic.js?v=1", "a/b/socket.io"),
        ("/static/socket.io.js", "socket.io"),
        ("/static/socket.io/bundle.js", "socket.io"),
    ],
)
def test_only_addresses_of_a_listener_have_a_prefix(mounted, chromium, path, resource):
    context = chromium.new_context()
    try:
        page = context.new_page()
        script = context.request.get(f"{mounted}/live/socket.io/socket.io.js").text()
        page.route(f"**{path}", lambda route: route.fulfill(body=script))
        page.goto(mounted)
        page.evaluate("delete window.io")
        page.add_script_tag(url=path)
        options = [None, {"autoConnect": False}]
        assert page.evaluate(RESOURCE, options) == resource
    finally:
        context.close()


@transports
def test_auth_and_query_arrive_over_every_transport(page_url, new_page, transport):
    auth = {"token": "é&=?#😀", "list": [1, None, {"deep": True}]}
    query = {"page": "a b&c", "number": 7}
    page = opened(new_page(page_url), transports=[transport], auth=auth, query=query)
    shown = who(page)
    assert shown["auth"] == auth
    assert shown["query"].startswith("page=a%20b%26c&number=7&auth=")


@transports
def test_messages_go_both_ways_behind_auth(page_url, new_page, transport):
    page = opened(new_page(page_url), transports=[transport], auth="secret")
    page.evaluate("for (var i = 0; i < 10; i++) socket.send({number: i})")
    received = wait_event(page, "message", 10)
    assert [message["number"] for (message,) in received] == list(range(10))
    assert who(page)["auth"] == "secret"


def test_without_auth_and_query_addresses_are_as_before(page_url, new_page):
    page = opened(new_page(page_url))
    assert who(page) == {"auth": {}, "query": ""}


WITH_FUNCTION = """() => {
  window.events = [];
  window.calls = 0;
  window.socket = new io.Socket(null, {
    rememberTransport: false,
    reconnectionDelay: 10,
    auth: function (done) {
      calls += 1;
      setTimeout(function () { done({call: calls}); done('twice'); }, 10);
    }
  });
  ['connecting', 'connect', 'message', 'disconnect'].forEach(name => socket.on(name, function () {
    events.push([name].concat([].slice.call(arguments)));
  }));
}"""


def test_a_function_gives_auth_anew_each_time(page_url, new_page):
    page = new_page(page_url)
    page.evaluate(WITH_FUNCTION)
    assert who(page)["auth"] == {"call": 1}
    page.evaluate("socket.disconnect(); socket.connect()")
    wait_event(page, "connect", 2)
    assert who(page)["auth"] == {"call": 2}
    assert len(wait_event(page, "connecting")) == 2, "done() was called twice each time"


def test_an_answer_for_a_socket_that_is_closed_meanwhile_connects_nothing(page_url, new_page):
    page = new_page(page_url)
    page.evaluate("""() => {
      window.socket = new io.Socket(null, {auth: function (done) { window.finish = done; }});
      window.events = [];
      socket.on('connecting', type => events.push(type));
    }""")
    page.wait_for_function("Boolean(window.finish)")
    assert page.evaluate("socket.connecting")
    page.evaluate("socket.disconnect(); finish({late: true})")
    assert page.evaluate("[socket.transport, events]") == [None, []]


def test_a_function_that_fails_ends_the_attempt_and_is_reported(page_url, new_page):
    errors = []
    page = new_page(page_url, on_error=errors.append)
    page.evaluate("""() => {
      window.events = [];
      window.socket = new io.Socket(null, {auth: function () { throw new Error('no token'); }});
      socket.on('connect_failed', function () { events.push(['connect_failed']); });
    }""")
    wait_event(page, "connect_failed")
    page.wait_for_function("!socket.connecting && !socket.reconnecting")
    assert errors == ["no token"]


def test_it_tries_again_until_the_server_is_there(page_url, new_page):
    page = new_page(page_url)
    opened(page, reconnectionDelay=1, reconnectionDelayMax=5, connectTimeout=20, port=9)
    assert len(wait_event(page, "reconnecting", 30)) >= 30
    page.evaluate("socket.options.port = location.port; socket.options.connectTimeout = 15000")
    wait_event(page, "connect")
