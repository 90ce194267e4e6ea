"""The dialect of Socket.IO 0.5 and 0.6, tested with bytes alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from sys import getsizeof
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.framing import TRICKY

from sockio_gevent.dialects.base import BinaryRefused, Dialect, Route
from sockio_gevent.dialects.classic import Classic
from sockio_gevent.monitoring.reasons import GOES_AWAY, CloseReason, End, Limit
from sockio_gevent.options.limits import OverLimit
from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.refusal import Refusal
from sockio_gevent.wire.packet import OVERHEAD
from sockio_gevent.wire.websocket import POLICY_VIOLATION, TOO_BIG

SESSION_ID = "0123456789abcdef0123456789abcdef01234567"


class Peer:
    """A session that notes what a dialect tells it.

    Args:
        refuses: what it raises when a payload is counted.
    """

    def __init__(self, refuses: Exception | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.costs: list[int] = []
        self._refuses = refuses

    def count_in(self, size: int, messages: int) -> None:
        self.calls.append(("count", size, messages))
        if self._refuses is not None:
            raise self._refuses

    def deliver(self, message: Any, cost: int) -> None:
        self.calls.append(("deliver", message))
        self.costs.append(cost)

    def echoed(self, number: str) -> None:
        self.calls.append(("echo", number))


def classic(**options: Any) -> Classic:
    return Classic(Options.read(options))


def encoded(dialect, message):
    """The packet of a message."""
    [packet] = dialect.event("/", "message", (message,))
    return packet


def frames(*texts: str) -> str:
    return "".join(f"~m~{len(text)}~m~{text}" for text in texts)


def received(payload: Any, **options: Any) -> tuple[list[tuple[Any, ...]], str]:
    """The calls of the session, without the count, and the mistake."""
    peer = Peer()
    problem = classic(**options).receive(peer, payload)
    assert peer.calls[0][0] == "count"
    return peer.calls[1:], problem


def over_limit(payload: str, **options: Any) -> tuple[list[tuple[Any, ...]], OverLimit]:
    """The calls of the session for a payload that is over a limit, and the error."""
    peer = Peer()
    with pytest.raises(OverLimit) as raised:
        classic(**options).receive(peer, payload)
    return peer.calls, raised.value


# From the client.


def test_messages_are_counted_and_then_delivered_in_order() -> None:
    peer = Peer()
    payload = frames("one", "", "~j~[1]", "~h~7", "two")
    assert classic().receive(peer, payload) == ""
    assert peer.calls == [
        ("count", len(payload), 5),
        ("deliver", "one"),
        ("deliver", ""),
        ("deliver", [1]),
        ("echo", "7"),
        ("deliver", "two"),
    ]


@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_any_text_is_delivered_as_it_is(text: str) -> None:
    payload = encoded(classic(), text).payload.decode()
    calls, problem = received(payload)
    assert (calls, problem) == ([("deliver", text)], "")


@pytest.mark.parametrize("text", ["~", "~h", "~j", "~m~", "~x~", "~h 1", "h~1", " ~h~1", " ~j~1"])
def test_text_that_only_looks_like_a_mark_is_delivered_as_text(text: str) -> None:
    assert received(frames(text)) == ([("deliver", text)], "")


@pytest.mark.parametrize("number", ["1", "", "12345678901234567890", "x", "~h~1"])
def test_an_echo_is_passed_to_the_session_whatever_its_number(number: str) -> None:
    assert received(frames(f"~h~{number}")) == ([("echo", number)], "")


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "~h~1", "~j~", [], {}, {"a": [1, {"b": None}]}], ids=repr
)
def test_json_is_delivered_decoded(value: Any) -> None:
    assert received(frames(f"~j~{json.dumps(value)}")) == ([("deliver", value)], "")


@pytest.mark.parametrize("text", ["", "{", "nothing", "NaN", "1e999", "[1,]", "'a'"], ids=repr)
def test_bad_json_is_a_mistake_and_the_messages_around_it_are_delivered(text: str) -> None:
    calls, problem = received(frames("a", f"~j~{text}", "b"))
    assert calls == [("deliver", "a"), ("deliver", "b")]
    assert problem.startswith("bad JSON: ")


@pytest.mark.parametrize("rest", ["x", "~m~", "~m~9~m~short", "~m~-1~m~"])
def test_messages_before_a_mistake_in_the_framing_are_delivered(rest: str) -> None:
    payload = frames("a", "~h~1") + rest
    peer = Peer()
    assert classic().receive(peer, payload) != ""
    assert peer.calls == [("count", len(payload), 2), ("deliver", "a"), ("echo", "1")]


def test_an_empty_payload_is_a_mistake() -> None:
    assert received("") == ([], "the payload is empty")


@pytest.mark.parametrize(("text", "units"), [("é", 1), ("😀", 2), ("\u2028", 1)])
def test_a_payload_is_counted_in_bytes(text: str, units: int) -> None:
    peer = Peer()
    payload = f"~m~{units}~m~{text}"
    assert classic().receive(peer, payload) == ""
    assert peer.calls == [("count", len(payload.encode()), 1), ("deliver", text)]


@pytest.mark.parametrize("payload", [b"~m~1~m~a", b""])
def test_a_binary_message_is_refused_and_not_counted(payload: bytes) -> None:
    peer = Peer()
    with pytest.raises(BinaryRefused):
        classic().receive(peer, payload)
    assert peer.calls == []


# Limits.


def test_no_message_of_a_payload_that_the_session_refuses_is_delivered() -> None:
    refusal = OverLimit(Limit.MESSAGE_RATE, "429 Too Many Requests", "too fast")
    peer = Peer(refusal)
    with pytest.raises(OverLimit) as raised:
        classic().receive(peer, frames("a", "~h~1", "~j~1"))
    assert raised.value is refusal
    assert [call[0] for call in peer.calls] == ["count"]


def test_no_message_of_a_payload_with_too_many_messages_is_delivered() -> None:
    calls, error = over_limit(frames("a", "b", "c"), max_payload_messages=2)
    assert calls == []
    assert (error.limit, error.code) == (Limit.PAYLOAD_MESSAGES, TOO_BIG)
    assert error.status == "413 Content Too Large"
    assert received(frames("a", "b"), max_payload_messages=2)[1] == ""
    many = frames(*"x" * 50_000)
    assert len(received(many, max_payload_messages=None)[0]) == 50_000


@pytest.mark.parametrize(
    ("options", "good", "bad", "limit"),
    [
        ({"max_json_elements": 3}, "[1,2]", "[1,2,3]", Limit.JSON_ELEMENTS),
        ({"max_json_depth": 3}, "[[[1]]]", "[[[[1]]]]", Limit.JSON_DEPTH),
    ],
    ids=["elements", "depth"],
)
def test_messages_before_json_that_is_over_a_limit_are_delivered(
    options: dict[str, Any], good: str, bad: str, limit: Limit
) -> None:
    payload = frames("a", f"~j~{good}", f"~j~{bad}", "b")
    calls, error = over_limit(payload, **options)
    assert calls[1:] == [("deliver", "a"), ("deliver", json.loads(good))]
    assert (error.limit, error.code) == (limit, TOO_BIG)
    assert error.code != POLICY_VIOLATION
    assert error.status == "413 Content Too Large"


def test_the_cost_of_a_message_is_at_least_its_memory() -> None:
    peer = Peer()
    text = "x" * 10_000
    rows = [[{}] * 100] * 10
    classic().receive(peer, frames("", text, f"~j~{json.dumps(rows)}", "~h~1"))
    empty, long, decoded = peer.costs
    assert empty >= getsizeof("") + getsizeof(("call", "", 0))
    assert 10_000 + empty <= long <= 10_000 + empty + 200
    # A thousand objects of 64 bytes each, however short their text is.
    assert decoded >= 1000 * 64
    assert decoded <= 1000 * 256


def test_escapes_cost_what_the_characters_take_that_they_stand_for() -> None:
    peer = Peer()
    # One character outside of the Basic Multilingual Plane makes each take four bytes.
    text = r'~j~"\ud83d\ude00' + "a" * 40_000 + '"'
    assert classic().receive(peer, frames(text)) == ""
    ((_, message),) = [call for call in peer.calls if call[0] == "deliver"]
    assert getsizeof(message) >= 160_000
    assert peer.costs[0] >= getsizeof(message)


# From the application.


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ("text", "~m~4~m~text"),
        ("", "~m~0~m~"),
        ("é😀", "~m~3~m~é😀"),
        ({"a": 1}, '~m~10~m~~j~{"a":1}'),
        ([], "~m~5~m~~j~[]"),
        (None, "~m~7~m~~j~null"),
        # As text they would be read as heartbeats or JSON.
        ("~h~1", '~m~9~m~~j~"~h~1"'),
        ("~j~1", '~m~9~m~~j~"~j~1"'),
    ],
)
def test_a_message_is_framed(message: Any, payload: str) -> None:
    packet = encoded(classic(), message)
    assert packet.payload == payload.encode()
    assert packet.cost == len(payload.encode()) + OVERHEAD


@pytest.mark.parametrize(
    ("message", "error"),
    [(b"bytes", TypeError), (object(), TypeError), ({1, 2}, TypeError), (math.nan, ValueError)],
    ids=["bytes", "an object", "a set", "NaN"],
)
def test_a_message_without_a_form_is_refused(message: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoded(classic(), message)


def test_a_message_that_no_session_could_keep_is_refused() -> None:
    dialect = classic(max_buffer=1000)
    overhead = len("~m~992~m~")
    assert len(encoded(dialect, "x" * (1000 - overhead)).payload) == 1000
    with pytest.raises(ValueError, match="1001 bytes is over the option 'max_buffer' of 1000"):
        encoded(dialect, "x" * (1001 - overhead))
    with pytest.raises(ValueError, match="max_buffer"):
        encoded(dialect, "é" * 500)


@pytest.mark.parametrize(
    ("handshake", "message"),
    [("plain", SESSION_ID), ("json", {"sessionid": SESSION_ID})],
)
def test_the_greeting_tells_the_session_id(handshake: str, message: Any) -> None:
    packet = classic(handshake=handshake).greeting(SESSION_ID, "websocket")
    assert received(packet.payload.decode()) == ([("deliver", message)], "")


@pytest.mark.parametrize("number", [1, 2, 10**12])
def test_a_heartbeat_is_read_as_its_own_echo(number: int) -> None:
    payload = classic().heartbeat(number).payload.decode()
    assert payload.endswith(f"~m~~h~{number}")
    assert received(payload) == ([("echo", str(number))], "")


def test_the_payload_of_a_batch_is_its_messages_one_after_the_other() -> None:
    dialect = classic()
    packets = [encoded(dialect, message) for message in ("a", {"b": 1}, "😀")]
    assert dialect.payload(packets) == b"".join(packet.payload for packet in packets)
    assert dialect.payload(packets[:1]) is packets[0].payload
    assert dialect.payload(()) == b""
    calls, problem = received(dialect.payload(packets).decode())
    assert ([call[1] for call in calls], problem) == (["a", {"b": 1}, "😀"], "")


@pytest.mark.parametrize("end", [GOES_AWAY, End(CloseReason.APPLICATION, "disconnected")])
def test_nothing_is_sent_to_an_idle_poll_or_at_the_end(end: End) -> None:
    dialect = classic()
    assert list(dialect.idle_poll()) == []
    assert list(dialect.last(end, "xhr-polling")) == []


# POSTs.


@pytest.mark.parametrize("escape", [quote, str], ids=["escaped", "as it is"])
@pytest.mark.parametrize("payload", ["", "~m~1~m~a", "~m~3~m~é😀", "~m~5~m~a=b=c"])
def test_the_payload_of_a_post_is_the_data_of_its_form(
    payload: str, escape: Callable[[str], str]
) -> None:
    body = f"data={escape(payload)}".encode()
    assert classic().read_body(body, lambda: None) == payload


@pytest.mark.parametrize("body", [b"", b"~m~1~m~a", b"date=x", b"data=%", b"data=%z", b"data=\xff"])
def test_a_body_without_a_payload_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="the form "):
        classic().read_body(body, lambda: None)


def test_other_greenlets_may_run_while_a_large_body_is_read() -> None:
    pauses: list[None] = []
    text = "é" * 100_000
    assert classic().read_body(f"data={quote(text)}".encode(), lambda: pauses.append(None)) == text
    assert len(pauses) > 1


def test_a_body_may_be_as_long_as_its_payload_when_all_is_escaped() -> None:
    dialect = classic(max_message_size=1000)
    body = "data=" + "%7E" * 1000
    assert dialect.largest_body(3) == len(body)
    assert dialect.largest_body(6) == len("data=") + 6000
    assert classic(max_body_size=1234).largest_body(3) == 1234


def test_messages_are_posted_to_send() -> None:
    dialect = classic()
    tails = {"send": True, "": False, "send/": False, "1290000000000": False, "send/1": False}
    assert {tail: dialect.accepts_post(tail) for tail in tails} == tails


def test_a_refusal_is_a_line_of_text() -> None:
    kind, body = classic().refusal(Refusal("404 Not Found", "no such sessión"))
    assert kind == "text/plain; charset=UTF-8"
    assert body == "no such sessión\n".encode()


# Addresses and times.


def test_its_addresses_are_those_under_the_resource() -> None:
    dialect = classic(resource="live")
    assert dialect.match("/live/xhr-polling/123/send", "") == Route("xhr-polling", "123", "send")
    assert dialect.match("/socket.io/xhr-polling/123/send", "") is None
    merged = Route("xhr-polling", "1290000000000", "")
    assert dialect.opening(merged) == Route("xhr-polling", "", "1290000000000")
    assert dialect.opening(Route("xhr-polling", SESSION_ID, "1290000000000")) is None


@pytest.mark.parametrize("transport", KNOWN_TRANSPORTS)
def test_its_times_are_those_of_the_options(transport: str) -> None:
    options = Options.read({})
    assert Classic(options).times(transport) is options.transport_options[transport]


def test_it_is_a_whole_dialect() -> None:
    assert isinstance(classic(), Dialect)
    assert Classic.name == "classic"


# Everything that can be sent.

# Without a deadline: on a busy machine an example may take long.
undisturbed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXT, inner, max_size=4)),
    max_leaves=12,
)
_MARKED = st.sampled_from(["~h~1", "~j~[]", "~m~1~m~a", "~j~", "~h~", "~", "😀~m~1~m~"])


@undisturbed
@given(st.lists(st.one_of(_JSON, _TEXT, _MARKED), min_size=1, max_size=6), st.integers(0, 6))
def test_what_is_encoded_is_received_as_it_was(messages: list[Any], heartbeat: int) -> None:
    dialect = classic()
    packets = [encoded(dialect, message) for message in messages]
    expected: list[tuple[Any, ...]] = [("deliver", message) for message in messages]
    # A heartbeat anywhere between them, as the client echoes it.
    packets.insert(heartbeat, dialect.heartbeat(heartbeat))
    expected.insert(heartbeat, ("echo", str(heartbeat)))
    peer = Peer()
    payload = dialect.payload(packets)
    assert dialect.receive(peer, payload.decode()) == ""
    assert peer.calls == [("count", len(payload), len(packets)), *expected]
    # And over a POST, however it is escaped.
    body = f"data={quote(payload.decode())}".encode()
    assert len(body) <= classic(max_message_size=len(payload)).largest_body(3)
    assert dialect.read_body(body, lambda: None) == payload.decode()


@undisturbed
@given(st.one_of(st.text(max_size=40), st.lists(_MARKED, max_size=5).map("".join)))
def test_no_payload_makes_it_raise_an_undocumented_error(payload: str) -> None:
    peer = Peer()
    with suppress(OverLimit):
        assert isinstance(classic(max_json_depth=2).receive(peer, payload), str)
    assert [call[0] for call in peer.calls].count("count") == 1
