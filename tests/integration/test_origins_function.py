"""A function as the option ``origins``, and its mistakes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from support.clients import Polling
from support.doors import TRANSPORTS, Asked, Knock, assert_nobody
from support.http import HTTP
from support.labels import label

import sockio_gevent as io

transports = pytest.mark.parametrize("transport", TRANSPORTS)


class Judge(Asked):
    """A function for the option ``origins``; it keeps the origins that it was asked about."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.origins: list[str | None] = []

    def __call__(self, origin: str | None, environ: dict[str, Any]) -> Any:  # type: ignore[override]
        self.origins.append(origin)
        return super().__call__(environ)


def failures(served: Any) -> list[str]:
    return [line for line in served.lines if "Traceback" in line]


@transports
def test_an_exception_of_the_function_refuses(serve, transport):
    served = serve(origins=Judge(KeyError("page")))
    knock = Knock(served.port, transport, Origin="http://evil.example")
    assert (knock.status, knock.body) == (500, b"an error has occurred in the server\n")
    assert "access-control-allow-origin" not in knock.headers
    assert_nobody(served)
    refused = served.listener.stats()["refused"]
    assert (refused["failure"], refused["origin"]) == (1, 0)
    (line,) = failures(served)
    assert line.startswith("the option 'origins' failed for 127.0.0.1\n")
    assert "KeyError: 'page'" in line


def test_a_client_that_repeats_the_mistake_does_not_fill_the_log(serve):
    served = serve(origins=Judge(KeyError("page")))
    http = HTTP(served.port)
    for _ in range(100):
        assert http.request("GET", "/socket.io/xhr-polling").status == 500
    assert len(failures(served)) == 10
    assert len(served.lines) == 20, "with a line for each of the refusals"
    assert served.listener.stats()["refused"]["failure"] == 100


def test_a_session_outlives_a_mistake_about_one_of_its_requests(serve):
    judge = Judge(True, KeyError("page"), gevent.Timeout(), KeyError("page"), True)
    served = serve(origins=judge)
    client = Polling(served.port).open()
    assert client.send("lost").status == 500
    assert client.send("lost, too").status == 500
    assert HTTP(served.port).request("GET", client.path("1")).status == 500
    assert client.send("kept").status == 200
    assert [event[1] for event in served.happened("message")] == ["kept"]


@transports
def test_the_function_may_refuse_with_another_status(serve, transport):
    served = serve(origins=Judge(io.Refusal(401, "log in first", ("X-Why", "no cookie"))))
    for _ in range(2):
        knock = Knock(served.port, transport)
        assert (knock.status, knock.body) == (401, b"log in first\n")
        assert knock.headers["x-why"] == "no cookie"
    assert served.listener.stats()["refused"]["origin"] == 2
    assert failures(served) == []
    assert_nobody(served)


@transports
def test_the_function_gets_a_copy_of_the_environ_without_the_request(serve, transport):
    judge = Judge(True)
    served = serve(origins=judge)
    Knock(served.port, transport, Origin="http://any.example").close()
    (_, client) = served.wait("connection")
    (environ,) = judge.environs
    assert "sockio_gevent.connection" not in environ
    assert environ["wsgi.input"].read() == b""
    assert environ["HTTP_ORIGIN"] == "http://any.example"
    assert client.environ is not environ


def test_the_function_runs_inside_the_context(serve):
    inside: list[bool] = []

    @contextmanager
    def context():
        inside.append(True)
        yield
        inside.pop()

    served = serve(origins=lambda origin, environ: bool(inside), context=context)
    assert Knock(served.port, "xhr-polling").status == 200


@pytest.mark.parametrize("answer", [gevent.Greenlet(), KeyError, KeyError("page")], ids=label)
def test_a_result_that_is_not_a_plain_yes_is_a_mistake(serve, answer):
    served = serve(origins=lambda origin, environ: answer)
    assert Knock(served.port, "xhr-polling").status == 500
    assert len(failures(served)) == 1
    assert_nobody(served)


def test_the_function_gets_null_for_a_script_without_an_origin(serve):
    judge = Judge(True)
    served = serve(origins=judge)
    HTTP(served.port).request("GET", "/socket.io/jsonp-polling//1/0")
    HTTP(served.port).request("GET", "/socket.io/xhr-polling")
    assert judge.origins == ["null", None]


@pytest.mark.parametrize("origin", ["file://", "null"])
@transports
def test_pages_without_a_host_can_be_named(serve, origin, transport):
    served = serve(origins=["self", origin])
    knock = Knock(served.port, transport, Origin=origin)
    assert knock.let_in
    if transport not in ("websocket", "flashsocket"):
        assert knock.headers["access-control-allow-origin"] == origin
    knock.close()
    assert Knock(serve().port, transport, Origin=origin).status == 403
