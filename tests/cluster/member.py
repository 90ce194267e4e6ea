"""A worker in a process of its own, which answers what others ask: member.py PLACE.

It prints its name when it has joined, and each message of the kind ``note`` as a line.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import gevent

from sockio_gevent.cluster.bus import Message
from sockio_gevent.cluster.local import LocalBus
from sockio_gevent.monitoring.log import Log
from sockio_gevent.session.loops import Loops


def note(message: Message) -> None:
    print("note", message.body.decode(), flush=True)


def echo(message: Message) -> None:
    message.answer(message.body + b" by " + str(os.getpid()).encode())


def take(message: Message) -> None:
    descriptor = message.take_descriptor()
    assert descriptor is not None
    os.write(descriptor, b"taken with " + message.body)
    os.close(descriptor)


def silent(message: Message) -> None:
    pass


def flood(message: Message) -> None:
    """Publish numbers, from the thread that the message says."""
    count, _, where = message.body.decode().partition(" ")

    def run() -> None:
        for number in range(int(count)):
            bus.publish("number", f"{where} {number}".encode())
        message.answer(b"done")

    if where == "thread":
        threading.Thread(target=run).start()
    else:
        gevent.spawn(run)


log = Log(lambda line: print("log", line, flush=True))
bus = LocalBus(lambda: Path(sys.argv[1]), Loops(log, lambda ended: None).here, log)
for receiver in (note, echo, take, silent, flood):
    bus.receive(receiver.__name__, receiver)
bus.start()
print("joined", bus.name, *sorted(bus.members), flush=True)
while True:
    gevent.sleep(3600)
