"""Three servers over one Redis behind a balancer that takes turns, and one of Node.

A ledger counts what clients send to all and to a room: nothing is lost, doubled or out of order.
"""

from __future__ import annotations

import pytest
from support.balancer import Balancer
from support.clustered import ModernVoice
from support.http import LONG
from support.ledger import check_ledger
from support.node_server import NodeServer
from support.servers import Clustered
from support.travellers import travellers

ROUNDS = 15


@pytest.fixture
def servers(tmp_path, redis_server):
    """Three of ours."""
    options = {"cluster": redis_server.url, "ping_interval": LONG}
    made = [Clustered(tmp_path, options=options) for _ in range(3)]
    yield [each.listening() for each in made]
    for each in made:
        each.stop()


@pytest.fixture
def theirs(released_packages, redis_server):
    """One of Node."""
    server = NodeServer(released_packages, redis_server.url)
    yield server
    server.stop()


@pytest.fixture
def balancer(servers):
    made = Balancer([each.port for each in servers])
    yield made
    made.close()


def test_nothing_is_lost_doubled_or_out_of_order(servers, theirs, balancer):
    voices = travellers(balancer.port)
    voices.update({f"of node {number}": ModernVoice(theirs.port) for number in range(2)})
    assert len({voice.pid for voice in voices.values()}) == 4
    check_ledger(voices, ROUNDS)
    assert min(balancer.taken.values()) > 100
    for voice in voices.values():
        voice.leave()
    assert [each.problems() for each in servers] == [[]] * 3
