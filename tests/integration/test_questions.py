"""Addresses with the query "ask": the answer that a GET would get, without its effects."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Any

import pytest
from support.clients import Polling, ServerEvents
from support.http import HTTP
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

UNKNOWN = (404, "no such session; it may have timed out\n")
SENT_AWAY = (404, "this session has ended (disconnected): disconnected by the application\n")


def ask(served: Any, address: str, **headers: str) -> tuple[int, str]:
    answer = HTTP(served.port).request("GET", f"/socket.io/{address}?ask", **headers)
    return answer.status, answer.text


def refuse(environ: Any) -> bool:
    raise io.Refusal(401, "log in first")


@pytest.mark.parametrize("transport", KNOWN_TRANSPORTS)
@pytest.mark.parametrize("tail", ["", "/", "//1290000000000", "/1290000000000"])
def test_an_address_that_would_open_a_session_is_ok_and_opens_none(serve, transport, tail):
    served = serve(transports=KNOWN_TRANSPORTS, origins="*:*")
    assert ask(served, transport + tail) == (200, "ok")
    assert served.listener.stats()["opened"] == 0
    assert served.happened("connection") == []


def test_the_answer_is_the_refusal_that_a_session_would_get(serve):
    served = serve(authorize=refuse)
    assert ask(served, "websocket/1") == (401, "log in first\n")
    assert served.listener.stats()["refused"]["authorization"] == 1


def test_a_refused_question_is_no_warning(serve, caplog):
    caplog.set_level("DEBUG", "sockio_gevent")
    served = serve(authorize=refuse, log=logging.getLogger("sockio_gevent"))
    ask(served, "xhr-polling/1")
    (record,) = [record for record in caplog.records if "log in first" in record.message]
    assert record.levelname == "DEBUG"


def test_a_transport_that_is_not_enabled_says_so(serve):
    served = serve(transports=["websocket"])
    status, text = ask(served, "server-events/1")
    assert (status, text) == (404, "the transport server-events is not enabled\n")


def test_a_page_of_another_origin_gets_no_answer(serve):
    served = serve(origins="https://ours.example")
    status, _ = ask(served, "websocket/1", Origin="https://theirs.example")
    assert status == 403


def test_a_page_of_an_allowed_origin_may_read_the_answer(serve):
    served = serve(origins="https://ours.example", authorize=refuse)
    headers = {"Origin": "https://ours.example"}
    answer = HTTP(served.port).request("GET", "/socket.io/websocket/1?ask", **headers)
    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] == "https://ours.example"


def test_a_server_that_goes_away_says_so(serve):
    served = serve()
    served.listener.close(0)
    assert ask(served, "websocket/1") == (503, "the server goes away\n")


def test_a_question_about_a_live_session_takes_no_message_and_ends_no_poll(serve):
    served = serve()
    client = Polling(served.port).open()
    (_, session) = served.wait("connection")
    client.begin_poll()
    wait_until(lambda: session_of(session).downlink is not None)
    assert ask(served, f"xhr-polling/{client.session_id}/1") == (200, "ok")
    assert session.connections == 2
    session.send("still there")
    assert client.finish_poll() == ["still there"]


@pytest.mark.parametrize("kind", [Polling, ServerEvents])
def test_a_client_that_was_disconnected_is_told_so(serve, kind):
    served = serve()
    client = kind(served.port).open()
    (_, session) = served.wait("connection")
    session.disconnect()
    served.wait("disconnect")
    address = f"{client.transport}/{client.session_id}/1"
    assert ask(served, address) == SENT_AWAY
    assert not any("refused" in line for line in served.lines)
    # The next poll and the next POST are told, too.
    answer = HTTP(served.port).request("GET", f"/socket.io/{address}")
    assert (answer.status, answer.text) == SENT_AWAY
    answer = client.send("too late")
    assert (answer.status, answer.text) == SENT_AWAY


def test_an_unknown_session_is_not_found(serve):
    served = serve()
    assert ask(served, f"xhr-polling/{'0' * 40}/1") == UNKNOWN


def test_a_session_of_another_peer_is_not_found(serve):
    served = serve(same_peer="cookie:who")
    answer = HTTP(served.port).request("GET", "/socket.io/xhr-polling", Cookie="who=me")
    session_id = answer.text.rpartition("~")[2]
    address = f"xhr-polling/{session_id}/1"
    assert ask(served, address, Cookie="who=me") == (200, "ok")
    assert ask(served, address, Cookie="who=you") == UNKNOWN


TIMES = ["/1290000000000", "/1290000000000/"]


@pytest.mark.parametrize("tail", TIMES)
def test_where_a_time_stands_for_a_session_id_a_session_is_opened(serve, tail):
    served = serve()
    answer = HTTP(served.port).request("GET", f"/socket.io/xhr-polling{tail}")
    (_, session) = served.wait("connection")
    assert answer.text == f"~m~40~m~{session.session_id}"


def test_the_index_of_jsonp_polling_survives_merged_slashes(serve):
    served = serve(transports=KNOWN_TRANSPORTS, origins="*:*")
    answer = HTTP(served.port).request("GET", "/socket.io/jsonp-polling/1290000000000/7")
    assert answer.text.startswith("io.JSONP[7]._(")


def test_a_session_whose_id_is_all_digits_is_found_first(serve, monkeypatch):
    monkeypatch.setattr("sockio_gevent.cluster.names._name", "0000000000")
    monkeypatch.setattr("secrets.token_hex", lambda size: "129")
    served = serve()
    client = Polling(served.port).open()
    assert client.session_id == "1290000000000"
    (_, session) = served.wait("connection")
    session.send("found")
    assert client.poll() == ["found"]
    assert served.listener.stats()["opened"] == 1


def test_a_post_to_a_time_opens_no_session(serve):
    served = serve()
    path = "/socket.io/xhr-polling/1290000000000/send"
    answer = HTTP(served.port).request("POST", path, "data=~m~1~m~a")
    assert (answer.status, answer.text) == UNKNOWN
    assert served.listener.stats()["opened"] == 0


def test_the_function_can_see_that_the_request_is_only_a_question(serve):
    """So the function can keep a token that is valid only once."""
    asked = []

    def authorize(environ):
        asked.append(bool(environ.get("sockio_gevent.question")))
        return True

    served = serve(authorize=authorize)
    assert ask(served, "xhr-polling/1") == (200, "ok")
    client = Polling(served.port).open()
    assert asked == [True, False]
    assert "sockio_gevent.question" not in served.listener.clients[client.session_id].environ


def test_another_peer_does_not_learn_that_there_was_a_session(serve):
    served = serve(same_peer="cookie:sid")

    class Ours(Polling):
        headers = MappingProxyType({"Cookie": "sid=ours"})

    client = Ours(served.port).open()
    served.wait("connection")[1].disconnect()
    served.wait("disconnect")
    http = HTTP(served.port)
    address = f"/socket.io/xhr-polling/{client.session_id}/1"
    nobody = address.replace(client.session_id, "0" * 40)
    for tail in ("", "?ask"):
        unknown = http.request("GET", nobody + tail, Cookie="sid=other").text
        assert http.request("GET", address + tail, Cookie="sid=other").text == unknown
        assert "disconnected" in http.request("GET", address + tail, Cookie="sid=ours").text
