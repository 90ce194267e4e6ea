"""How many bytes a connection reads at once."""

import io
from time import monotonic

import gevent
import gevent.socket
import pytest
from support.waiting import wait_until

from sockio_gevent.hub.time_slice import TIME_SLICE
from sockio_gevent.server.stream.connection import Connection

KIB = 1024


class Owner:
    """Takes the bytes that are read, quickly or slowly."""

    def __init__(self):
        self.slow = False
        self.sizes = []

    choked = False

    def received(self, data):
        self.sizes.append(len(data))

    def run_handlers(self):
        end = monotonic() + (2 * TIME_SLICE if self.slow else 0.0)
        while monotonic() < end:
            pass

    def drained(self):
        """Nothing is written here."""

    def wait_size(self, size, times=1):
        wait_until(lambda: self.sizes.count(size) >= times, f"{times} times {size} bytes")


@pytest.fixture
def flooded():
    """The owner of a connection to a peer that sends without a pause."""
    ours, theirs = gevent.socket.socketpair()
    ours.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_RCVBUF, 256 * KIB)
    theirs.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_SNDBUF, 256 * KIB)
    owner = Owner()
    connection = Connection(ours, io.BytesIO())
    connection.owner = owner

    def flood():
        while True:
            theirs.sendall(bytes(256 * KIB))

    sending = gevent.spawn(flood)
    serving = gevent.spawn(connection.serve)
    yield owner
    gevent.killall([sending, serving])
    connection.release()
    ours.close()
    theirs.close()


def test_the_size_of_a_read_follows_the_time_for_handling_it(flooded):
    flooded.wait_size(64 * KIB)
    flooded.slow = True
    flooded.wait_size(4 * KIB)
    del flooded.sizes[:]
    flooded.wait_size(4 * KIB, times=9)
    assert max(flooded.sizes) == 4 * KIB
    flooded.slow = False
    flooded.wait_size(64 * KIB)


def test_the_first_read_is_small(flooded):
    flooded.slow = True
    flooded.wait_size(4 * KIB)
    assert max(flooded.sizes) == 16 * KIB
