"""The option ``serializer`` with clients of each dialect, and what a mistake in it does."""

from __future__ import annotations

import json
from decimal import Decimal
from math import nan
from typing import Any

import orjson
import pytest
from support.clients import Polling, WebSocket
from support.http import HTTP
from support.in_process import echo, listen

import sockio_gevent as io
from sockio_gevent.options.serializer import LoadsFailed
from sockio_gevent.testing import Client

BOTH = ["classic", "socket.io"]


def write(value: Any) -> str:
    return json.dumps(value, default=str, separators=(",", ":"))


def read(text: str) -> Any:
    """Decimals in place of floats; some messages it cannot stand."""
    if "poison" in text:
        raise LookupError("poison")
    return json.loads(text, parse_float=Decimal)


SERIALIZER = (write, read)


class Polled:
    """A client of Socket.IO 4 that polls, written after the protocol page."""

    def __init__(self, port: int) -> None:
        self._http = HTTP(port)
        self._path = "/socket.io/?EIO=4&transport=polling"
        self._path += "&sid=" + json.loads(self.poll()[1:])["sid"]
        self.post("40")
        assert self.poll().startswith('40{"sid":')

    def post(self, *packets: str) -> Any:
        return self._http.request("POST", self._path, "\x1e".join(packets))

    def poll(self) -> str:
        answer = self._http.request("GET", self._path)
        assert answer.status == 200
        return answer.text


# --- values of the application's own ---


@pytest.mark.parametrize("dialect", BOTH)
def test_messages_are_encoded_and_decoded_by_it(dialect: str) -> None:
    listener = listen(serializer=SERIALIZER)
    got: list[Any] = []
    listener.on("clientMessage", lambda message, client: got.append(message))
    with Client(listener, dialect=dialect) as client:
        client.send({"price": 1.25})
        assert got == [{"price": Decimal("1.25")}]
        client.session.send({"price": Decimal("1.50")})
        message = client.receive()
        assert message == {"price": "1.50"} or message == ("message", {"price": "1.50"})
        client.session.emit("price", Decimal("1.50"))
        event = client.receive()
        assert event == {"name": "price", "args": ["1.50"]} or event == ("price", "1.50")


def test_acknowledgements_both_ways_are_encoded_and_decoded_by_it() -> None:
    listener = listen(serializer=SERIALIZER)
    listener.on("double", lambda client, number: (2 * number, type(number).__name__))
    with Client(listener, dialect="socket.io") as client:
        assert client.call("double", 1.25) == ("2.50", "Decimal")
        client.on("half", lambda number: float(number) / 2)
        assert client.session.call("half", Decimal("2.5")) == Decimal("1.25")


def test_what_a_client_sends_when_it_connects_is_decoded_by_it() -> None:
    listener = listen(serializer=SERIALIZER)
    with Client(listener, dialect="socket.io", auth={"price": 1.25}) as client:
        assert client.session.auth == {"price": Decimal("1.25")}


def test_the_data_of_a_refusal_is_encoded_by_it() -> None:
    listener = listen(serializer=SERIALIZER)

    @listener.use
    def refuse(client: io.Client) -> None:
        raise io.Refused("too dear", Decimal("1.25"))

    with pytest.raises(io.testing.Refused) as caught:
        Client(listener, dialect="socket.io")
    assert caught.value.data == "1.25"


def test_bare_engineio_sends_other_values_than_text_and_bytes_by_it(serve) -> None:
    served = serve(serializer=SERIALIZER, dialects=("engine.io",))
    served.listener.on("connection", lambda client: client.send([Decimal("1.25"), "é"]))
    answer = HTTP(served.port).request("GET", "/socket.io/?EIO=4&transport=polling")
    assert answer.text.split("\x1e")[1] == '4["1.25","\\u00e9"]'


def test_a_broadcast_reaches_both_dialects() -> None:
    listener = listen(serializer=SERIALIZER)
    with Client(listener, dialect="classic") as old, Client(listener, dialect="socket.io") as new:
        listener.broadcast([Decimal("1.25")])
        assert old.receive() == ["1.25"]
        assert new.receive() == ("message", ["1.25"])


def test_bytes_are_attachments_whatever_the_serializer_makes_of_them() -> None:
    listener = listen(serializer=SERIALIZER)
    listener.on(
        "swap", lambda client, value: {"data": value["data"][::-1], "price": value["price"]}
    )
    with Client(listener, dialect="socket.io") as client:
        answer = client.call("swap", {"data": b"\x00\xff", "price": 1.25})
        assert answer == {"data": b"\xff\x00", "price": "1.25"}


def test_a_module_makes_compact_json_on_the_wire(serve) -> None:
    for module in (json, orjson):
        served = serve(serializer=module)
        served.listener.on("ask", lambda client, value: value)
        client = Polled(served.port)
        client.post('421["ask",{"a": [1, 2]}]')
        assert client.poll() == '431[{"a":[1,2]}]'
        old = WebSocket(served.port).open()
        served.listener.broadcast({"a": [1, 2]})
        assert old.receive() == '~j~{"a":[1,2]}'


# --- mistakes of the application ---


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("value", "raised"), [(object(), TypeError), (nan, ValueError)], ids=["object", "nan"]
)
def test_a_message_without_a_form_raises_at_the_sender(
    dialect: str, value: Any, raised: type[Exception]
) -> None:
    listener = listen(serializer=orjson)
    with Client(listener, dialect=dialect) as client:
        for send in (
            lambda: client.session.send([value]),
            lambda: client.session.emit("news", value),
            lambda: listener.broadcast([value]),
            lambda: listener.to("empty").send([value]),
        ):
            with pytest.raises(raised, match="option 'serializer'"):
                send()
        client.session.send("after")
        after = client.receive()
        assert after == "after" or after == ("message", "after")


def test_an_answer_without_a_form_is_logged_and_the_session_goes_on() -> None:
    lines: list[str] = []
    listener = listen(serializer=orjson, log=lines.append)
    listener.on("ask", lambda client: object())
    listener.on("again", lambda client: "good")
    with Client(listener, dialect="socket.io", raise_exceptions=False) as client:
        client.emit("ask", callback=lambda *answer: answer)
        assert client.call("again") == "good"
    assert any("the answer to 'ask'" in line and "option 'serializer'" in line for line in lines)


# --- what clients send ---


@pytest.mark.parametrize("text", ["NaN", "[1,]", "-Infinity", "[1"])
def test_bad_json_of_a_classic_client_is_passed_over(serve, text: str) -> None:
    served = serve(serializer=json)
    client = WebSocket(served.port).open()
    client.send(f"~j~{text}", "after")
    assert served.wait("message")[1] == "after"
    assert "bad JSON" in served.wait_line("bad payload")


def test_bad_json_of_a_newer_client_ends_its_session(serve) -> None:
    served = serve(serializer=orjson)
    client = Polled(served.port)
    assert client.post('42["a",NaN]').status == 400
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["protocol_error"] == 1


@pytest.mark.parametrize(
    ("text", "limit"),
    [("[1,2,3,4,5,6,7,8,9]", "max_json_elements"), ("[[[[1]]]]", "max_json_depth")],
    ids=["elements", "depth"],
)
def test_the_limits_are_checked_before_it_decodes(serve, text: str, limit: str) -> None:
    decoded: list[str] = []

    def loads(text: str) -> Any:
        decoded.append(text)
        return json.loads(text)

    served = serve(serializer=(json.dumps, loads), max_json_elements=8, max_json_depth=3)
    decoded.clear()
    client = Polled(served.port)
    assert client.post(f"42{text}").status == 413
    counted = served.listener.stats()["limits"][limit]
    assert counted > 0
    old = WebSocket(served.port).open()
    old.send(f"~j~{text}")
    assert old.wait_closed() == 1009
    assert served.listener.stats()["limits"][limit] == counted + 1
    assert decoded == []


# --- a function for decoding that fails ---


def check_failure(served: Any) -> None:
    """The session has ended, and the log says why."""
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["failure"] == 1
    line = served.wait_line("the option 'serializer' failed for")
    assert "LookupError: poison" in line


def test_a_failure_to_decode_ends_the_session_of_a_websocket(serve) -> None:
    served = serve(serializer=SERIALIZER)
    client = WebSocket(served.port).open()
    client.send('~j~"poison"', "after")
    assert client.wait_closed() == 1011
    check_failure(served)
    assert not served.happened("message")


def test_a_failure_to_decode_ends_the_session_of_a_classic_post(serve) -> None:
    served = serve(serializer=SERIALIZER)
    client = Polling(served.port).open()
    answer = client.send('~j~"poison"', "after")
    assert answer.status == 500
    assert "error has occurred" in answer.text
    check_failure(served)
    assert not served.happened("message")


def test_a_failure_to_decode_ends_the_session_of_a_newer_client(serve) -> None:
    served = serve(serializer=SERIALIZER)
    client = Polled(served.port)
    answer = client.post('42["message","poison"]', '42["message","after"]')
    assert answer.status == 500
    check_failure(served)
    assert not served.happened("message")


def test_other_sessions_go_on_when_one_cannot_be_read(serve) -> None:
    served = serve(serializer=SERIALIZER)
    bystander, client = WebSocket(served.port).open(), WebSocket(served.port).open()
    client.send('~j~"poison"')
    check_failure(served)
    bystander.send("~j~1.5")
    assert served.wait("message")[1] == Decimal("1.5")


def test_the_client_for_tests_raises_the_failure_to_decode() -> None:
    with Client(echo(serializer=SERIALIZER), dialect="classic") as client:
        with pytest.raises(LoadsFailed, match="poison"):
            client.send({"poison": 1})
        assert not client.connected
