"""The released admin page in Chromium, served by the listener and used as an operator does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.redis_server import RedisServer

SERVER = "tests/programs/admin_page.py"
CONNECT = {
    "socket.io.js": """() => {
      window.socket = io();
      return new Promise(done => socket.on('connect', () => done(socket.id)));
    }""",
    "classic.js": """() => {
      window.socket = new io.Socket(null, {rememberTransport: false, reconnect: false});
      return new Promise(done => socket.on('connect', done)).then(() => null);
    }""",
}


@pytest.fixture
def serve(start: Any, released_packages: Path) -> Any:
    """Start a server; return its address."""

    def run(*more: str) -> str:
        client = str(released_packages / "socket.io-client-4.8/dist")
        page = str(released_packages / "@socket.io/admin-ui/ui/dist")
        url: str = start(SERVER, "--client", client, "--page", page, *more).url
        return url

    return run


@pytest.fixture(params=["directory", "Redis"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where several servers meet."""
    if request.param == "Redis":
        server = RedisServer(tmp_path).start()
        yield server.url
        server.stop()
        return
    place = tempfile.mkdtemp(prefix="bus")  # the paths of sockets must be short
    yield place
    shutil.rmtree(place, ignore_errors=True)


def log_in(new_page: Any, url: str, password: str = "secret") -> Any:
    """Open the admin page and fill in its form."""
    page = new_page("about:blank")
    # It wants fonts of other sites, which are not reached from here.
    page.route(lambda address: not address.startswith(url), lambda route: route.abort())
    page.goto(f"{url}/socket.io/admin")
    page.get_by_label("Server URL").fill(url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Connect").click()
    return page


def go(page: Any, where: str) -> None:
    """Go to one of its pages."""
    page.evaluate("where => { location.hash = where; }", f"#/{where}/")


def go_to_sockets(page: Any) -> None:
    """Go to the page of the clients, and there to the namespace that all clients are in.

    The choice is kept on the other pages.
    """
    # A namespace can be chosen when the page has been told of a client in it.
    page.wait_for_function("""() => {
      const state = document.querySelector('#app').__vue__.$store.state.main;
      return state.namespaces.some(each => each.name === '/');
    }""")
    go(page, "sockets")
    page.locator(".selector").click()
    page.get_by_role("option", name="/", exact=True).click()


def disconnect(page: Any, row: Any) -> None:
    """Press the button of a client, and wait until its row has gone."""
    row.get_by_role("button").click()
    # The page goes to the details of the client then.
    page.wait_for_function("location.hash.startsWith('#/n/')")
    go(page, "sockets")
    row.wait_for(state="detached")


def connect(new_page: Any, url: str, script: str = "socket.io.js") -> tuple[Any, str | None]:
    """A page with a client; and the id of the client, if it knows that."""
    page = new_page(f"{url}/?script={script}")
    page.wait_for_function("window.io !== undefined")
    return page, page.evaluate(CONNECT[script])


def test_an_operator_logs_in_sees_a_client_arrive_and_disconnects_it(serve, new_page):
    url = serve()
    admin = log_in(new_page, url)
    client, client_id = connect(new_page, url)
    go_to_sockets(admin)
    row = admin.get_by_role("row").filter(has_text=client_id)
    row.wait_for()
    assert "127.0.0.1" in row.inner_text()
    row.filter(has_text="WebSocket").wait_for()  # it has begun with polls
    disconnect(admin, row)
    client.wait_for_function("!socket.connected")


def test_an_operator_disconnects_a_classic_client(serve, new_page):
    url = serve()
    client, _ = connect(new_page, url, "classic.js")
    admin = log_in(new_page, url)
    go_to_sockets(admin)
    row = admin.get_by_role("row").filter(has_text="127.0.0.1")
    row.wait_for()
    disconnect(admin, row)
    client.wait_for_function("!socket.connected")


def test_rooms_and_events_are_shown(serve, new_page):
    url = serve()
    admin = log_in(new_page, url)
    client, client_id = connect(new_page, url)
    client.evaluate("new Promise(done => socket.emit('join', 'the lobby', done))")
    go_to_sockets(admin)
    go(admin, "rooms")
    admin.get_by_role("row").filter(has_text="the lobby").wait_for()
    go(admin, "events")
    received = admin.get_by_role("row").filter(has_text=client_id).filter(has_text="join")
    received.first.wait_for()
    client.evaluate("socket.disconnect()")
    left = admin.get_by_role("row").filter(has_text="client_closed")
    left.wait_for()
    go(admin, "rooms")
    admin.get_by_role("row").filter(has_text="the lobby").wait_for(state="detached")


def test_a_wrong_password_is_refused_and_said(serve, new_page):
    url = serve()
    admin = log_in(new_page, url, "wrong")
    admin.get_by_text("Invalid credentials").wait_for()
    admin.get_by_label("Password").fill("secret")
    admin.get_by_role("button", name="Connect").click()
    admin.get_by_label("Password").wait_for(state="hidden")


def test_a_page_that_is_loaded_again_need_not_log_in_again(serve, new_page):
    url = serve()
    admin = log_in(new_page, url)
    admin.wait_for_function("localStorage.getItem('session_id')")
    admin.reload()
    go(admin, "servers")
    admin.get_by_role("row").filter(has_text="healthy").wait_for()
    assert not admin.get_by_label("Password").is_visible()


def test_in_production_mode_servers_and_counts_are_shown(serve, new_page):
    url = serve("--mode", "production", "--name", "the only one")
    admin = log_in(new_page, url)
    admin.get_by_text("Servers").first.wait_for()
    go(admin, "servers")
    row = admin.get_by_role("row").filter(has_text="the only one")
    row.filter(has_text="healthy").wait_for()
    connect(new_page, url)
    row.locator("td").nth(4).filter(has_text="2").wait_for()
    assert admin.get_by_text("Sockets").count() == 0


def test_clients_of_another_worker_are_seen_and_disconnected(serve, new_page, cluster):
    first, second = (serve("--cluster", cluster, "--name", name) for name in ("first", "second"))
    client, client_id = connect(new_page, second)
    admin = log_in(new_page, first)
    go(admin, "servers")
    for name in ("first", "second"):
        admin.get_by_role("row").filter(has_text=f"{name}#").filter(has_text="healthy").wait_for()
    go_to_sockets(admin)
    row = admin.get_by_role("row").filter(has_text=client_id)
    row.wait_for()
    _, later = connect(new_page, second)
    admin.get_by_role("row").filter(has_text=later).wait_for()
    disconnect(admin, row)
    client.wait_for_function("!socket.connected")
    admin.get_by_role("row").filter(has_text=later).wait_for()
