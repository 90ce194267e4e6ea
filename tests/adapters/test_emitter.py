"""The emitter: what it writes for workers to read, and its command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import redis
from support.processes import ROOT
from support.redis_server import RedisServer

import sockio_gevent as io


@pytest.fixture
def emitter(shared_redis: RedisServer) -> Iterator[io.Emitter]:
    with shared_redis.client() as client:
        client.flushall()
    emitter = io.Emitter(shared_redis.url)
    yield emitter
    emitter.close()


def written(server: RedisServer, stream: str = "socket.io") -> list[tuple[int, str, Any]]:
    """The types, namespaces and data of the entries."""
    with server.client() as client:
        entries: Any = client.xrange(stream)
    found = []
    for _, fields in entries:
        assert fields[b"uid"] == b"emitter"
        data = json.loads(fields[b"data"])
        found.append((int(fields[b"type"]), fields[b"nsp"].decode(), data))
    return found


NOBODY_LEFT_OUT = {"rooms": [], "except": [], "flags": {}}


def test_it_writes_what_workers_and_servers_of_node_read(
    emitter: io.Emitter, shared_redis: RedisServer
) -> None:
    emitter.emit("news", 1, {"a": None})
    emitter.of("admin").to("red", "blue").except_("green").volatile.send("text")
    emitter.to("red").join("blue")
    emitter.to("red").leave("blue", "green")
    emitter.disconnect(close=True)
    emitter.to().emit("nobody")
    chosen = {"rooms": ["red", "blue"], "except": ["green"], "flags": {"volatile": True}}
    red = {**NOBODY_LEFT_OUT, "rooms": ["red"]}
    news = {"type": 2, "data": ["news", 1, {"a": None}], "nsp": "/"}
    text = {"type": 2, "data": ["message", "text"], "nsp": "/admin"}
    assert written(shared_redis) == [
        (3, "/", {"opts": NOBODY_LEFT_OUT, "packet": news}),
        (3, "/admin", {"opts": chosen, "packet": text}),
        (4, "/", {"opts": red, "rooms": ["blue"]}),
        (5, "/", {"opts": red, "rooms": ["blue", "green"]}),
        (6, "/", {"opts": NOBODY_LEFT_OUT, "close": True}),
    ]


def test_an_event_for_workers_goes_over_the_channel_of_the_namespace(
    emitter: io.Emitter, shared_redis: RedisServer
) -> None:
    with shared_redis.client() as client, client.pubsub() as channels:
        channels.subscribe("socket.io#/#")
        assert channels.get_message(timeout=30)
        emitter.server_side_emit("forget", b"key")
        message: Any = channels.get_message(timeout=30)
    told = {"uid": "emitter", "nsp": "/", "type": 9, "data": {"packet": ["forget", b"key"]}}
    assert msgpack.unpackb(message["data"]) == told


def test_workers_of_another_resource_have_another_stream(
    emitter: io.Emitter, shared_redis: RedisServer
) -> None:
    io.Emitter(shared_redis.url, resource="live/chat").emit("x")
    assert written(shared_redis) == []
    assert len(written(shared_redis, "live/chat")) == 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda emitter: emitter.emit("x", object()), TypeError),
        (lambda emitter: emitter.emit("x", float("nan")), ValueError),
        (lambda emitter: emitter.emit("connect"), ValueError),
        (lambda emitter: emitter.to(1), TypeError),
        (lambda emitter: emitter.of(1), TypeError),
        (lambda emitter: emitter.server_side_emit("x", object()), TypeError),
    ],
)
def test_what_has_no_form_is_not_written(
    emitter: io.Emitter, shared_redis: RedisServer, call: Any, error: Any
) -> None:
    with pytest.raises(error):
        call(emitter)
    assert written(shared_redis) == []


@pytest.mark.parametrize("address", ["run/chat", "http://localhost", None, 1])
def test_an_emitter_needs_the_address_of_workers(address: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="address"):
        io.Emitter(address)


def test_a_redis_that_does_not_answer_is_told() -> None:
    emitter = io.Emitter("redis://:secret@127.0.0.1:1/0")
    assert "secret" not in repr(emitter.to("red"))
    with pytest.raises(redis.ConnectionError):
        emitter.emit("x")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sockio_gevent", "emit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


def test_the_command_sends_an_event(emitter: io.Emitter, shared_redis: RedisServer) -> None:
    where = ("--cluster", shared_redis.url, "--to", "red", "--to", "blue", "--except", "green")
    done = run(*where, "--namespace", "/admin", "move", "3", '{"x": "ü"}')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ((kind, namespace, data),) = written(shared_redis)
    assert (kind, namespace) == (3, "/admin")
    assert data["packet"]["data"] == ["move", 3, {"x": "ü"}]
    assert data["opts"] == {"rooms": ["red", "blue"], "except": ["green"], "flags": {}}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--cluster", "redis://127.0.0.1:1", "news", "hello"], "'hello' is no JSON"),
        (["--cluster", "run/chat", "news"], "neither 'auto', nor the address of a Redis"),
        (["--cluster", "/nowhere", "news"], "there is no worker in the directory"),
        (["--cluster", "redis://127.0.0.1:1", "connect"], "is a reserved name"),
        (["--cluster", "http://host", "news"], "workers cannot meet over 'http'"),
        (["--cluster", "redis://127.0.0.1:1", "news"], "Redis has not taken it: Error"),
        (["--resource", "no/such", "news"], "it was not sent: no server of this user has workers"),
        ([], "arguments are required: event (see"),
    ],
)
def test_a_mistake_in_the_command_is_told_in_one_line(arguments: list[str], text: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
