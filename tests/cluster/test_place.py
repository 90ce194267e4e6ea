"""The directory in which workers meet: whose it is, what it is called, and what is removed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sockio_gevent.cluster.place import NoPlace, of_parent, of_resource, prepare, started


@pytest.fixture
def runtime(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the user's session."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    return place


def test_only_the_user_can_enter_it(runtime: Path) -> None:
    place = of_parent(os.getpid(), "socket.io")
    before = os.umask(0)
    try:
        prepare(place)
    finally:
        os.umask(before)
    assert place.parent == runtime / "sockio_gevent"
    for each in (place, place.parent):
        assert each.stat().st_mode & 0o777 == 0o700


def test_each_parent_resource_and_listener_has_its_own(runtime: Path) -> None:
    places = {
        of_parent(os.getpid(), "socket.io"),
        of_parent(os.getppid(), "socket.io"),
        of_parent(os.getpid(), "live/chat"),
        of_parent(os.getpid(), "socket.io", 1),
        of_resource(runtime, "socket.io"),
        of_resource(runtime, "live/chat"),
        of_resource(runtime, "socket.io", 1),
    }
    assert len(places) == 7
    assert of_parent(os.getpid(), "socket.io") in places


def test_without_a_session_it_is_below_the_directory_for_temporary_files(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert of_parent(os.getpid(), "x").parent == place / f"sockio_gevent-{os.geteuid()}"
    # The paths of sockets are short, and some temporary directories have long ones.
    monkeypatch.setattr("tempfile.tempdir", str(place / ("x" * 80)))
    assert of_parent(os.getpid(), "x").parent == Path(f"/tmp/sockio_gevent-{os.geteuid()}")


def test_a_machine_without_a_directory_for_temporary_files_has_others(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert of_parent(os.getpid(), "x").parent == Path(f"/tmp/sockio_gevent-{os.geteuid()}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    assert of_parent(os.getpid(), "x").parent == place / "sockio_gevent"


def test_what_dead_parents_have_left_is_removed(runtime: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = of_parent(child.pid, "socket.io")
    prepare(dead)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(dead / ("a" * 10)))
    left.close()
    reused = dead.with_name(f"{os.getpid()}-1-{'0' * 8}-0")  # this process, had it started earlier
    reused.mkdir(mode=0o700)
    foreign = dead.with_name("something else")
    foreign.mkdir()
    prepare(of_parent(os.getpid(), "socket.io"))
    assert dead.exists()  # its parent is alive
    child.communicate()
    place = of_parent(os.getpid(), "socket.io")
    prepare(place)
    assert sorted(os.listdir(place.parent)) == sorted([place.name, "something else"])


def test_a_place_that_others_could_enter_or_have_made_is_refused(runtime: Path) -> None:
    elsewhere = runtime / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (runtime / "sockio_gevent").symlink_to(elsewhere)
    with pytest.raises(NoPlace, match="is no directory"):
        prepare(of_parent(os.getpid(), "socket.io"))
    open_to_all = runtime / "open"
    open_to_all.mkdir(mode=0o755)
    with pytest.raises(NoPlace, match="its mode must be 0700"):
        prepare(open_to_all)


def test_a_directory_of_another_user_is_refused(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(NoPlace, match="belongs to another user"):
        prepare(runtime)


def test_a_path_that_is_too_long_or_cannot_be_made_is_refused(runtime: Path) -> None:
    with pytest.raises(NoPlace, match="is too long for sockets"):
        prepare(runtime / ("x" * 90))
    (runtime / "file").touch()
    with pytest.raises(NoPlace, match="cannot be made"):
        prepare(runtime / "file" / "x")


def test_a_process_has_a_time_of_its_start() -> None:
    assert started(os.getpid()) == started(os.getpid()) > 0
    assert started(2**30) == 0
