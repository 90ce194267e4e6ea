"""The negotiation of permessage-deflate: which offer is accepted, and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

from sockio_gevent.wire.websocket_extensions import PerMessageDeflate, agree

DEFAULT = PerMessageDeflate()
SMALL = PerMessageDeflate(window_bits=10)
KEEPING = PerMessageDeflate(context_takeover=True)
KEEPING_SMALL = PerMessageDeflate(window_bits=12, context_takeover=True)

NAME = "permessage-deflate"
FORGETTING = f"{NAME}; server_no_context_takeover; client_no_context_takeover"


def answer(offers: str, options: PerMessageDeflate = DEFAULT) -> str | None:
    agreement = agree(offers, options)
    return None if agreement is None else agreement.answer


ANSWERS: dict[str, tuple[str, PerMessageDeflate, str | None]] = {
    "nothing": ("", DEFAULT, None),
    "alone": (NAME, DEFAULT, FORGETTING),
    "of browsers": (f"{NAME}; client_max_window_bits", DEFAULT, FORGETTING),
    "forgetting": (FORGETTING, DEFAULT, FORGETTING),
    "a smaller window for us": (
        f"{NAME}; server_max_window_bits=10",
        DEFAULT,
        f"{FORGETTING}; server_max_window_bits=10",
    ),
    "a full window for us": (
        f"{NAME}; server_max_window_bits=15",
        DEFAULT,
        f"{FORGETTING}; server_max_window_bits=15",
    ),
    "a larger window than ours": (
        f"{NAME}; server_max_window_bits=12",
        SMALL,
        f"{FORGETTING}; server_max_window_bits=10",
    ),
    "our own small window": (NAME, SMALL, f"{FORGETTING}; server_max_window_bits=10"),
    "a small window for both": (
        f"{NAME}; client_max_window_bits",
        SMALL,
        f"{FORGETTING}; server_max_window_bits=10; client_max_window_bits=10",
    ),
    "the client's own window": (
        f"{NAME}; client_max_window_bits=9",
        DEFAULT,
        f"{FORGETTING}; client_max_window_bits=9",
    ),
    "the client's smallest window": (
        f"{NAME}; client_max_window_bits=8",
        DEFAULT,
        f"{FORGETTING}; client_max_window_bits=8",
    ),
    "contexts": (NAME, KEEPING, NAME),
    "contexts, small": (
        f"{NAME}; client_max_window_bits",
        KEEPING_SMALL,
        f"{NAME}; server_max_window_bits=12; client_max_window_bits=12",
    ),
    "a client that keeps nothing": (
        f"{NAME}; client_no_context_takeover",
        KEEPING,
        f"{NAME}; client_no_context_takeover",
    ),
    "a client that lets us keep nothing": (
        f"{NAME}; server_no_context_takeover",
        KEEPING,
        f"{NAME}; server_no_context_takeover",
    ),
    "after others": (f"foo, bar; a=1; b,{NAME}", DEFAULT, FORGETTING),
    "with blanks": (
        f" \t, ,{NAME} ;\tserver_max_window_bits = 10 ,",
        DEFAULT,
        f"{FORGETTING}; server_max_window_bits=10",
    ),
    "quoted": (
        f'{NAME}; server_max_window_bits="1\\0"',
        DEFAULT,
        f"{FORGETTING}; server_max_window_bits=10",
    ),
    "the second offer": (
        f"{NAME}; server_max_window_bits=8, {NAME}; client_max_window_bits",
        DEFAULT,
        FORGETTING,
    ),
    "the first good one": (
        f"{NAME}; foo, {NAME}; server_max_window_bits=11, {NAME}",
        DEFAULT,
        f"{FORGETTING}; server_max_window_bits=11",
    ),
    "other extensions": ("x-webkit-deflate-frame, deflate-stream", DEFAULT, None),
    "inside a quoted value": (f'foo; a="x, {NAME}, y"', DEFAULT, None),
}

# A parameter that is wrong, or that we cannot keep.
DECLINED = (
    "foo",
    "foo=1",
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "server_no_context_takeover; server_no_context_takeover",
    "client_max_window_bits; client_max_window_bits=10",
    "server_max_window_bits",
    *(
        f"{side}_max_window_bits={value}"
        for side in ("server", "client")
        for value in ("0", "7", "16", "08", "010", "1e1", "-9", "+9", "9.0", '""', '" 9"', "x")
    ),
    "server_max_window_bits=8",  # zlib cannot compress with so small a window
    "server_max_window_bits=",
    "Server_No_Context_Takeover",
    ";",
    "=1",
    '"foo"',
    "foo bar",
    'client_max_window_bits="10',
)


@pytest.mark.parametrize(("offers", "options", "answered"), ANSWERS.values(), ids=ANSWERS)
def test_an_offer_is_answered(
    offers: str, options: PerMessageDeflate, answered: str | None
) -> None:
    assert answer(offers, options) == answered


@pytest.mark.parametrize("parameters", DECLINED)
def test_a_bad_offer_is_declined(parameters: str) -> None:
    assert answer(f"{NAME}; {parameters}") is None


def test_what_was_agreed_on_is_what_the_answer_says() -> None:
    agreement = agree(f"{NAME}; server_max_window_bits=11; client_max_window_bits=9", KEEPING)
    assert agreement is not None
    assert agreement.compression == (KEEPING.level, 11)
    assert agreement.client_window_bits == 9
    assert agreement.keeps
    assert agreement.client_keeps
    forgetting = agree(FORGETTING, KEEPING)
    assert forgetting is not None
    assert not forgetting.keeps
    assert not forgetting.client_keeps


def test_a_client_that_does_not_know_the_parameter_may_use_the_largest_window() -> None:
    agreement = agree(NAME, SMALL)
    assert agreement is not None
    assert agreement.client_window_bits == 15


OFFERS = st.fixed_dictionaries(
    {},
    optional={
        "server_no_context_takeover": st.just(True),
        "client_no_context_takeover": st.just(True),
        "server_max_window_bits": st.integers(9, 15),
        "client_max_window_bits": st.just(True) | st.integers(9, 15),
    },
)
OPTIONS = st.builds(
    PerMessageDeflate, window_bits=st.integers(9, 15), context_takeover=st.booleans()
)


@given(OFFERS, OPTIONS)
def test_the_other_library_takes_the_answer(
    offer: dict[str, Any], options: PerMessageDeflate
) -> None:
    client = ClientPerMessageDeflateFactory(**{"client_max_window_bits": None, **offer})
    agreement = agree(build_extension([(NAME, client.get_request_params())]), options)
    assert agreement is not None
    [(name, parameters)] = parse_extension(agreement.answer)
    assert name == NAME
    theirs = client.process_response_params(parameters, [])
    assert theirs.remote_no_context_takeover is not agreement.keeps
    assert theirs.local_no_context_takeover is not agreement.client_keeps
    assert theirs.remote_max_window_bits == agreement.compression.window_bits
    assert theirs.local_max_window_bits <= agreement.client_window_bits


@given(st.text(st.sampled_from(f'{NAME};,="\\ \tx19_'), max_size=60))
def test_no_header_raises(header: str) -> None:
    assert agree(header, DEFAULT) is None or NAME in header


def test_a_header_that_is_all_mistakes_takes_no_time() -> None:
    assert answer('a="' * 5000) is None
    assert answer(";" * 16_000) is None
    assert answer(f"{NAME}; foo," * 700) is None
