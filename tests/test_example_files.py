"""The logic of the example with files, without a browser or a server."""

from __future__ import annotations

from typing import Any

import pytest

import sockio_gevent as io
from sockio_gevent.testing import Client, Refused


@pytest.fixture
def files(load_example):
    return load_example("files")


@pytest.fixture
def socket(files):
    listener = io.listen(files.application)
    listener.shelf = files.open_files(listener)
    yield listener
    listener.close(1)


def come_in(socket: Any, name: Any, room: str = "lobby") -> Client:
    client = Client(socket, dialect="socket.io", namespace="/files", auth={"name": name})
    client.entered = client.call("enter", room)
    return client


def next_of(client: Client, event: str) -> Any:
    """The arguments of the next event of this name."""
    while (received := client.receive())[0] != event:
        pass
    return received[1:]


def send(files: Any, client: Client, data: bytes, name: str = "a.txt") -> None:
    piece = client.call("begin", name, len(data))["piece"]
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        assert client.call("piece", part) == {"received": start + len(part)}


@pytest.mark.parametrize("auth", [None, {}, {"name": " \n"}, {"name": 7}], ids=str)
def test_a_client_without_a_name_is_refused_and_told_which_field_is_missing(socket, auth):
    with pytest.raises(Refused, match="write your name") as refused:
        Client(socket, dialect="socket.io", namespace="/files", auth=auth)
    assert refused.value.data == {"field": "name"}


def test_a_file_is_told_to_all_in_the_room_and_can_be_fetched_in_pieces(files, socket):
    ann, ben, eve = come_in(socket, "Ann"), come_in(socket, "Ben"), come_in(socket, "Eve", "attic")
    data = bytes(range(256)) * (files.PIECE // 256 * 2 + 1)
    send(files, ann, data)
    arriving, received = next_of(ben, "arriving")
    assert (arriving["name"], received) == ("a.txt", files.PIECE)
    [card] = next_of(ben, "file")
    assert card == {"id": card["id"], "name": "a.txt", "owner": "Ann", "size": len(data)}
    assert next_of(ann, "file") == (card,)
    fetched = b""
    while len(fetched) < card["size"]:
        fetched += ben.call("fetch", card["id"], len(fetched))
    assert fetched == data
    assert come_in(socket, "Cid").entered["files"] == [card]
    assert "error" in eve.call("fetch", card["id"], 0)
    with pytest.raises(TimeoutError):
        next_of(eve, "file")


def test_people_see_who_is_in_their_room(socket):
    ann, ben = come_in(socket, "Ann"), come_in(socket, " Ben\nB. ")
    assert [next_of(ann, "people") for _ in range(2)] == [(["Ann"],), (["Ann", "Ben B."],)]
    assert ben.call("enter", "attic") == {"room": "attic", "files": []}
    assert next_of(ann, "people") == (["Ann"],)
    ben.call("enter", "lobby")
    ben.disconnect()
    assert [next_of(ann, "people") for _ in range(2)] == [(["Ann", "Ben B."],), (["Ann"],)]


def test_a_room_has_never_the_name_of_a_client(socket):
    ann, eve = come_in(socket, "Ann"), come_in(socket, "Eve", "attic")
    eve.call("enter", ann.session.id)
    assert ann.session not in eve.session.namespace.to(*eve.session.rooms).clients()


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "7", None, 16 * 1024 * 1024 + 1], ids=str)
def test_a_size_that_is_none_is_refused(socket, size):
    assert "error" in come_in(socket, "Ann").call("begin", "a.txt", size)


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * (64 * 1024 + 1), "text", None, [1]],
    ids=["nothing", "too much", "text", "null", "an array"],
)
def test_a_piece_that_is_none_is_refused(socket, data):
    ann = come_in(socket, "Ann")
    ann.call("begin", "a.txt", 1024 * 1024)
    assert "error" in ann.call("piece", data)


def test_a_file_that_is_larger_than_it_was_said_to_be_is_broken_off(socket):
    ann, ben = come_in(socket, "Ann"), come_in(socket, "Ben")
    ann.call("begin", "a.txt", 2)
    assert "error" in ann.call("piece", b"three")
    assert next_of(ben, "broken off")[0]["name"] == "a.txt"
    assert "error" in ann.call("piece", b"th")
    assert socket.shelf.files == {}


def test_nothing_is_left_of_a_file_whose_sender_has_gone(socket):
    ann, ben = come_in(socket, "Ann"), come_in(socket, "Ben")
    ann.call("begin", "a.txt", 1000)
    ann.call("piece", b"half")
    ann.disconnect()
    assert next_of(ben, "broken off")[0]["owner"] == "Ann"
    assert socket.shelf.files == {}


def test_all_files_together_are_bounded(files, socket, monkeypatch):
    monkeypatch.setattr(files, "MOST", 1000)
    ann, ben = come_in(socket, "Ann"), come_in(socket, "Ben")
    for name in ("a", "b", "c"):
        send(files, ann, bytes(400), name)
    assert [file.name for file in socket.shelf.files.values()] == ["b", "c"]
    ann.call("begin", "d", 900)
    # What is on its way is not dropped.
    assert ben.call("begin", "e", 200) == {"error": "too many files are on their way"}
    assert [file.name for file in socket.shelf.files.values()] == ["d"]


@pytest.mark.parametrize("asked", [(None, 0), (1, 0), ("1", 0), ([], 0)], ids=str)
def test_a_file_that_is_not_there_cannot_be_fetched(socket, asked):
    assert "error" in come_in(socket, "Ann").call("fetch", *asked)


@pytest.mark.parametrize("start", [-1, 3, None, True, "0"], ids=str)
def test_a_piece_that_is_not_there_cannot_be_fetched(files, socket, start):
    ann = come_in(socket, "Ann")
    send(files, ann, b"abc")
    assert "error" in ann.call("fetch", next_of(ann, "file")[0]["id"], start)
