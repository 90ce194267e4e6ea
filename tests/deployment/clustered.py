"""The application of several workers: it does for a client what that asks for, and counts.

Each message of a client is a list: what to do, and with what. Events go to clients of both
dialects: a classic client gets ``{"name": …, "args": […]}``.
"""

from __future__ import annotations

import json
import logging
import os
import re
from functools import cache
from typing import Any

import gevent
from gevent import monkey

import sockio_gevent as io
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

# Real ones, whatever is patched.
start_thread = monkey.get_original("_thread", "start_new_thread")

logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(process)d %(message)s")
if "SOCKIO_TEST_DEBUG" in os.environ:
    logging.getLogger("sockio_gevent").setLevel(logging.DEBUG)


def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    if environ["PATH_INFO"] == "/stats":
        return [json.dumps(socket.stats()).encode()]
    if environ["PATH_INFO"] == "/metrics":
        from prometheus_client import generate_latest

        return [generate_latest(registry())]
    return [json.dumps({"pid": os.getpid()}).encode()]


@cache
def registry() -> Any:
    """What Prometheus is told. Its library takes long to import, and few tests want it."""
    from prometheus_client import CollectorRegistry

    from sockio_gevent.ext.prometheus import register

    made = CollectorRegistry()
    register(socket, made, workers=True)
    return made


options = json.loads(os.environ.get("SOCKIO_TEST_OPTIONS", "{}"))
socket = application = io.listen(pages, **{"transports": KNOWN_TRANSPORTS, **options})


@socket.on("connection")
def connected(client: io.Client) -> None:
    client.emit("hello", os.getpid(), client.id)


@socket.on("clientMessage")
def obey(message: Any, client: io.Client) -> None:
    what, *rest = message
    ORDERS[what](client, *rest)


def numbers(client: io.Client, name: str, count: int) -> None:
    """Emit numbers to all, as fast as possible, but let others run in between."""
    for number in range(count):
        socket.emit("number", name, number)
        if number % 20 == 0:
            gevent.sleep(0)
    client.emit("sent", count)


def threads(client: io.Client, name: str, count: int) -> None:
    """Emit numbers to all from several threads, each in its order."""

    def run(thread: int) -> None:
        for number in range(count):
            socket.emit("number", f"{name} {thread}", number)

    for thread in range(3):
        start_thread(run, (thread,))


def call(client: io.Client, room: str, timeout: float) -> None:
    try:
        answers, missing = socket.to(room).call("question", timeout=timeout), []
    except io.AckTimeout as error:
        answers, missing = error.answers, error.missing
    client.emit("answers", answers, sorted(missing))


def unanswered(client: io.Client, timeout: float) -> None:
    """Tell which questions to all have failed, because others have not answered."""
    failed = []
    for ask in (socket.to("nobody").call, socket.server_side_call):
        try:
            ask("pid", timeout=timeout)
        except io.AckTimeout as error:
            failed.append(str(error))
    socket.to("nobody").clients()
    client.emit("unanswered", *failed)


def fresh(client: io.Client, name: str) -> None:
    """Make a namespace, and ask the others that have it at once."""
    space = socket.of(name)
    space.on_server_side("pid", os.getpid)
    client.emit("fresh", *space.server_side_call("pid").values())


def overtake(client: io.Client, count: int) -> None:
    """Emit numbers, and ask the clients of others at once."""
    for number in range(count):
        socket.emit("number", "first", number)
    try:
        socket.call("number", "then", count, timeout=0.1)
    except io.AckTimeout:
        pass
    client.emit("asked")


def matching(client: io.Client, name: str, count: int) -> None:
    """Emit numbers to a namespace and to all of a pattern in turn."""
    for number in range(0, count, 2):
        socket.of(name).emit("number", "in turn", number)
        rooms.emit("number", "in turn", number + 1)


def members(client: io.Client) -> None:
    client.emit("members", socket.stats()["cluster"]["members"])


def clients(client: io.Client, room: str) -> None:
    found = socket.to(room).clients()
    client.emit("clients", {each.id: isinstance(each, io.Client) for each in found})


rooms = socket.of(re.compile("/room-[0-9]"))


socket.on_server_side("pid", os.getpid)
socket.on_server_side("say", lambda *arguments: socket.local.emit("event", *arguments))

ORDERS: dict[str, Any] = {
    "all": lambda client, *arguments: socket.emit("event", *arguments),
    "bytes": lambda client: socket.emit("event", b"\0\xff\7"),
    "others": lambda client, *arguments: client.broadcast.emit("event", *arguments),
    "local": lambda client, *arguments: socket.local.emit("event", *arguments),
    "room": lambda client, room, *arguments: socket.to(room).emit("event", *arguments),
    "join": lambda client, *rooms: client.join(*rooms),
    "join all": lambda client, room, *rooms: socket.to(room).join(*rooms),
    "disconnect": lambda client, room: socket.to(room).disconnect(),
    "pids": lambda client: client.emit("pids", *socket.server_side_call("pid").values()),
    "numbers": numbers,
    "threads": threads,
    "call": call,
    "clients": clients,
    "fresh": fresh,
    "members": members,
    "overtake": overtake,
    "matching": matching,
    "unanswered": unanswered,
}
