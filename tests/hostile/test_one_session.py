"""Many requests at once that belong to one session."""

from __future__ import annotations

import pytest
from support.attackers import answer, half_close, open_poll, post
from support.bystanders import IN_TIME
from support.doors import head
from support.framing import encode
from support.siege import ATTACKERS, MEGABYTE

LEAVE = b"data=" + encode("leave").encode()
MOST = 10  # the option max_requests_per_session, as it is by default


def test_a_session_takes_a_few_posts_at_once_and_refuses_more(besiege):
    """Bodies that do not end keep the places taken."""
    with besiege(body_timeout=60.0) as siege:
        raw, known = open_poll(siege)
        raw.send(head("xhr-polling", known))
        refused = []

        def attack(siege):
            one = siege.connect(post(known, b"data=~m~1~m~x")[:-1])
            # Either it is refused, or it waits until all is over.
            if siege.drip(one, b"", pause=1.0):
                status, _ = answer(one)
                assert status == 429
                refused.append(one)
            else:
                half_close(one)
                one.end()
            one.close()

        siege.run(attack)
        siege.check_limit("max_requests_per_session", len(refused))
        assert len(refused) >= ATTACKERS - MOST
        last = siege.connect(post(known, LEAVE))
        assert answer(last) == (200, b"ok")
        assert answer(raw) == (200, b"")
        last.close()
        raw.close()


def test_a_session_takes_posts_up_to_the_limit(besiege):
    # All that comes back waits until the end.
    with besiege(max_buffer=16 * MEGABYTE) as siege:
        raw, known = open_poll(siege)
        taken, refused = [], []

        def attack(siege):
            one = siege.connect(post(known, b"data=" + encode("x").encode()))
            status, _ = answer(one)
            (taken if status == 200 else refused).append(status)
            one.close()

        siege.run(attack)
        assert set(refused) <= {429}
        raw.send(head("xhr-polling", known))
        assert answer(raw) == (200, encode("x").encode() * len(taken)), "each of them once"
        raw.send(post(known, LEAVE))
        assert answer(raw) == (200, b"ok")
        raw.close()


@pytest.mark.parametrize("transport", ["xhr-polling", "jsonp-polling"])
def test_a_session_has_one_poll_and_older_ones_end(besiege, transport):
    with besiege() as siege:
        raw, known = open_poll(siege, transport)
        statuses = set()

        def attack(siege):
            one = siege.connect(head(transport, known))
            # The last one waits for a message; the others are answered at once.
            while not siege.drip(one, b"", pause=0.1):
                if siege.over.is_set():
                    break
            else:
                statuses.add(answer(one)[0])
            one.close()

        siege.run(attack)
        assert statuses <= {200, 429}
        raw.send(post(known, LEAVE, transport=transport))
        assert answer(raw) == (200, b"ok")
        raw.close()


def test_a_stream_that_is_opened_again_and_again_is_one_session(besiege):
    times = {"server-events": {"heartbeat_interval": None, "close_timeout": IN_TIME}}
    with besiege(times=times) as siege:
        raw, known = open_poll(siege)

        def attack(siege):
            one = siege.connect(head("server-events", known))
            status, _ = one.head()
            assert status.split()[1] in ("200", "429")
            one.reset()

        siege.run(attack)
        assert siege.counted("opened") == 1
        raw.send(post(known, LEAVE))
        assert answer(raw) == (200, b"ok")
        raw.close()
