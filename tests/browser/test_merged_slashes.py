"""A page behind an nginx that merges two slashes, because its proxy_pass has a path."""

from __future__ import annotations

import pytest
from support.certificates import Certificate
from support.nginx import Nginx
from support.page import TRANSPORTS, opened, wait_event
from support.servers import Gunicorn

from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

WRITTEN = "    location /socket.io/ {\n        proxy_pass http://sockio;\n"

# The location, and the client's option 'resource'.
PLACES = {
    "the-same-path": ("/socket.io", "http://sockio/socket.io", "socket.io"),
    "another-path": ("/live/", "http://sockio/", "live/socket.io"),
}


@pytest.fixture(scope="module", params=PLACES.values(), ids=PLACES)
def site(request, running, tmp_path_factory):
    """A listener with a page, and nginx in front of it."""
    location, target, resource = request.param
    certificate = Certificate(tmp_path_factory.mktemp("certificate"))
    # The default times, which pages rely on.
    options = {"transport_options": {}, "transports": KNOWN_TRANSPORTS}
    gunicorn = running(Gunicorn, "gevent", options=options)
    replaced = f"    location {location} {{\n        proxy_pass {target};\n"
    return running(Nginx, certificate, gunicorn, changes={WRITTEN: replaced}), resource


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_transport_of_the_client_gets_through(site, new_page, transport):
    nginx, resource = site
    page = opened(
        new_page(f"http://127.0.0.1:{nginx.port}/page"), transports=[transport], resource=resource
    )
    page.evaluate("socket.send('hello')")
    assert wait_event(page, "message") == [["hello"]]
    assert wait_event(page, "connecting") == [[transport]]


def test_jsonp_polling_gets_through_with_forms(site, new_page):
    nginx, resource = site
    url = f"http://127.0.0.1:{nginx.port}/page"
    page = new_page(url, before="delete window.XMLHttpRequest")
    opened(page, transports=["jsonp-polling"], resource=resource)
    page.evaluate("socket.send('hello')")
    assert wait_event(page, "message") == [["hello"]]


RELEASED = """([transport, resource]) => new Promise(done => {
  window.messages = [];
  window.socket = new io.Socket(null, {transports: [transport], rememberTransport: false,
    connectTimeout: 60000, resource: resource});
  socket.on('message', message => messages.push(message));
  socket.on('connect', () => { socket.send('hello'); done(); });
  socket.connect();
})"""


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling", "jsonp-polling"])
def test_every_transport_of_the_released_client_gets_through(
    site, chromium, released_client, transport
):
    nginx, resource = site
    page = chromium.new_context().new_page()
    page.route("**/socket.io.js", lambda route: route.fulfill(path=released_client))
    page.goto(f"http://127.0.0.1:{nginx.port}/page")
    assert page.evaluate("io.version") == "0.6.3"
    page.evaluate(RELEASED, [transport, resource])
    page.wait_for_function("messages.length")
    assert page.evaluate("messages") == ["hello"]
    page.context.close()
