"""How messages become JSON and back: the option ``serializer``.

What the application gives is guarded here, so that whatever it does, the sender of a message
gets a ``TypeError`` or a ``ValueError``, and a client can send no NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ..wire.json_nan import nan_in_text, refuse_nan
from ..wire.json_text import decode_json, encode_json
from .callables import callable_problem

__all__ = [
    "OWN",
    "LoadsFailed",
    "Serializer",
    "check",
    "compact",
    "guarded_dumps",
    "guarded_loads",
    "serializer_of",
]

_OPTION = "option 'serializer'"
_SAMPLE = ["a", 1]
_COMPACT = '["a",1]'
_SEPARATOR = "\x1e"  # of packets in a payload of Engine.IO


class LoadsFailed(Exception):
    """The application's ``loads`` has raised something other than ``ValueError``."""


class Serializer(NamedTuple):
    """What encodes and decodes JSON.

    Attributes:
        dumps: encodes a value. Raises ``TypeError`` or ``ValueError`` if it has no form.
        loads: decodes JSON. Raises ``ValueError`` if it is none, and :exc:`LoadsFailed`.
    """

    dumps: Callable[[Any], str]
    loads: Callable[[str], Any]


#: The serializer of this package: strict and compact.
OWN = Serializer(encode_json, decode_json)


def check(name: str, value: Any) -> Any:
    """Check the option: an object with ``dumps`` and ``loads``, or a pair of functions."""
    if value is None:
        return None
    functions = _functions(value)
    if functions is None:
        raise TypeError(
            f"option {name!r} must be an object with 'dumps' and 'loads', a pair of such "
            f"functions or None, not {value!r:.80}"
        )
    dumps, loads = functions
    for role, function, argument in (("dumps", dumps, "value"), ("loads", loads, "text")):
        problem = callable_problem(function, (argument,))
        if problem:
            what = f"option {name!r}: its {role} {function!r:.80}"
            raise TypeError(f"{what} cannot be used: {problem}")
    return value


def _functions(value: Any) -> tuple[Any, Any] | None:
    if _is_object(value):
        return value.dumps, value.loads
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return value[0], value[1]
    return None


def _is_object(value: Any) -> bool:
    return hasattr(value, "dumps") and hasattr(value, "loads")


def serializer_of(value: Any) -> Serializer:
    """The serializer that a checked value of the option stands for.

    Raises:
        TypeError, ValueError: if it does not encode and decode a small message.
    """
    functions = _functions(value)
    assert functions is not None
    dumps, loads = functions
    if _is_object(value):
        dumps = compact(dumps)
    serializer = Serializer(guarded_dumps(_OPTION, dumps), guarded_loads(loads))
    text = serializer.dumps(_SAMPLE)
    try:
        written = decode_json(text)
    except ValueError:
        written = None
    if written != _SAMPLE:
        raise ValueError(f"{_OPTION}: its dumps does not write JSON: {_SAMPLE} became {text!r:.80}")
    try:
        read = serializer.loads(_COMPACT)
    except (ValueError, LoadsFailed) as error:
        raise ValueError(f"{_OPTION}: its loads does not read {_COMPACT}: {error}") from error
    if read != _SAMPLE:
        raise ValueError(f"{_OPTION}: its loads has made {read!r:.80} of {_COMPACT}")
    return serializer


def compact(dumps: Callable[..., Any]) -> Callable[[Any], Any]:
    """The same function, asked to leave out spaces if it can do that.

    It can if it takes the argument ``separators`` as that of the module ``json`` does.
    """
    asked = partial(dumps, separators=(",", ":"))
    try:
        if asked(_SAMPLE) in (_COMPACT, _COMPACT.encode()):
            return asked
    except Exception:  # whatever a function raises that does not know this argument
        pass
    return dumps


def guarded_dumps(name: str, dumps: Callable[[Any], Any]) -> Callable[[Any], str]:
    """A function of the application that encodes JSON, with checks of what it returns.

    Args:
        name: what it belongs to, for the texts of errors.
        dumps: the function; it returns ``str``, or ``bytes`` in UTF-8.
    """

    def encode(value: Any) -> str:
        try:
            text = dumps(value)
        except TypeError as error:
            raise TypeError(f"{name}: its dumps cannot encode the message: {error}") from error
        except Exception as error:
            said = str(error) if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{name}: its dumps cannot encode the message: {said}") from error
        if not isinstance(text, str):
            text = _text(name, text)
        if nan_in_text(text):
            raise ValueError(f"{name}: cannot send NaN or an infinity: JSON has no form for them")
        if "null" in text:
            _check_null(name, value)
        if _SEPARATOR in text:
            raise ValueError(f"{name}: its dumps has written a control character, which is no JSON")
        return text

    return encode


def _check_null(name: str, value: Any) -> None:
    try:
        refuse_nan(value)
    except ValueError as error:
        raise ValueError(f"{name}: cannot send NaN or an infinity: {error}") from None


def _text(name: str, data: Any) -> str:
    if not isinstance(data, (bytes, bytearray)):
        raise TypeError(f"{name}: its dumps must return str or bytes, not {type(data).__name__}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{name}: its dumps has returned bytes that are not UTF-8") from None


def guarded_loads(loads: Callable[[str], Any]) -> Callable[[str], Any]:
    """A function of the application that decodes JSON, with checks around it."""

    def decode(text: str) -> Any:
        if nan_in_text(text):
            raise ValueError("NaN and Infinity are not JSON")
        try:
            return loads(text)
        except ValueError:
            raise
        except Exception as error:
            raise LoadsFailed(f"loads has failed: {error!r}") from error

    return decode
