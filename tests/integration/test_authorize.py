"""The option ``authorize``: who may open a session, over real sockets."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import Future
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult
from support.clients import ALL
from support.doors import TRANSPORTS, Asked, Knock, answer, assert_nobody, head
from support.hixie import request as hixie_request
from support.http import LONG
from support.raw import Raw
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of

transports = pytest.mark.parametrize("transport", TRANSPORTS)

KEPT = {"transport_options": {client.transport: {"close_timeout": LONG} for client in ALL}}


@pytest.mark.parametrize("client", ALL, ids=lambda client: client.transport)
def test_authorize_is_called_once_for_each_session(serve, client):
    asked = Asked(True)
    served = serve(authorize=asked, **KEPT)
    opened = client(served.port).open()
    (_, known) = served.wait("connection")
    assert known.identity is None
    opened.send("one")
    served.wait("message")
    opened.vanish()
    wait_until(lambda: session_of(known).away)
    again = opened.resume()
    known.send("two")
    assert again.receive() == "two"
    again.send("three")
    served.wait("message", 2)
    assert len(asked.environs) == 1


@transports
def test_its_result_is_the_identity(serve, transport):
    user = {"name": "ann"}
    asked = Asked(user)
    served = serve(authorize=asked)
    seen: list[Any] = []
    served.listener.on("clientConnect", lambda client: seen.append(client.identity))
    knock = Knock(served.port, transport, Cookie="token=t0ken")
    assert knock.let_in
    (_, client) = served.wait("connection")
    assert client.identity is user
    assert seen == [user]
    (environ,) = asked.environs
    assert environ["HTTP_COOKIE"] == "token=t0ken"
    assert environ["PATH_INFO"].startswith(f"/socket.io/{transport}")
    knock.close()


@transports
@pytest.mark.parametrize("said", [False, None, 0, "", {}], ids=repr)
def test_a_false_result_refuses(serve, transport, said):
    served = serve(authorize=Asked(said))
    knock = Knock(served.port, transport)
    assert knock.status == 403
    assert knock.body == b"the option 'authorize' does not let this client in\n"
    assert_nobody(served)
    (line,) = served.lines
    assert line == (
        f"refused 'GET' '{transport}/' from 127.0.0.1 (403 Forbidden): "
        "the option 'authorize' does not let this client in"
    )
    refused = served.listener.stats()["refused"]
    assert refused.pop("authorization") == 1
    assert not any(refused.values())


@transports
def test_a_page_at_another_origin_can_read_the_refusal(serve, transport):
    origin = "https://www.example.com"
    served = serve(authorize=Asked(False), origins=origin)
    status, headers, _ = answer(served.port, head(transport, Origin=origin))
    assert status == "HTTP/1.1 403 Forbidden"
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("draft", [75, 76])
def test_the_old_handshakes_are_refused_before_they_are_answered(serve, draft):
    served = serve(authorize=Asked(False), origins="*:*")
    raw = Raw(served.port, hixie_request("/socket.io/websocket", draft))
    status, _ = raw.head()
    assert status == "HTTP/1.1 403 Forbidden"
    assert_nobody(served)


@transports
@pytest.mark.parametrize("how", ["raised", "returned"])
def test_a_refusal_that_it_raises_is_the_answer(serve, transport, how):
    refusal = io.Refusal(401, "log in\nfirst", ("WWW-Authenticate", 'Basic realm="chat"'))

    def authorize(environ: dict[str, Any]) -> Any:
        if how == "raised":
            raise refusal
        return refusal

    served = serve(authorize=authorize)
    status, headers, body = answer(served.port, head(transport))
    assert status == "HTTP/1.1 401 Unauthorized"
    assert headers["WWW-Authenticate"] == 'Basic realm="chat"'
    assert body == b"log in first\n"
    assert_nobody(served)
    (line,) = served.lines
    assert line.endswith("(401 Unauthorized): log in first")
    assert served.listener.stats()["refused"]["authorization"] == 1


def test_a_refusal_is_a_warning_whatever_its_status(serve, caplog):
    served = serve(authorize=Asked(io.Refusal(503, "too many of you")), log=None)
    assert Knock(served.port, "xhr-polling").status == 503
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert served.listener.stats()["refused"]["authorization"] == 1


def test_a_refusal_that_is_raised_again_and_again_keeps_no_request(serve):
    class Thing:
        pass

    things: list[Any] = []
    refusal = io.Refusal(403, "not you")

    def authorize(environ: dict[str, Any]) -> Any:
        thing = Thing()
        things.append(weakref.ref(thing))
        raise refusal

    served = serve(authorize=authorize)
    for _ in range(3):
        assert Knock(served.port, "xhr-polling").status == 403
    gc.collect()
    assert [thing() for thing in things] == [None] * 3


class Neither:
    def __bool__(self) -> bool:
        raise ArithmeticError("s3cret")


def one_by_one() -> Any:
    yield "s3cret"


FAILURES = [
    Asked(LookupError("s3cret")),
    Asked(gevent.Timeout(1, "s3cret")),
    lambda environ: LookupError("s3cret"),
    lambda environ: Neither(),
    lambda environ: one_by_one(),
    lambda environ: io.Refusal(200, "s3cret"),
]


@transports
def test_an_exception_refuses_and_the_client_is_not_told_why(serve, transport):
    for authorize in FAILURES:
        served = serve(authorize=authorize)
        knock = Knock(served.port, transport)
        assert knock.status == 500
        assert knock.body == b"an error has occurred in the server\n"
        assert "s3cret" not in str(knock.headers)
        assert_nobody(served)
        failed, refused = served.lines
        assert failed.startswith("the option 'authorize' failed for 127.0.0.1\nTraceback")
        assert "(500 Internal Server Error)" in refused
        assert served.listener.stats()["refused"]["failure"] == 1


def test_a_result_that_still_has_to_run_refuses(serve):
    async def later() -> bool:
        return True

    coroutine = later()
    served = serve(authorize=lambda environ: coroutine)
    assert Knock(served.port, "websocket").status == 500
    assert "which has not run yet" in served.lines[0]
    assert_nobody(served)
    coroutine.close()


class _Current:
    """Replaces Flask-Login's ``current_user``."""

    def _get_current_object(self) -> None:
        return None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: gevent.spawn(bool, 0), "which has not run yet"),
        (AsyncResult, "which has not run yet"),
        (Future, "which has not run yet"),
        (lambda: io.Refusal, "the class Refusal, not an object of that class"),
        (lambda: PermissionError, "the class PermissionError, not an object of that class"),
        (_Current, "a proxy, which stands for another user"),
    ],
)
def test_a_result_that_cannot_be_meant_as_an_answer_refuses(serve, answer, problem):
    served = serve(authorize=lambda environ: answer())
    assert Knock(served.port, "xhr-polling").status == 500
    assert problem in served.lines[0]
    assert_nobody(served)
