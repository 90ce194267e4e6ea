"""Messages that a connection has taken and then gives back."""

from __future__ import annotations

import gevent
import pytest
from support.in_process import listen
from support.times import patient

from sockio_gevent.testing import Client
from sockio_gevent.transports.http import HTTPDownlink

LIMIT = 1000
RECONNECTIONS = 20


@pytest.mark.xfail(
    strict=True,
    reason="what is under way over HTTP does not count against max_buffer, neither then nor "
    "when it is given back: with each connection it may become more",
)
@pytest.mark.parametrize("transport", ["server-events", "xhr-polling"])
def test_what_waits_for_a_client_that_connects_and_never_reads_is_bounded(transport: str) -> None:
    listener = listen(
        max_buffer=LIMIT,
        transport_options=patient({"server-events": {"close_timeout": 600}}),
    )
    session = Client(listener, transport=transport).session
    for _ in range(RECONNECTIONS):
        downlink = HTTPDownlink(transport, session, None, once=transport == "xhr-polling")
        session.attach(downlink)
        gevent.sleep(0)
        session.send("x" * (LIMIT - 100))
        gevent.sleep(0)
        downlink.over()
    buffered = session.buffered
    listener.close(1)
    assert buffered <= 2 * LIMIT
