"""The ``~m~`` framing: it is read as JavaScript reads it, and written texts are read back."""

from __future__ import annotations

from sockio_gevent.wire.classic import decode, encode_heartbeat, encode_text, only_text

from ..references import payload as reference
from ..supply import text_of

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (
    b"~m~",
    b"~m~0~m~",
    b"~m~1~m~a",
    b"~m~2~m~\xf0\x9f\x98\x80",
    b"~m~1~m~\xf0\x9f\x98\x80",
    b"~m~999999999999999~m~",
    b"~h~1",
    b"~j~{}",
    "é".encode(),
    "٣".encode(),
    b"\xed\xa0\xbd",
)
SEEDS = (
    b"",
    b"~m~5~m~hello~m~2~m~hi",
    "~m~3~m~a😀~m~1~m~é".encode(),
    b"~m~3~m~ab",
    b"~m~007~m~seventh",
    b"~m~1~m~\xf0\x9f\x98\x80",
    b"hello",
)


def check(data: bytes) -> None:
    """Read the data as a payload, and send it as messages."""
    text = text_of(data)
    messages, error = decode(text)
    assert (messages, not error) == reference.read(text)
    only = only_text(text)
    assert only is None or ([only], "") == (messages, error)

    texts = text.split("|")
    batch = b"".join(map(encode_text, texts))
    assert batch == b"".join(map(reference.write, texts))
    assert decode(batch.decode()) == (texts, "")
    assert encode_heartbeat(len(data)) == reference.write(f"~h~{len(data)}")

    # Even texts that no connection can bring must raise nothing.
    for strange in (data.decode("utf-8", "surrogatepass") if _passes(data) else "", _utf_16(data)):
        decode(strange)
        decode(encode_text(strange).decode())


def _passes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _utf_16(data: bytes) -> str:
    return data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass") if _even(data) else ""


def _even(data: bytes) -> bool:
    try:
        data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
