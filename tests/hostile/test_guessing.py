"""Clients that guess session ids, or use the id of another peer."""

from __future__ import annotations

import itertools
import secrets

import pytest
from support.attackers import answer, ask, open_poll, post
from support.doors import TRANSPORTS, head
from support.framing import encode
from support.siege import Siege

NO_SESSION = b"no such session; it may have timed out\n"


def guesses(session_id: str, transport: str, **headers: str) -> list[bytes]:
    """All ways to continue a session."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    body = b"data=" + encode("stolen").encode()
    return [
        head(transport, session_id, **headers),
        post(session_id, body, *lines, transport="xhr-polling"),
        post(session_id, body, *lines, transport="jsonp-polling"),
        post(session_id, body, *lines, transport="server-events"),
    ]


def refusal(siege: Siege, data: bytes) -> tuple[int, str, bytes]:
    """A refusal without its date and its length, to compare it with another one."""
    status, headers, body = ask(siege, data)
    assert "no-store" in headers["Cache-Control"]
    assert "Location" not in headers
    headers.pop("Date")
    return status, repr(headers), body


def test_thousands_of_guesses_find_nothing(besiege):
    """Each guess differs from the id of an open session as little as possible."""
    with besiege() as siege:
        raw, known = open_poll(siege)
        answers = set()
        made = itertools.count()
        transports = itertools.cycle(TRANSPORTS)

        def attack(siege):
            place = secrets.randbelow(len(known))
            other = secrets.choice([each for each in "0123456789abcdef" if each != known[place]])
            near = known[:place] + other + known[place + 1 :]
            tried = [near, near.upper(), known[:-1], known + "0", secrets.token_hex(20)]
            for session_id in tried:
                for guess in guesses(session_id, next(transports))[:2]:
                    answers.add(refusal(siege, guess)[::2])
                    next(made)

        siege.run(attack)
        count = next(made)
        assert count >= 2000
        assert answers == {(404, NO_SESSION)}
        assert siege.counted("refused", "session") == count
        raw.send(head("xhr-polling", known))
        leave = siege.connect(post(known, b"data=" + encode("leave").encode()))
        assert answer(leave) == (200, b"ok")
        assert answer(raw) == (200, b""), "and nothing was sent to it"
        leave.close()
        raw.close()


# The rule of the server; the headers of the owner, and those of others.
PEERS = {
    "address": (
        {"same_peer": "address", "trusted_proxies": 1},
        {"X_Forwarded_For": "192.0.2.1"},
        [
            {"X_Forwarded_For": "192.0.2.2"},
            {"X_Forwarded_For": "192.0.2.1, 192.0.2.2"},
            {"X_Forwarded_For": "192.0.2.1,192.0.2.1,2001:db8::1"},
            {"X_Forwarded_For": "192.0.2.11"},
            {"X_Real_IP": "192.0.2.1"},
            {},
        ],
    ),
    "cookie": (
        {"same_peer": "cookie:sid"},
        {"Cookie": "a=1; sid=s3cret"},
        [
            {"Cookie": "sid=guessed"},
            {"Cookie": "sid=guessed; sid=s3cret"},
            {"Cookie": "xsid=s3cret"},
            {"Cookie": "sid=s3cre"},
            {"Cookie": "SID=s3cret"},
            {"Cookie": "sid="},
            {},
        ],
    ),
}


@pytest.mark.parametrize(("options", "own", "foreign"), PEERS.values(), ids=PEERS)
def test_an_id_is_useless_to_another_peer(besiege, options, own, foreign):
    everyone = {"Cookie": "sid=bystander"} if "Cookie" in own else {}
    with besiege(headers=everyone, **options) as siege:
        raw, known = open_poll(siege, **own)
        raw.send(head("xhr-polling", known, **own))  # it waits, and no other poll replaces it
        unknown = secrets.token_hex(20)
        expected = refusal(siege, head("xhr-polling", unknown))[::2]
        assert expected == (404, NO_SESSION)
        thieves, transports = itertools.cycle(foreign), itertools.cycle(TRANSPORTS)
        made = itertools.count()

        def attack(siege):
            transport, thief = next(transports), next(thieves)
            real = guesses(known, transport, **thief)
            made_up = guesses(unknown, transport, **thief)
            for theft, guess in zip(real, made_up, strict=True):
                refused = refusal(siege, theft)
                assert refused == refusal(siege, guess), "it tells which ids there are"
                assert refused[::2] == expected
                next(made)

        siege.run(attack)
        assert siege.counted("refused", "peer") == next(made)
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in own.items()]
        leave = siege.connect(post(known, b"data=" + encode("mine").encode(), *lines))
        assert answer(leave) == (200, b"ok")
        assert answer(raw) == (200, encode("mine").encode()), "and nothing else was sent to it"
        leave.send(post(known, b"data=" + encode("leave").encode(), *lines))
        assert answer(leave) == (200, b"ok")
        leave.close()
        raw.close()
