"""A page behind an nginx that says ``Connection: upgrade`` with every request."""

from __future__ import annotations

import pytest
from support.certificates import Certificate
from support.nginx import EVERY_REQUEST_SAYS_UPGRADE, Nginx
from support.page import TRANSPORTS, opened, wait_event
from support.servers import CommandLine, Gunicorn

SERVERS = {"command line": (CommandLine,), "gunicorn": (Gunicorn, "gevent_pywsgi")}


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS)
def site(request, running, tmp_path_factory):
    certificate = Certificate(tmp_path_factory.mktemp("certificate"))
    options = {"transport_options": {}, "transports": TRANSPORTS}
    kind, *arguments = request.param
    server = running(kind, *arguments, options=options)
    return running(Nginx, certificate, server, changes=dict([EVERY_REQUEST_SAYS_UPGRADE]))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_page_connects_once_and_echoes(site, new_page, transport):
    page = opened(new_page(f"http://127.0.0.1:{site.port}/page"), transports=[transport])
    wait_event(page, "connect")
    for count, text in enumerate(["one", "two", "three"], 1):
        page.evaluate(f"socket.send('{text}')")
        assert wait_event(page, "message", count)[-1] == [text]
    assert page.evaluate("events.map(event => event[0])") == [
        "connecting",
        "connect",
        *["message"] * 3,
    ]
    assert site.problems() == []


def test_a_form_of_the_page_reaches_the_application(site, new_page):
    page = new_page(f"http://127.0.0.1:{site.port}/page")
    page.evaluate(
        """() => {
          document.body.innerHTML = '<form method=post action=/form><input name=a value=b></form>';
          document.forms[0].submit();
        }"""
    )
    page.wait_for_url("**/form")
    assert page.inner_text("body") == '"a=b"'
