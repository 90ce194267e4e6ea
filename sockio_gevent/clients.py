"""The clients of a namespace, as applications see and name them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView

from .client import Client
from .cluster.names import is_session_id
from .space import Space

__all__ = ["Clients", "Excluded", "session_ids"]

#: The clients that do not get a message.
Excluded = Client | str | Iterable[Client | str] | None


def session_ids(given: Excluded) -> set[str]:
    """The session ids of the clients in ``exclude``, in any of its forms.

    Raises:
        TypeError: if there is something other than clients and session ids.
        ValueError: if a text cannot be a session id.
    """
    if given is None:
        return set()
    if isinstance(given, (Client, str)):
        given = (given,)
    # A dict is a second message by mistake, rather than session ids as its keys.
    elif isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise _wrong(TypeError, given)
    found = set()
    for each in given:
        session_id = each.session_id if isinstance(each, Client) else each
        if not isinstance(session_id, str):
            raise _wrong(TypeError, each)
        if not is_session_id(session_id):
            raise _wrong(ValueError, each)
        found.add(session_id)
    return found


def _wrong(kind: type[Exception], given: object) -> Exception:
    return kind(
        f"'exclude' takes a client, a session id, or several of them, not {given!r:.80}; "
        "a broadcast has one message, which may be a list or a dict"
    )


class Clients(Mapping[str, Client]):
    """The clients of a namespace by their session ids, always up to date.

    Each iteration is over a copy, because clients come and go in other greenlets
    and threads while an application iterates.

    Args:
        space: the namespace.
    """

    __slots__ = ("_sessions", "_space")

    def __init__(self, space: Space) -> None:
        self._space = space
        self._sessions = space.rooms.sessions

    def __getitem__(self, session_id: str) -> Client:
        client: Client | None = self._space.client_of(self._sessions[session_id])
        if client is None:  # it leaves in another thread just now
            raise KeyError(session_id)
        return client

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._sessions))

    def keys(self) -> KeysView[str]:
        """The ids, as they are now."""
        return self._copy().keys()

    def values(self) -> ValuesView[Client]:
        """The clients, as they are now."""
        return self._copy().values()

    def items(self) -> ItemsView[str, Client]:
        """The ids and the clients, as they are now."""
        return self._copy().items()

    def __repr__(self) -> str:
        return repr(self._copy())

    def _copy(self) -> dict[str, Client]:
        # One call copies all: other threads may let clients in meanwhile.
        # One that leaves in another thread meanwhile is not a client of its session any more.
        client_of = self._space.client_of
        found = [(key, client_of(session)) for key, session in self._sessions.copy().items()]
        return {key: client for key, client in found if client is not None}
