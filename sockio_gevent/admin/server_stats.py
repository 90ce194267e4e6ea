"""What the admin page is told of a server: its name, its clients, and what has happened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from ..namespaces import Namespaces
from .facts import time_of_day, transport_of

__all__ = ["ServerStats"]

# The names that the page has for what is counted, and where it is in the statistics.
_COUNTS = {
    "packetsIn": ("messages", "in"),
    "packetsOut": ("messages", "out"),
    "bytesIn": ("bytes", "in"),
    "bytesOut": ("bytes", "out"),
}


class ServerStats:
    """The reports of this server.

    Args:
        stats: :meth:`Listener.stats`.
        namespaces: the namespaces of the listener.
        server_id: the option of this name.
        has_others: whether there may be several workers.
    """

    def __init__(
        self,
        stats: Callable[[], dict[str, Any]],
        namespaces: Namespaces,
        server_id: str | None,
        has_others: bool,
    ) -> None:
        self._stats = stats
        self._namespaces = namespaces
        self._server_id = server_id
        self._has_others = has_others
        self._before: dict[str, Any] | None = None

    def begin(self) -> None:
        """Somebody watches from now on: what has happened before is not told."""
        self._before = None

    def report(self) -> dict[str, Any]:
        """The server as it is now, with what has happened since the last report."""
        now = self._stats()
        before, self._before = self._before, now
        return self._describe(now, [] if before is None else _happened(before, now))

    def snapshot(self) -> dict[str, Any]:
        """The server as it is now, for one page; the next report tells what has happened."""
        return self._describe(self._stats(), [])

    def _describe(self, stats: Mapping[str, Any], happened: list[Any]) -> dict[str, Any]:
        counts = {name: sum(each.values()) for name, each in stats["sessions"].items()}
        polling = sum(n for name, n in counts.items() if transport_of(name) == "polling")
        # Asked each time: a worker may have been forked after it was instrumented.
        host, process = socket.gethostname(), os.getpid()
        server_id = self._server_id or host
        return {
            "serverId": f"{server_id}#{process}" if self._has_others else server_id,
            "hostname": host,
            "pid": process,
            "uptime": stats["uptime"],
            "clientsCount": sum(counts.values()),
            "pollingClientsCount": polling,
            "aggregatedEvents": happened,
            "namespaces": [
                {"name": space.name, "socketsCount": len(space.rooms.sessions)}
                for space in self._namespaces.all()
            ],
        }


def _happened(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has happened between two reports, in the form of the page."""
    found = [("rawConnection", None, now["opened"] - before["opened"])]
    found += [
        ("rawDisconnection", reason, count - before["closes"].get(reason, 0))
        for reason, count in now["closes"].items()
    ]
    found += [
        (name, None, now[group][way] - before[group][way]) for name, (group, way) in _COUNTS.items()
    ]
    timestamp = int(time_of_day()) * 1000
    return [
        {"timestamp": timestamp, "type": kind, "count": count}
        | ({} if detail is None else {"subType": detail})
        for kind, detail, count in found
        if count > 0
    ]
