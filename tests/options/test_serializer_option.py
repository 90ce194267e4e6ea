"""The option ``serializer``: which values it takes, and how they are guarded."""

from __future__ import annotations

import json
import marshal
import pickle
from decimal import Decimal
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from flask import Flask
from support.labels import label

from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.serializer import LoadsFailed, Serializer, serializer_of


def refuse(value: Any) -> Any:
    raise TypeError(f"no form for {value!r}")


def refuse_otherwise(value: Any) -> Any:
    raise KeyError(value)


class WithoutSeparators:
    """What takes any argument, but passes it on to a function that does not."""

    @staticmethod
    def dumps(value: Any, **arguments: Any) -> bytes:
        return orjson.dumps(value, **arguments)

    loads = staticmethod(json.loads)


class Strange:
    """An object whose functions return what they are told to."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def dumps(self, value: Any) -> Any:
        return '["a",1]' if value == ["a", 1] else self.text

    def loads(self, text: str) -> Any:
        return json.loads(text)


FLASK = Flask("site")
GOOD = [
    json,
    orjson,
    (json.dumps, json.loads),
    [orjson.dumps, orjson.loads],
    SimpleNamespace(dumps=json.dumps, loads=json.loads),
    WithoutSeparators,
    Strange(None),
    FLASK.json,
]
WRONG_KIND: list[Any] = [
    "json",
    1,
    True,
    json.dumps,
    (json.dumps,),
    (json.dumps, json.loads, json),
    (json.dumps, "loads"),
    SimpleNamespace(dumps=json.dumps),
    SimpleNamespace(dumps=json.dumps, loads=None),
    Strange,  # not an object of it
    (lambda: "", json.loads),
    (json.dumps, lambda text, more: None),
]
NO_JSON = [
    pickle,
    marshal,
    (str, json.loads),
    (json.dumps, lambda text: text),
    (json.dumps, refuse_otherwise),
    (lambda value: '["a", 2]', json.loads),
]


@pytest.mark.parametrize("value", GOOD, ids=label)
def test_an_object_or_a_pair_encodes_and_decodes(value: Any) -> None:
    serializer = serializer_of(Options.read({"serializer": value}).serializer)
    assert serializer.loads('{"a": [1, "b"]}') == {"a": [1, "b"]}
    if not isinstance(value, Strange):
        text = serializer.dumps({"a": [1, "é"]})
        assert type(text) is str
        assert json.loads(text) == {"a": [1, "é"]}


@pytest.mark.parametrize("value", WRONG_KIND, ids=label)
def test_a_value_of_the_wrong_kind_is_refused_by_the_options_name(value: Any) -> None:
    with pytest.raises(TypeError, match="option 'serializer'"):
        Options.read({"serializer": value})


@pytest.mark.parametrize("value", NO_JSON, ids=label)
def test_functions_for_something_other_than_json_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"option 'serializer': its (dumps|loads) "):
        serializer_of(Options.read({"serializer": value}).serializer)


@pytest.mark.parametrize("value", GOOD[:-2], ids=label)
def test_an_object_is_asked_for_compact_json_and_functions_are_not(value: Any) -> None:
    text = serializer_of(value).dumps({"a": [1, 2]})
    is_loose = value == (json.dumps, json.loads)
    assert text == ('{"a": [1, 2]}' if is_loose else '{"a":[1,2]}')


@pytest.mark.parametrize("value", [json, orjson, (json.dumps, json.loads)], ids=label)
@pytest.mark.parametrize("number", [nan, inf, -inf], ids=repr)
def test_nan_is_refused_whatever_the_serializer_makes_of_it(value: Any, number: float) -> None:
    dumps = serializer_of(value).dumps
    for message in (number, [number], {"a": {"b": (1, number)}}):
        with pytest.raises(ValueError, match="option 'serializer': cannot send NaN"):
            dumps(message)
    assert json.loads(dumps(["NaN", None, "null", '"NaN'])) == ["NaN", None, "null", '"NaN']


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        (None, TypeError, "must return str or bytes, not NoneType"),
        (memoryview(b"{}"), TypeError, "must return str or bytes, not memoryview"),
        (b"\xff", ValueError, "not UTF-8"),
        ('"\x1e42"', ValueError, "control character"),
    ],
    ids=label,
)
def test_what_dumps_must_not_return_is_refused(text: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=f"option 'serializer': its dumps .*{why}"):
        serializer_of(Strange(text)).dumps("a message")


@pytest.mark.parametrize("text", ['"é"', '"é"'.encode(), bytearray('"é"', "utf-8")], ids=label)
def test_text_and_bytes_become_text(text: Any) -> None:
    assert serializer_of(Strange(text)).dumps("a message") == '"é"'


@pytest.mark.parametrize(
    ("default", "raised"), [(refuse, TypeError), (refuse_otherwise, ValueError)], ids=label
)
def test_a_failure_of_dumps_becomes_an_error_that_names_the_option(
    default: Any, raised: type[Exception]
) -> None:
    def dumps(value: Any) -> str:
        return json.dumps(value, default=default)

    with pytest.raises(raised, match="option 'serializer': its dumps cannot encode") as caught:
        serializer_of((dumps, json.loads)).dumps([Decimal(1)])
    assert "Decimal('1')" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_message_that_holds_itself_is_a_value_error() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in (json, (lambda value: repr(value) and json.dumps(value), json.loads)):
        with pytest.raises(ValueError, match="option 'serializer'"):
            serializer_of(value).dumps(endless)


@pytest.mark.parametrize("value", [json, orjson], ids=label)
@pytest.mark.parametrize("text", ["", "[", "[1,]", "NaN", '["NaN",Infinity]', "-Infinity"])
def test_bad_json_is_a_value_error(value: Any, text: str) -> None:
    loads = serializer_of(value).loads
    with pytest.raises(ValueError, match=r"JSON|Expecting|expected|unexpected|column"):
        loads(text)


def test_another_failure_of_loads_is_the_applications() -> None:
    def loads(text: str) -> Any:
        return [1, 2][9] if "b" in text else json.loads(text)

    serializer = serializer_of((json.dumps, loads))
    assert isinstance(serializer, Serializer)
    with pytest.raises(LoadsFailed) as caught:
        serializer.loads('["b"]')
    assert isinstance(caught.value.__cause__, IndexError)
