"""``python -m sockio_gevent --workers``: several processes serve as one."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import gevent
import pytest
from support.cluster_stories import check_all, check_story
from support.clustered import everybody, place
from support.command import write
from support.http import HTTP, Ended
from support.processes import ROOT
from support.waiting import wait_until

WORKERS = 3
APPLICATION = ROOT / "tests/deployment/clustered.py"


@pytest.fixture
def running(command, tmp_path):
    shutil.copy(APPLICATION, tmp_path)
    return command("clustered:socket", "--workers", str(WORKERS))


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_share_the_port_and_all_clients(running):
    placed = place(running.port, WORKERS)
    assert running.process.pid not in placed
    check_all(placed)
    check_story(placed)
    assert running.stop() == 0
    for voice in everybody(placed):
        voice.wait_end()
    assert running.count("Open http") == 1
    assert running.count("stopping; Ctrl-C now stops at once") == 1
    for bad in ("Traceback", "Warning", "WARNING", "ERROR", "Exception ignored"):
        assert not running.count(bad), running


def test_a_worker_that_is_killed_is_replaced(running):
    placed = place(running.port, WORKERS)
    pid = next(iter(placed))
    os.kill(pid, signal.SIGKILL)
    running.wait_line(f"worker {pid} has ended by signal 9: another one starts")
    again = place(running.port, WORKERS)
    assert len(again.keys() - placed.keys()) == 1
    check_all(again)
    assert running.stop() == 0


@pytest.mark.parametrize("how", ["ctrl-c", "sigterm", "sighup"])
def test_all_workers_end_with_their_parent(running, how):
    placed = place(running.port, WORKERS)
    match how:
        case "ctrl-c":
            running.press_ctrl_c()
        case "sigterm":
            running.send(signal.SIGTERM)
        case "sighup":
            running.send(signal.SIGHUP)
    for voice in everybody(placed):
        voice.wait_end()
    assert running.finish() == 0
    assert not any(is_alive(pid) for pid in placed)


def test_workers_stop_when_their_parent_was_killed(running):
    placed = place(running.port, WORKERS)
    running.send(signal.SIGKILL)
    for voice in everybody(placed):
        voice.wait_end()
    assert running.finish() == -signal.SIGKILL
    # Their output ends a little before they do, and nobody waits for them.
    wait_until(lambda: not any(is_alive(pid) for pid in placed))


def test_a_second_ctrl_c_ends_workers_that_are_busy(command, tmp_path):
    write(
        tmp_path,
        "busy",
        """
        import os, time
        import sockio_gevent as io

        def application(environ, start_response):
            print("busy", flush=True)
            while True:
                pass
        """,
    )
    running = command("busy", "--workers", "2")
    asking = gevent.spawn(HTTP(running.port).request, "GET", "/")
    running.wait_line("busy")
    running.send(signal.SIGINT)
    running.wait_line("stopping; Ctrl-C now stops at once")
    running.send(signal.SIGINT)
    assert running.finish() == 0
    with pytest.raises((Ended, OSError)):
        asking.get(timeout=60)


def test_workers_that_cannot_start_end_the_command(command, tmp_path):
    write(tmp_path, "broken", "raise LookupError('a mistake')\n")
    running = command("broken", "--workers", "3")
    assert running.finish() == 1
    assert running.count("LookupError: a mistake") >= 1
    assert not running.count("Open")
    running = command("missing", "--workers", "3")
    assert running.finish() == 2
    assert running.count("no module 'missing'") >= 1


def test_a_parent_that_cannot_fork_now_tries_again(command, tmp_path):
    write(
        tmp_path,
        "scarce",
        """
        import errno, os
        from pathlib import Path
        from sockio_gevent.__main__ import main

        fork = os.fork

        def scarce():
            if Path("none").exists():
                Path("none").unlink()
                raise OSError(errno.EAGAIN, "no more processes")
            return fork()

        os.fork = scarce
        main()
        """,
    )
    shutil.copy(APPLICATION, tmp_path)
    running = command("clustered:socket", "--workers", str(WORKERS), program="scarce")
    placed = place(running.port, WORKERS)
    (tmp_path / "none").touch()
    os.kill(next(iter(placed)), signal.SIGKILL)
    running.wait_line("a worker cannot be started: no more processes")
    again = place(running.port, WORKERS)
    assert len(again.keys() - placed.keys()) == 1
    assert running.stop() == 0


def test_a_worker_that_dies_at_once_is_not_replaced_at_once(command, tmp_path):
    write(
        tmp_path,
        "dying",
        """
        import os
        from pathlib import Path

        if Path("die").exists():
            print("dies", flush=True)
            os._exit(7)

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(os.getpid()).encode()]
        """,
    )
    running = command("dying", "--workers", "2")
    pid = int(HTTP(running.port).request("GET", "/").text)
    (tmp_path / "die").touch()
    os.kill(pid, signal.SIGKILL)
    running.wait_line("has ended with status 7: another one starts in ")
    (tmp_path / "die").unlink()
    # The other one serves meanwhile.
    assert HTTP(running.port).request("GET", "/").status == 200
    assert running.count("dies") < 5
    assert running.stop() == 0


def test_a_change_starts_all_workers_again(command, tmp_path):
    pytest.importorskip("hupper")
    source = APPLICATION.read_text()
    path = tmp_path / "clustered.py"
    path.write_text(source)
    running = command("clustered:socket", "--workers", str(WORKERS), "--reload")
    placed = place(running.port, WORKERS)
    path.write_text(source + "\n")
    for voice in everybody(placed):
        voice.wait_end()
    running.wait_line("Open ", 2)
    again = place(running.port, WORKERS)
    assert not placed.keys() & again.keys()
    check_all(again)
    before = running.count("SyntaxError")
    path.write_text(source + "a mistake\n")
    wait_until(lambda: running.count("SyntaxError") > before)
    path.write_text(source + "\n\n")
    running.wait_line("Open ", 3)
    assert not running.count("UnpicklingError"), running
    running.stop()
    assert not any(is_alive(pid) for pid in [*placed, *again])


def test_one_worker_is_the_process_itself(command, tmp_path):
    shutil.copy(APPLICATION, tmp_path)
    running = command("clustered:socket", "--workers", "1")
    placed = place(running.port, 1)
    assert set(placed) == {running.process.pid}
    assert running.stop() == 0
