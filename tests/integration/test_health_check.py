"""The option ``health_check``: ``/socket.io/healthz``."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients import WebSocket
from support.http import HTTP

from sockio_gevent.options.listener_options import Options


def test_it_is_off_by_default(serve: Any) -> None:
    http = HTTP(serve().port)
    theirs = http.request("GET", "/of-the-application").text
    assert http.request("GET", "/socket.io/healthz").text == theirs != "ok\n"


@pytest.mark.parametrize("resource", ["socket.io", "live/chat"])
def test_it_is_well_while_clients_can_connect(serve: Any, resource: str) -> None:
    served = serve(health_check=True, resource=resource, hosts="example.com")
    http = HTTP(served.port)
    answer = http.request("GET", f"/{resource}/healthz?from=probe")
    assert (answer.status, answer.text) == (200, "ok\n")
    assert "no-store" in answer.headers["cache-control"]
    assert http.request("HEAD", f"/{resource}/healthz").text == ""
    assert http.request("POST", f"/{resource}/healthz", b"").status == 405
    assert http.request("GET", f"/{resource}/healthz/more").text != "ok\n"


def test_it_is_not_well_when_the_listener_closes_and_sessions_end(serve: Any) -> None:
    served = serve(health_check=True)
    client = WebSocket(served.port).open()
    served.listener.close(0)
    assert client.wait_closed() == 1001
    answer = HTTP(served.port).request("GET", "/socket.io/healthz")
    assert (answer.status, answer.text) == (503, "the server is closing\n")


def test_probes_are_not_counted(serve: Any) -> None:
    served = serve(health_check=True)
    for _ in range(3):
        HTTP(served.port).request("GET", "/socket.io/healthz")
    served.listener.close(0)
    HTTP(served.port).request("GET", "/socket.io/healthz")
    assert set(served.listener.stats()["refused"].values()) == {0}


@pytest.mark.parametrize("wrong", [1, "yes", None])
def test_the_option_is_a_switch(wrong: Any) -> None:
    with pytest.raises(TypeError, match="option 'health_check' must be True or False"):
        Options.read({"health_check": wrong})
