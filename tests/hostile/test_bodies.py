"""Bodies and requests that take far longer to read than to send."""

from __future__ import annotations

import pytest
from support.attackers import open_poll, request

CHUNKED = "Transfer-Encoding: chunked"
PAGE = request("GET", "/plain/9")
PAGE_WITH_A_BODY = request("GET", "/plain/9", CHUNKED)

# What a client begins with, and what it sends then, again and again.
FLOODS = {
    "tiny chunks": (PAGE_WITH_A_BODY, b"1\r\nx\r\n" * 2000),
    "chunk extensions": (PAGE_WITH_A_BODY, (b"1;" + b"x" * 4000 + b"\r\nx\r\n") * 3),
    "trailers": (PAGE_WITH_A_BODY + b"0\r\n", (b"X: " + b"x" * 1000 + b"\r\n") * 10),
    "requests": (b"", PAGE * 200),
    "requests that nobody knows": (b"", request("OPTIONS", "/socket.io/nothing") * 200),
}

# It ends attackers while the test runs, but no bystander whom they make wait.
BODY_TIMEOUT = 8.0  # seconds

# Each has its turn of the loop before a bystander has the next: more of them would show the same,
# but on a busy machine one round of turns would take as long as a body may.
MANY = 50


@pytest.mark.parametrize(
    ("what", "tls"),
    [*((what, False) for what in FLOODS), ("tiny chunks", True), ("requests", True)],
)
def test_who_sends_what_is_long_to_read_leaves_the_others_their_turns(besiege, what, tls):
    begin, data = FLOODS[what]

    def attack(siege):
        raw = siege.connect(begin)
        siege.pour(raw, data)
        raw.close()

    with besiege(tls=tls, body_timeout=BODY_TIMEOUT) as siege:
        siege.run(attack, MANY)


def test_posts_in_tiny_chunks_leave_the_others_their_turns(besiege):
    def attack(siege):
        raw, session_id = open_poll(siege)
        raw.send(request("POST", f"/socket.io/xhr-polling/{session_id}/send", CHUNKED))
        siege.pour(raw, b"1\r\nx\r\n" * 2000)
        raw.close()

    with besiege(body_timeout=BODY_TIMEOUT) as siege:
        siege.run(attack, MANY)
