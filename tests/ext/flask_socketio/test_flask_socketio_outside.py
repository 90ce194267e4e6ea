"""The API of Flask-SocketIO in a process that only sends, such as a worker of Celery."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from functools import partial
from typing import Any

import pytest
from support.redis_server import RedisServer

import sockio_gevent as io
from sockio_gevent.ext.flask_socketio import SocketIO


def written(server: RedisServer, stream: str = "socket.io") -> list[tuple[bytes, Any]]:
    """The namespaces and data of the entries, which are removed."""
    with server.client() as client:
        entries: Any = client.xrange(stream)
        client.flushall()
    return [(fields[b"nsp"], json.loads(fields[b"data"])) for _, fields in entries]


def test_without_an_application_it_sends_to_the_clients_of_others(
    shared_redis: RedisServer,
) -> None:
    socketio = SocketIO(message_queue=shared_redis.url)
    socketio.emit("news", 1, {"a": None})
    socketio.emit("news", ("one", "two"), namespace="/admin", to=["red", 7], skip_sid="sid")
    socketio.send("text", room="red", include_self=False)
    socketio.send([1], json=True)
    socketio.close_room("red", namespace="admin")
    sent = written(shared_redis)
    emitter = io.Emitter(shared_redis.url)
    emitter.emit("news", 1, {"a": None})
    emitter.of("/admin").to("red", "7").except_("sid").emit("news", "one", "two")
    emitter.to("red").emit("message", "text")
    emitter.emit("json", [1])
    emitter.of("/admin").to("red").leave("red")
    assert len(sent) == 5
    assert sent == written(shared_redis)
    emitter.close()


class Lenient:
    """What encodes dates, too."""

    dumps = staticmethod(partial(json.dumps, default=str))
    loads = staticmethod(json.loads)


def test_its_options_choose_the_resource_and_the_json(shared_redis: RedisServer) -> None:
    socketio = SocketIO(message_queue=shared_redis.url, path="/live/", json=Lenient)
    socketio.emit("day", date(2024, 2, 29))
    emitter = io.Emitter(shared_redis.url, "live")
    emitter.emit("day", "2024-02-29")
    emitter.close()
    with shared_redis.client() as client:
        (stream,) = client.keys("*")
    assert stream != b"socket.io"
    first, second = written(shared_redis, stream.decode())
    assert first == second


PROGRAM = """
import sys
from gevent._hub_local import get_hub_if_exists
from sockio_gevent.ext.flask_socketio import SocketIO

SocketIO(message_queue=sys.argv[1]).emit("news", "text")
assert get_hub_if_exists() is None
"""


def test_it_needs_neither_a_loop_nor_patching(shared_redis: RedisServer) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM, shared_redis.url],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(written(shared_redis)) == 1


def test_what_needs_clients_in_this_process_is_refused(shared_redis: RedisServer) -> None:
    socketio = SocketIO(message_queue=shared_redis.url)
    with pytest.raises(RuntimeError, match="cannot have answers: leave out 'callback'"):
        socketio.emit("question", callback=print)
    with pytest.raises(RuntimeError, match="no application yet"):
        socketio.call("question", to="sid")
    with pytest.raises(RuntimeError, match="no application yet"):
        SocketIO(message_queue=None).emit("news")
