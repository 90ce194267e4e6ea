"""The dialect of Engine.IO, both versions, tested with bytes alone."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from support import engineio_wire
from support.framing import TRICKY

from sockio_gevent.dialects.engineio import BareEngineIO
from sockio_gevent.dialects.engineio_errors import (
    BAD_METHOD,
    BAD_REQUEST,
    UNKNOWN_SESSION,
    UNKNOWN_TRANSPORT,
    UNSUPPORTED_VERSION,
    EngineIORefusal,
)
from sockio_gevent.monitoring.reasons import GOES_AWAY, CloseReason, End, Limit
from sockio_gevent.options.limits import OverLimit
from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.refusal import Reason, Refusal
from sockio_gevent.wire.engineio import undo_utf8
from sockio_gevent.wire.packet import OVERHEAD, Packet
from sockio_gevent.wire.websocket import TOO_BIG

SESSION_ID = "0123456789abcdef0123456789abcdef01234567"

both = pytest.mark.parametrize("version", [4, 3])


class Peer:
    """A session that notes what a dialect tells it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.costs: list[int] = []

    def count_in(self, size: int, messages: int) -> None:
        self.calls.append(("count", size, int(messages)))

    def deliver(self, message: Any, cost: int) -> None:
        self.calls.append(("deliver", message))
        self.costs.append(cost)

    def heard(self) -> None:
        self.calls.append(("heard",))

    def pinged(self, pong: Packet) -> None:
        self.calls.append(("pong", pong.payload))

    def left_by_client(self) -> None:
        self.calls.append(("left",))


def bare(version: int = 4, **options: Any) -> BareEngineIO:
    return BareEngineIO(Options.read({"dialects": ["engine.io"], **options}), version)


def received(
    packet: str | bytes, version: int = 4, **options: Any
) -> tuple[list[tuple[Any, ...]], str]:
    """The calls of the session, and the mistake."""
    peer = Peer()
    problem = bare(version, **options).receive(peer, packet)
    return peer.calls, problem


def sent(dialect: BareEngineIO, *messages: Any) -> list[Packet]:
    return [packet for each in messages for packet in dialect.event("/", "message", [each])]


# The beginning of a session.


def test_the_open_packet_tells_id_upgrades_times_and_size() -> None:
    dialect = bare(ping_interval=0.3, ping_timeout=0.2, max_message_size=1000)
    packet = dialect.greeting(SESSION_ID, "xhr-polling").payload
    assert packet[:1] == b"0"
    assert json.loads(packet[1:]) == {
        "sid": SESSION_ID,
        "upgrades": ["websocket"],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1000,
    }


def test_the_open_packet_of_version_3_has_no_size() -> None:
    packet = bare(3).greeting(SESSION_ID, "xhr-polling").payload
    assert json.loads(packet[1:]) == {
        "sid": SESSION_ID,
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
    }


@both
@pytest.mark.parametrize(
    ("transport", "transports", "upgrades"),
    [
        ("xhr-polling", KNOWN_TRANSPORTS, ["websocket"]),
        ("xhr-polling", ["xhr-polling", "flashsocket"], []),
        ("jsonp-polling", KNOWN_TRANSPORTS, ["websocket"]),
        ("jsonp-polling", ["jsonp-polling"], []),
        ("websocket", KNOWN_TRANSPORTS, []),
    ],
)
def test_upgrades_are_offered_where_they_are_possible(
    version: int, transport: str, transports: list[str], upgrades: list[str]
) -> None:
    packet = bare(version, transports=transports).greeting(SESSION_ID, transport).payload
    assert json.loads(packet[1:])["upgrades"] == upgrades


# From the client, packet by packet.


@both
@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_any_text_is_delivered_as_it_is(version: int, text: str) -> None:
    size = 1 + len(text.encode())
    assert received("4" + text, version) == (
        [("count", size, 1), ("heard",), ("deliver", text)],
        "",
    )


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x04\xff", bytes(range(256))], ids=repr)
def test_binary_frames_are_messages(data: bytes) -> None:
    expected = [("count", len(data), 1), ("heard",), ("deliver", data)]
    assert received(data, 4) == (expected, "")
    expected[0] = ("count", len(data) + 1, 1)
    assert received(b"\x04" + data, 3) == (expected, "")


@pytest.mark.parametrize(("version", "text"), [(4, "bAQIDBA=="), (3, "b4AQIDBA==")])
def test_base64_is_a_binary_message(version: int, text: str) -> None:
    assert received(text, version)[0][-1] == ("deliver", b"\x01\x02\x03\x04")


@pytest.mark.parametrize(
    ("version", "packet"),
    [
        (4, ""),
        (4, "7"),
        (4, "x"),
        (4, "\u0664hello"),
        (4, "b!"),
        (3, "bAQID"),
        (3, "b2AQID"),
        (3, "b4!"),
        (3, b""),
        (3, b"4hello"),
        (3, b"\x02probe"),
    ],
)
def test_what_is_no_packet_is_a_mistake_and_delivers_nothing(
    version: int, packet: str | bytes
) -> None:
    calls, problem = received(packet, version)
    assert problem
    assert [each for each in calls if each[0] in ("deliver", "pong", "left")] == []


@pytest.mark.parametrize(("version", "packet"), [(4, "0"), (4, "0{}"), (3, "0{}")])
def test_an_open_packet_of_a_client_is_a_mistake(version: int, packet: str) -> None:
    assert received(packet, version)[1] == f"no packet: {packet!r}"


@pytest.mark.parametrize(
    ("version", "packet"), [(4, "2"), (4, "2probe"), (3, "3"), (3, "3probe"), (4, "2" * 100)]
)
def test_a_heartbeat_in_the_wrong_direction_is_a_mistake(version: int, packet: str) -> None:
    assert received(packet, version)[1] == f"a heartbeat in the wrong direction: {packet[:20]!r}"


def test_a_pong_of_version_4_is_a_sign_of_life() -> None:
    assert received("3", 4) == ([("count", 1, 0), ("heard",)], "")


@pytest.mark.parametrize("data", ["", "probe", "é😀"])
def test_a_ping_of_version_3_is_answered_with_the_same_data(data: str) -> None:
    calls, problem = received("2" + data, 3)
    assert calls[1:] == [("heard",), ("pong", f"3{data}".encode())]
    assert problem == ""


@both
def test_a_close_packet_ends_the_session(version: int) -> None:
    calls, problem = received("1", version)
    assert calls[-1] == ("left",)
    assert problem == ""


@both
@pytest.mark.parametrize("packet", ["5", "6"])
def test_late_packets_of_an_upgrade_mean_nothing(version: int, packet: str) -> None:
    assert received(packet, version) == ([("count", 1, 0), ("heard",)], "")


@pytest.mark.parametrize(("text", "width"), [("a" * 1000, 1), ("é" * 1000, 4)])
def test_the_cost_of_a_message_is_about_what_it_takes(text: str, width: int) -> None:
    peer = Peer()
    bare().receive(peer, "4" + text)
    assert peer.costs == [192 + width * 1000]


# From the client, payload by payload.


def test_a_payload_of_version_4_is_cut_into_packets() -> None:
    body = "4a\x1e3\x1ebAQID\x1e4é".encode()
    assert bare(4).packets(body, "text/plain;charset=UTF-8") == ["4a", "3", b"\x01\x02\x03", "4é"]


def test_a_text_payload_of_version_3_is_cut_by_lengths() -> None:
    body = "2:4a1:26:b4AQID3:4😀".encode()
    # A binary message comes as a WebSocket would carry it.
    expected = ["4a", "2", b"\x04\x01\x02\x03", "4😀"]
    assert bare(3).packets(body, "text/plain;charset=UTF-8") == expected


@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "application/octet-stream; charset=binary"]
)
def test_a_binary_payload_of_version_3_is_recognised_by_its_content_type(kind: str) -> None:
    body = b"\x00\x03\xff4\xc3\xa9\x01\x04\xff\x04\x01\x02\x03"
    assert bare(3).packets(body, kind) == ["4é", b"\x04\x01\x02\x03"]
    with pytest.raises(ValueError, match="utf-8"):
        bare(3).packets(body, "text/plain")


def test_version_4_has_no_binary_payloads() -> None:
    assert bare(4).packets(b"4a", "application/octet-stream") == ["4a"]


@pytest.mark.parametrize(
    ("version", "body"),
    [(4, b""), (4, b"4a\x1e"), (4, b"x"), (4, b"4\xff"), (3, b"x"), (3, b"9:4a"), (3, b"2:xx")],
)
def test_a_bad_payload_raises(version: int, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        bare(version).packets(body, "text/plain")


@both
def test_a_payload_may_have_so_many_packets_and_not_one_more(version: int) -> None:
    dialect = bare(version, max_payload_messages=3)
    body = engineio_wire.encode(version, *["4a"] * 3).encode()
    assert dialect.packets(body, "") == ["4a"] * 3
    with pytest.raises(OverLimit) as raised:
        dialect.packets(engineio_wire.encode(version, *["4a"] * 4).encode(), "")
    assert raised.value.limit is Limit.PAYLOAD_MESSAGES
    assert raised.value.code == TOO_BIG
    assert raised.value.status == "413 Content Too Large"


@pytest.mark.parametrize(
    ("text", "payload"), [("4a\\nb", "4a\nb"), ("4a\\\\nb", "4a\\nb"), ("4é&=+ %", "4é&=+ %")]
)
def test_a_form_has_the_payload_in_its_field(text: str, payload: str) -> None:
    assert bare().form(f"d={quote(text, safe='')}".encode(), lambda: None).decode() == payload


def test_a_form_without_the_field_raises() -> None:
    with pytest.raises(ValueError, match=r"\w"):
        bare().form(b"data=4a", lambda: None)


def test_the_largest_body_follows_the_largest_message() -> None:
    assert bare(max_message_size=1000).largest_body(1) == 1000 + len("d=")
    assert bare(max_message_size=1000).largest_body(6) == 6000 + len("d=")
    assert bare(max_message_size=1000, max_body_size=99).largest_body(6) == 99


# To the client.


@both
@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_any_text_is_sent_as_it_is(version: int, text: str) -> None:
    [packet] = sent(bare(version), text)
    assert packet.payload == b"4" + text.encode()


@both
def test_lone_surrogates_become_replacement_characters(version: int) -> None:
    # A high one and a low one side by side are one character.
    [packet] = sent(bare(version), "a\ud800b\udc00c\ud83d\ude00d")
    assert packet.payload.decode() == "4a\ufffdb\ufffdc😀d"


@pytest.mark.parametrize("value", [None, True, 1.5, [], {"a": ["é"]}], ids=repr)
def test_what_is_neither_text_nor_bytes_is_sent_as_json(value: Any) -> None:
    [packet] = sent(bare(), value)
    assert json.loads(packet.payload[1:]) == value


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@both
def test_bytes_are_binary_frames_and_base64_in_payloads(version: int, kind: type) -> None:
    [packet] = sent(bare(version), kind(b"\x01\x02\x03"))
    data = b"\x01\x02\x03" if version == 4 else b"\x04\x01\x02\x03"
    assert packet.websocket_frame == bytes((0x82, len(data))) + data
    assert packet.payload == (b"bAQID" if version == 4 else b"b4AQID")


def test_other_events_cannot_be_sent() -> None:
    for name, arguments in (("chat", ["a"]), ("message", []), ("message", ["a", "b"])):
        with pytest.raises(TypeError, match="gets messages only"):
            bare().event("/", name, arguments)


def test_a_message_over_the_buffer_of_a_session_raises() -> None:
    dialect = bare(max_buffer=100)
    assert sent(dialect, "a" * 99)[0].cost == 100 + OVERHEAD
    for message in ("a" * 100, b"a" * 51):
        with pytest.raises(ValueError, match="'max_buffer' of 100"):
            sent(dialect, message)


MIXED = ["text", "é😀", b"\x01\x02\x03", ""]


def test_a_batch_of_version_4_is_one_text() -> None:
    dialect = bare(4)
    batch = sent(dialect, *MIXED)
    assert dialect.payload(batch).decode() == "4text\x1e4é😀\x1ebAQID\x1e4"
    assert dialect.binary_payload(batch) is None


def test_a_batch_of_version_3_is_text_or_bytes() -> None:
    dialect = bare(3)
    batch = sent(dialect, *MIXED)
    assert dialect.payload(batch).decode() == "5:4text4:4é😀6:b4AQID1:4"
    assert dialect.binary_payload(batch) == engineio_wire.encode_binary(
        "4text", "4é😀", b"\x01\x02\x03", "4"
    )
    assert dialect.binary_payload(sent(dialect, "text")) is None


@pytest.mark.parametrize(("version", "payload"), [(4, b"6"), (3, b"1:6")])
def test_an_empty_batch_is_a_noop(version: int, payload: bytes) -> None:
    assert bare(version).payload([]) == payload


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028\u2029", '"\\\n', "😀"], ids=ascii)
@both
def test_a_script_carries_a_payload_and_no_markup(version: int, text: str) -> None:
    dialect = bare(version)
    script = dialect.script(sent(dialect, text, b"\x01")).decode()
    assert not set(script) & set("<>\u2028\u2029\n")
    payload = json.loads(script).encode()
    assert engineio_wire.decode(version, payload) == ["4" + text, b"\x01"]


CLOSED = End(CloseReason.CLIENT, "closed by the client")


@pytest.mark.parametrize(
    ("transport", "end", "packets"),
    [
        ("xhr-polling", GOES_AWAY, [b"1"]),
        ("jsonp-polling", GOES_AWAY, [b"1"]),
        ("xhr-polling", CLOSED, [b"6"]),
        ("websocket", GOES_AWAY, []),
        ("websocket", CLOSED, []),
    ],
)
@both
def test_the_last_packet_tells_a_poll_the_end(
    version: int, transport: str, end: End, packets: list[bytes]
) -> None:
    assert [each.payload for each in bare(version).last(end, transport)] == packets


# Refusals.


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (UNKNOWN_TRANSPORT, "Transport unknown"),
        (UNKNOWN_SESSION, "Session ID unknown"),
        (BAD_METHOD, "Bad handshake method"),
        (BAD_REQUEST, "Bad request"),
        (UNSUPPORTED_VERSION, "Unsupported protocol version"),
    ],
)
def test_a_refusal_is_json_with_a_number_and_the_details_are_for_the_log(
    number: int, text: str
) -> None:
    refusal = EngineIORefusal(number, "the details")
    assert refusal.status == "400 Bad Request"
    assert refusal.log_text == "the details"
    kind, body = bare().refusal(refusal)
    assert kind == "application/json"
    assert json.loads(body) == {"code": number, "message": text}


@pytest.mark.parametrize(
    "reason", [Reason.ORIGIN, Reason.HOST, Reason.AUTHORIZATION, Reason.PEER], ids=repr
)
def test_who_may_not_connect_learns_no_details(reason: Reason) -> None:
    refusal = Refusal("403 Forbidden", "the origin is not in the option").counted_as(reason)
    assert json.loads(bare().refusal(refusal)[1]) == {"code": 4, "message": "Forbidden"}


def test_the_text_of_an_application_is_told() -> None:
    refusal = Refusal(401, 'log in "first"').counted_as(Reason.AUTHORIZATION)
    refusal.is_chosen = True
    assert json.loads(bare().refusal(refusal)[1]) == {"code": 4, "message": 'log in "first"'}


def test_a_limit_is_a_bad_request_with_a_text() -> None:
    refusal = OverLimit(Limit.BODY_SIZE, "413 Content Too Large", "the body is over 9 bytes")
    assert json.loads(bare().refusal(refusal)[1]) == {
        "code": 3,
        "message": "the body is over 9 bytes",
    }


# Everything that can be sent.

_MESSAGES = some.lists(
    some.one_of(
        some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\x1e")),
        some.binary(),
    ),
    min_size=1,
)


@settings(deadline=None)
@given(_MESSAGES, some.sampled_from([3, 4]))
def test_what_is_encoded_is_received_as_it_was(messages: list[str | bytes], version: int) -> None:
    dialect = bare(version)
    batch = sent(dialect, *messages)
    bodies = {"text/plain": dialect.payload(batch)}
    binary = dialect.binary_payload(batch)
    if binary is not None:
        bodies["application/octet-stream"] = binary
    for kind, body in bodies.items():
        peer = Peer()
        for packet in dialect.packets(body, kind):
            assert dialect.receive(peer, packet) == ""
        expected = messages
        if version == 3 and kind == "text/plain":
            # Text that reads as UTF-8 is taken for that of a client of Socket.IO 1.
            expected = [undo_utf8(each) if isinstance(each, str) else each for each in messages]
        assert [call[1] for call in peer.calls if call[0] == "deliver"] == expected


@settings(deadline=None)
@given(some.one_of(some.text(), some.binary()), some.sampled_from([3, 4]))
def test_no_packet_makes_it_raise(packet: str | bytes, version: int) -> None:
    peer = Peer()
    assert isinstance(bare(version).receive(peer, packet), str)
    assert peer.calls[0][0] == "count"
