"""Packets with unusual values are taken or refused, over each transport.

The compiled form of the package checks types while it runs: one that is narrower than what
clients may send raises there, and nowhere else.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from gevent.event import Event
from support.engineio import ALL, POLLING, SOCKETS
from support.http import DEADLINE
from support.socketio import open_client
from support.waiting import wait_until

import sockio_gevent as io

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)

HUGE = 10**40

#: Packets that a client may send, and what handlers get of them.
GOOD: list[tuple[list[str | bytes], list[Any] | None]] = [
    # Names of events may be any numbers.
    (["42[7]"], [7]),
    (["42[-1]"], [-1]),
    (["42[1.5]"], [1.5]),
    (["42[1e3]"], [1000.0]),
    (["42[-0.0,1]"], [-0.0, 1]),
    ([f"42[{HUGE}]"], [HUGE]),
    (['42[""]'], [""]),
    (["421[1.5]"], [1.5]),
    (["42999999999999999[1e3]"], [1000.0]),
    (['451-[2.5,{"_placeholder":true,"num":0}]', b"x"], [2.5, b"x"]),
    (["450-[2.5]"], [2.5]),
    # Their arguments may be any values.
    (['42["e",null,true,false,1e308,-0.0,[],{}]'], ["e", None, True, False, 1e308, -0.0, [], {}]),
    ([f'42["e",{HUGE},{{"{HUGE}":-{HUGE}}}]'], ["e", HUGE, {str(HUGE): -HUGE}]),
    (['42["message"]'], ["message"]),
    (['42["message",1.5]'], ["message", 1.5]),
    (['42["message",null,2]'], ["message", None, 2]),
    ([f'42["message",{HUGE}]'], ["message", HUGE]),
    (['42/,["e",1]'], ["e", 1]),
    (['42["e",{"_placeholder":true,"num":0}]'], ["e", {"_placeholder": True, "num": 0}]),
    (['451-["e",{"_placeholder":1,"num":0}]', b"x"], ["e", {"_placeholder": 1, "num": 0}]),
    # Answers to nothing.
    (["43[1]"], None),
    (["43[]"], None),
    (["435[1]"], None),
    (["43999999999999999[1]"], None),
    (["461-[1]", b"x"], None),
    (['461-7[{"_placeholder":true,"num":0}]', b"x"], None),
    (["6"], None),
]

#: Packets that a client must not send.
BAD: dict[str, list[str | bytes]] = {
    "a name that is true": ["42[true]"],
    "a name that is null": ["42[null]"],
    "a name that is an array": ["42[[1]]"],
    "a name that is an object": ['42[{"a":1}]'],
    "a name that is an attachment": ['451-[{"_placeholder":true,"num":0}]', b"x"],
    "a name that is no number of JSON": ["42[1.]"],
    "an event that is a number": ["421"],
    "an event that is null": ["42null"],
    "an event that is a string": ['42"e"'],
    "a number with too many digits": [f"42[{'9' * 5000}]"],
    "an acknowledgement without an array": ["435"],
    "an acknowledgement that is a number": ["435-1"],
    "an acknowledgement that is null": ["43null"],
    "too long an id": ['429999999999999999["e"]'],
    "too long a number of attachments": ['459999999999-["e"]'],
    "no number of attachments": ['45-["e"]'],
    "attachment -1": ['451-["e",{"_placeholder":true,"num":-1}]', b"x"],
    "attachment 0.0": ['451-["e",{"_placeholder":true,"num":0.0}]', b"x"],
    "attachment false": ['451-["e",{"_placeholder":true,"num":false}]', b"x"],
    "attachment null": ['451-["e",{"_placeholder":true,"num":null}]', b"x"],
    "attachment '0'": ['451-["e",{"_placeholder":true,"num":"0"}]', b"x"],
    "attachment 10**40": [f'451-["e",{{"_placeholder":true,"num":{HUGE}}}]', b"x"],
    "no attachment": ['451-["e",{"_placeholder":true}]', b"x"],
    "a DISCONNECT with data": ["41{}"],
    "an error": ["44null"],
    "no type": ["4"],
    "a heartbeat of the other side": ["heartbeat"],
    "no packet": ["x"],
}


@kinds
def test_unusual_packets_are_taken(socketio, kind):
    served = socketio()
    got: list[Any] = []
    served.listener.on_any(lambda client, *event: got.append(list(event)))
    opened = open_client(served, kind)
    for packets, _ in GOOD:
        opened.put(*packets)
    opened.put('42["last"]')
    wait_until(lambda: ["last"] in got or served.happened("disconnect"))
    expected = [event for _, event in GOOD if event is not None]
    # As texts, which tell 1 from 1.0 and from True.
    assert repr(got) == repr([*expected, ["last"]])
    assert served.happened("disconnect") == []


@kinds
def test_an_event_with_a_number_for_its_name_is_answered(socketio, kind):
    served = socketio()
    # In JSON, 1e3 is the same number.
    served.listener.on(1000, lambda client, *given: given)
    opened = open_client(served, kind)
    opened.put("425[1e3,1.5]")
    assert opened.packet() == "435[1.5]"


@pytest.mark.parametrize("kind", [POLLING[0], POLLING[3], *SOCKETS], ids=repr)
@pytest.mark.parametrize("packets", BAD.values(), ids=BAD)
def test_bad_packets_end_the_session_as_protocol_errors(socketio, kind, packets):
    served = socketio()
    opened = open_client(served, kind)
    if packets == ["heartbeat"]:
        packets = ["2" if kind.version == 4 else "3"]
    answer = opened.put(*packets)
    served.wait("disconnect")
    assert re.search(" ended: (protocol error|bad payload): ", served.wait_line(" ended: "))
    assert [line for line in served.lines if "Traceback" in line] == []
    if opened.name == "websocket":
        assert opened.wait_closed() == 1002
    else:
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/json"


VALUES = ["5", "1.5", "null", "[]", "{}", "true", '"x"', '""', str(HUGE), '"' + "1" * 1000 + '"']


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.version == 4], ids=repr)
def test_unusual_wishes_are_granted(socketio, kind):
    served = socketio(recovery=60, max_namespaces_per_session=1000)
    seen: list[Any] = []
    rooms = served.listener.of(re.compile("/room-.*"))
    rooms.on("connection", lambda client: seen.append(client.recovered))
    opened = open_client(served, kind)
    wishes = [f'{{"pid":{pid},"offset":{offset}}}' for pid in VALUES for offset in VALUES]
    wishes += [f'{{"pid":{value}}}' for value in VALUES]
    wishes += [f'{{"offset":{value}}}' for value in VALUES]
    wishes += [f'{{"{HUGE}":{value}}}' for value in VALUES]
    opened.put(*[f"40/room-{number},{wish}" for number, wish in enumerate(wishes)])
    for number in range(len(wishes)):
        assert opened.packet().startswith(f'40/room-{number},{{"sid":')
    wait_until(lambda: len(seen) == len(wishes))
    assert not any(seen)


@kinds
def test_an_answer_may_be_any_array(socketio, kind):
    served = socketio()
    answers: list[Any] = []
    done = Event()

    @served.listener.on("ask")
    def ask(client: io.Client) -> None:
        answers.append(client.call("question", timeout=60))
        if len(answers) == 3:
            done.set()

    opened = open_client(served, kind)
    for answer in (f"[{HUGE},null]", "[1.5]", "[true]"):
        opened.put('42["ask"]')
        asked = opened.packet()
        opened.put(f"43{asked[2 : asked.index('[')]}{answer}")
    assert done.wait(DEADLINE)
    assert repr(answers) == repr([(HUGE, None), 1.5, True])
