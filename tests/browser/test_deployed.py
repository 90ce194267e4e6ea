"""A page of a site as it is deployed: behind nginx, served by gunicorn."""

from __future__ import annotations

import signal

import pytest
from support.certificates import Certificate
from support.nginx import Nginx
from support.page import opened, wait_event
from support.servers import Gunicorn


@pytest.fixture(scope="module")
def site(running, tmp_path_factory):
    certificate = Certificate(tmp_path_factory.mktemp("certificate"))
    # The default times, which pages rely on.
    options = {"transport_options": {}}
    return running(Nginx, certificate, running(Gunicorn, "gevent", options=options))


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
def test_a_page_echoes_and_after_a_reload_of_the_server_comes_back_by_itself(
    site, new_page, transport
):
    page = opened(new_page(f"http://127.0.0.1:{site.port}/page"), transports=[transport])
    wait_event(page, "connect")
    page.evaluate("socket.send('hello')")
    assert wait_event(page, "message") == [["hello"]]

    old = site.ask("/")["pid"]
    gunicorn = site.upstream
    gunicorn.process.send_signal(signal.SIGHUP)
    wait_event(page, "disconnect")
    gunicorn.wait_line(rf"Worker exiting \(pid: {old}\)")
    assert wait_event(page, "reconnect")[0][0] == transport
    assert site.ask("/")["pid"] != old
    assert page.evaluate("socket.transport.sessionid") in site.ask("/sessions")
    page.evaluate("socket.send('hello again')")
    assert wait_event(page, "message", 2)[1] == ["hello again"]
    assert site.problems() == []
