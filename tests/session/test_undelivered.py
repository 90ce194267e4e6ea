"""Messages that a downlink has taken and then gives back."""

from __future__ import annotations

import gevent
import pytest
from support.in_process import listen
from support.times import patient

from sockio_gevent.client import session_of
from sockio_gevent.monitoring.reasons import CloseReason
from sockio_gevent.testing import Client
from sockio_gevent.transports.http_downlink import HTTPDownlink
from sockio_gevent.wire.packet import OVERHEAD

LIMIT = 1000
RECONNECTIONS = 20


@pytest.mark.parametrize("transport", ["server-events", "xhr-polling"])
def test_messages_for_a_client_that_reconnects_and_never_reads_are_bounded(transport: str) -> None:
    listener = listen(
        max_buffer=LIMIT,
        transport_options=patient({"server-events": {"close_timeout": 600}}),
    )
    session = Client(listener, transport=transport).session
    most = 0
    for _ in range(RECONNECTIONS):
        once = transport == "xhr-polling"
        downlink = HTTPDownlink(transport, session_of(session), None, once, timeout=None)
        session_of(session).attach(downlink)
        gevent.sleep(0)
        session.send("x" * (LIMIT - 100))
        gevent.sleep(0)
        if session.connected:
            most = max(most, session_of(session).buffered)
        downlink.over()
    assert most <= LIMIT + OVERHEAD
    assert session_of(session).buffered == 0
    assert not session.connected
    assert listener.stats()["closes"][CloseReason.BUFFER.value] == 1
