"""Checks of what surrounds a listener: monkeypatching, gunicorn, the kind of server.

Where a listener cannot work, it says so and what to do, as early as possible:
when it is made, or else at the first request that it sees.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey

from ..cluster.bus import Bus
from ..dialects import classic_addresses, engineio_addresses
from ..monitoring.log import Log
from ..monitoring.warn import PATCH_FIRST, advise
from ..server.http import gunicorn
from ..server.http.request import Refusal

__all__ = ["EnvironmentChecks", "note_patching"]

_was_patched = monkey.is_module_patched("socket")


def note_patching() -> None:
    """Remember what was patched before the package was imported."""
    global _was_patched
    _was_patched = monkey.is_module_patched("socket")


def _check_patching() -> None:
    if monkey.is_module_patched("socket") and not _was_patched:
        note_patching()
        advise(
            "gevent.monkey.patch_all() ran after sockio_gevent was imported. sockio_gevent works "
            "all the same, but modules that were imported before may block the whole server, or "
            "fail: "
            f"{PATCH_FIRST}"
        )


class EnvironmentChecks:
    """Checks what surrounds one listener, at start and by its first requests.

    Args:
        resource: the option of that name.
        log: the log of the listener.
        bus: the bus to the other workers; ``None`` if there can be none.
        stopping: called with the seconds that are left when the gunicorn worker of
            this process stops.

    Attributes:
        others: the resources of the listeners behind this one.
        refusal: the answer to all sessions, on a server that cannot keep connections.
        seen: whether a request from a server was checked.
    """

    __slots__ = (
        "_bus",
        "_log",
        "_missed",
        "_newer",
        "_resource",
        "_stopping",
        "_watch",
        "others",
        "refusal",
        "seen",
    )

    def __init__(
        self, resource: str, log: Log, bus: Bus | None, stopping: Callable[[float], None]
    ) -> None:
        self.others: list[str] = []
        self.refusal: Refusal | None = None
        self._resource = resource
        self._log = log
        self._bus = bus
        self._stopping = stopping
        self.seen = False
        self._missed = False
        self._newer = False
        self._watch: gunicorn.StopWatch | None = None

    def check_at_start(self) -> None:
        """Check what can be known before the first request.

        Raises:
            RuntimeError: if this is a gunicorn worker of a class that cannot keep connections.
            ValueError: if the resource repeats the prefix that the application is mounted at.
        """
        _check_patching()
        if not gunicorn.is_around():
            return
        gunicorn.check_configuration(self._log, self._bus is not None)
        mounted = os.environ.get("SCRIPT_NAME", "").strip("/")
        if mounted and f"{self._resource}/".startswith(f"{mounted}/"):
            raise ValueError(
                f"option 'resource': {self._resource!r} begins with SCRIPT_NAME, '/{mounted}', "
                "which gunicorn takes off every path: leave it out"
            )

    def see(self, environ: dict[str, Any]) -> None:
        """Check the first request that comes from a server."""
        # In-process test clients name no server, and say that there is only one thread.
        if self.seen or not ("SERVER_SOFTWARE" in environ or environ.get("wsgi.multithread")):
            return
        if self._bus is not None:
            self._bus.start()
        self._see_first(environ)

    def _see_first(self, environ: dict[str, Any]) -> None:
        if self.seen:
            return  # another request has come while this one waited for the bus
        self.seen = True
        _check_patching()
        worker = gunicorn.find_worker()
        if worker is not None:
            self._watch = gunicorn.StopWatch(worker, self._stopping)
        if gevent.getcurrent().parent is None:
            self._refuse_all(environ.get("SERVER_SOFTWARE") or "this server")
        elif environ.get("wsgi.multiprocess") and worker is None and self._bus is None:
            self._log.warning(
                "there are several processes, and each has sessions of its own: all requests of "
                "a session must reach the same one, and a broadcast reaches the clients of one. "
                "The option 'cluster' with the path of a directory brings processes together"
            )

    def _refuse_all(self, server: str) -> None:
        problem = f"{server} does not run requests in greenlets, so it cannot keep connections"
        self._log.error(
            "%s; all sessions are refused. Serve the application with 'python -m sockio_gevent', "
            "with gunicorn -k gevent or gevent's WSGIServer; or %s, if it serves from threads",
            problem,
            PATCH_FIRST,
        )
        self.refusal = Refusal("503 Service Unavailable", problem)

    def miss(self, path: str, query: str) -> None:
        """Check the address of a request that goes on to the application."""
        if "EIO=" in query and not self._newer:
            self._look_for_newer_client(path, query)
            if not self._missed and engineio_addresses.is_of_a_client(query):
                self._look_for_misplaced_client(path)
        if self._missed or not classic_addresses.is_misplaced(self._resource, path):
            return
        if any(classic_addresses.is_known(other, path) for other in self.others):
            return
        self._missed = True
        prefix, place, rest = path.partition(f"/{self._resource}/")
        self._log.warning(
            # Without what follows, which may hold a session id.
            "a request for %.200r goes to the application: it is not below %r. If the application "
            "is mounted at %.100r, the server or proxy in front should take that off the path "
            "(SCRIPT_NAME), or the option 'resource' should begin with it",
            prefix + place + rest.partition("/")[0],
            place,
            prefix,
        )

    def _look_for_misplaced_client(self, path: str) -> None:
        """Warn about a client of Engine.IO whose address is not that of this listener."""
        place = path.removesuffix("/")
        own = f"/{self._resource}"
        if place == own or any(place == f"/{other}" for other in self.others):
            return
        if not engineio_addresses.is_misplaced(self._resource, path):
            return
        self._missed = True
        self._log.warning(
            "a request of a Socket.IO client for %.200r goes to the application: it is not %r. "
            "If the application is mounted at a prefix, the server or proxy in front should take "
            "that off the path (SCRIPT_NAME), or the option 'resource' should begin with it; "
            "otherwise give the client the option path: %r",
            path,
            f"{own}/",
            f"{own}/",
        )

    def _look_for_newer_client(self, path: str, query: str) -> None:
        """Warn about a client whose protocol is not enabled: only its query shows that."""
        version = re.search(r"(?:^|&)EIO=([0-9]{1,2})(?:&|$)", query)
        if version is None or not f"{path}/".startswith(f"/{self._resource}/"):
            return
        self._newer = True
        self._log.warning(
            "a client of Socket.IO 1.0 or newer asks for %.100r (EIO=%s): it cannot connect, "
            "because the option 'dialects' does not name 'socket.io'. The request goes to the "
            "application",
            path,
            version[1],
        )
