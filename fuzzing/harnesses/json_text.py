"""JSON messages: JSON is read and nothing else, and a value that was read can be sent."""

from __future__ import annotations

import json

from sockio_gevent.wire.classic import JSON, decode, encode
from sockio_gevent.wire.json_text import decode_json

from ..references.json_text import depth_of, is_json, may_overflow
from ..supply import text_of

__all__ = ["SEEDS", "TOKENS", "check"]

# JSON of this depth must be readable, however deep the stack is.
DEPTH = 400
# Python refuses to convert integers of more digits, with a ValueError.
DIGITS = 4300

TOKENS = (
    b'{"a":',
    b"[",
    b"]",
    b"}",
    b",",
    b'"\\u00e9"',
    b'"\\ud83d\\ude00"',
    b'"\\ud83d"',
    b"-0",
    b"1e5",
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"true",
    b"null",
    b"\t \r\n",
    b"\xef\xbb\xbf",
    "٣".encode(),
)
SEEDS = (
    b'{"a":[1,2.5,-3e-7,true,false,null,"\\u00e9\\n"],"b":{}}',
    b"[[[[]]]]",
    b' "text" ',
    b"NaN",
    b"[1,]",
    b'{"a" : 1 , "a" : 2}',
    b"[" * 5000,
    b"1" * 5000,
    b'"~j~1"',
)


def check(data: bytes) -> None:
    """Read the data as JSON, and send the value."""
    text = text_of(data)
    try:
        value = decode_json(text)
    except ValueError:
        too_much = depth_of(text) > DEPTH or len(text) > DIGITS or may_overflow(text)
        assert too_much or not is_json(text)
        return
    assert is_json(text)
    sent = encode(value).decode()
    [message], error = decode(sent)
    assert not error
    if isinstance(value, str) and not value.startswith((JSON, "~h~")):
        assert message == _well_formed(value)
    else:
        assert message.startswith(JSON)
        back = decode_json(message[len(JSON) :])
        assert json.dumps(back) == json.dumps(_well_formed(value))


def _well_formed(value: object) -> object:
    """The same with U+FFFD in place of lone surrogates, which JSON can spell and UTF-8 cannot."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_well_formed(each) for each in value]
    if isinstance(value, dict):
        return {_well_formed(name): _well_formed(each) for name, each in value.items()}
    return value
