"""Attacks over the transports of Engine.IO: guesses, broken packets, half upgrades, overlaps."""

from __future__ import annotations

import itertools
import json
import secrets

import pytest
from support.attackers import answer, ask, request, until_closed
from support.client_frames import frame
from support.engineio import address
from support.http import Ended
from support.siege import Siege

# Sessions of attackers that have gone end soon; those of the bystanders have other times.
OPTIONS = {"dialects": ["classic", "engine.io"], "ping_interval": 3, "ping_timeout": 3}

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
TEXT = 1

versions = itertools.cycle((4, 3))


def get(session_id: str = "", version: int = 4, more: str = "") -> bytes:
    return request("GET", address("polling", session_id, version, more))


def post(session_id: str, body: bytes, version: int = 4, kind: str = "text/plain") -> bytes:
    lines = f"Content-Type: {kind}", f"Content-Length: {len(body)}"
    return request("POST", address("polling", session_id, version), *lines, body=body)


def upgrade(session_id: str = "", version: int = 4) -> bytes:
    return request("GET", address("websocket", session_id, version), *HANDSHAKE)


def open_poll(siege: Siege, version: int = 4) -> tuple[object, str]:
    """A keep-alive connection that has opened a session, and its id."""
    raw = siege.connect(get(version=version))
    status, body = answer(raw)
    assert status == 200
    return raw, json.loads(body[body.index(b"{") :])["sid"]


def test_thousands_of_guesses_find_nothing(besiege):
    """Each guess differs from the id of an open session as little as possible."""
    with besiege(**OPTIONS) as siege:
        raw, known = open_poll(siege)
        answers = set()
        made = itertools.count()

        def attack(siege):
            place = secrets.randbelow(len(known))
            other = secrets.choice([each for each in "0123456789abcdef" if each != known[place]])
            near = known[:place] + other + known[place + 1 :]
            for session_id in (near, near.upper(), known[:-1], known + "0", "%30" + known[1:]):
                for guess in (get(session_id), post(session_id, b"4stolen"), upgrade(session_id)):
                    status, _, body = ask(siege, guess)
                    answers.add((status, body))
                    next(made)

        siege.run(attack, 50)
        assert answers == {(400, b'{"code": 1, "message": "Session ID unknown"}')}
        assert siege.counted("refused", "session") == next(made)
        raw.close()


PAYLOADS = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"x" * 1000,
    b"4" + b"\x1e" * 1000,
    b"b" + b"=" * 1000,
    b"0{}",
    b"99999999999999:4",
    b"999999999999999999999:4",
    b"1:41:41:4" * 500,
    b"\x00\x09\x09\x09\xff4",
    b"\x01\x01\xff\x05",
    b"\x00" + b"\x09" * 1000 + b"\xff",
    b"d=" + b"%" * 1000,
    "4\ud800".encode("utf-8", "surrogatepass"),
]


def test_broken_payloads_end_only_the_session_that_sends_them(besiege):
    broken = itertools.cycle(PAYLOADS)
    kinds = itertools.cycle(("text/plain", "application/octet-stream", "", "x" * 500))
    statuses = set()

    def attack(siege):
        version = next(versions)
        raw, session_id = open_poll(siege, version)
        status, _, body = ask(siege, post(session_id, next(broken), version, next(kinds)))
        statuses.add(status)
        assert status == 200 or json.loads(body)["code"] in (1, 3)
        raw.close()

    with besiege(**OPTIONS) as siege:
        siege.run(attack)
        assert statuses <= {200, 400}


FRAMES = [
    frame(TEXT, b"5"),
    frame(TEXT, b"4hello"),
    frame(TEXT, b""),
    frame(TEXT, b"2probe") + frame(TEXT, b"4hello"),
    frame(2, b"2probe"),
    frame(TEXT, b"2probe") * 50 + frame(TEXT, b"x"),
    b"\xff" * 50,
]


def test_upgrades_that_end_anywhere_leave_nothing_behind(besiege):
    broken = itertools.cycle(FRAMES)

    def attack(siege):
        version = next(versions)
        raw, session_id = open_poll(siege, version)
        raw.send(get(session_id, version))  # it waits, and may be answered by a noop
        for _ in range(3):
            link = siege.connect(upgrade(session_id, version))
            status, _ = link.head()
            if status != "HTTP/1.1 101 Switching Protocols":
                break  # its heartbeat was lost meanwhile
            link.send(next(broken))
            try:
                until_closed(link)
            except Ended:
                pass
            link.close()
        raw.close()

    with besiege(**OPTIONS) as siege:
        siege.run(attack)


def test_websockets_that_never_probe_are_given_up(besiege):
    def attack(siege):
        raw, session_id = open_poll(siege)
        link = siege.connect(upgrade(session_id))
        link.head()
        siege.hold()
        raw.close()
        link.close()

    with besiege(upgrade_timeout=1, **OPTIONS) as siege:
        siege.run(attack)


def test_requests_of_one_session_that_overlap_end_it(besiege):
    def attack(siege):
        raw, session_id = open_poll(siege)
        raws = [siege.connect(get(session_id)) for _ in range(5)]
        raws += [siege.connect(post(session_id, b"4x" * 100)[:-1]) for _ in range(5)]
        for each in (raw, *raws):
            each.close()

    with besiege(**OPTIONS) as siege:
        siege.run(attack)


@pytest.mark.parametrize("accepts", ["", "Accept-Encoding: gzip"], ids=["plain", "gzip"])
def test_polls_that_are_never_read_cost_no_more_than_their_bound(besiege, accepts):
    def attack(siege):
        version = next(versions)
        raw, session_id = open_poll(siege, version)
        lines = (accepts,) if accepts else ()
        for _ in range(8):
            ask(siege, post(session_id, b"4" + b"x" * 60_000 if version == 4 else b"3:4xx"))
        raw.send(request("GET", address("polling", session_id, version), *lines))
        siege.hold()
        raw.close()

    with besiege(**OPTIONS) as siege:
        siege.run(attack, 100)


# What makes the server answer, over a WebSocket that opens a session.
ANSWERED = {"pings": (3, b"2" + b"x" * 100), "messages": (4, b"4" + b"x" * 100)}


@pytest.mark.parametrize(("version", "packet"), ANSWERED.values(), ids=ANSWERED)
def test_a_websocket_whose_client_floods_and_never_reads_does_not_delay_others(
    besiege, version, packet
):
    def attack(siege):
        raw = siege.connect(upgrade(version=version))
        status, _ = raw.head()
        assert status == "HTTP/1.1 101 Switching Protocols"
        siege.pour(raw, frame(TEXT, packet) * 100)
        raw.close()

    with besiege(**OPTIONS) as siege:
        siege.run(attack, 50)


def test_long_addresses_take_no_time_and_are_in_no_log(besiege):
    parts = itertools.cycle(["&sid=", "%26sid%3D0", "/socket.io/?", "EIO=4&", "\xa0&", "=", "?"])

    def attack(siege):
        part = next(parts)
        query = f"?EIO=4&transport=polling&sid={secrets.token_hex(20)}" + part * (
            12_000 // len(part)
        )
        status, _, _ = ask(siege, request("GET", f"/socket.io/{query}", "Connection: close"))
        assert status in (400, 403, 414)

    with besiege(**OPTIONS) as siege:
        siege.run(attack, 100)
