"""The application of a listener, and what stands between the two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .adapters.adapter import Adapter
from .dialects.base import Dialect
from .dialects.listing import dialects_of
from .gateway.gateway import Gateway
from .handlers import Handlers
from .mounting import mount
from .mounting.environment_checks import EnvironmentChecks
from .options.listener_options import Options
from .options.origins import Origins
from .options.serializer import Serializer, serializer_of
from .session.sessions import Sessions
from .space import Languages
from .wire.flash_policy import policy_file

__all__ = ["Attachment", "serializer_for"]


class Attachment:
    """What a listener has once it has an application; before that, it has only places for it.

    Args:
        listener: the listener.
        sessions: its sessions.
        handlers: the handlers of its events.
        languages: where the main space finds the dialects.
        adapter: what tells the other workers; ``None`` without them.

    Attributes:
        server: the server or application; ``None`` before there is one.
        gateway: answers the requests for the listener; ``None`` before.
        dialects: what its clients speak, the main one first.
        policy_server: serves Flash policy files on their own port, if it has to.
        admin: the admin page, if there is one.
    """

    def __init__(
        self,
        listener: Any,
        sessions: Sessions,
        handlers: Handlers,
        languages: Languages,
        adapter: Adapter | None,
    ) -> None:
        self._listener = listener
        self._sessions = sessions
        self._handlers = handlers
        self._languages = languages
        self._adapter = adapter
        self.server: Any = None
        self.gateway: Gateway | None = None
        self.policy_server: Any = None
        self.dialects: tuple[Dialect, ...] = ()
        self.admin: Any = None

    def attach(self, server: Any) -> None:
        """Put the listener before a server or an application.

        Args:
            server: what :func:`~.mounting.mount.check` has passed.

        Raises:
            RuntimeError: if the listener has one already.
            ValueError: if the server already has a listener at this resource.
        """
        if self.gateway is not None:
            raise RuntimeError(
                f"this listener serves {self.server!r:.80} already, and a listener serves one "
                "application: call attach() once, or make a listener for each with listen(app)"
            )
        listener, sessions = self._listener, self._sessions
        options, kind = listener.options, type(listener)
        around = EnvironmentChecks(options.resource, sessions.log, sessions.bus, listener.close)
        around.check_at_start()
        around.others = [
            layer.options.resource for layer in mount.layers(server) if isinstance(layer, kind)
        ]
        self._handlers.context = context = options.context or mount.context_of(server)
        # There are no clients yet, so none speaks one of the dialects before.
        serializer = serializer_for(options, server)
        self.dialects = dialects = dialects_of(options, serializer)
        self._languages.use(dialects)
        if self._adapter is not None:
            self._adapter.use(serializer, context)
        # Requests may come as soon as it is mounted.
        self.gateway = gateway = Gateway(options, dialects, sessions, around, context, kind)
        self.serve_files()
        try:
            gateway.application = mount.mount(server, listener, sessions, self._policy)
        except ValueError:
            self.gateway = None
            raise
        self.server = server
        self.policy_server = mount.start_policy_server(server, sessions, self._policy)

    def require(self) -> Gateway:
        """The gateway.

        Raises:
            RuntimeError: if there is no application yet.
        """
        if self.gateway is None:
            raise RuntimeError(
                "this listener has no application yet, so nobody can connect: listen() was "
                "called without one; call attach() with the application, or init_app()"
            )
        return self.gateway

    def serve_on(self, server: Any, application: Any) -> None:
        """Have a gevent server call an application that contains the listener already."""
        self.require()
        mount.take_over(server, application, self._sessions, self._policy)

    def serve_files(self) -> None:
        """Serve the files of the admin page, if there is one."""
        if self.admin is not None and self.gateway is not None:
            self.admin.serve_files(self.gateway)

    def use_origins(self, origins: Any) -> Options:
        """Let other origins connect from now on.

        Returns:
            The options of the listener from now on.
        """
        checked = Options.read({"origins": origins}).origins
        if self.gateway is not None:
            self.gateway.origins = Origins(checked)
        options: Options = self._listener.options
        return replace(options, origins=checked)

    def close(self) -> None:
        """Stop what serves beside the server of the application."""
        if self.policy_server is not None:
            self.policy_server.stop(0)

    def _policy(self, socket: Any) -> bytes:
        """The Flash policy file for a client that connects to this socket."""
        return policy_file(self.require().origins.allowed(socket.getsockname()[0]))


def serializer_for(options: Options, server: Any) -> Serializer:
    """What encodes and decodes the messages.

    Args:
        options: the options of the listener.
        server: the server or application; ``None`` if there is none yet.
    """
    if options.serializer is None:
        return mount.serializer_for(server)
    return serializer_of(options.serializer)
