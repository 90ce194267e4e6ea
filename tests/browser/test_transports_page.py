"""The example: the page that shows which transports get through."""

import re

import pytest
from support.page import PATIENT, TRANSPORTS
from support.proxy import Proxy

SERVER = "example/server.py"


def visit(new_page, url, before="", **options):
    return new_page(url + "/transports.html", before=PATIENT + before, **options)


def wait_done(page):
    page.wait_for_selector("body[data-done=true]", timeout=90_000)
    return page


def verdict(page):
    return page.inner_text("#verdict")


def row(page, transport):
    """The row of a transport in the page: its state, the reason, and four numbers."""
    state, reason, counts = page.evaluate(
        """transport => {
          const line = document.querySelector(`[data-transport=${transport}]`);
          const text = name => line.querySelector(name).textContent;
          return [line.dataset.state, text('.detail'), text('.counts') + text('.errors')];
        }""",
        transport,
    )
    return state, reason, [int(number) for number in re.findall(r"\d+", counts)]


def run_again(page):
    """Click on the button; whether the page said so at once."""
    return page.evaluate("() => { again.click(); return document.body.dataset.done === 'false'; }")


# From the fourth message on, all messages of the page are lost, but not its heartbeats.
SWALLOW = """
  var send = WebSocket.prototype.send, count = 0;
  WebSocket.prototype.send = function (text) {
    if (text.indexOf('~h~') >= 0 || ++count < 4) send.call(this, text);
  };
"""


def test_every_transport_but_flash_gets_through_and_loses_nothing(start, new_page):
    page = wait_done(visit(new_page, start(SERVER).url))
    assert verdict(page) == "5 of 6 transports get through; this page would use websocket."
    for transport in TRANSPORTS:
        state, reason, (sent, received, lost, misordered) = row(page, transport)
        assert state == "passed", reason
        assert sent == received >= 10
        assert lost == misordered == 0
    assert row(page, "flashsocket") == ("unsupported", "by this browser", [])


def test_the_page_lists_all_transports_in_the_order_of_attempts(start, new_page):
    page = visit(new_page, start(SERVER).url)
    listed = page.eval_on_selector_all(
        "[data-transport]", "found => found.map(each => each.getAttribute('data-transport'))"
    )
    assert listed == page.evaluate("new io.Socket(null, {autoConnect: false}).options.transports")
    assert sorted(listed) == sorted([*TRANSPORTS, "flashsocket"])


def test_the_page_shows_round_trips_in_numbers_and_in_bars(start, new_page):
    page = wait_done(visit(new_page, start(SERVER).url))
    for transport in TRANSPORTS:
        line = page.locator(f"[data-transport={transport}]")
        assert re.fullmatch(r"\d+(\.\d)?\sms", line.locator(".median").text_content())
        assert re.fullmatch(r"median; last \d+(\.\d)?\sms", line.locator(".last").text_content())
        _, _, (_, received, _, _) = row(page, transport)
        assert line.locator(".bars").get_attribute("d").count("M") == received
    assert page.locator("[data-transport=flashsocket] .bars").get_attribute("d") == ""


@pytest.mark.parametrize(
    ("how", "reason"),
    [("refuse", "refused, or stopped on the way"), ("drop", "no answer within 5 s")],
)
def test_behind_a_proxy_without_upgrades_the_page_names_the_next_transport(
    start, new_page, how, reason
):
    with Proxy(start(SERVER).port, upgrades=how) as proxy:
        page = wait_done(visit(new_page, proxy.url))
        assert verdict(page) == "4 of 6 transports get through; this page would use server-events."
        assert page.inner_text("#advice").endswith("stops websocket.")
        assert row(page, "websocket") == ("failed", reason, [])


def test_a_lost_connection_is_reported_as_such(start, new_page):
    with Proxy(start(SERVER).port) as proxy:
        # It would be done with websocket soon if all were answered.
        page = visit(new_page, proxy.url, before=SWALLOW)
        page.wait_for_selector("[data-transport=websocket][data-state=connected]")
        proxy.cut()
        page.wait_for_selector("[data-transport=websocket][data-state=failed]")
        _, reason, (sent, received, lost, misordered) = row(page, "websocket")
        assert reason == "the connection was lost"
        assert (sent - received, misordered) == (lost, 0)
        assert "websocket" not in verdict(wait_done(page))


def test_a_message_that_is_not_answered_is_lost(start, new_page):
    page = wait_done(visit(new_page, start(SERVER).url, before=SWALLOW))
    reason = "a message had no answer within 5 s"
    assert row(page, "websocket") == ("failed", reason, [4, 3, 1, 0])


def test_messages_that_come_twice_are_found(start, new_page):
    twice = """
      var send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (text) { send.call(this, text + text); };
    """
    page = wait_done(visit(new_page, start(SERVER).url, before=twice))
    state, reason, (sent, received, lost, misordered) = row(page, "websocket")
    assert (state, reason) == ("failed", "messages came out of order")
    assert (sent, lost) == (received, 0)
    assert misordered > 0


def test_a_second_run_sees_that_the_server_has_gone(start, new_page):
    server = start(SERVER)
    page = wait_done(visit(new_page, server.url))
    assert run_again(page)
    assert "5 of 6" in verdict(wait_done(page))
    server.stop()
    assert run_again(page)
    assert verdict(wait_done(page)) == "None of 6 transports gets through."
    assert [row(page, name)[0] for name in TRANSPORTS] == ["failed"] * 5


# Clicks as soon as htmlfile is connected, which it cannot be before the page has loaded.
CLICK = """
  window.addEventListener('load', () => {
    const line = document.querySelector('[data-transport=htmlfile]');
    if (!line) return;  // a frame
    const look = (_, observer) => {
      if (line.dataset.state !== 'connected') return;
      observer.disconnect();
      window.waiting = document.querySelectorAll('[data-state=waiting]').length;
      again.click();
      window.shown = [line.dataset.state, line.querySelector('.detail').textContent];
      window.tried = line.querySelector('.counts').textContent;
    };
    new MutationObserver(look).observe(line, {attributes: true});
  });
"""


def test_run_again_begins_anew_while_a_run_is_under_way(start, new_page):
    server = start(SERVER)
    page = visit(new_page, server.url, before=CLICK)
    page.wait_for_function("window.shown")
    assert page.evaluate("[shown, tried]") == [["waiting", ""], ""]
    begun = 6 - page.evaluate("waiting")
    assert "5 of 6" in verdict(wait_done(page))
    # The first run has not gone on beside the second.
    assert sum(" opened" in line for line in server.log()) <= begun + 5


def test_the_chat_is_not_disturbed_and_nothing_runs_afterwards(start, new_page):
    server = start(SERVER)
    chat = new_page(server.url, before=PATIENT)
    chat.wait_for_selector("#status[data-state=connected]")
    wait_done(visit(new_page, server.url))
    # Five sessions end: the polling one only when nobody has polled for a while.
    server.wait_line(" ended", count=5)
    chat.fill("#text", "nobody here?")
    chat.press("#text", "Enter")
    newcomer = new_page(server.url, before=PATIENT)
    newcomer.wait_for_selector(".message")
    chat.wait_for_selector(".announcement")
    # The chat notices only the newcomer.
    assert chat.locator(".announcement").count() == 1
    assert newcomer.locator("#log > *").count() == 1
    lines = server.log()
    assert sum(" opened" in line for line in lines) == 7
    assert sum(" ended" in line for line in lines) == 5
    assert not any("WARNING" in line or "ERROR" in line for line in lines)


def test_the_probe_sends_nothing_back_but_pings(start, new_page):
    page = wait_done(visit(new_page, start(SERVER).url))
    page.evaluate(
        """() => {
          window.received = [];
          var socket = new io.Socket(null, {
            resource: 'probe', rememberTransport: false, connectTimeout: 60000
          });
          socket.on('message', function (message) { received.push(message); });
          ['text', 7, null, [{ping: 1}], {}, {pong: 1}, {ping: 'text'}, {ping: {a: 1}},
           {ping: 1, more: 2}, {ping: 2}].forEach(function (each) { socket.send(each); });
        }"""
    )
    page.wait_for_function("received.length > 0")
    assert page.evaluate("received") == [{"ping": 2}]


def test_without_its_client_file_the_page_says_so(start, new_page):
    page = new_page(start(SERVER).url)
    page.route("**/socket.io.js", lambda route: route.abort())
    page.goto(page.url + "transports.html")
    assert verdict(wait_done(page)) == "The server cannot be reached."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(start, new_page, scheme):
    with Proxy(start(SERVER).port, upgrades="refuse") as proxy:
        size = {"width": 360, "height": 640}
        page = visit(new_page, proxy.url, viewport=size, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        wait_done(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.is_visible("#again")


def test_the_two_pages_link_to_each_other(start, new_page):
    page = new_page(start(SERVER).url, before=PATIENT)
    page.click("text=Transports")
    wait_done(page)
    page.click("text=Chat")
    page.wait_for_selector("#status[data-state=connected]")


def test_only_its_own_pages_are_served(start, new_page):
    server = start(SERVER)
    context = new_page(server.url).context.request
    for path, status in (("/transports.html", 200), ("/chat.html", 404), ("/server.py", 404)):
        assert context.get(server.url + path).status == status
    assert context.post(server.url + "/transports.html").status == 405


@pytest.mark.parametrize("port", [[], ["--port", "0"]], ids=["given", "any"])
def test_the_program_starts_with_a_clean_log(start, port):
    server = start(SERVER, *port)
    server.stop()
    assert server.log() == [f"Open {server.url}/"]
