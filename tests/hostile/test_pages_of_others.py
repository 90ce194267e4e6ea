"""Requests that pages of other sites make visitors' browsers send, with cookies."""

from __future__ import annotations

import itertools

from support.attackers import answer, ask, open_poll, post, request
from support.doors import TRANSPORTS, head
from support.framing import encode

EVIL = "https://evil.example"
# Browsers never send the last ones, but other programs may.
ORIGINS = [
    EVIL,
    "null",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1:1",
    "https://x",
    "http://x@evil.example",
    "http://x.evil.example",
    "file://",
    "x",
    "http://x http://evil.example",
    "http://\xff",
]
COOKIE = "Cookie: sid=s3cret"


def from_elsewhere(session_id):
    """All requests that such a page can send: they open sessions, continue one, or post."""
    for origin in ORIGINS:
        for name in ("Origin", "Sec_WebSocket_Origin"):
            for known in ("", session_id):
                yield head("websocket", known, Cookie="sid=s3cret", **{name: origin})
        for transport in TRANSPORTS:
            yield head(transport, "", Cookie="sid=s3cret", Origin=origin)
            yield head(transport, session_id, Cookie="sid=s3cret", Origin=origin)
        # A form needs no preflight.
        body = b"data=" + encode("stolen").encode()
        yield post(session_id, body, COOKIE, f"Origin: {origin}")
    scripts = [
        ["Referer: https://evil.example/page"],
        ["Referer: https://evil.example/page", "Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"],
        ["Sec-Fetch-Site: same-site"],
        ["Referer: http://x.evil.example/"],
        ["Referer: http://x@evil.example/"],
    ]
    for lines in scripts:
        for place in ("", f"{session_id}/1290000000000/0", "/1290000000000/0"):
            yield request("GET", f"/socket.io/jsonp-polling/{place}", COOKIE, *lines)
        yield request("GET", "/socket.io/htmlfile/", COOKIE, *lines)


def test_pages_of_others_get_nothing(besiege):
    with besiege() as siege:
        raw, known = open_poll(siege)
        turn = itertools.cycle(from_elsewhere(known))
        made = itertools.count()

        def attack(siege):
            data = next(turn)
            status, headers, body = ask(siege, data)
            assert status == 403, data
            assert b"'origins'" in body
            assert b"io.JSONP" not in body
            assert "Access-Control-Allow-Origin" not in headers
            assert "no-store" in headers["Cache-Control"]
            next(made)

        siege.run(attack)
        count = next(made)
        assert count >= 200
        assert siege.counted("refused", "origin") == count
        assert siege.counted("opened") == 1, "and that was ours"
        raw.send(post(known, b"data=" + encode("leave").encode()))
        assert answer(raw) == (200, b"ok")
        raw.close()
