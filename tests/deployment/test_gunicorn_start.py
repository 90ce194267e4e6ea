"""Errors and warnings at the start about configurations of gunicorn that cannot work."""

from __future__ import annotations

import signal

import pytest
from support.fleet import check_all_work, check_told, open_all
from support.servers import Gunicorn

SEVERAL = "gunicorn runs 2 workers, and the option 'cluster' keeps each of them alone"
ALONE = {"cluster": None}
LATE = r"RuntimeWarning: gevent\.monkey\.patch_all\(\) ran after sockio_gevent was imported"


def test_several_workers_cause_no_warning(deploy):
    server = deploy(Gunicorn, "gevent", "--workers=2").listening()
    server.wait_line("Worker is ready", 2)
    server.ask("/")
    assert server.found("WARNING|Warning") == []


def test_several_workers_that_are_alone_cause_one_warning_and_another_after_a_reload(deploy):
    server = deploy(Gunicorn, "gevent", "--workers=2", options=ALONE).listening()
    server.wait_line("Worker is ready", 2)
    assert len(server.found(SEVERAL)) == 1
    server.process.send_signal(signal.SIGHUP)
    server.wait_line("Worker is ready", 4)
    assert len(server.found(SEVERAL)) == 2


def test_several_workers_of_a_preloaded_application_cause_one_warning(deploy):
    server = deploy(Gunicorn, "gevent", "--workers=2", "--preload", options=ALONE).listening()
    server.wait_line("Worker is ready", 2)
    assert len(server.found(SEVERAL)) == 1


def test_one_worker_causes_no_warning(deploy):
    server = deploy(Gunicorn, "gevent").listening()
    server.ask("/")
    assert server.found("WARNING|Warning") == []


@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_workers_that_cannot_keep_connections_do_not_start(deploy, worker, more):
    server = deploy(Gunicorn, worker, *more)
    assert server.wait_end() != 0
    assert server.found(
        f"^(Runtime)?Error: gunicorn's worker class '{worker}' cannot keep connections for "
        "sockio_gevent: run gunicorn with --worker-class gevent$"
    )


def test_a_resource_that_repeats_the_prefix_of_the_application_does_not_start(deploy):
    options = {"resource": "app/socket.io"}
    server = deploy(Gunicorn, "gevent", options=options, environ={"SCRIPT_NAME": "/app"})
    assert server.wait_end() != 0
    assert server.found(
        "^ValueError: option 'resource': 'app/socket.io' begins with SCRIPT_NAME, '/app', which "
        "gunicorn takes off every path: leave it out$"
    )


def test_a_preloaded_application_works_and_causes_a_warning_of_late_patching(deploy):
    server = deploy(Gunicorn, "gevent", "--preload").listening()
    check_all_work(server)
    clients = open_all(server)
    server.process.send_signal(signal.SIGTERM)
    check_told(server, clients)
    assert server.wait_end() == 0
    assert len(server.found(LATE)) == 1
    assert server.problems() == []
