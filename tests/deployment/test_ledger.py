"""Four workers with one port: a ledger counts what clients send, whatever happens to workers."""

from __future__ import annotations

import os
import signal

import gevent
import pytest
from support.cluster_stories import check_all
from support.clustered import clustered_gunicorn, everybody, place
from support.http import LONG
from support.ledger import Load, check_ledger
from support.nginx import ROUND_ROBIN, Nginx
from support.servers import Clustered
from support.travellers import travellers

WORKERS = 4
STOPPED = 10  # seconds


@pytest.fixture(params=["gunicorn", "nginx", "command line"])
def front(request, deploy, runtime, certificate):
    """What clients connect to, and the server behind it."""
    options = {"ping_interval": LONG, "trusted_proxies": int(request.param == "nginx")}
    if request.param == "command line":
        server = deploy(Clustered, f"--workers={WORKERS}", options=options).listening()
        return server, server
    kept = ["--keep-alive=60" if request.param == "nginx" else "--keep-alive=0"]
    server = clustered_gunicorn(deploy, runtime, *kept, workers=WORKERS, options=options)
    if request.param == "gunicorn":
        return server, server
    return deploy(Nginx, certificate, server, changes=ROUND_ROBIN).listening(), server


def test_clients_of_all_kinds_lose_nothing(front):
    before, server = front
    place(server.port, WORKERS)  # all workers know each other
    voices = {}
    for number in range(2):
        found = travellers(before.port, before.proxied)
        voices.update({f"{name} {number}": each for name, each in found.items()})
    check_ledger(voices, 5)
    for voice in voices.values():
        voice.leave()
    assert server.problems() == []


def test_a_worker_that_stands_still_and_one_that_is_killed_cost_the_others_nothing(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    placed = place(server.port, WORKERS)
    load = Load(everybody(placed))
    load.wait_more()
    stopped, killed, *_ = placed
    os.kill(stopped, signal.SIGSTOP)
    try:
        standing = gevent.spawn(gevent.sleep, STOPPED)
        while not standing.ready():
            load.wait_more(but=placed[stopped])
        os.kill(killed, signal.SIGKILL)
        for voice in placed[killed]:
            voice.wait_end()
        load.wait_more(but=placed[stopped])
    finally:
        os.kill(stopped, signal.SIGCONT)
    load.wait_more()
    assert len(load.living()) == 2 * (WORKERS - 1)
    load.end()
    load.check()
    check_all(place(server.port, WORKERS))


def test_a_reload_under_load_doubles_nothing_and_brings_nothing_out_of_order(deploy, runtime):
    server = clustered_gunicorn(deploy, runtime, workers=WORKERS)
    placed = place(server.port, WORKERS)
    load = Load(everybody(placed))
    load.wait_more()
    server.process.send_signal(signal.SIGHUP)
    for voice in everybody(placed):
        voice.wait_end()
    load.check()
    server.wait_line("Worker exiting", WORKERS)
    again = place(server.port, WORKERS)
    assert not placed.keys() & again.keys()
    more = Load(everybody(again))
    more.wait_more()
    more.end()
    more.check()
    assert server.problems() == []
