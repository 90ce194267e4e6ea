"""The example: a chat between real browser windows."""

import re
import signal
import subprocess
import sys

import pytest
from support.framing import TRICKY
from support.npm import bundle
from support.page import PATIENT, TRANSPORTS
from support.processes import ROOT

SERVER = "example/server.py"


def join(new_page, url, transport=None, **options):
    address = url + (f"/?transport={transport}" if transport else "/")
    page = new_page(address, before=PATIENT, **options)
    page.wait_for_selector("#status[data-state=connected]")
    if transport:
        assert page.inner_text("#transport") == transport
    return page


def say(page, text):
    page.fill("#text", text)
    page.click("#send")


def texts(page, selector):
    return page.eval_on_selector_all(
        f"#log {selector} .text", "found => found.map(each => each.textContent)"
    )


def wait_text(page, selector, text):
    page.wait_for_function(
        """([selector, text]) => [].some.call(document.querySelectorAll('#log ' + selector),
             each => each.textContent.indexOf(text) >= 0)""",
        arg=[selector, text],
    )


@pytest.mark.parametrize(
    ("one", "other"), [*zip(TRANSPORTS, TRANSPORTS, strict=True), ("websocket", "xhr-polling")]
)
def test_two_pages_talk_to_each_other(start, new_page, one, other):
    server = start(SERVER)
    alice, bob = join(new_page, server.url, one), join(new_page, server.url, other)
    wait_text(alice, ".announcement", "connected")
    say(alice, "hello, Bob")
    wait_text(bob, ".message:not(.own)", "hello, Bob")
    say(bob, "hello, Alice")
    wait_text(alice, ".message:not(.own)", "hello, Alice")
    assert texts(alice, ".own") == ["hello, Bob"]
    assert texts(bob, ".own") == ["hello, Alice"]
    bob.close()
    wait_text(alice, ".announcement", "disconnected")


def test_a_page_picks_the_best_transport_by_itself(start, new_page):
    page = join(new_page, start(SERVER).url)
    assert page.inner_text("#transport") == "websocket"


def test_a_newcomer_reads_the_last_fifteen_messages(start, new_page):
    server = start(SERVER)
    alice, bob = join(new_page, server.url), join(new_page, server.url)
    for number in range(17):
        say(alice, f"message {number}")
    wait_text(bob, ".message", "message 16")
    newcomer = join(new_page, server.url)
    wait_text(newcomer, ".message", "message 16")
    assert texts(newcomer, ".message") == [f"message {number}" for number in range(2, 17)]


def test_text_of_users_is_never_markup_and_arrives_unaltered(start, new_page):
    server = start(SERVER)
    alice, bob = join(new_page, server.url), join(new_page, server.url, "xhr-polling")
    hostile = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "&lt;b&gt;"]
    # A text field makes every line break LF, so CR is left to the client's own tests.
    sent = hostile + [text for text in TRICKY if text.strip() and "\r" not in text]
    alice.evaluate("sent => sent.forEach(text => socket.send(text))", sent)
    bob.wait_for_function(
        "count => document.querySelectorAll('#log .message').length === count", arg=len(sent)
    )
    assert texts(bob, ".message") == sent
    assert bob.query_selector_all("#log img, #log script, #log b") == []


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
def test_the_pages_come_back_when_the_server_does(start, new_page, transport):
    server = start(SERVER)
    pages = [join(new_page, server.url, transport) for _ in range(2)]
    server.stop(signal.SIGKILL)
    for page in pages:
        page.wait_for_selector("#status[data-state=reconnecting]")
    server.start()
    for page in pages:
        page.wait_for_selector("#status[data-state=connected]")
    say(pages[0], "back again")
    wait_text(pages[1], ".message:not(.own)", "back again")


def test_a_client_never_learns_the_secret_ids_of_others(start, new_page):
    server = start(SERVER)
    alice, bob = join(new_page, server.url), join(new_page, server.url)
    wait_text(alice, ".announcement", "connected")
    secret = bob.evaluate("socket.transport.sessionid")
    assert bob.inner_text("#me .name") in alice.content()
    assert secret[:8] not in alice.content()
    assert not any(secret in line for line in server.log())


def test_the_page_fits_a_phone(start, new_page):
    page = join(new_page, start(SERVER).url, viewport={"width": 360, "height": 640})
    say(page, "a long word: " + "x" * 500)
    wait_text(page, ".own", "xxx")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.is_visible("#send")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_program_stops_cleanly_with_clients_connected(start, new_page, how):
    server = start(SERVER)
    pages = [join(new_page, server.url, name) for name in ("websocket", "xhr-polling")]
    assert server.stop(how) == 0
    lines = server.log()
    assert not any("Traceback" in line for line in lines)
    assert sum(" opened" in line for line in lines) == 2
    assert sum(" ended: the server goes away" in line for line in lines) == 2
    for page in pages:
        page.close()


def test_a_port_that_is_in_use_is_reported_in_one_line(start):
    server = start(SERVER)
    second = subprocess.run(
        [sys.executable, ROOT / SERVER, "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert re.fullmatch(r"server.py: cannot listen: .+\n", second.stderr)


# ---- clients of Socket.IO 1 to 4 ----

RELEASES = ["socket.io-client-1.7", "socket.io-client-2.5", "socket.io-client-4.8"]


@pytest.fixture
def join_today(new_page, released_packages):
    """Open the page with another client in the place of ours."""

    def joined(url, release, transport=""):
        page = new_page("about:blank")
        file = released_packages / bundle(released_packages, release)
        page.route("**/socket.io/socket.io.js", lambda route: route.fulfill(path=file))
        page.goto(f"{url}/?transport={transport}")
        page.wait_for_selector("#status[data-state=connected]")
        return page

    return joined


@pytest.mark.parametrize("transport", ["", "polling"])
def test_clients_of_all_generations_talk_to_each_other(start, new_page, join_today, transport):
    server = start(SERVER)
    pages = [join(new_page, server.url, "xhr-polling" if transport else None)]
    pages += [join_today(server.url, release, transport) for release in RELEASES]
    shown = {"websocket"} if not transport else {"polling", "xhr-polling"}
    for number, page in enumerate(pages):
        page.wait_for_function(
            "shown => shown.includes(document.getElementById('transport').textContent)",
            arg=[*shown],
        )
        say(page, f"hello from {number}")
        for other in pages:
            own = ".own" if other is page else ".message:not(.own)"
            wait_text(other, own, f"hello from {number}")
            assert other.inner_text("#log .message:last-child .text") == f"hello from {number}"
    names = [page.inner_text("#me .name") for page in pages]
    assert len({*names}) == len(pages)
    pages.pop().close()
    for page in pages:
        wait_text(page, ".announcement", "disconnected")


@pytest.mark.parametrize("release", RELEASES)
def test_a_newer_client_comes_back_when_the_server_does(start, join_today, release):
    server = start(SERVER)
    page = join_today(server.url, release)
    server.stop(signal.SIGKILL)
    page.wait_for_selector("#status[data-state=reconnecting]")
    say(page, "said meanwhile")
    server.start()
    page.wait_for_selector("#status[data-state=connected]")
    page.wait_for_selector("#log .own:not(.pending)")
    assert texts(page, ".own") == ["said meanwhile"]
