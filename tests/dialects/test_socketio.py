"""The dialect of Socket.IO, protocols 4 and 5, tested with bytes alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sockio_gevent.dialects.listing import dialects_of
from sockio_gevent.dialects.socketio import SocketIO
from sockio_gevent.monitoring.reasons import Limit
from sockio_gevent.options.limits import OverLimit
from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.serializer import OWN
from sockio_gevent.wire.packet import BinaryPacket, Packet

SESSION_ID = "0123456789abcdef0123456789abcdef01234567"

both = pytest.mark.parametrize("version", [4, 3])


def socket_io(version: int = 4, **options: Any) -> SocketIO:
    return SocketIO(Options.read(options), version)


class Peer:
    """A session that notes what a dialect tells it."""

    session_id = SESSION_ID

    def __init__(self, dialect: SocketIO, *namespaces: str) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.decoder = dialect.new_decoder()
        self._namespaces = set(namespaces or ("/",))

    def count_in(self, size: int, messages: int) -> None:
        pass

    def heard(self) -> None:
        pass

    def asked_for(self, namespace: str) -> bool:
        return namespace in self._namespaces

    def wants(self, namespace: str, auth: Any, cost: int) -> None:
        self.calls.append(("wants", namespace, auth))

    def deliver(self, message: Any, cost: int) -> None:
        self.calls.append(("message", message))

    def take_event(
        self, namespace: str, name: str | int, arguments: list[Any], ack_id: int | None, cost: int
    ) -> None:
        self.calls.append(("event", namespace, name, arguments, ack_id))

    def acknowledged(self, namespace: str, ack_id: int, arguments: list[Any], cost: int) -> None:
        self.calls.append(("acknowledged", namespace, ack_id, arguments))

    def leaves(self, namespace: str, cost: int) -> None:
        self.calls.append(("leaves", namespace))


def received(
    *messages: str | bytes, version: int = 4, namespaces: tuple[str, ...] = (), **options: Any
) -> tuple[list[tuple[Any, ...]], str]:
    """The calls of the session for messages of a client, and the first mistake."""
    dialect = socket_io(version, **options)
    peer = Peer(dialect, *namespaces)
    for message in messages:
        if isinstance(message, str):
            message = f"4{message}"
        elif version == 3:
            message = b"\x04" + message
        problem = dialect.receive(peer, message)
        if problem:
            return peer.calls, problem
    return peer.calls, ""


def spelled(packets: Any) -> list[str | bytes]:
    """Packets as a WebSocket carries them, without the types of Engine.IO."""
    return [
        each.data if isinstance(each, BinaryPacket) else each.payload[1:].decode()
        for each in packets
    ]


def test_each_version_of_engine_io_has_its_own_dialect() -> None:
    dialects: Any = dialects_of(Options.read({"dialects": ["socket.io"]}), OWN)
    assert [(type(each), each.name, each.version) for each in dialects] == [
        (SocketIO, "socket.io", 4),
        (SocketIO, "socket.io", 3),
    ]
    # Clients of protocol 4 are in the main namespace without asking for it.
    assert [each.connects_itself for each in dialects] == [False, True]


# From the client.


@pytest.mark.parametrize(
    ("text", "namespace", "auth"),
    [
        ("0", "/", None),
        ("0{}", "/", {}),
        ('0{"token":"123"}', "/", {"token": "123"}),
        ("0/admin", "/admin", None),
        ('0/admin,{"a":[1]}', "/admin", {"a": [1]}),
        ("0/admin?a=b,", "/admin?a=b", None),
    ],
)
def test_a_connect_of_protocol_5_has_a_namespace_and_auth(
    text: str, namespace: str, auth: Any
) -> None:
    assert received(text) == ([("wants", namespace, auth)], "")


@pytest.mark.parametrize(
    ("text", "namespace", "auth"),
    [
        ("0", "/", None),
        ("0/admin", "/admin", None),
        ("0/admin,", "/admin", None),
        ("0/admin?token=x%20y&b=,", "/admin", {"token": "x y"}),
        ("0/admin?token=x", "/admin", {"token": "x"}),
        ("0/admin?", "/admin", None),
    ],
)
def test_a_connect_of_protocol_4_may_have_a_query_that_is_no_part_of_the_name(
    text: str, namespace: str, auth: Any
) -> None:
    assert received(text, version=3) == ([("wants", namespace, auth)], "")


def test_a_query_in_later_packets_of_protocol_4_is_no_part_of_the_name_either() -> None:
    calls, problem = received('2/admin?token=x,["a"]', version=3, namespaces=("/admin",))
    assert (calls, problem) == ([("event", "/admin", "a", [], None)], "")


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('2["message","hi"]', ("message", "hi")),
        ('2["message",{"a":1}]', ("message", {"a": 1})),
        ('2["message"]', ("event", "/", "message", [], None)),
        ('2["message",1,2]', ("event", "/", "message", [1, 2], None)),
        ('27["message","hi"]', ("event", "/", "message", ["hi"], 7)),
        ('2["chat","a",null]', ("event", "/", "chat", ["a", None], None)),
        ('20["chat"]', ("event", "/", "chat", [], 0)),
        ("2[5,6]", ("event", "/", 5, [6], None)),
        ('2/admin,12["chat",1]', ("event", "/admin", "chat", [1], 12)),
        ('2/admin,["message","hi"]', ("event", "/admin", "message", ["hi"], None)),
        ("31[]", ("acknowledged", "/", 1, [])),
        ('3/admin,1["a",2]', ("acknowledged", "/admin", 1, ["a", 2])),
        ("1", ("leaves", "/")),
        ("1/admin,", ("leaves", "/admin")),
    ],
)
@both
def test_packets_go_to_the_session(version: int, text: str, call: tuple[Any, ...]) -> None:
    assert received(text, version=version, namespaces=("/", "/admin")) == ([call], "")


@both
def test_attachments_are_put_in_their_places(version: int) -> None:
    first = '52-3["upload",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]'
    calls, problem = received(first, b"one", b"two", version=version)
    assert calls == [("event", "/", "upload", [b"two", {"a": b"one"}], 3)]
    assert problem == ""
    answer = '61-5[{"_placeholder":true,"num":0}]'
    assert received(answer, b"x", version=version)[0] == [("acknowledged", "/", 5, [b"x"])]


def test_a_message_may_be_binary() -> None:
    text = '51-["message",{"_placeholder":true,"num":0}]'
    assert received(text, b"\x00\xff") == ([("message", b"\x00\xff")], "")


@pytest.mark.parametrize(
    "messages",
    [
        [""],
        ["9"],
        ["x"],
        ["2"],
        ["2{}"],
        ["2[]"],
        ["2[null]"],
        ['2["a"'],
        ["2[NaN]"],
        ['2["connect"]'],
        ['2["disconnect",1]'],
        ["3"],
        ['3{"a":1}'],
        ["0[]"],
        ['0"text"'],
        ["4"],
        ['4{"message":"no"}'],
        ['1["a"]'],
        [b"nothing is due"],
        ['5["a"]'],
        ['51-["a",{"_placeholder":true,"num":0}]', '2["b"]'],
        ['51-["a",{"_placeholder":true,"num":1}]', b"x"],
        ['51-["a",{"_placeholder":true,"num":-1}]', b"x"],
        ['51-["a",{"_placeholder":true}]', b"x"],
        ['511-["a"]'],
        ['2/other,["a"]'],
        ["3/other,1[]"],
        ["1/other"],
    ],
    ids=repr,
)
@both
def test_a_bad_packet_is_a_mistake(version: int, messages: list[str | bytes]) -> None:
    calls, problem = received(*messages, version=version)
    assert problem
    assert calls == []


def test_the_number_of_attachments_has_a_limit() -> None:
    holders = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(3))
    text = f'53-["a",{holders}]'
    assert received(text, b"1", b"2", b"3", max_attachments=3)[1] == ""
    assert "over 2 attachments" in received(text, max_attachments=2)[1]


def test_a_packet_and_its_attachments_have_a_size_in_all() -> None:
    text = '52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    size = len(text) + 20
    assert received(text, b"x" * 10, b"y" * 10, max_message_size=size)[1] == ""
    assert "bytes" in received(text, b"x" * 10, b"y" * 11, max_message_size=size)[1]


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max_json_elements": 3}, Limit.JSON_ELEMENTS),
        ({"max_json_depth": 2}, Limit.JSON_DEPTH),
    ],
)
@pytest.mark.parametrize("text", ['2["a",[[1,2,3]]]', '0{"a":[[1,2,3]]}', "31[[[1,2,3]]]"])
def test_json_has_limits_in_each_packet(text: str, options: dict[str, int], limit: Limit) -> None:
    with pytest.raises(OverLimit) as raised:
        received(text, **options)
    assert raised.value.limit is limit


# To the client.


@both
def test_events_are_written(version: int) -> None:
    dialect = socket_io(version)
    assert spelled(dialect.event("/", "message", ["é😀"])) == ['2["message","é😀"]']
    assert spelled(dialect.event("/", "chat", [1, None, {"a": []}], 7)) == [
        '27["chat",1,null,{"a":[]}]'
    ]
    assert spelled(dialect.event("/admin", "chat", [])) == ['2/admin,["chat"]']
    assert spelled(dialect.acknowledgement("/", 7, ["ok"])) == ['37["ok"]']
    assert spelled(dialect.acknowledgement("/admin", 0, [])) == ["3/admin,0[]"]


@both
def test_binary_events_have_attachments(version: int) -> None:
    packets = socket_io(version).event("/", "upload", [b"one", {"a": bytearray(b"two")}], 3)
    assert spelled(packets) == [
        '52-3["upload",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]',
        b"one",
        b"two",
    ]
    packets = socket_io(version).acknowledgement("/admin", 5, [b"x"])
    assert spelled(packets) == ['61-/admin,5[{"_placeholder":true,"num":0}]', b"x"]


def test_a_client_is_told_that_it_is_connected() -> None:
    assert spelled(socket_io(4).connected("/", "id")) == ['0{"sid":"id"}']
    assert spelled(socket_io(4).connected("/admin", "id")) == ['0/admin,{"sid":"id"}']
    assert spelled(socket_io(3).connected("/", "id")) == ["0"]
    assert spelled(socket_io(3).connected("/admin", "id")) == ["0/admin,"]


def test_a_client_is_told_that_it_is_refused() -> None:
    four, three = socket_io(4), socket_io(3)
    assert spelled(four.refused("/", "no", None)) == ['4{"message":"no"}']
    assert spelled(four.refused("/admin", "no", {"why": 1})) == [
        '4/admin,{"message":"no","data":{"why":1}}'
    ]
    assert spelled(three.refused("/admin", "no", None)) == ['4/admin,"no"']
    assert spelled(three.refused("/admin", "no", {"why": 1})) == ['4/admin,{"why":1}']


@both
def test_a_client_is_told_to_leave(version: int) -> None:
    assert spelled(socket_io(version).left("/")) == ["1"]
    assert spelled(socket_io(version).left("/admin")) == ["1/admin,"]


def test_clients_of_protocol_4_make_their_ids_of_the_session_id() -> None:
    peer = Peer(socket_io())
    assert socket_io(4).client_id(peer, "/") is None
    assert socket_io(3).client_id(peer, "/") == SESSION_ID
    assert socket_io(3).client_id(peer, "/admin") == f"/admin#{SESSION_ID}"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_without_json_raise(value: float) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        socket_io().event("/", "a", [value])


def test_what_has_no_json_raises() -> None:
    with pytest.raises(TypeError):
        socket_io().event("/", "a", [object()])


@both
def test_what_one_side_writes_the_other_reads(version: int) -> None:
    dialect = socket_io(version)
    arguments = ["é😀\u2028", 1.5, [b"\x00\x01", {"deep": [b""]}], None]
    packets = spelled(dialect.event("/admin", "all", arguments, 12))
    calls, problem = received(*packets, version=version, namespaces=("/admin",))
    assert (calls, problem) == ([("event", "/admin", "all", arguments, 12)], "")


def test_packets_have_no_blanks_in_their_json() -> None:
    [packet] = socket_io().event("/", "a", [{"b": [1, 2]}])
    assert isinstance(packet, Packet)
    assert packet.payload == b'42["a",{"b":[1,2]}]'
    assert json.loads(packet.payload[2:]) == ["a", {"b": [1, 2]}]


@pytest.mark.parametrize("version", [3, 4])
def test_the_name_of_a_namespace_has_a_longest_length(version: int) -> None:
    name = "/" + "x" * 255
    assert received(f"0{name},", version=version) == ([("wants", name, None)], "")
    calls, problem = received(f"0{name}x,", version=version)
    assert (calls, problem) == ([], "the name of a namespace has over 256 characters")


def test_the_query_of_a_namespace_has_as_many_fields_as_json_has_elements() -> None:
    calls, problem = received("0/a?b=1&c=2,", version=3, max_json_elements=2)
    assert (calls, problem) == ([("wants", "/a", {"b": "1", "c": "2"})], "")
    calls, problem = received("0/a?b=1&c=2&d=3,", version=3, max_json_elements=2)
    assert (calls, problem) == ([], "a query of over 2 fields")


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("é", ("/é,",), r'42/ñ,7["\u00e9","/\u00e9,"]'),
        ("é", (b"x",), r'451-/ñ,7["\u00e9",{"_placeholder":true,"num":0}]'),
        ("a", (), '42/ñ,7["a"]'),
    ],
    ids=["text", "bytes", "ascii"],
)
def test_in_ascii_a_namespace_stays_as_the_client_has_written_it(
    name: str, arguments: tuple[Any, ...], text: str
) -> None:
    dialect = socket_io(3)
    packet = dialect.event("/ñ", name, arguments, 7)[0]
    assert dialect.in_ascii(packet.payload).decode() == text


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        ("40/ñ,", "40/ñ,"),
        ("41/ñ,", "41/ñ,"),
        ('44/ñ,"nö"', r'44/ñ,"n\u00f6"'),
        ('42["/ñ,"]', r'42["/\u00f1,"]'),
        ('4312["ñ"]', r'4312["\u00f1"]'),
        ("3ñ", "3ñ"),
    ],
    ids=["connect", "disconnect", "refusal", "event", "acknowledgement", "pong"],
)
def test_in_ascii_nothing_but_json_is_escaped(packet: str, text: str) -> None:
    assert socket_io(3).in_ascii(packet.encode()).decode() == text
