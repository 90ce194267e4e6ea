"""The body of a POST: read as a form with one important field, escape by escape."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

from sockio_gevent.wire.classic_form import decode_form

from ..references import utf8
from ..supply import text_of

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (
    b"data=",
    b"&",
    b"=",
    b"%41",
    b"%C3%A9",
    b"%",
    b"%%",
    b"+",
    b"%zz",
    b"%F0%9F",
    b"\\",
    b"\\x41",
)
SEEDS = (
    b"data=%7Em%7E5%7Em%7Ehello",
    b"a=b&data=%F0%9F%98%80+x&data=second",
    b"data=a%2",
    b"data=%ff",
    b"data=\\u0041%5Cn",
    b"data",
    b"data=%20x%0A",
)
_HEXADECIMAL = b"0123456789abcdefABCDEF"


def check(data: bytes) -> None:
    """Read the data as a form; and send it in one."""
    expected = _read(data)
    try:
        payload: str | None = decode_form(data)
    except UnicodeError:
        raise AssertionError("no error that says what is wrong") from None
    except ValueError:
        payload = None
    assert payload == expected

    text = text_of(data)
    for form in (
        quote(text, safe=""),
        quote_plus(text),
        "".join(f"%{b:02x}" for b in text.encode()),
    ):
        assert decode_form(f"before=%zz&data={form}&data=again".encode()) == text


def _read(body: bytes) -> str | None:
    """The first field of this name, byte by byte; ``None`` if there is no good one."""
    for field in body.split(b"&"):
        if not field.startswith(b"data="):
            continue
        value, at = b"", len(b"data=")
        while at < len(field):
            byte = field[at]
            if byte == ord("%"):
                digits = field[at + 1 : at + 3]
                if len(digits) < 2 or any(digit not in _HEXADECIMAL for digit in digits):
                    return None
                value += bytes((int(digits, 16),))
                at += 3
            else:
                value += b" " if byte == ord("+") else field[at : at + 1]
                at += 1
        return utf8.decode(value)
    return None
