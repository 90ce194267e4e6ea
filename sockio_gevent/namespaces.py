"""The namespaces of one listener: those that the application has named, and those of patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from .hub.per_hub import thread_lock
from .namespace import Namespace, ParentNamespace
from .server.http.environ import peer_name
from .session.session import Session
from .session.session_quota import counted_as
from .space import Space
from .wire.socketio import LONGEST_NAMESPACE

__all__ = ["Namespaces", "full_name"]

# Clients choose the names of namespaces that match a pattern. So many there may be in all, and
# so many that clients of one address have asked for first.
_MOST_MADE_FOR_CLIENTS = 10_000
_MOST_OF_ONE_ADDRESS = 1000


def full_name(name: str) -> str:
    """The name of a namespace with the slash at its beginning.

    Raises:
        TypeError: if it is no string.
        ValueError: if it is so long that no client can connect to it.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a namespace is a str or a compiled pattern, not {name!r:.80}")
    name = name if name.startswith("/") else f"/{name}"
    if len(name) > LONGEST_NAMESPACE:
        raise ValueError(
            f"the name of a namespace has at most {LONGEST_NAMESPACE} characters, not {len(name)}"
        )
    return name


class Namespaces:
    """All namespaces of one listener.

    Args:
        main: the main one.
    """

    __slots__ = (
        "_by_name",
        "_by_network",
        "_lock",
        "_made_for_clients",
        "_main",
        "_parents",
        "_watchers",
    )

    def __init__(self, main: Space) -> None:
        self._main = main
        self._lock = thread_lock()
        self._by_name = {main.name: main}
        self._parents: list[ParentNamespace] = []
        # Each with the network of the client that has asked first.
        self._made_for_clients: dict[str, str] = {}
        self._by_network: Counter[str] = Counter()
        self._watchers: list[tuple[Callable[[str], None], Callable[[str], None]]] = []

    def watch(self, begins: Callable[[str], None], ends: Callable[[str], None]) -> None:
        """Call functions with the name of each namespace that begins, and that is forgotten.

        Those that are there already begin now.
        """
        with self._lock:
            self._watchers.append((begins, ends))
            for name in self._by_name:
                begins(name)

    def all(self) -> list[Space]:
        """All namespaces, as they are now."""
        return list(self._by_name.values())

    def of(self, name: str) -> Namespace:
        """The namespace of this name, for the application: it is never forgotten."""
        name = full_name(name)
        with self._lock:
            self._count_out(name)
            space = self._by_name.get(name) or self._make(name, self._parent_of(name))
            namespace: Namespace = space.namespace
            return namespace

    def matching(self, pattern: re.Pattern[str]) -> ParentNamespace:
        """The namespaces whose names match a pattern."""
        with self._lock:
            for parent in self._parents:
                if parent.pattern == pattern:
                    return parent
            self._parents.append(ParentNamespace(pattern, self._main))
            return self._parents[-1]

    def of_pattern(self, pattern: str) -> list[Space]:
        """The namespaces of the patterns that are written like this, as they are now."""
        return [
            child._space
            for parent in self._parents
            if parent.pattern.pattern == pattern
            for child in parent.children.values()
        ]

    def get(self, name: str) -> Space | None:
        """The namespace of this name, if there is one now."""
        return self._by_name.get(name)

    def for_client(self, name: str, session: Session) -> Space | None:
        """The namespace that a client asks for, where it is expected from now on.

        Returns:
            ``None`` if clients may not ask for this one.
        """
        if name == self._main.name:
            return self._main  # the usual case; nobody forgets it
        with self._lock:
            space = self._by_name.get(name)
            if space is None:
                space = self._make_for_client(name, session)
            if space is not None:
                # Before the lock is free: nobody forgets a namespace that expects a client.
                space.rooms.expect(session)
            return space

    def _make_for_client(self, name: str, session: Session) -> Space | None:
        parent = self._parent_of(name)
        if parent is None:
            return None
        network = counted_as(session.environ.get("REMOTE_ADDR"))
        log = self._main.host.throttled_log
        if len(self._made_for_clients) >= _MOST_MADE_FOR_CLIENTS:
            text = "clients have asked for %d namespaces of patterns, and get no more for now"
            log.warning("namespaces", text, _MOST_MADE_FOR_CLIENTS)
            return None
        if network and self._by_network[network] >= _MOST_OF_ONE_ADDRESS:
            text = "clients of %s have asked for %d namespaces of patterns, and get no more for now"
            log.warning("namespaces", text, peer_name(session.environ), _MOST_OF_ONE_ADDRESS)
            return None
        self._made_for_clients[name] = network
        self._by_network[network] += 1
        return self._make(name, parent)

    def _count_out(self, name: str) -> None:
        """A namespace is not there for clients alone any more, or is forgotten."""
        network = self._made_for_clients.pop(name, None)
        if network is not None:
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _parent_of(self, name: str) -> ParentNamespace | None:
        return next((each for each in self._parents if each.pattern.fullmatch(name)), None)

    def _make(self, name: str, parent: ParentNamespace | None) -> Space:
        main = self._main
        space = Space(name, main.host, main.languages, main.runner, main)
        self._by_name[name] = space
        namespace = Namespace(space, parent)
        if parent is not None:
            parent._children[name] = namespace
            space.emptied = lambda: self._forget(name, parent)
        for begins, _ in self._watchers:
            begins(name)
        return space

    def _forget(self, name: str, parent: ParentNamespace) -> None:
        with self._lock:
            space = self._by_name.get(name)
            if name in self._made_for_clients and space is not None and space.rooms.is_empty:
                self._count_out(name)
                del self._by_name[name]
                parent._children.pop(name, None)
                for _, ends in self._watchers:
                    ends(name)
