"""The ``~m~`` framing for any text, and its agreement with a JavaScript decoder."""

from __future__ import annotations

from itertools import takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from sockio_gevent.wire.classic import decode, encode_text, only_text

SURROGATES = st.characters(categories=["Cs"])
SPECIAL = st.sampled_from(
    ["~m~", "~h~", "~j~", "~m~1~m~", "\r\n", "\0", "\u2028", "é", "😀", "\U0001d4b3"]
)
TEXT = st.lists(st.one_of(st.text(max_size=10), SPECIAL), max_size=5).map("".join)
TEXT_OF_CODE_UNITS = st.text(st.one_of(st.characters(), SURROGATES, st.sampled_from("a😀")))

# Parts of payloads, of which many fit together and many do not.
PART = st.one_of(
    TEXT.map(lambda text: encode_text(text).decode()),
    st.builds("~m~{}~m~{}".format, st.integers(-1, 6), TEXT),
    st.sampled_from(["~m~", "~", "1", "2", "\uff11", "_", "😀", "é", "a"]),
)
PAYLOAD = st.lists(PART, max_size=6).map("".join)


def code_units(text: str) -> list[int]:
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


def text_of(units: list[int]) -> str:
    data = b"".join(unit.to_bytes(2, "little") for unit in units)
    return data.decode("utf-16-le", "surrogatepass")


def is_high(unit: int) -> bool:
    return 0xD800 <= unit < 0xDC00


def is_low(unit: int) -> bool:
    return 0xDC00 <= unit < 0xE000


def decode_as_javascript(payload: str) -> tuple[list[str], bool]:
    """Decode as a browser does, where a string is an array of code units.

    Returns:
        The messages, and whether the payload was good to its end.
    """
    marker, zero_to_nine = code_units("~m~"), code_units("0123456789")
    rest = code_units(payload)
    messages: list[str] = []
    good = bool(rest)
    while rest:
        digits = list(takewhile(zero_to_nine.__contains__, rest[3:]))
        start = 3 + len(digits) + 3
        if rest[:3] != marker or not digits or rest[start - 3 : start] != marker:
            return messages, False
        length = int(text_of(digits))
        message = rest[start : start + length]
        if len(message) < length:
            return messages, False
        # JavaScript would cut here in the middle of a pair; Python cannot hold the halves.
        if message and (is_low(message[0]) or is_high(message[-1])):
            return messages, False
        messages.append(text_of(message))
        rest = rest[start + length :]
    return messages, good


def to_well_formed(text: str) -> str:
    """What ``String.prototype.toWellFormed`` makes of it."""
    units = code_units(text)
    fixed = []
    for i, unit in enumerate(units):
        paired = (is_high(unit) and i + 1 < len(units) and is_low(units[i + 1])) or (
            is_low(unit) and i > 0 and is_high(units[i - 1])
        )
        lone = (is_high(unit) or is_low(unit)) and not paired
        fixed.append(0xFFFD if lone else unit)
    return text_of(fixed)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_any_batch_of_texts_arrives_in_order_and_unaltered(texts: list[str]) -> None:
    batch = b"".join(map(encode_text, texts)).decode()
    assert decode(batch) == (texts, "")


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_a_javascript_decoder_reads_any_batch(texts: list[str]) -> None:
    batch = b"".join(map(encode_text, texts)).decode()
    assert decode_as_javascript(batch) == (texts, True)


@settings(max_examples=200)
@given(PAYLOAD)
def test_good_and_bad_payloads_are_read_as_a_javascript_decoder_reads_them(payload: str) -> None:
    messages, error = decode(payload)
    assert (messages, not error) == decode_as_javascript(payload)


@settings(max_examples=200)
@given(PAYLOAD)
def test_the_short_way_reads_single_messages_as_the_long_way_does(payload: str) -> None:
    only = only_text(payload)
    assert only is None or decode(payload) == ([only], "")


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_reads_each_single_message_in_ascii(text: str) -> None:
    assert only_text(encode_text(text).decode()) == text


@given(TEXT_OF_CODE_UNITS)
def test_a_string_with_surrogates_is_sent_well_formed(text: str) -> None:
    well_formed = to_well_formed(text)
    assert decode(encode_text(text).decode()) == ([well_formed], "")
    assert encode_text(text) == encode_text(well_formed)


@settings(max_examples=200)
@given(st.lists(st.one_of(PART, TEXT_OF_CODE_UNITS, SURROGATES), max_size=6).map("".join))
def test_decoding_never_raises_and_never_invents_messages(payload: str) -> None:
    messages, error = decode(payload)
    assert bool(messages or error)
    assert sum(map(len, messages)) <= len(payload)
