"""The body of a client's POST."""

from __future__ import annotations

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.classic_form import decode_form

GOOD = {
    "plain": (b"data=hello", "hello"),
    "empty": (b"data=", ""),
    "percent escapes": (b"data=%7Em%7E1%7Em%7Ea", "~m~1~m~a"),
    "escapes in small letters": (b"data=%7em%7e", "~m~"),
    "unescaped": (b"data=~m~1~m~a", "~m~1~m~a"),
    "plus is a space": (b"data=a+b", "a b"),
    "escaped plus": (b"data=a%2Bb", "a+b"),
    "escaped ampersand": (b"data=a%26b", "a&b"),
    "escaped percent": (b"data=%2541", "%41"),
    "equals sign": (b"data=a=b", "a=b"),
    "semicolon": (b"data=a;b", "a;b"),
    "line breaks": (b"data=%0D%0A%0D%0A", "\r\n\r\n"),
    "NUL": (b"data=%00", "\0"),
    "two-byte": (b"data=%C3%A9", "é"),
    "astral": (b"data=%F0%9F%98%80", "😀"),
    "raw UTF-8": ("data=é😀".encode(), "é😀"),
    "field before": (b"x=1&data=a", "a"),
    "field after": (b"data=a&x=1", "a"),
    "broken escape in another field": (b"x=%zz&data=a&y=%", "a"),
    "a field whose name ends like it": (b"mydata=x&data=a", "a"),
    "a field whose value looks like it": (b"x=data=1&data=a", "a"),
}
BAD = {
    "nothing": (b"", "no data field"),
    "another field": (b"x=1", "no data field"),
    "name alone": (b"data", "no data field"),
    "longer name": (b"mydata=1", "no data field"),
    "name in capitals": (b"DATA=1", "no data field"),
    "a bare payload": (b"~m~1~m~a", "no data field"),
    "percent at the end": (b"data=a%", "percent"),
    "one digit": (b"data=a%4", "percent"),
    "no hexadecimal digit": (b"data=%4G", "percent"),
    "percent before an escape": (b"data=%%41", "percent"),
    "cut by the next field": (b"data=%4&1", "percent"),
    "old unicode escape": (b"data=%u00e9", "percent"),
    "lone byte": (b"data=%FF", "UTF-8"),
    "raw lone byte": (b"data=\xff", "UTF-8"),
    "truncated character": (b"data=%C3", "UTF-8"),
    "overlong": (b"data=%C0%AF", "UTF-8"),
    "surrogate": (b"data=%ED%A0%80", "UTF-8"),
    "Latin-1": (b"data=%E9t%E9", "UTF-8"),
}


@pytest.mark.parametrize(("body", "payload"), GOOD.values(), ids=GOOD)
def test_the_data_field_is_decoded(body: bytes, payload: str) -> None:
    assert decode_form(body) == payload


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_a_bad_form_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_form(body)


@pytest.mark.parametrize("escape", [quote, quote_plus], ids=["with %20", "with +"])
@given(text=st.text())
def test_any_text_survives_a_form(escape: object, text: str) -> None:
    body = urlencode({"before": text, "data": text, "after": text}, quote_via=escape)  # type: ignore[arg-type]
    assert decode_form(body.encode()) == text


@given(st.binary())
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    try:
        payload = decode_form(b"data=" + body)
    except ValueError:
        return
    assert payload == payload.encode().decode()


@pytest.mark.parametrize("offset", range(7))
def test_a_large_form_is_decoded_in_pieces_that_cut_no_escape(offset: int) -> None:
    text = "x" * offset + "é~%\\" * 50_000
    body = b"data=" + quote(text, safe="~").encode()
    pauses: list[bool] = []
    assert decode_form(body, lambda: pauses.append(True)) == text
    assert len(pauses) == -(-len(body) // (128 * 1024))


@pytest.mark.parametrize("end", [b"%", b"%4", b"%4G"])
def test_a_broken_escape_far_behind_is_found(end: bytes) -> None:
    with pytest.raises(ValueError, match="percent"):
        decode_form(b"data=" + b"%41" * 100_000 + end)
