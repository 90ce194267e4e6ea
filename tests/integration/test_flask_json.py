"""Messages of a Flask application are encoded as its views are: by ``app.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask, jsonify
from flask.json.provider import DefaultJSONProvider, JSONProvider
from support.clients import WebSocket
from werkzeug.middleware.proxy_fix import ProxyFix

import sockio_gevent as io
from sockio_gevent.testing import Client

BOTH = ["classic", "socket.io"]


@dataclass
class Order:
    number: UUID
    price: Decimal


VALUES = {
    "datetime": datetime(2010, 12, 1, 13, 14, 15, tzinfo=timezone.utc),
    "date": date(2010, 12, 1),
    "Decimal": Decimal("1.50"),
    "UUID": UUID(int=7),
    "dataclass": Order(UUID(int=7), Decimal("1.50")),
}


def send(listener: io.Listener, value: Any, dialect: str = "classic") -> Any:
    """What a client gets when this is sent to it."""
    with Client(listener, dialect=dialect) as client:
        client.session.send(value)
        message = client.receive()
        return message if dialect == "classic" else message[1]


@pytest.fixture
def app() -> Flask:
    return Flask("site")


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_is_sent_as_a_view_sends_it(app: Flask, value: Any, dialect: str) -> None:
    listener = io.listen(app, log=False)
    app.add_url_rule("/", view_func=lambda: jsonify([value]))
    shown = app.test_client().get("/").json
    assert send(listener, [value], dialect) == shown
    assert send(listener, value, dialect) == shown[0]


def test_events_and_answers_are_sent_like_that(app: Flask) -> None:
    listener = io.listen(app, log=False)
    listener.on("price", lambda client: Decimal("1.50"))
    with Client(listener, dialect="socket.io") as client:
        assert client.call("price") == "1.50"
        client.session.emit("order", VALUES["UUID"], b"\x00")
        assert client.receive() == ("order", str(VALUES["UUID"]), b"\x00")


def test_the_wire_is_compact_and_keeps_the_order_of_names(serve, app: Flask) -> None:
    app.json.compact = False  # type: ignore[attr-defined]
    served = serve(app)
    client = WebSocket(served.port).open()
    served.listener.broadcast({"b": "é", "a": Decimal(1), 3: None})
    assert client.receive() == '~j~{"b":"é","a":"1","3":null}'


def test_it_is_found_behind_middleware(app: Flask) -> None:
    app_in_middleware = ProxyFix(app.wsgi_app)
    app.wsgi_app = app_in_middleware  # type: ignore[method-assign]
    assert send(io.listen(app, log=False), Decimal(1)) == "1"
    outside = ProxyFix(Flask("other"))  # type: ignore[arg-type]
    assert send(io.listen(outside, log=False), Decimal(1)) == "1"


@pytest.mark.parametrize("dialect", BOTH)
def test_nan_raises(app: Flask, dialect: str) -> None:
    listener = io.listen(app, log=False)
    for value in (float("nan"), [float("inf")], Order(UUID(int=1), float("nan"))):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="not JSON compliant"):
            send(listener, value, dialect)


def test_what_has_no_form_in_a_view_has_none_here(app: Flask) -> None:
    listener = io.listen(app, log=False)
    with pytest.raises(TypeError, match="not JSON serializable"):
        send(listener, object())


@pytest.mark.parametrize("text", ["NaN", "1e999"])
def test_numbers_from_clients_are_read_strictly(serve, app: Flask, text: str) -> None:
    served = serve(app)
    WebSocket(served.port).open().send(f"~j~{text}")
    assert "bad JSON" in served.wait_line("bad payload")


class OnlyDefault(DefaultJSONProvider):
    @staticmethod
    def default(value: Any) -> Any:  # type: ignore[override]
        if isinstance(value, complex):
            return [value.real, value.imag]
        if isinstance(value, bytearray):
            raise LookupError("no buffers")
        return DefaultJSONProvider.default(value)


class Whole(JSONProvider):
    """What applications write to use orjson."""

    def dumps(self, obj: Any, **arguments: Any) -> str:
        return orjson.dumps(obj, default=str, **arguments).decode()

    def loads(self, s: str | bytes, **arguments: Any) -> Any:
        return ["loaded", orjson.loads(s)]


def test_a_provider_that_knows_more_types_is_asked(app: Flask) -> None:
    app.json = OnlyDefault(app)
    listener = io.listen(app, log=False)
    assert send(listener, [2j, Decimal(1)]) == [[0.0, 2.0], "1"]
    with pytest.raises(ValueError, match=r"app\.json cannot encode a bytearray: .*no buffers"):
        send(listener, [bytearray()])


def test_the_types_may_change_after_listen(app: Flask) -> None:
    listener = io.listen(app, log=False)
    assert send(listener, Decimal(1)) == "1"
    app.json.default = lambda value: f"the value {value}"  # type: ignore[attr-defined]
    assert send(listener, Decimal(1)) == "the value 1"


def test_a_provider_of_its_own_is_used_for_both_directions(serve, app: Flask) -> None:
    served = serve(app)
    client = WebSocket(served.port).open()
    # As it is at each message, also if it was replaced after listen().
    app.json = Whole(app)
    served.listener.broadcast({"a": [1, 2j]})
    assert client.receive() == '~j~{"a":[1,"2j"]}'
    client.send("~j~{}")
    assert served.wait("message")[1] == ["loaded", {}]
    with pytest.raises(ValueError, match=r"app\.json: cannot send NaN"):
        served.listener.broadcast([float("nan")])
    with pytest.raises(TypeError, match=r"app\.json: its dumps cannot encode the message"):
        served.listener.broadcast({(1, 2): 3})


def test_a_provider_that_writes_as_the_module_json_does_is_asked_for_compact_json(
    serve, app: Flask
) -> None:
    class Wide(JSONProvider):
        def dumps(self, obj: Any, **arguments: Any) -> str:
            return json.dumps(obj, **arguments)

        def loads(self, s: str | bytes, **arguments: Any) -> Any:
            return json.loads(s, **arguments)

    app.json = Wide(app)
    served = serve(app)
    client = WebSocket(served.port).open()
    served.listener.broadcast({"a": [1, 2]})
    assert client.receive() == '~j~{"a":[1,2]}'


def test_the_option_goes_before_the_provider(app: Flask) -> None:
    listener = io.listen(app, log=False, serializer=orjson)
    with pytest.raises(TypeError, match="option 'serializer'"):
        send(listener, Decimal(1))


def test_without_flask_such_values_have_no_form() -> None:
    listener = io.listen(lambda environ, start_response: [], log=False)
    with pytest.raises(TypeError, match="not JSON serializable"):
        send(listener, [Decimal(1)])
