"""Signals reach the process that they were sent to, at once, whatever it does."""

from __future__ import annotations

import json
import signal

import pytest
from support.clients import WebSocket
from support.command import ECHO, write

STOPS = [signal.SIGINT, signal.SIGTERM]
KINDS = ["os.fork", "gevent.os.fork", "the system's", "multiprocessing"]

# As short or as long as it takes the loop to fall asleep: a signal comes before that, or after.
INTERRUPTED = """
    import itertools, signal, gevent

    signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
    steps = itertools.cycle(range(5, 300, 7))  # microseconds
    rounds = 2000
    for _ in range(rounds):
        try:
            signal.setitimer(signal.ITIMER_REAL, next(steps) * 1e-6)
            gevent.sleep(600)
        except KeyboardInterrupt:
            pass
    print("woken each time", flush=True)
"""

# Forks, and sends the child a signal at once, or when it lives already; answers with how it ended.
FORKED = """
    import multiprocessing, os, sys, time
    import gevent, gevent.os
    from gevent import monkey

    parent = os.getpid()

    def live(writer):
        os.write(writer, b"!")
        while os.getppid() == parent:
            time.sleep(0.01)

    def leave(writer):
        gevent.spawn(sys.exit, 3)
        gevent.sleep(600)

    def fork_by(fork, live=live):
        def start(writer):
            child = fork()
            if child == 0:
                try:
                    live(writer)
                finally:
                    os._exit(1)
            return child, lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return start

    def process(writer):
        child = multiprocessing.get_context("fork").Process(target=live, args=(writer,))
        child.start()
        return child.pid, lambda: [child.join(), child.exitcode][1]

    starts = {
        "os.fork": fork_by(os.fork),
        "gevent.os.fork": fork_by(gevent.os.fork),
        "the system's": fork_by(monkey.get_original("os", "fork")),
        "multiprocessing": process,
        "leaving": fork_by(os.fork, leave),
    }

    def received(message, client):
        kind, number, early = message
        reader, writer = os.pipe()
        child, wait = starts[kind](writer)
        os.close(writer)
        if not early:
            os.read(reader, 1)
        os.close(reader)
        os.kill(child, number)
        client.send(str(wait()))

    application.on("clientMessage", received)
"""


def test_no_signal_is_overslept(command, tmp_path):
    write(tmp_path, "interrupted", INTERRUPTED, ECHO)
    running = command("interrupted")
    running.wait_line("woken each time")
    running.wait_line("Open ")
    assert running.stop() == 0


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_the_import_of_a_module_that_sleeps_in_the_loop(command, tmp_path, number):
    sleeping = """
        import gevent

        gevent.spawn(print, "importing", flush=True)
        gevent.sleep(600)
    """
    write(tmp_path, "sleeping", sleeping)
    running = command("sleeping")
    running.wait_line("importing")
    running.send(number)
    assert running.finish() == (130 if number == signal.SIGINT else -number)
    assert running.err == []


@pytest.fixture
def forking(command, tmp_path):
    """Have a server fork: forking(kind, signal, early) returns how the child has ended."""
    write(tmp_path, "forking", ECHO.partition("    application.on")[0], FORKED)
    running = command("forking")
    client = WebSocket(running.port).open()

    def fork(*asked):
        client.send("~j~" + json.dumps(asked))
        return client.receive()

    fork.running, fork.client = running, client
    return fork


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_to_a_forked_child_is_for_the_child_alone(forking, kind, number):
    for early in [True, False] * 5:
        assert forking(kind, number, early) == str(-number), forking.running
    assert not forking.running.count("stopping")
    forking.client.vanish()
    assert forking.running.stop() == 0


def test_a_forked_child_that_leaves_does_not_stop_the_server(forking):
    for _ in range(2):
        assert forking("leaving", 0, True) == "3", forking.running
    assert not forking.running.count("ended"), "the clients are the server's"
    forking.client.vanish()
    assert forking.running.stop() == 0
