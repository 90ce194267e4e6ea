"""The admin page's namespace of a listener: what is put together for it, and the reports.

What the page and the server say to each other is that of npm's ``@socket.io/admin-ui`` 0.5. Each
worker tells all pages of its own clients, through the admin namespace, whose clients may be at any
worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gevent

from ..client import Client
from ..gateway.files import Files
from ..gateway.gateway import Gateway
from ..namespaces import Namespaces, full_name
from ..session.sessions import Sessions
from .audience import Audience
from .commands import FEATURES, Commands
from .facts import iso
from .files import page_files
from .logins import Logins
from .options import DEVELOPMENT, AdminOptions
from .server_stats import ServerStats
from .watching import Watching

__all__ = ["Admin"]

_WATCHED = "sockio admin watched"
_MISSED = "sockio admin missed"
# The part of the option ``max_buffer`` that a list of clients may take, one in so many.
_FOR_LISTS = 2


class Admin:
    """The admin namespace of one listener.

    Args:
        listener: the listener.
        namespaces: its namespaces.
        sessions: its sessions.
        given: the options that the user gave, see :class:`AdminOptions`.
    """

    def __init__(
        self,
        listener: Any,
        namespaces: Namespaces,
        sessions: Sessions,
        given: Mapping[str, Any],
    ) -> None:
        options = AdminOptions.read(given)
        listening = sessions.options
        if "socket.io" not in listening.dialects:
            raise ValueError(
                "the admin page is a client of Socket.IO 4, and the option 'dialects' of listen() "
                "does not have 'socket.io'"
            )
        name = full_name(options.namespace)
        if namespaces.get(name) is not None:
            raise ValueError(
                f"option 'namespace': the application has a namespace {name!r} already, whose "
                "clients would get what is for the admin page: choose another name"
            )
        self._files: Files | None = None
        if options.ui_directory is not None:
            self._files = page_files(listening.resource, options.ui_directory)
        self._options = options
        self._sessions = sessions
        self._log = sessions.throttled_log
        self._namespace = admin = listener.of(name)
        self._audience = Audience(admin)
        self._logins = Logins(options.auth, admin, self._log)
        self._stats = ServerStats(
            listener.stats, namespaces, options.server_id, sessions.bus is not None
        )
        self._watching: Watching | None = None
        if options.mode == DEVELOPMENT:
            self._watching = Watching(name, self._audience, namespaces, self._log)
        self._features = ["AGGREGATED_EVENTS"]
        if self._watching is not None:
            self._features.append("ALL_EVENTS")
        if not options.read_only:
            Commands(admin, namespaces, self._log)
            self._features[:0] = FEATURES
        self._must_list = False  # because pages have missed changes
        self._reporting: gevent.Greenlet | None = None
        admin.on("connection", self._connected)
        admin.on_server_side(_WATCHED, self._watched_elsewhere)
        admin.on_server_side(_MISSED, self._missed_elsewhere)

    def serve_files(self, gateway: Gateway) -> None:
        """Serve the files of the page, unless it is served elsewhere."""
        if self._files is not None:
            gateway.serve(self._files)

    # --- pages ---

    def _connected(self, client: Client) -> None:
        """A page has connected."""
        login = self._logins.take_new(client)
        if login is not None:
            client.emit("session", login)
        client.emit("config", {"supportedFeatures": self._features})
        self._watch()
        client.emit("server_stats", self._stats.snapshot())
        self._list_for(client)

    def _list_for(self, client: Client) -> None:
        """Let all workers tell a page of their clients."""
        if self._watching is not None:
            # The other pages get the changes that this one finds in its list.
            self._watching.tell_changes()
            client.emit("all_sockets", self._watching.sockets(self._most()))
        self._namespace.server_side_emit(_WATCHED, client.id)

    def _watched_elsewhere(self, page: Any = None) -> None:
        """Another worker has pages, of which this one wants a list of the clients here."""
        self._audience.note_elsewhere()
        self._watch()
        if not isinstance(page, str):
            return
        target = self._namespace.to(page)
        target.emit("server_stats", self._stats.snapshot())
        if self._watching is not None:
            self._watching.tell_changes()
            # Not as a list: the page would take it for all clients of all workers. In this way
            # it is in order with what this worker tells of its clients later.
            for socket in self._watching.sockets(self._most()):
                target.emit("socket_connected", socket, iso(socket["handshake"]["issued"] / 1000))

    def _most(self) -> int:
        """How many characters the list of this worker may have: those of all must fit."""
        bus = self._sessions.bus
        workers = 1 if bus is None else 1 + len(bus.members)
        return self._sessions.options.max_buffer // _FOR_LISTS // workers

    def _missed_elsewhere(self) -> None:
        """The pages have missed changes at another worker."""
        self._must_list = True

    # --- reports ---

    def _watch(self) -> None:
        """Somebody watches: report from now on."""
        if not self._audience.watches:
            self._stats.begin()
            self._audience.watches = True
        if self._reporting is None or self._reporting.dead:
            self._reporting = gevent.spawn(self._report)

    def _report(self) -> None:
        audience = self._audience
        while (audience.here or audience.elsewhere) and not self._sessions.closing:
            try:
                self._report_once()
            except Exception:
                self._log.exception(("admin", "report"), "the admin page cannot be told the counts")
            gevent.sleep(self._options.server_stats_interval)
        audience.watches = False
        if self._watching is not None:
            self._watching.forget_told()

    def _report_once(self) -> None:
        audience = self._audience
        audience.report("server_stats", self._stats.report())
        if audience.here:
            self._namespace.server_side_emit(_WATCHED)
        if self._watching is None:
            return
        self._watching.tell_changes()
        if audience.has_missed:
            audience.has_missed = False
            self._must_list = True
            if audience.elsewhere:
                self._namespace.server_side_emit(_MISSED)
        if self._must_list:
            self._must_list = False
            for client in self._namespace.clients.values():
                self._list_for(client)
