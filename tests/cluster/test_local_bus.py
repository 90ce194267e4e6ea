"""The bus of one machine: workers in this process, and in others."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
from gevent.socket import wait_read
from support.members import Member
from support.times import with_time
from support.waiting import wait_until

from sockio_gevent.cluster.bus import Message, WorkerGone, WorkerSilent
from sockio_gevent.cluster.local import LocalBus
from sockio_gevent.wire.bus_frames import HELLO, frame

ANN, BEN, CEM = "a" * 10, "b" * 10, "c" * 10

Join = Callable[..., LocalBus]


class Got:
    """A receiver that keeps what has come."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, message: Message) -> None:
        self.bodies.append(message.body)


def test_workers_find_each_other(join: Join) -> None:
    ann, ben, cem = join(ANN), join(BEN), join(CEM)
    # The last to come knows the others, and is known to them, when it has started.
    assert cem.members == {ANN, BEN}
    assert ann.members == {BEN, CEM}
    assert ben.members == {ANN, CEM}


def test_a_worker_alone_has_no_members_and_sends_nothing(join: Join) -> None:
    ann = join(ANN)
    ann.publish("note", b"x")
    assert ann.members == frozenset()
    assert ann.ask_all("note", b"x", 5) == ({}, [])
    assert ann.stats()["messages"] == {"in": 0, "out": 0}
    assert ann.stats()["members"] == 1


def test_a_message_reaches_all_others_once(join: Join) -> None:
    buses = [join(name) for name in (ANN, BEN, CEM)]
    got = [Got() for _ in buses]
    for bus, each in zip(buses, got, strict=True):
        bus.receive("note", each)
    buses[0].publish("note", b"one")
    buses[0].publish("note", b"two")
    wait_until(lambda: all(len(each.bodies) == 2 for each in got[1:]), "both have it")
    assert [each.bodies for each in got] == [[], [b"one", b"two"], [b"one", b"two"]]


def test_a_message_to_one_reaches_nobody_else(join: Join) -> None:
    ann, ben, cem = join(ANN), join(BEN), join(CEM)
    of_ben, of_cem = Got(), Got()
    ben.receive("note", of_ben)
    cem.receive("note", of_cem)
    assert ann.tell(BEN, "note", b"for ben")
    assert ann.tell(CEM, "note", b"for cem")
    wait_until(lambda: bool(of_ben.bodies and of_cem.bodies), "both have theirs")
    assert (of_ben.bodies, of_cem.bodies) == ([b"for ben"], [b"for cem"])


def test_nobody_is_told_what_is_for_a_worker_that_is_not_there(join: Join) -> None:
    ann = join(ANN)
    assert not ann.find(BEN)
    assert not ann.find(ANN)
    assert not ann.find("../../../x")
    assert not ann.tell(BEN, "note", b"")
    with pytest.raises(WorkerGone):
        ann.ask(BEN, "note", b"", 5)


def test_a_large_message_arrives_whole(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)
    got = Got()
    ben.receive("note", got)
    body = os.urandom(5_000_000)
    ann.publish("note", body)
    ann.publish("note", b"behind it")
    wait_until(lambda: len(got.bodies) == 2, "it has come")
    assert got.bodies == [body, b"behind it"]


def test_a_message_that_is_too_large_is_a_mistake(join: Join) -> None:
    ann, ben = join(ANN, 1000), join(BEN, 1000)
    with pytest.raises(ValueError, match="too many for one message"):
        ann.publish("note", bytes(1000))
    got = Got()
    ben.receive("note", got)
    ann.publish("note", bytes(850))
    wait_until(lambda: got.bodies == [bytes(850)], "the largest arrives")


def test_a_question_is_answered(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)
    ben.receive("ask", lambda message: message.answer(message.sender.encode() + message.body))
    assert ann.ask(BEN, "ask", b"?", 5) == ANN.encode() + b"?"


def test_a_question_may_be_answered_later_and_from_another_thread(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)

    def later(message: Message) -> None:
        threading.Thread(target=message.answer, args=(b"late",)).start()

    ben.receive("ask", later)
    assert ann.ask(BEN, "ask", b"?", 5) == b"late"


def test_a_question_that_nobody_understands_is_not_waited_for(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)
    with pytest.raises(WorkerGone, match="has not taken"):
        ann.ask(BEN, "unknown", b"", 60)
    ben.receive("wrong", lambda message: 1 / 0)  # type: ignore[arg-type, return-value]
    with pytest.raises(WorkerGone, match="has not taken"):
        ann.ask(BEN, "wrong", b"", 60)


def test_a_worker_that_does_not_answer_is_waited_for_as_long_as_told(join: Join) -> None:
    ann, ben, cem = join(ANN), join(BEN), join(CEM)
    ben.receive("ask", lambda message: None)
    cem.receive("ask", lambda message: message.answer(b"yes"))
    with pytest.raises(WorkerSilent):
        ann.ask(BEN, "ask", b"", 0.05)
    asked = with_time(
        lambda seconds: ann.ask_all("ask", b"", seconds), lambda asked: CEM in asked.answers
    )
    assert asked == ({CEM: b"yes"}, [BEN])


def test_a_thread_asks_too(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)
    ben.receive("ask", lambda message: message.answer(message.body))
    answers: list[bytes] = []

    def run() -> None:
        answers.append(ann.ask(BEN, "ask", b"from a thread", 5))
        answers.append(ann.ask_all("ask", b"all", 5).answers[BEN])

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: not thread.is_alive(), "the thread has ended")
    assert answers == [b"from a thread", b"all"]


def test_a_worker_that_leaves_is_gone_for_the_others(join: Join, place: Path) -> None:
    ann, ben = join(ANN), join(BEN)
    gone: list[str] = []
    ann.when_gone(gone.append)
    ben.close()
    wait_until(lambda: gone == [BEN], "it has gone")
    assert ann.members == frozenset()
    assert sorted(os.listdir(place)) == [ANN]


def test_a_worker_comes_back_under_its_name(join: Join) -> None:
    ann, ben = join(ANN), join(BEN)
    ben.close()
    wait_until(lambda: not ann.members, "it has gone")
    again = join(BEN)
    assert ann.members == {BEN}
    assert again.members == {ANN}


# --- other processes ---


def test_a_worker_that_is_killed_is_gone_at_once(
    join: Join, start_member: Callable[[], Member], place: Path
) -> None:
    ann, member = join(ANN), start_member()
    assert member.knows == [ANN]
    assert ann.ask(member.name, "echo", b"hello", 10) == f"hello by {member.process.pid}".encode()
    asking = gevent.spawn(ann.ask, member.name, "silent", b"", 60)
    gevent.sleep(0)
    member.process.kill()
    with gevent.Timeout(10):
        asking.join()
    assert isinstance(asking.exception, WorkerGone)
    # For a moment the system may still accept connections for it.
    wait_until(lambda: not ann.find(member.name), "it is not found")
    wait_until(lambda: os.listdir(place) == [ANN], "what it has left is removed")


def test_numbers_arrive_in_order_and_once(join: Join, start_member: Callable[[], Member]) -> None:
    ann, member = join(ANN), start_member()
    got = Got()
    ann.receive("number", got)
    asking = [
        gevent.spawn(ann.ask, member.name, "flood", f"5000 {where}".encode(), 60)
        for where in ("thread", "greenlet")
    ]
    gevent.joinall(asking, raise_error=True)
    wait_until(lambda: len(got.bodies) >= 10_000, "all have come")
    for where in (b"thread", b"greenlet"):
        came = [body for body in got.bodies if body.startswith(where)]
        assert came == [b"%s %d" % (where, number) for number in range(5000)]


def test_a_descriptor_is_handed_over(join: Join, start_member: Callable[[], Member]) -> None:
    ann, member = join(ANN), start_member()
    mine, other = socket.socketpair()
    with mine, other:
        assert ann.hand_over(member.name, "take", b"words", other.fileno(), 10)
        other.close()
        mine.settimeout(10)
        assert mine.recv(100) == b"taken with words"
        # It is closed here and there: nobody else has it.
        assert mine.recv(100) == b""


@pytest.mark.parametrize("kind", ["echo", "unknown"])
def test_a_descriptor_that_is_not_taken_stays_here(
    kind: str, join: Join, start_member: Callable[[], Member]
) -> None:
    ann, member = join(ANN), start_member()
    mine, other = socket.socketpair()
    with mine, other:
        assert not ann.hand_over(member.name, kind, b"", other.fileno(), 10)
        other.send(b"still here")
        assert mine.recv(100) == b"still here"
        other.close()
        mine.settimeout(10)
        assert mine.recv(100) == b""


def test_many_descriptors_come_with_their_messages(
    join: Join, start_member: Callable[[], Member]
) -> None:
    ann, member = join(ANN), start_member()
    pairs = [socket.socketpair() for _ in range(50)]
    handing = []
    for number, (_, other) in enumerate(pairs):
        body = b"%d " % number + b"x" * (1000 * (number % 7))
        handing.append(gevent.spawn(ann.hand_over, member.name, "take", body, other.fileno(), 20))
        ann.tell(member.name, "silent", bytes(3000))
    gevent.joinall(handing, raise_error=True)
    for number, (mine, other) in enumerate(pairs):
        other.close()
        mine.settimeout(10)
        assert mine.recv(100).startswith(b"taken with %d " % number)
        mine.close()


def test_a_stopped_worker_gets_what_was_sent_when_it_goes_on(
    join: Join, start_member: Callable[[], Member]
) -> None:
    ann, ben, member = join(ANN), join(BEN), start_member()
    got = Got()
    ben.receive("note", got)
    os.kill(member.process.pid, signal.SIGSTOP)
    try:
        ann.publish("note", b"first")
        for _ in range(20):
            ann.publish("silent", bytes(100_000))
        ann.publish("note", b"last")
        wait_until(lambda: got.bodies == [b"first", b"last"], "others get it meanwhile")
        assert ann.queued(member.name) > 1_000_000
        with pytest.raises(WorkerSilent):
            ann.ask(member.name, "echo", b"", 0.05)
    finally:
        os.kill(member.process.pid, signal.SIGCONT)
    member.wait_line("note last")
    assert [line for line in member.lines if "note" in line] == ["note first", "note last"]


def test_a_stopped_worker_for_which_too_much_waits_is_cut_off_until_it_reads(
    join: Join, start_member: Callable[[], Member], lines: list[str]
) -> None:
    ann, member = join(ANN, 2_000_000), start_member()
    gone: list[str] = []
    ann.when_gone(gone.append)
    mine, other = socket.socketpair()
    os.kill(member.process.pid, signal.SIGSTOP)
    try:
        for _ in range(30):
            ann.publish("silent", bytes(100_000))
        assert ann.members == frozenset()
        assert gone == [member.name]
        assert ann.queued(member.name) == 0
        assert "does not read" in lines[-1]
        assert not ann.hand_over(member.name, "take", b"", other.fileno(), 5)
        # It stays cut off although the system accepts a connection for it.
        assert ann._links is not None
        way = ann._links.ways[member.name]
        wait_until(lambda: way.is_connected, "a connection is made again")
        assert ann.members == frozenset()
        assert ann.stats()["dropped"] > 10
    finally:
        os.kill(member.process.pid, signal.SIGCONT)
        mine.close()
        other.close()
    wait_until(lambda: ann.members == {member.name}, "it is back")
    assert ann.ask(member.name, "echo", b"again", 10).startswith(b"again by")


# --- strangers ---


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(100),
        b"\xff" * 100,
        b"",
    ],
)
def test_who_is_no_worker_is_refused(said: bytes, join: Join, place: Path) -> None:
    ann, ben = join(ANN), join(BEN)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(place / ANN))
        stranger.sendall(said)
        if not said:
            stranger.shutdown(socket.SHUT_WR)
        wait_read(stranger.fileno(), timeout=60)
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass  # the system says so, because not all that was sent was read
    got = Got()
    ann.receive("note", got)
    ben.publish("note", b"x")
    wait_until(lambda: got.bodies == [b"x"], "workers go on")


def test_another_version_is_refused(join: Join, place: Path, lines: list[str]) -> None:
    join(ANN)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(place / ANN))
        stranger.sendall(frame(HELLO, "", 0, f"sockio_gevent bus 0 {BEN}".encode()))
        wait_until(lambda: any("another version" in line for line in lines), "the log says so")


def test_a_socket_that_a_killed_worker_has_left_is_removed(join: Join, place: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(place / BEN))
    left.close()
    ann = join(ANN)
    assert ann.members == frozenset()
    assert os.listdir(place) == [ANN]


def test_a_directory_that_others_may_enter_is_not_used(
    join: Join, place: Path, lines: list[str]
) -> None:
    place.chmod(0o755)
    ann = join(ANN)
    assert ann.members == frozenset()
    ann.publish("note", b"")
    assert not ann.find(BEN)
    assert len(lines) == 1
    assert "others may enter the directory" in lines[0]
    assert "name one by the option 'cluster'" in lines[0]


# --- forked children ---


def test_a_forked_child_is_another_worker(join: Join, place: Path) -> None:
    ann, ben = join(ANN), join(BEN)
    got = Got()
    ann.receive("note", got)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, b"%d %d" % (len(ann.members), ann._opened))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading) as pipe:
        assert pipe.read() == "0 0"
    ben.publish("note", b"still here")
    wait_until(lambda: got.bodies == [b"still here"], "the parent goes on")
    assert sorted(os.listdir(place)) == [ANN, BEN]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_process_of_another_user_is_refused(join: Join, place: Path, lines: list[str]) -> None:
    ann = join(ANN)
    # Somebody has opened what only the user may enter.
    place.chmod(0o777)
    (place / ANN).chmod(0o777)
    program = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); "
        "s.connect(sys.argv[1]); s.sendall(b'x'); print(s.recv(100))"
    )
    stranger = subprocess.Popen(
        [sys.executable, "-S", "-c", program, str(place / ANN)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: stranger.poll() is not None, "it has ended")
    assert stranger.stdout is not None
    said = stranger.stdout.read()
    assert said == "b''\n" or "ConnectionResetError" in said or "BrokenPipeError" in said
    assert any("another user" in line for line in lines)
    assert ann.members == frozenset()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_workers_find_each_other_after_somebody_has_removed_their_directory(
    join: Join, place: Path, places: list[Path], lines: list[str], elsewhere: bool
) -> None:
    ann, ben = join(ANN), join(BEN)
    if elsewhere:
        # As when the user has logged out: nobody can make it again.
        places.append(place / "other")
    shutil.rmtree(place)
    ways = [places[-1] / name for name in (ANN, BEN)]
    wait_until(lambda: all(way.exists() for way in ways), "both can be found again")
    assert ann.members == {BEN}
    cem = join(CEM)
    wait_until(lambda: all(len(each.members) == 2 for each in (ann, ben, cem)), "they know cem")
    got = Got()
    ann.receive("note", got)
    cem.publish("note", b"here")
    wait_until(lambda: got.bodies == [b"here"], "it has come")
    found = [line for line in lines if "can be found in" in line]
    assert len(found) == 2, lines
