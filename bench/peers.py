"""The servers that are compared, and how each is started."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BUN", "COMPILED", "NODE", "OURS", "PEERS", "PYTHON", "SERVERS", "Peer"]

SERVERS = Path(__file__).with_name("servers")

# The platform of a peer, if it is not this Python: a folder that the workshop prepares.
BUN = "bun"
COMPILED = "compiled"  # this checkout, compiled
NODE = "node"
PYTHON = "python"


@dataclass(frozen=True)
class Peer:
    """A server to be measured.

    Attributes:
        name: its name in the command line.
        title: for the head of a table, in two lines.
        program: its file, among the servers.
        dialect: what it speaks, see :mod:`bench.load.dialects`.
        abilities: what it can do beside returning messages: ``sessions`` to be
            counted and broadcast to, ``polls``, ``upgrades`` from polls to
            WebSocket, ``binary`` messages; ``workers`` that are together.
        needs: ``BUN``, ``COMPILED``, ``NODE`` or ``PYTHON``, or nothing but this Python.
    """

    name: str
    title: tuple[str, str]
    program: str
    dialect: str
    abilities: frozenset[str] = frozenset()
    needs: str = ""

    def command(self, tools: dict[str, str]) -> list[str]:
        """The command that starts it.

        Args:
            tools: for each need, the program that meets it.
        """
        return [self._python_or(tools), str(SERVERS / self.program)]

    def worker(self, tools: dict[str, str], **arguments: Any) -> list[str]:
        """The command that starts one of several workers, for peers that can have them.

        Args:
            tools: for each need, the program that meets it.
            **arguments: see ``servers/clustered.py``.
        """
        return [self._python_or(tools), str(SERVERS / "clustered.py"), json.dumps(arguments)]

    def _python_or(self, tools: dict[str, str]) -> str:
        return tools.get(self.needs, sys.executable)


SESSIONS = frozenset(("sessions",))
POLLS = SESSIONS | {"polls"}
ALL = POLLS | {"binary", "upgrades"}
WORKERS = ALL | {"workers"}

# The same server, once for each dialect and each form.
OURS = (
    Peer("ours", ("ours, classic", "gevent"), "ours.py", "classic", POLLS),
    Peer("ours-socketio", ("ours, Socket.IO", "gevent"), "ours.py", "socket.io", WORKERS),
    Peer("ours-compiled", ("ours, classic", "compiled"), "ours.py", "classic", POLLS, COMPILED),
    Peer(
        "ours-socketio-compiled",
        ("ours, Socket.IO", "compiled"),
        "ours.py",
        "socket.io",
        WORKERS,
        COMPILED,
    ),
)

PEERS = {
    peer.name: peer
    for peer in (
        *OURS,
        Peer("socket.io", ("Socket.IO", "Node"), "socket_io.js", "socket.io", ALL, NODE),
        Peer("bun", ("Socket.IO", "Bun"), "bun.js", "socket.io", ALL, BUN),
        Peer("ws", ("ws", "Node"), "ws.js", "plain", SESSIONS, NODE),
        Peer(
            "python-socketio-gevent",
            ("python-socketio", "gevent"),
            "python_socketio_gevent.py",
            "socket.io",
            ALL,
            PYTHON,
        ),
        Peer(
            "python-socketio-uvicorn",
            ("python-socketio", "uvicorn"),
            "python_socketio_uvicorn.py",
            "socket.io",
            ALL,
            PYTHON,
        ),
        Peer("tcp", ("TCP echo", "gevent"), "tcp_echo.py", "lines"),
    )
}
