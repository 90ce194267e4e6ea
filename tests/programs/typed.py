"""What type checkers know of the public API. mypy checks this program, and nothing runs it.

A line that ignores an error would be an error itself if there was none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sockio_gevent as io

if TYPE_CHECKING:
    from typing_extensions import assert_type


def application(environ: object, start_response: object) -> list[bytes]:
    return []


socket = io.listen(application)

# Clients of other workers have less than those of this one.
for each in socket.to("room").clients():
    assert_type(each, io.Client | io.RemoteClient)
    each.send(each.id)
    each.environ.get("REMOTE_ADDR")  # type: ignore[union-attr]
    if isinstance(each, io.Client):
        each.environ.get("REMOTE_ADDR")
    socket.except_(each).emit("chat")
assert_type(socket.clients["id"], io.Client)


@socket.on_server_side("double")
def double(number: int) -> int:
    return 2 * number


assert_type(double(1), int)
assert_type(socket.on_server_side("double", double)(1), int)

rooms = socket.of(re.compile("/room-.*"))
assert_type(rooms, io.ParentNamespace)


@socket.on("connection")
def connected(client: io.Client) -> None:
    client.data["user"] = "ann"
    client.user = "ann"  # type: ignore[attr-defined]
