"""Clients of Engine.IO on servers in processes of their own, and the logs of these."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from support.engineio import ALL, BARE, WebSocket
from support.framing import TRICKY
from support.nginx import Nginx
from support.servers import Gunicorn, Program
from support.waiting import wait_until

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)

ACCESS_LOG = "--access-logformat=access %(r)s | %(U)s?%(q)s | %(f)s"


class Case(NamedTuple):
    """A server; see ``test_deployed_transports.Case``."""

    kind: Any
    arguments: tuple[str, ...]
    more: dict[str, Any] = {}  # noqa: RUF012
    tls: bool = False
    nginx: bool = False


CASES = {
    "gunicorn gevent": Case(Gunicorn, ("gevent", ACCESS_LOG)),
    "gunicorn gevent_pywsgi": Case(Gunicorn, ("gevent_pywsgi", ACCESS_LOG)),
    "gunicorn gevent, TLS": Case(Gunicorn, ("gevent", ACCESS_LOG), tls=True),
    "gunicorn gevent, mounted": Case(Gunicorn, ("gevent", ACCESS_LOG), {"prefix": "/app"}),
    "nginx": Case(Gunicorn, ("gevent", ACCESS_LOG), nginx=True),
    "nginx, TLS": Case(Gunicorn, ("gevent", ACCESS_LOG), nginx=True, tls=True),
    "listen(server), TLS": Case(Program, ("listened_to",), tls=True),
    "gevent-websocket": Case(Program, ("gevent_websocket",)),
    "werkzeug": Case(Program, ("werkzeug",)),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def server(request, deploying, certificate):
    case = request.param
    own = {"certificate": certificate} if case.tls and not case.nginx else {}
    with deploying() as deploy:
        running = deploy(
            case.kind, *case.arguments, options=dict(BARE), **own, **case.more
        ).listening()
        if case.nginx:
            running = deploy(Nginx, certificate, running, tls=case.tls).listening()
        yield running
    assert running.problems() == [], str(running)


def connect(server: Any, kind: Any, session_id: str = "", **headers: str) -> Any:
    return kind(
        server.port,
        session_id=session_id,
        wrap=server.wrap,
        path=f"{server.prefix}/socket.io/",
        headers={**server.headers, **headers},
    )


@kinds
def test_messages_arrive_unaltered_both_ways(server, kind):
    opened = connect(server, kind).open()
    for message in (*TRICKY, b"", bytes(range(256)), "0123456789" * 10_000, b"\xff" * 50_000):
        opened.send(message)
        assert opened.receive() == message
    opened.leave()
    server.wait_state(opened.session_id, None)
    opened.vanish()


@kinds
def test_a_session_goes_on_with_a_websocket(server, kind):
    opened = connect(server, kind).open()
    if kind.client is not WebSocket:
        link = connect(server, kind._replace(client=WebSocket), opened.session_id)
        link.put("2probe")
        assert link.packet() == "3probe"
        link.put("5")
    else:
        link = opened
    link.send("over the WebSocket")
    assert link.receive() == "over the WebSocket"
    link.vanish()
    server.wait_state(opened.session_id, None)
    opened.vanish()


@kinds
def test_a_waiting_client_that_hangs_up_ends_its_session(server, kind):
    opened = connect(server, kind).open()
    if kind.client is not WebSocket:
        opened.begin_poll()
    server.wait_state(opened.session_id, "open")
    opened.vanish()
    server.wait_state(opened.session_id, None)


@kinds
def test_no_line_of_the_server_has_a_whole_session_id(server, kind):
    # A page that was opened with such an address by mistake is in the referer.
    opened = connect(server, kind).open()
    scheme = "http" if server.wrap is None else "https"
    referer = f"{scheme}://127.0.0.1:{server.port}{server.prefix}/socket.io/?EIO=4&sid={opened.session_id}"
    again = (
        connect(server, kind._replace(client=WebSocket), opened.session_id, Referer=referer)
        if kind.client is not WebSocket
        else None
    )
    opened.send("hello")
    assert opened.receive() == "hello"
    opened.leave()
    server.wait_state(opened.session_id, None)
    if again is not None:
        again.vanish()
        opened.begin_poll()
        assert opened.finish_poll() == ["6"]  # it is told once that the session is over
    opened.vanish()
    server.wait_line(f"gone {opened.session_id}")

    def logged() -> list[str]:
        lines = [match.string for match in server.found(re.escape(opened.session_id[:8]))]
        return [line for line in lines if "gone" not in line]

    if kind.client is not WebSocket and server.found("^access|^werkzeug INFO .*GET"):
        wait_until(lambda: len([line for line in logged() if "sid=" in line]) >= 3)
    assert opened.session_id[:9] not in "\n".join(logged())
