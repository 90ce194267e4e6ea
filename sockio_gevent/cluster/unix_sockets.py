"""Unix sockets between workers: listening, connecting, and who is at the other end.

The sockets are not gevent's: they never wait, and the bus watches them itself.
"""

from __future__ import annotations

import errno
import os
import socket as _socket
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any

from gevent import monkey

__all__ = ["connect", "listen", "peer_of", "receive", "send_with"]

_socket_class: Any = monkey.get_original("socket", "socket")
_CREDENTIALS = Struct("3i")
_BACKLOG = 256
_ROOM = 16  # file descriptors in one read; the system gives those of one message
_CLOSE_ON_EXEC = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


def _new() -> Any:
    made = _socket_class(_socket.AF_UNIX, _socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def listen(place: Path, name: str) -> Any:
    """Listen in a directory under a name.

    Raises:
        OSError: if that cannot be.
    """
    made = _new()
    new = place / f"{name}.new"
    try:
        with suppress(FileNotFoundError):
            os.unlink(new)
        made.bind(str(new))
        made.listen(_BACKLOG)
        # Under its name only now: who finds the name can connect, unless the worker is dead.
        os.rename(new, place / name)
    except BaseException:
        made.close()
        raise
    return made


def connect(place: Path, name: str) -> Any:
    """Connect to a worker; ``None`` if it does not accept connections now, because it is stopped.

    Raises:
        OSError: if the worker is not there.
    """
    made = _new()
    try:
        made.connect(str(place / name))
    except OSError as error:
        made.close()
        if error.errno in (errno.EAGAIN, errno.EINPROGRESS):
            return None
        raise
    return made


def peer_of(socket: Any) -> int | None:
    """The process at the other end; ``None`` if it does not belong to the user of this one.

    Where the system does not tell it, this is 0, and the directory alone keeps others out.
    """
    if not hasattr(_socket, "SO_PEERCRED"):
        return 0
    found = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(found)
    return int(process) if user == os.geteuid() else None


def receive(socket: Any, size: int) -> tuple[bytes, list[int | None]]:
    """Read from a connection.

    Returns:
        What has come, and the file descriptors that came with it: ``None`` in place of one
        for which this process has no room.
    """
    data, control, flags, _ = socket.recvmsg(size, _socket.CMSG_SPACE(4 * _ROOM), _CLOSE_ON_EXEC)
    found: list[int | None] = []
    for level, kind, content in control:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            count = len(content) // 4
            found += Struct(f"{count}i").unpack(content[: 4 * count])
    if flags & _socket.MSG_CTRUNC and not found:
        found.append(None)
    for descriptor in found:
        if descriptor is not None and not _CLOSE_ON_EXEC:
            os.set_inheritable(descriptor, False)
    return data, found


def send_with(socket: Any, data: Any, descriptor: int) -> int:
    """Send data with a file descriptor; return how many bytes were sent."""
    control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, Struct("i").pack(descriptor))]
    return int(socket.sendmsg([data], control))
